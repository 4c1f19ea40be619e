//! OAuth 2.0 Token Exchange (RFC 8693), as a form; `identity_provider_id` and `service_account_id` may be added.

use std::borrow::Cow;

use accredit_core::decide::Reason;

use super::{
    ACCESS_TOKEN, Cause, Face, Media, Params, Proof, Redacted, RequestFault, TOKEN_ENDPOINT, TOKEN_EXCHANGE,
    TokenRequest, WireError, actor, aws4, check_subject_type, trimmed,
};

pub(super) static RFC8693: Face = Face {
    name: "rfc8693",
    path: TOKEN_ENDPOINT,
    media: Media::Form,
    opaque: false,
    recognise: |_| true,
    parse,
    error,
};

fn parse<'p>(params: &'p Params<'_>) -> Result<TokenRequest<'p>, RequestFault> {
    check_grant(params)?;
    check_client(params)?;
    let subject_token =
        params.find("subject_token").ok_or(RequestFault::invalid("param-subject-token", "subject_token is missing"))?;
    let declared = params
        .find("subject_token_type")
        .ok_or(RequestFault::invalid("param-subject-token-type", "subject_token_type is missing"))?;
    let subject_token = trimmed(subject_token);
    let proof = match declared {
        ACCESS_TOKEN if params.find("identity_provider_id").is_some() => {
            return Err(RequestFault::invalid("param-identity-provider-id", "an access token of ours has no provider"));
        }
        ACCESS_TOKEN => Proof::AccessToken(Redacted(subject_token)),
        aws4::AWS4_REQUEST => aws4::proof(subject_token)?,
        _ => {
            check_subject_type(declared)?;
            Proof::Jwt(Redacted(subject_token))
        }
    };
    let actor = actor::read(params)?;
    if params.find("requested_token_type").is_some_and(|asked| asked != ACCESS_TOKEN) {
        return Err(RequestFault::invalid(
            "param-requested-token-type",
            "requested_token_type is not issued here: expected urn:ietf:params:oauth:token-type:access_token",
        ));
    }
    Ok(TokenRequest {
        proof,
        actor,
        provider: params.find("identity_provider_id").map(Cow::Borrowed),
        account: params.find("service_account_id").map(Cow::Borrowed),
        api: target(params)?.map(Cow::Borrowed),
        scope: params.find("scope").map(Cow::Borrowed),
        ..TokenRequest::default()
    })
}

fn check_grant(params: &Params<'_>) -> Result<(), RequestFault> {
    match params.find("grant_type") {
        Some(TOKEN_EXCHANGE) => Ok(()),
        // RFC 7523's grant and client credentials have faces of their own, which were asked first.
        Some(_) => Err(RequestFault::new(
            Cause::UnsupportedGrant,
            "grant-unsupported",
            "grant_type is not supported: expected token-exchange or jwt-bearer by their URNs, or client_credentials",
        )),
        None => Err(RequestFault::invalid("param-grant-type", "grant_type is missing")),
    }
}

/// The subject token is the credential; a client that shows another one expects it to be checked, which it is not (H03).
pub(super) fn check_client(params: &Params<'_>) -> Result<(), RequestFault> {
    let shown = [params.find("client_secret"), params.find("client_assertion")];
    match shown.iter().flatten().count() {
        0 => Ok(()),
        1 => Err(RequestFault::new(
            Cause::ClientAuthentication,
            "client-auth-unsupported",
            "client credentials are not used here: the subject token is the credential",
        )),
        _ => Err(RequestFault::invalid("client-auth-twice", "more than one kind of client credentials")),
    }
}

/// `audience` and `resource` may repeat, but a token is for one API (H08).
pub(super) fn target<'p>(params: &'p Params<'_>) -> Result<Option<&'p str>, RequestFault> {
    let mut target = None;
    for value in params.all("audience").chain(params.all("resource")) {
        if target.is_some_and(|other| other != value) {
            return Err(RequestFault::new(
                Cause::Target,
                "target-several",
                "more than one audience or resource: a token is for one API",
            ));
        }
        target = Some(value);
    }
    let is_uri = |text: &str| {
        text.split_once(':').is_some_and(|(scheme, rest)| {
            !rest.is_empty()
                && scheme.starts_with(|letter: char| letter.is_ascii_alphabetic())
                && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
        })
    };
    match params.all("resource").find(|resource| !is_uri(resource) || resource.contains('#')) {
        None => Ok(target),
        Some(_) => Err(RequestFault::new(
            Cause::Target,
            "target-malformed",
            "resource is not an absolute URI without a fragment",
        )),
    }
}

fn error(cause: Cause) -> WireError {
    match cause {
        Cause::ClientAuthentication => WireError::new(401, "invalid_client"),
        Cause::Internal => WireError::new(500, "server_error"),
        Cause::KeysUnavailable | Cause::StoreUnavailable => WireError::new(503, "temporarily_unavailable"),
        Cause::MalformedRequest | Cause::Token => WireError::new(400, "invalid_request"),
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
            | Reason::MappingsAmbiguous
            | Reason::PinMismatch
            | Reason::AccountRequired
            | Reason::NothingGranted
            | Reason::TooLittleTimeLeft
            | Reason::TokenIdMissing
            | Reason::TokenInactive
            | Reason::TokenReplayed => WireError::new(400, "invalid_request"),
        },
        Cause::Proof => WireError::new(400, "invalid_dpop_proof"),
        Cause::ProofNonce => WireError::new(400, "use_dpop_nonce"),
        Cause::RequestTooLarge => WireError::new(413, "invalid_request"),
        Cause::RequestTimeout => WireError::new(408, "invalid_request"),
        Cause::Throttled => WireError::new(429, "slow_down"),
        Cause::Target => WireError::new(400, "invalid_target"),
        Cause::UnsupportedGrant => WireError::new(400, "unsupported_grant_type"),
        Cause::UnsupportedMedia => WireError::new(415, "invalid_request"),
    }
}
