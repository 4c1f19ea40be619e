//! The JWT bearer grant (RFC 7523 section 2.1), as a form.
//!
//! `federation_rule_id` names the one mapping to be judged by, as OpenAI's Codex sends it; `workload_identity_context`,
//! which it may add, is what the workload says of itself: nothing is decided by it, and the log keeps it.

use std::borrow::Cow;

use accredit_core::decide::Reason;

use super::rfc8693::{check_client, target};
use super::{
    Cause, Face, JWT_BEARER as GRANT, Media, Params, Proof, Redacted, RequestFault, TOKEN_ENDPOINT, TokenRequest,
    WireError, actor, trimmed,
};

pub(super) static JWT_BEARER: Face = Face {
    name: "jwt-bearer",
    path: TOKEN_ENDPOINT,
    media: Media::Form,
    opaque: false,
    recognise: |params| params.find("grant_type") == Some(GRANT),
    parse,
    error,
};

fn parse<'p>(params: &'p Params<'_>) -> Result<TokenRequest<'p>, RequestFault> {
    check_client(params)?;
    actor::none(params)?;
    let assertion = params.find("assertion").ok_or(RequestFault::invalid("param-assertion", "assertion is missing"))?;
    Ok(TokenRequest {
        proof: Proof::Jwt(Redacted(trimmed(assertion))),
        provider: params.find("identity_provider_id").map(Cow::Borrowed),
        account: params.find("service_account_id").map(Cow::Borrowed),
        mapping: params.find("federation_rule_id").map(Cow::Borrowed),
        api: target(params)?.map(Cow::Borrowed),
        scope: params.find("scope").map(Cow::Borrowed),
        context: params.find("workload_identity_context"),
        ..TokenRequest::default()
    })
}

/// RFC 7523 section 3.1: an assertion that is not good is `invalid_grant`.
fn error(cause: Cause) -> WireError {
    match cause {
        Cause::ClientAuthentication => WireError::new(401, "invalid_client"),
        Cause::Internal => WireError::new(500, "server_error"),
        Cause::KeysUnavailable | Cause::StoreUnavailable => WireError::new(503, "temporarily_unavailable"),
        Cause::MalformedRequest => WireError::new(400, "invalid_request"),
        Cause::MethodNotAllowed => WireError::new(405, "invalid_request"),
        Cause::MisdirectedRequest => WireError::new(421, "invalid_request"),
        Cause::Policy(reason) => match reason {
            Reason::TargetUnknown | Reason::TargetRequired | Reason::TargetReserved => {
                WireError::new(400, "invalid_target")
            }
            Reason::ScopeNotGranted => WireError::new(400, "invalid_scope"),
            Reason::ProofReplayed => WireError::new(400, "invalid_dpop_proof"),
            Reason::ProviderDisabled
            | Reason::ProofMissing
            | Reason::BindingRequired
            | Reason::ActorUnacceptable
            | Reason::ActorExpired
            | Reason::ActorProofMissing
            | Reason::ActorMismatch
            | Reason::ActorRepeated
            | Reason::ChainTooLong
            | Reason::ChainForeign
            | Reason::ActorNotAllowed
            | Reason::ActorRequired
            | Reason::ClientMismatch
            | Reason::MappingUnknown
            | Reason::AccountUnknown
            | Reason::AccountDisabled
            | Reason::NoMappingMatched
            | Reason::PinMismatch
            | Reason::MappingsAmbiguous
            | Reason::AccountRequired
            | Reason::NothingGranted
            | Reason::TooLittleTimeLeft
            | Reason::TokenIdMissing
            | Reason::TokenInactive
            | Reason::TokenReplayed => WireError::new(400, "invalid_grant"),
        },
        Cause::Proof => WireError::new(400, "invalid_dpop_proof"),
        Cause::ProofNonce => WireError::new(400, "use_dpop_nonce"),
        Cause::RequestTooLarge => WireError::new(413, "invalid_request"),
        Cause::RequestTimeout => WireError::new(408, "invalid_request"),
        Cause::Throttled => WireError::new(429, "slow_down"),
        Cause::Target => WireError::new(400, "invalid_target"),
        Cause::Token => WireError::new(400, "invalid_grant"),
        Cause::UnsupportedGrant => WireError::new(400, "unsupported_grant_type"),
        Cause::UnsupportedMedia => WireError::new(415, "invalid_request"),
    }
}
