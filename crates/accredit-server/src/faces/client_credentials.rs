//! Client credentials (RFC 6749 section 4.4) where the client shows an assertion (RFC 7521 section 4.2): a JWT (RFC 7523),
//! or a JWT-SVID. There are no secrets here to show instead.
//!
//! The same request at `/ANYTHING/oauth2/v2.0/token` is what Microsoft's identity libraries make of an authority's address.
//! They have no `audience`: they ask for the scope `AUDIENCE/.default`, which is all permissions on that API.

use std::borrow::Cow;

use accredit_core::decide::Reason;

use super::rfc8693::target;
use super::{
    Cause, Face, Media, Params, Place, Proof, Redacted, RequestFault, TOKEN_ENDPOINT, TokenRequest, WireError, actor,
    trimmed,
};
use crate::client::{Client, Method};

pub(super) static CLIENT_CREDENTIALS: Face = Face {
    name: "client-credentials",
    path: TOKEN_ENDPOINT,
    media: Media::Form,
    opaque: false,
    recognise: |params| params.find("grant_type") == Some(GRANT),
    parse,
    error,
};

pub(super) static ENTRA: Face = Face {
    name: "entra",
    path: Place::Under("/oauth2/v2.0/token"),
    media: Media::Form,
    opaque: false,
    recognise: |_| true,
    parse,
    error,
};

fn parse<'p>(params: &'p Params<'_>) -> Result<TokenRequest<'p>, RequestFault> {
    match params.find("grant_type") {
        Some(GRANT) => {}
        Some(_) => {
            return Err(RequestFault::new(
                Cause::UnsupportedGrant,
                "grant-unsupported",
                "grant_type is not supported: expected client_credentials",
            ));
        }
        None => return Err(RequestFault::invalid("param-grant-type", "grant_type is missing")),
    }
    actor::none(params)?;
    let (assertion, method) = assertion(params)?;
    let (api, scope) = asked(params)?;
    Ok(TokenRequest {
        proof: Proof::Jwt(Redacted(trimmed(assertion))),
        client: Some(Client { id: params.find("client_id").map(Cow::Borrowed), method }),
        provider: params.find("identity_provider_id").map(Cow::Borrowed),
        account: params.find("service_account_id").map(Cow::Borrowed),
        api: api.map(Cow::Borrowed),
        scope: scope.map(Cow::Borrowed),
        ..TokenRequest::default()
    })
}

/// H03: one kind of credentials, and that one is an assertion with its type.
fn assertion<'p>(params: &'p Params<'_>) -> Result<(&'p str, Method), RequestFault> {
    let assertion = match (params.find("client_assertion"), params.find("client_secret")) {
        (Some(_), Some(_)) => {
            return Err(RequestFault::invalid("client-auth-twice", "more than one kind of client credentials"));
        }
        (None, Some(_)) => {
            return Err(RequestFault::new(
                Cause::ClientAuthentication,
                "client-auth-unsupported",
                "client secrets are not used here: expected a client_assertion",
            ));
        }
        (None, None) => {
            return Err(RequestFault::invalid("param-client-assertion", "client_assertion is missing"));
        }
        (Some(assertion), None) => assertion,
    };
    match params.find("client_assertion_type") {
        Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer") => Ok((assertion, Method::Jwt)),
        Some("urn:ietf:params:oauth:client-assertion-type:jwt-spiffe") => Ok((assertion, Method::JwtSvid)),
        Some(_) => Err(RequestFault::invalid(
            "param-client-assertion-type",
            "client_assertion_type is not known: expected \
             urn:ietf:params:oauth:client-assertion-type:jwt-bearer or jwt-spiffe",
        )),
        None => Err(RequestFault::invalid("param-client-assertion-type", "client_assertion_type is missing")),
    }
}

/// The API and the permissions: by their parameters, or both in a scope that ends in `/.default`.
fn asked<'p>(params: &'p Params<'_>) -> Result<(Option<&'p str>, Option<&'p str>), RequestFault> {
    let (target, scope) = (target(params)?, params.find("scope"));
    match scope.and_then(|scope| scope.strip_suffix("/.default")) {
        None => Ok((target, scope)),
        Some(api) if !api.is_empty() && !api.contains(' ') && target.is_none_or(|target| target == api) => {
            Ok((Some(api), None))
        }
        Some(_) => Err(RequestFault::new(
            Cause::Target,
            "target-several",
            "a scope that ends in /.default names one API, alone and as audience does",
        )),
    }
}

/// RFC 7521 section 4.2.1: an assertion that is no good is `invalid_client`; a client whom no policy knows is authenticated
/// and not authorised.
fn error(cause: Cause) -> WireError {
    match cause {
        Cause::ClientAuthentication | Cause::Token => WireError::new(401, "invalid_client"),
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
            Reason::ClientMismatch
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
            | Reason::TooLittleTimeLeft
            | Reason::TokenIdMissing
            | Reason::TokenInactive
            | Reason::TokenReplayed => WireError::new(401, "invalid_client"),
            Reason::ProviderDisabled
            | Reason::MappingUnknown
            | Reason::AccountUnknown
            | Reason::AccountDisabled
            | Reason::NoMappingMatched
            | Reason::PinMismatch
            | Reason::MappingsAmbiguous
            | Reason::AccountRequired
            | Reason::NothingGranted => WireError::new(400, "unauthorized_client"),
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

const GRANT: &str = "client_credentials";
