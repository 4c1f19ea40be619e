//! Minting: allowed terms become the header and payload of a token. Signing is somebody else's.

mod admin_token;
mod svid;

use accredit_id::act::Actor;
use accredit_id::jose::jws::signing_input;
use serde_json::Value;

use crate::decide::{Confirmation, Terms};
use crate::facts::Proved;
use crate::model::{DecisionId, Signing};

pub use admin_token::{AdminClaims, Holder, admin_token};
pub use svid::{JwtSvid, Leaf, RESERVED, jwt_svid};

/// Who issues, and with which key.
#[derive(Clone, Copy, Debug)]
pub struct Issuer<'i> {
    /// The `iss` of its tokens: the server's public URL.
    pub url: &'i str,
    /// The `kid` of the key that will sign.
    pub key_id: &'i str,
}

/// A token but for its signature: `BASE64URL(header).BASE64URL(payload)` (RFC 7515 section 5.1).
#[derive(Debug)]
pub struct Unsigned {
    /// What is signed.
    pub signing_input: String,
    /// With which algorithm.
    pub signing: Signing,
}

/// Writes an access token (RFC 9068 section 2) for terms that rest on proved facts.
///
/// Claims are ours alone: nothing of the subject's token is copied.
pub fn access_token(terms: &Terms<Proved>, issuer: Issuer<'_>, decision: DecisionId) -> Unsigned {
    let algorithm = match terms.signing {
        Signing::Es256 => "ES256",
        Signing::Rs256 => "RS256",
    };
    let account = terms.account.id;
    let header = format!(r#"{{"alg":"{algorithm}","kid":{},"typ":"at+jwt"}}"#, quoted(issuer.key_id));
    let act = act(&terms.actors);
    let confirmation = terms.confirmation.as_deref().map_or_else(String::new, confirmation);
    let payload = format!(
        r#"{{"iss":{},"sub":"{account}","aud":{},"exp":{},"iat":{},"jti":"{decision}","client_id":"{account}","org_id":"{}","scope":{}{confirmation}{act}}}"#,
        quoted(issuer.url),
        quoted(&terms.audience),
        terms.expires_at.unix(),
        terms.issued_at.unix(),
        terms.project.id,
        quoted(&terms.scope()),
    );
    Unsigned { signing_input: signing_input(&header, &payload), signing: terms.signing }
}

/// `,"cnf":{...}` (RFC 7800 section 3.1).
fn confirmation(bound: &Confirmation) -> String {
    let Confirmation { proof_key, certificate } = bound;
    let members = [("jkt", proof_key), ("x5t#S256", certificate)];
    let member = |(name, value): (&str, &Option<Box<str>>)| Some(format!("\"{name}\":{}", quoted(value.as_deref()?)));
    let members: Vec<String> = members.into_iter().filter_map(member).collect();
    format!(",\"cnf\":{{{}}}", members.join(","))
}

/// `,"act":{...}` (RFC 8693 section 4.1), the present actor outermost; nothing where nobody acts.
fn act(actors: &[Actor]) -> String {
    let level = |inner: String, Actor { issuer, subject }: &Actor| {
        format!(",\"act\":{{\"iss\":{},\"sub\":{}{inner}}}", quoted(issuer), quoted(subject))
    };
    actors.iter().rev().fold(String::new(), level)
}

/// A JSON string. Most need no escape, so the common case is two quotes around the text.
fn quoted(text: &str) -> String {
    if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        let mut quoted = String::with_capacity(text.len() + 2);
        quoted.push('"');
        quoted.push_str(text);
        quoted.push('"');
        return quoted;
    }
    Value::from(text).to_string()
}
