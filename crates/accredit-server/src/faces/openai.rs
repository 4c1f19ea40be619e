//! OpenAI's workload identity exchange: RFC 8693's words as JSON, with the provider and the service account named.
//!
//! Unknown members are ignored, as the vendor does, but for an actor's; a `scope` in the body has no effect there and none here.

use std::borrow::Cow;

use super::{
    Cause, Face, Media, Params, Proof, Redacted, RequestFault, TOKEN_ENDPOINT, TOKEN_EXCHANGE, TokenRequest, WireError,
    exchanged_alone, trimmed,
};

pub(super) static OPENAI: Face =
    Face { name: "openai", path: TOKEN_ENDPOINT, media: Media::Json, opaque: false, recognise: |_| true, parse, error };

fn parse<'p>(params: &'p Params<'_>) -> Result<TokenRequest<'p>, RequestFault> {
    match params.find("grant_type") {
        Some(TOKEN_EXCHANGE) => {}
        Some(_) => {
            return Err(RequestFault::new(
                Cause::UnsupportedGrant,
                "grant-unsupported",
                "grant_type is not supported: expected urn:ietf:params:oauth:grant-type:token-exchange",
            ));
        }
        None => return Err(RequestFault::invalid("param-grant-type", "grant_type is missing")),
    }
    let subject_token = exchanged_alone(params)?;
    let provider = params
        .find("identity_provider_id")
        .ok_or(RequestFault::invalid("param-identity-provider-id", "identity_provider_id is missing"))?;
    let account = params
        .find("service_account_id")
        .ok_or(RequestFault::invalid("param-service-account-id", "service_account_id is missing"))?;
    Ok(TokenRequest {
        proof: Proof::Jwt(Redacted(trimmed(subject_token))),
        provider: Some(Cow::Borrowed(provider)),
        account: Some(Cow::Borrowed(account)),
        ..TokenRequest::default()
    })
}

/// The SDKs make a typed error of 400, 401 and 403 alone.
fn error(cause: Cause) -> WireError {
    match cause {
        Cause::ClientAuthentication => WireError::new(401, "invalid_client"),
        Cause::Internal => WireError::new(500, "server_error"),
        Cause::KeysUnavailable | Cause::StoreUnavailable => WireError::new(503, "temporarily_unavailable"),
        Cause::MalformedRequest | Cause::Target => WireError::new(400, "invalid_request"),
        Cause::MethodNotAllowed => WireError::new(405, "invalid_request"),
        Cause::MisdirectedRequest => WireError::new(421, "invalid_request"),
        Cause::Policy(_) => WireError::new(400, "invalid_grant"),
        Cause::Proof => WireError::new(400, "invalid_dpop_proof"),
        Cause::ProofNonce => WireError::new(400, "use_dpop_nonce"),
        Cause::RequestTooLarge => WireError::new(413, "invalid_request"),
        Cause::RequestTimeout => WireError::new(408, "invalid_request"),
        Cause::Throttled => WireError::new(429, "slow_down"),
        Cause::Token => WireError::new(400, "invalid_subject_token"),
        Cause::UnsupportedGrant => WireError::new(400, "unsupported_grant_type"),
        Cause::UnsupportedMedia => WireError::new(415, "invalid_request"),
    }
}
