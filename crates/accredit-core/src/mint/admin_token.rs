//! An administrator's token: ours alone to read, and worth nothing without its key.

use accredit_id::jose::jws::signing_input;
use accredit_id::json::{Json, Number, Object};
use accredit_id::time::Timestamp;

use super::Issuer;
use crate::decide::login::LetIn;
use crate::model::{DecisionId, Id};

/// Whom an admin token names.
#[derive(Clone, Copy, Debug)]
pub struct Holder<'h> {
    /// What the provider calls it: `sub` of its token.
    pub subject: &'h str,
    /// What people call it, for the audit log.
    pub name: &'h str,
    /// The thumbprint of the key that each request is proved by (RFC 9449 section 6.1).
    pub key: &'h str,
}

/// What an admin token says, read back after it has verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminClaims {
    /// The name for the audit log.
    pub name: String,
    /// The key that each request is proved by.
    pub key: String,
    /// The provider, at its revision.
    pub provider: (Id, i64),
    /// The administrators, at their revisions.
    pub administrators: Vec<(Id, i64)>,
}

/// Writes an admin token (RFC 9068 section 2 with `cnf` of RFC 9449) for somebody who was let in; ES256 signs it. What its
/// holder may do does not stand in it.
pub fn admin_token(
    let_in: &LetIn,
    holder: Holder<'_>,
    issuer: Issuer<'_>,
    audience: &str,
    decision: DecisionId,
    now: Timestamp,
) -> String {
    let text = |text: &str| Json::String(text.to_owned().into());
    let number = |number: i64| Json::Number(Number::Int(number));
    let pair = |(id, revision): &(Id, i64)| Json::Array(vec![text(&id.to_string()), number(*revision)]);
    let mut header = Object::new();
    header.insert("alg", text("ES256"));
    header.insert("kid", text(issuer.key_id));
    header.insert("typ", text("at+jwt"));
    let mut confirmation = Object::new();
    confirmation.insert("jkt", text(holder.key));
    let mut claims = Object::new();
    claims.insert("iss", text(issuer.url));
    // The provider's id has one form, so no other pair of provider and subject gives the same text (K03).
    claims.insert("sub", text(&format!("{}:{}", let_in.provider.0, holder.subject)));
    claims.insert("aud", text(audience));
    claims.insert("exp", number(let_in.expires_at.unix()));
    claims.insert("iat", number(now.unix()));
    claims.insert("jti", text(&decision.to_string()));
    claims.insert("client_id", text("accredit-admin"));
    claims.insert("cnf", Json::Object(confirmation));
    claims.insert("name", text(holder.name));
    claims.insert("idp", pair(&let_in.provider));
    claims.insert("adm", Json::Array(let_in.administrators.iter().map(pair).collect()));
    let written = |object: &Object<'_>| serde_json::to_string(object).unwrap_or_default();
    signing_input(&written(&header), &written(&claims))
}

// === impl AdminClaims ===

impl AdminClaims {
    /// Reads the claims of a verified admin token; `None` when they are not such.
    pub fn read(claims: &Object<'_>) -> Option<Self> {
        let pair = |value: &Json<'_>| match value.as_array()? {
            [Json::String(id), Json::Number(Number::Int(revision))] => Some((id.parse::<Id>().ok()?, *revision)),
            _ => None,
        };
        Some(Self {
            name: claims.get("name")?.as_str()?.to_owned(),
            key: claims.get("cnf")?.as_object()?.get("jkt")?.as_str()?.to_owned(),
            provider: pair(claims.get("idp")?)?,
            administrators: claims.get("adm")?.as_array()?.iter().map(pair).collect::<Option<_>>()?,
        })
    }
}
