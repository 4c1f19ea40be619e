//! Codes that a caller may meet beside those of policy: of requests that no face takes, and of subject tokens that are
//! meant for us and do not hold. The page behind `error_uri` lists them.

/// A code and what it says, in the order of the alphabet. Codes are never reused.
pub(crate) static CODES: &[(&str, &str)] = &[
    ("actor-unsupported", "actor tokens are not accepted here"),
    ("aws-request-malformed", "the subject token is not a signed AWS request"),
    ("body-broken", "the body ended before its length"),
    ("body-malformed", "the body is not what its content type says"),
    ("body-slow", "the body took longer than ten seconds"),
    ("body-too-large", "the body has more than 64 KiB"),
    ("claim-malformed", "a claim of the subject token is missing or not well formed"),
    ("client-auth-twice", "more than one kind of client credentials"),
    ("client-auth-unsupported", "these client credentials are not used here"),
    ("content-type", "the content type or encoding is not one that this path takes"),
    ("expired", "the subject token has expired"),
    ("grant-unsupported", "the grant type is not supported"),
    ("header-twice", "the request has contradicting headers"),
    ("host", "this server does not answer for that host"),
    ("host-count", "the request does not name one host"),
    ("issued-in-future", "the subject token is not valid yet"),
    ("lifetime-too-long", "the subject token lives longer than is accepted here"),
    ("method", "the path takes POST alone"),
    ("no-static-keys", "there are no client secrets here"),
    ("not-yet-valid", "the subject token is not valid yet"),
    ("param-actor-token", "actor_token is missing"),
    ("param-actor-token-type", "actor_token_type is missing or not accepted"),
    ("param-assertion", "assertion is missing"),
    ("param-aws", "a part of the signed AWS request is missing"),
    ("param-client-assertion", "client_assertion is missing"),
    ("param-client-assertion-type", "client_assertion_type is missing or not known"),
    ("param-count", "the request has too many parameters"),
    ("param-duplicate", "a parameter stands twice in the request"),
    ("param-federation-rule-id", "federation_rule_id is missing or not the id of a mapping"),
    ("param-grant-type", "grant_type is missing"),
    ("param-identity-provider-id", "identity_provider_id is missing"),
    ("param-in-query", "parameters belong into the body, not into the URL"),
    ("param-principal", "principal is missing"),
    ("param-requested-token-type", "requested_token_type is not issued here"),
    ("param-service-account-id", "service_account_id is missing or not the id of a service account"),
    ("param-subject-token", "subject_token is missing"),
    ("param-subject-token-type", "subject_token_type is missing or not known"),
    ("param-token", "token is missing"),
    ("param-type", "a parameter is not a JSON string"),
    ("proof-access-token", "the ath of the DPoP proof is not the hash of the access token"),
    ("proof-algorithm", "the DPoP proof is not signed by ES256, ES384 or EdDSA"),
    ("proof-claim", "the DPoP proof lacks a claim, or has one of another form"),
    ("proof-count", "the request has not one DPoP proof"),
    ("proof-header", "the DPoP proof has a header that is not accepted"),
    ("proof-key", "the jwk of the DPoP proof is not a usable public key"),
    ("proof-malformed", "the DPoP proof is not a signed JWT of at most 8 KiB"),
    ("proof-memory", "DPoP proofs cannot be remembered at the moment"),
    ("proof-method", "the DPoP proof is for another method"),
    ("proof-nonce", "the DPoP proof needs the nonce of this answer"),
    ("proof-other-key", "the DPoP proof is made by another key than the one of the access token"),
    ("proof-signature", "the signature of the DPoP proof does not match its jwk"),
    ("proof-stale", "the DPoP proof was made too long ago, or in the future"),
    ("proof-type", "the typ of the DPoP proof is not dpop+jwt"),
    ("proof-url", "the DPoP proof is for another URL than the one in the metadata of this server"),
    ("rate-limited", "too many requests, or too many that failed: wait as long as Retry-After says"),
    ("subject-missing", "a claim of the subject token is missing or not well formed"),
    ("target-malformed", "resource is not an absolute URI without a fragment"),
    ("target-several", "more than one audience or resource: a token is for one API"),
    ("times-inconsistent", "a claim of the subject token is missing or not well formed"),
    ("too-old", "the subject token was issued too long ago"),
    ("transfer-encoding", "the transfer encoding is not chunked alone"),
    ("type-mismatch", "subject_token_type is not accepted here"),
];

#[cfg(test)]
mod tests {
    use accredit_id::jose::dpop::ProofFault;

    use super::*;

    /// Where requests are refused. A code that a new file brings in is not seen unless the file stands here.
    const SOURCES: &[&str] = &[
        include_str!("../binding/fault.rs"),
        include_str!("../http/one_token.rs"),
        include_str!("../http/body.rs"),
        include_str!("../http/serve.rs"),
        include_str!("../http/token.rs"),
        include_str!("actor.rs"),
        include_str!("anthropic.rs"),
        include_str!("aws4.rs"),
        include_str!("client_credentials.rs"),
        include_str!("form.rs"),
        include_str!("jwt_bearer.rs"),
        include_str!("mod.rs"),
        include_str!("openai.rs"),
        include_str!("params.rs"),
        include_str!("rfc8693.rs"),
        include_str!("spiral.rs"),
    ];

    /// The codes in the text: the first string in kebab-case of each `RequestFault`.
    fn codes(source: &str) -> Vec<&str> {
        let is_code = |text: &&str| {
            !text.is_empty()
                && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        let faults = source.split("RequestFault::").skip(1);
        let made = faults.filter(|rest| rest.starts_with("new(") || rest.starts_with("invalid("));
        // Where no text stands before the first bracket closes, the code is somebody else's.
        let named = made.filter(|rest| rest.find('"') < rest.find(')'));
        named.filter_map(|rest| rest.split('"').nth(1).filter(is_code)).collect()
    }

    #[test]
    fn every_code_is_listed_once_and_in_order() {
        assert!(CODES.is_sorted_by(|one, two| one.0 < two.0));
        let is_listed = |code| CODES.binary_search_by_key(&code, |known| known.0).is_ok();
        assert!(ProofFault::CODES.into_iter().all(is_listed));
        let met: Vec<_> = SOURCES.iter().flat_map(|source| codes(source)).collect();
        assert!(met.len() > 40, "only {} codes were found", met.len());
        for code in met {
            assert!(CODES.binary_search_by_key(&code, |known| known.0).is_ok(), "`{code}` is not listed");
        }
    }
}
