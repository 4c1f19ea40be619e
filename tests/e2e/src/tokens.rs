//! The subject tokens that transcripts name: one good one, and one for each way to be bad.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use accredit_id::base64url;
use accredit_id::jose::dpop::ToProve;
use accredit_id::time::Timestamp;
use aws_lc_rs::hmac;
use serde_json::{Value, json};

use crate::admin::key;
use crate::claims::{job, random, token, with};
use crate::issuer::{Issuer, now};
use crate::server::PUBLIC_URL;

/// The issuers of `vectors/faces/resources.yaml`, and what they sign.
pub struct Tokens {
    issuers: Vec<(&'static str, Issuer)>,
    /// Tokens with a mark: the same one each time.
    marked: Mutex<HashMap<String, String>>,
}

// === impl Tokens ===

impl Tokens {
    /// Issuers with fresh keys, all under the same key id.
    pub fn new() -> Self {
        let issuer = |name| (name, Issuer::new(&format!("https://{name}.test")));
        Self { issuers: ["ci", "other", "disabled", "client", "spiffe"].map(issuer).into(), marked: Mutex::default() }
    }

    /// Documents with `{{keys:NAME}}` filled in.
    pub fn filled(&self, documents: &str) -> String {
        self.issuers.iter().fold(documents.to_owned(), |text, (name, issuer)| {
            text.replace(&format!("{{{{keys:{name}}}}}"), &issuer.key_set().to_string())
        })
    }

    /// The token of a name, or of a name and `#` and a mark.
    ///
    /// # Panics
    /// There is no such name.
    pub fn token(&self, name: &str) -> String {
        match name.split_once('#') {
            None => self.fresh(name),
            Some((name_alone, _)) => {
                let mut marked = self.marked.lock().unwrap_or_else(PoisonError::into_inner);
                marked.entry(name.to_owned()).or_insert_with(|| self.fresh(name_alone)).clone()
            }
        }
    }

    fn fresh(&self, name: &str) -> String {
        let ci = self.issuer("ci");
        let with = |changes: Value| token(ci, &changes);
        let on = |branch: &str| with(json!({"ref": format!("refs/heads/{branch}")}));
        match name {
            "main" => token(ci, &json!({})),
            "bare" | "condition" | "dev" | "disabled" | "disabled-account" | "once" | "release" | "twice" => on(name),
            "once-without-jti" => with(json!({"ref": "refs/heads/once", "jti": null})),
            "ending" => with(json!({"exp": now() + 4})),
            "hostile-claims" => {
                with(json!({"ref": "refs/heads/\"><img onerror=x>\u{202e}\u{1b}[2J\r\nx: 1", "actor": "\u{7}"}))
            }

            "bound" => with(json!({"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}})),
            "greedy" => with(json!({
                "act": {"sub": "root", "act": {"sub": "root"}},
                "may_act": {"sub": "root"},
                "scope": "payments.write admin",
                "roles": ["admin"],
                "groups": ["admin"],
                "permissions": ["payments.write"],
                "client_id": "root",
                "org_id": "root",
            })),

            "audience-slash" => with(json!({"aud": "http://accredit.test/"})),
            "contradicting" => with(json!({"iat": now() + 20, "exp": now() + 10})),
            "exp-text" => with(json!({"exp": (now() + 600).to_string()})),
            "expired" => with(json!({"iat": now() - 600, "exp": now() - 1})),
            "expired-long-ago" => with(json!({"iat": now() - 8000, "exp": now() - 7300})),
            "long" => with(json!({"exp": now() + 7 * 3600})),
            "many-audiences" => with(json!({"aud": ["http://accredit.test", "sts.amazonaws.com"]})),
            "no-subject" => with(json!({"sub": null})),
            "not-yet" => with(json!({"nbf": now() + 120})),
            "other-audience" => with(json!({"aud": "sts.amazonaws.com"})),

            "issuer-slash" => with(json!({"iss": "https://ci.test/"})),
            "no-issuer" => with(json!({"iss": null})),
            "unknown-issuer" => with(json!({"iss": "https://nobody.test"})),
            "unreachable" => with(json!({"iss": "http://127.0.0.1:9"})),
            "disabled-provider" => token(self.issuer("disabled"), &json!({})),
            "disabled-provider-flipped" => flipped(&token(self.issuer("disabled"), &json!({}))),
            "flipped" => flipped(&token(ci, &json!({}))),
            "agent" => token(self.issuer("other"), &json!({"sub": "agent"})),
            "agent-expired" => {
                token(self.issuer("other"), &json!({"sub": "agent", "iat": now() - 600, "exp": now() - 1}))
            }
            "agent-elsewhere" => token(self.issuer("other"), &json!({"sub": "agent", "aud": "sts.amazonaws.com"})),
            "agent-delegated" => token(self.issuer("other"), &json!({"sub": "agent", "act": {"sub": "x"}})),
            "agent-bound" => {
                let bound = json!({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"});
                token(self.issuer("other"), &json!({"sub": "agent", "cnf": bound}))
            }
            "lets-agent" => with(json!({"may_act": {"iss": "https://other.test", "sub": "agent"}})),
            "lets-stranger" => with(json!({"may_act": {"iss": "https://other.test", "sub": "stranger"}})),
            "foreign-key" => self.issuer("other").sign(&job(ci)),
            _ => match name.strip_prefix("proof-") {
                Some(name) => proof(name, None),
                None => self.assertion(name).unwrap_or_else(|| self.malformed(name)),
            },
        }
    }

    /// What clients authenticate by: assertions of their own, JWT-SVIDs.
    fn assertion(&self, name: &str) -> Option<String> {
        let (client, workload) = ("https://client.test", "spiffe://spiffe.test/ci/web");
        let jti = base64url::encode(&random());
        let own = |changes: Value| {
            // pyspiral writes its times as fractions.
            let (begins, ends) = (now() as f64 + 0.25, now() as f64 + 1800.5);
            let claims =
                json!({"iss": client, "sub": client, "aud": [PUBLIC_URL], "jti": jti, "iat": begins, "exp": ends});
            self.issuer("client").sign(&with(claims, &changes))
        };
        let svid = |changes: Value| {
            let claims = json!({"sub": workload, "aud": [PUBLIC_URL], "iat": now(), "exp": now() + 1800});
            self.issuer("spiffe").sign(&with(claims, &changes))
        };
        Some(match name {
            "client" => own(json!({})),
            "client-at-endpoint" => own(json!({"aud": format!("{PUBLIC_URL}/oauth/token")})),
            "client-elsewhere" => own(json!({"aud": "https://elsewhere.test"})),
            "client-two-audiences" => own(json!({"aud": [PUBLIC_URL, "https://elsewhere.test"]})),
            "client-named" => own(json!({"iss": "pipeline", "sub": "pipeline"})),
            "client-typed" => {
                let signer = self.issuer("client");
                let header = json!({"alg": "ES256", "kid": signer.key_id, "typ": "client-authentication+jwt"});
                let claims = json!({"iss": client, "sub": client, "aud": PUBLIC_URL, "jti": jti, "iat": now(), "exp": now() + 1800});
                signer.sign_under(&header.to_string(), &claims.to_string())
            }
            "client-of-another" => own(json!({"sub": "https://another.test"})),
            "second" => own(json!({"iss": "https://other.test", "sub": "second"})),
            "svid" => svid(json!({})),
            "svid-two-audiences" => svid(json!({"aud": [PUBLIC_URL, "https://elsewhere.test"]})),
            "svid-of-another" => svid(json!({"sub": "spiffe://spiffe.test/ci/other"})),
            _ => return None,
        })
    }

    /// Tokens whose form or header is wrong; their signature, where they have one, is good.
    fn malformed(&self, name: &str) -> String {
        let ci = self.issuer("ci");
        let good = token(ci, &json!({}));
        let (payload, kid) = (job(ci).to_string(), ci.key_id.as_str());
        let under = |changes: Value| {
            let mut header = json!({"alg": "ES256", "kid": kid, "typ": "JWT"});
            for (name, value) in changes.as_object().unwrap() {
                header[name] = value.clone();
            }
            ci.sign_under(&header.to_string(), &payload)
        };
        let parts: Vec<&str> = good.split('.').collect();
        let &[header, body, signature] = parts.as_slice() else { panic!("`{good}` has not three parts") };
        match name {
            "two-segments" => format!("{header}.{body}"),
            "four-segments" => format!("{good}.{signature}"),
            "encrypted" => format!("{}.a.b.c.d", base64url::encode(br#"{"alg":"dir","enc":"A256GCM","zip":"DEF"}"#)),
            "json-form" => {
                json!({"payload": body, "signatures": [{"protected": header, "signature": signature}]}).to_string()
            }
            "padded" => format!("{header}.{body}.{signature}%3D%3D"),
            "line-feed" => format!("{header}.%0A{body}.{signature}"),
            "not-canonical" => not_canonical(&good),
            "too-large" => format!("{good}{}", "a".repeat(16 * 1024 + 1 - good.len())),
            "claim-twice" => ci.sign_under(&self.header(), &payload.replacen('{', r#"{"ref":"refs/heads/main","#, 1)),
            "header-twice" => ci.sign_under(&self.header().replacen('{', r#"{"alg":"none","#, 1), &payload),
            "not-utf8" => {
                let mut bytes = payload.into_bytes();
                bytes.splice(2..2, [0xff]);
                format!("{header}.{}.{signature}", base64url::encode(&bytes))
            }
            "list" => ci.sign_under(&self.header(), &format!("[{payload}]")),
            "none" => {
                format!("{}.{body}.", base64url::encode(json!({"alg": "none", "kid": kid}).to_string().as_bytes()))
            }
            "hmac" => {
                let input =
                    format!("{}.{body}", base64url::encode(json!({"alg": "HS256", "kid": kid}).to_string().as_bytes()));
                let secret = hmac::Key::new(hmac::HMAC_SHA256, ci.key_set().to_string().as_bytes());
                format!("{input}.{}", base64url::encode(hmac::sign(&secret, input.as_bytes()).as_ref()))
            }
            "rs256" => under(json!({"alg": "RS256"})),
            "jku" => under(json!({"jku": "http://127.0.0.1:9/keys"})),
            "jwk" => under(json!({"jwk": ci.key_set()["keys"][0]})),
            "critical" => under(json!({"crit": ["b64"], "b64": false})),
            "kid-path" => under(json!({"kid": "../../etc/passwd\n' or 1=1"})),
            "unknown-kid" => under(json!({"kid": "key-2"})),
            "no-kid" => ci.sign_under(r#"{"alg":"ES256"}"#, &payload),
            "at-jwt" => under(json!({"typ": "at+jwt"})),
            "dpop" => under(json!({"typ": "dpop+jwt"})),
            "nested" => under(json!({"cty": "JWT"})),
            "detached" => format!("{header}..{signature}"),
            "no-signature" => format!("{header}.{body}."),
            _ => panic!("`{name}` is no subject token"),
        }
    }

    fn header(&self) -> String {
        json!({"alg": "ES256", "kid": self.issuer("ci").key_id}).to_string()
    }

    fn issuer(&self, name: &str) -> &Issuer {
        &self.issuers.iter().find(|(other, _)| *other == name).unwrap().1
    }
}

impl Default for Tokens {
    fn default() -> Self {
        Self::new()
    }
}

/// A DPoP proof for the token endpoint, or for another path where its name is one; with the server's nonce where it is known.
pub fn proof(name: &str, nonce: Option<&str>) -> String {
    let key = key();
    let good = |path: &str, nonce: Option<&str>, method: &str, at: i64| {
        let (url, now) = (format!("{PUBLIC_URL}{path}"), Timestamp::from_unix(at));
        key.prove(&ToProve { method, url: &url, nonce, access_token: None, token_id: random(), now })
    };
    let usual = good("/oauth/token", nonce, "POST", now());
    let (head, rest) = usual.split_once('.').unwrap();
    let (payload, _) = rest.split_once('.').unwrap();
    let under = |changes: Value| {
        let header = serde_json::from_slice(&base64url::decode(head).unwrap()).unwrap();
        format!("{}.{rest}", base64url::encode(with(header, &changes).to_string().as_bytes()))
    };
    match name {
        "without-nonce" => usual,
        "strange-nonce" => good("/oauth/token", Some("AAAAAAAAAAAAAAAAAAAAAA"), "POST", now()),
        "other-method" => good("/oauth/token", nonce, "PUT", now()),
        "elsewhere" => good("/oauth/introspect", nonce, "POST", now()),
        "put" => good("/v1/auth/aws/token", nonce, "PUT", now()),
        "stale" => good("/oauth/token", nonce, "POST", now() - 600),
        "none" => {
            let header = json!({"typ": "dpop+jwt", "alg": "none"}).to_string();
            format!("{}.{payload}.", base64url::encode(header.as_bytes()))
        }
        "private" => under(json!({"jwk": {"kty": "OKP", "crv": "Ed25519", "x": "A", "d": "A"}})),
        "symmetric" => under(json!({"alg": "HS256", "jwk": {"kty": "oct", "k": "A"}})),
        "other-key" => {
            under(json!({"jwk": {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}))
        }
        "typ" => under(json!({"typ": "JWT"})),
        path => good(path, nonce, "POST", now()),
    }
}

/// The token with one bit of its payload turned, such that it still is one: another id for the repository.
fn flipped(token: &str) -> String {
    let (head, signature) = token.rsplit_once('.').unwrap();
    let (header, payload) = head.split_once('.').unwrap();
    let payload = String::from_utf8(base64url::decode(payload).unwrap()).unwrap();
    let other = payload.replace(r#""repository_id":"123""#, r#""repository_id":"122""#);
    assert_ne!(payload, other);
    format!("{header}.{}.{signature}", base64url::encode(other.as_bytes()))
}

/// The token with an unused bit set in its last character. A signature of 64 bytes leaves four of them.
fn not_canonical(token: &str) -> String {
    let (rest, last) = token.split_at(token.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let place = alphabet.find(last).unwrap();
    format!("{rest}{}", &alphabet[place + 1..place + 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marked_tokens_stay_and_others_do_not() {
        let tokens = Tokens::new();
        assert_eq!(tokens.token("main#a"), tokens.token("main#a"));
        assert_ne!(tokens.token("main#a"), tokens.token("main#b"));
        assert_ne!(tokens.token("main"), tokens.token("main"));
        assert_eq!(tokens.token("too-large").len(), 16 * 1024 + 1);
        assert!(base64url::decode(tokens.token("not-canonical").rsplit('.').next().unwrap()).is_err());
    }
}
