//! SVIDs: what a JWT-SVID says, and what a certificate is to say.

use accredit_id::jose::jws::signing_input;
use accredit_id::spiffe_id::SpiffeId;
use accredit_id::time::Timestamp;
use serde_json::{Map, Value};

use super::{Issuer, Unsigned, quoted};
use crate::model::{DecisionId, Signing};

/// What a JWT-SVID is to say.
#[derive(Clone, Copy, Debug)]
pub struct JwtSvid<'s> {
    /// Whose it is: `sub`.
    pub spiffe_id: &'s SpiffeId,
    /// Whom it is for: `aud`; at least one, none twice.
    pub audiences: &'s [String],
    /// `iat`.
    pub issued_at: Timestamp,
    /// `exp`.
    pub expires_at: Timestamp,
    /// Claims beside these. What is in [`RESERVED`] is left out.
    pub claims: &'s Map<String, Value>,
    /// `jti`, where one is asked for: relying parties hold it against reuse, and clients of SPIFFE show an SVID many times.
    pub token_id: Option<DecisionId>,
}

/// What the leaf of an X509-SVID is to say. It is signed with the serial number that goes with it.
#[derive(Clone, Copy, Debug)]
pub struct Leaf<'l> {
    /// Its one URI name.
    pub spiffe_id: &'l SpiffeId,
    /// The public key, as `SubjectPublicKeyInfo` in DER (RFC 5280 section 4.1.2.7).
    pub public_key_spki: &'l [u8],
    /// When it begins.
    pub not_before: Timestamp,
    /// The last second in which it counts.
    pub not_after: Timestamp,
    /// Its DNS names.
    pub dns_names: &'l [String],
    /// Its subject, in the order of the certificate: types as RFC 4514 section 3 writes them (`CN`, `O`, `UID`), and values.
    /// Empty, as a rule: the SPIFFE ID is the name.
    pub subject: &'l [(&'l str, &'l str)],
}

/// Writes a JWT-SVID (JWT-SVID specification sections 2 and 3) with the issuer of its trust domain, without its signature.
///
/// `aud` is an array, as SPIRE has it; times are integers, and there is no `nbf`.
pub fn jwt_svid(svid: &JwtSvid<'_>, issuer: Issuer<'_>, signing: Signing) -> Unsigned {
    let JwtSvid { spiffe_id, audiences, issued_at, expires_at, claims, token_id } = svid;
    let algorithm = match signing {
        Signing::Es256 => "ES256",
        Signing::Rs256 => "RS256",
    };
    let header = format!(r#"{{"alg":"{algorithm}","kid":{},"typ":"JWT"}}"#, quoted(issuer.key_id));
    let audiences: Vec<String> = audiences.iter().map(|audience| quoted(audience)).collect();
    let mut payload = format!(
        r#"{{"iss":{},"sub":{},"aud":[{}],"exp":{},"iat":{}"#,
        quoted(issuer.url),
        quoted(spiffe_id.as_str()),
        audiences.join(","),
        expires_at.unix(),
        issued_at.unix(),
    );
    if let Some(token_id) = token_id {
        payload.push_str(&format!(r#","jti":"{token_id}""#));
    }
    for (name, value) in claims.iter().filter(|(name, _)| !RESERVED.contains(&name.as_str())) {
        payload.push_str(&format!(",{}:{value}", quoted(name)));
    }
    payload.push('}');
    Unsigned { signing_input: signing_input(&header, &payload), signing }
}

/// Claims that say whose an SVID is, for whom, until when and by whose hand. No policy sets them: one that tries is refused when
/// it is written (`plan/cluster/issuance.rs`), and none is minted. INVARIANT: what is written here by itself is among them, else a
/// policy could write it a second time, and two readers would read two tokens.
pub const RESERVED: [&str; 10] = ["act", "aud", "cnf", "exp", "iat", "iss", "jti", "may_act", "nbf", "sub"];

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use accredit_id::base64url;
    use accredit_id::svid::jwt;
    use serde_json::json;

    use super::*;

    fn minted(claims: Value, token_id: Option<DecisionId>) -> (String, String) {
        let Value::Object(claims) = claims else { unreachable!("claims are an object") };
        let (issued_at, expires_at) = (Timestamp::from_unix(1_800_000_000), Timestamp::from_unix(1_800_000_300));
        let spiffe_id = "spiffe://example.org/build/\u{61}".parse().unwrap();
        let audiences = ["https://a.example/\"x\"".to_owned(), "b".to_owned()];
        let (audiences, claims) = (audiences.as_slice(), &claims);
        let svid = JwtSvid { spiffe_id: &spiffe_id, audiences, issued_at, expires_at, claims, token_id };
        let issuer = Issuer { url: "https://issuer.example/td/td_1", key_id: "k\\1" };
        let unsigned = jwt_svid(&svid, issuer, Signing::Es256).signing_input;
        let part =
            |at: usize| String::from_utf8(base64url::decode(unsigned.split('.').nth(at).unwrap()).unwrap()).unwrap();
        let told = (part(0), part(1));
        let domain = "example.org".parse().unwrap();
        let now = Timestamp::from_unix(1_800_000_000);
        let token = format!("{unsigned}.AAAA");
        let read = jwt::JwtSvid::read(&token, &domain, "b", now).unwrap();
        assert_eq!((read.id, read.audiences.as_slice(), read.expires_at), (spiffe_id, audiences, expires_at));
        told
    }

    #[test]
    fn is_what_a_stranger_takes_for_one() {
        let (header, payload) = minted(json!({}), None);
        assert_eq!(header, r#"{"alg":"ES256","kid":"k\\1","typ":"JWT"}"#);
        assert_eq!(
            payload,
            r#"{"iss":"https://issuer.example/td/td_1","sub":"spiffe://example.org/build/a","aud":["https://a.example/\"x\"","b"],"exp":1800000300,"iat":1800000000}"#
        );
        let (_, payload) = minted(json!({}), Some(DecisionId::new([0; 16])));
        assert!(payload.ends_with(r#","jti":"dec_00000000000000000000000000000000"}"#), "{payload}");
    }

    #[test]
    fn no_policy_writes_a_claim_twice() {
        let claims = json!({"sub": "spiffe://other/x", "exp": 9, "nbf": 1, "jti": "x", "act": {"sub": "other"}, "cnf": {}, "team": ["a", {"b\"": null}], "n": 1});
        let (_, payload) = minted(claims, None);
        assert!(payload.ends_with(r#","n":1,"team":["a",{"b\"":null}]}"#), "{payload}");
        assert!(
            !payload.contains("other")
                && !payload.contains("nbf")
                && !payload.contains("jti")
                && !payload.contains("cnf")
        );
    }
}
