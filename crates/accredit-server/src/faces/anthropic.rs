//! Anthropic's workload identity exchange: RFC 7523's words as JSON, with the one mapping named by its id.
//!
//! Whoever is refused learns nothing but that: a rule that is unknown, disabled or not his looks like an assertion that is
//! no good. `organization_id` and `workspace_id` are accepted and mean nothing here.

use std::borrow::Cow;

use accredit_core::model::{Id, Kind};

use super::{
    Cause, Face, JWT_BEARER, Media, Params, Place, Proof, Redacted, RequestFault, TokenRequest, WireError, actor,
    trimmed,
};

pub(super) static ANTHROPIC: Face = Face {
    name: "anthropic",
    path: Place::At("/v1/oauth/token"),
    media: Media::Json,
    opaque: true,
    recognise: |_| true,
    parse,
    error,
};

fn parse<'p>(params: &'p Params<'_>) -> Result<TokenRequest<'p>, RequestFault> {
    match params.find("grant_type") {
        Some(JWT_BEARER) => {}
        Some(_) => {
            return Err(RequestFault::new(
                Cause::UnsupportedGrant,
                "grant-unsupported",
                "grant_type is not supported: expected urn:ietf:params:oauth:grant-type:jwt-bearer",
            ));
        }
        None => return Err(RequestFault::invalid("param-grant-type", "grant_type is missing")),
    }
    let assertion = params.find("assertion").ok_or(RequestFault::invalid("param-assertion", "assertion is missing"))?;
    let rule = params
        .find("federation_rule_id")
        .ok_or(RequestFault::invalid("param-federation-rule-id", "federation_rule_id is missing"))?;
    if !is_id(rule, Kind::Mapping) {
        return Err(RequestFault::invalid(
            "param-federation-rule-id",
            "federation_rule_id is not the id of a mapping: expected map_ and 26 characters",
        ));
    }
    let account = params.find("service_account_id");
    if account.is_some_and(|account| !is_id(account, Kind::ServiceAccount)) {
        return Err(RequestFault::invalid(
            "param-service-account-id",
            "service_account_id is not the id of a service account: expected sa_ and 26 characters",
        ));
    }
    actor::none(params)?;
    Ok(TokenRequest {
        proof: Proof::Jwt(Redacted(trimmed(assertion))),
        account: account.map(Cow::Borrowed),
        mapping: Some(Cow::Borrowed(rule)),
        ..TokenRequest::default()
    })
}

fn is_id(text: &str, kind: Kind) -> bool {
    text.parse::<Id>().is_ok_and(|id| id.kind() == kind)
}

/// The vendor has two errors: the request is not well formed, or it is refused. Its SDK exchanges again on 401.
fn error(cause: Cause) -> WireError {
    match cause {
        Cause::ClientAuthentication => WireError::new(401, "invalid_client"),
        Cause::Internal => WireError::new(500, "server_error"),
        Cause::KeysUnavailable | Cause::StoreUnavailable => WireError::new(503, "temporarily_unavailable"),
        Cause::MalformedRequest | Cause::Target => WireError::new(400, "invalid_request"),
        Cause::MethodNotAllowed => WireError::new(405, "invalid_request"),
        Cause::MisdirectedRequest => WireError::new(421, "invalid_request"),
        Cause::Policy(_) | Cause::Token => WireError::new(400, "invalid_grant"),
        Cause::Proof => WireError::new(400, "invalid_dpop_proof"),
        Cause::ProofNonce => WireError::new(400, "use_dpop_nonce"),
        Cause::RequestTooLarge => WireError::new(413, "invalid_request"),
        Cause::RequestTimeout => WireError::new(408, "invalid_request"),
        Cause::Throttled => WireError::new(429, "slow_down"),
        Cause::UnsupportedGrant => WireError::new(400, "unsupported_grant_type"),
        Cause::UnsupportedMedia => WireError::new(415, "invalid_request"),
    }
}
