//! Spiral's exchange: RFC 8693's words as JSON with the workload as `principal`, and a path of its own for AWS, where the parts of
//! a signed request come instead of a token.
//!
//! Its clients read `message` in a refusal, and want the access token to be a JWT with `exp` and `org_id`, which ours are.

use std::borrow::Cow;

use accredit_id::aws_request::{AwsRequest, Parts};

use super::{
    Cause, Face, Media, Params, Place, Proof, Redacted, RequestFault, TOKEN_EXCHANGE, TokenRequest, WireError, aws4,
    exchanged_alone, trimmed,
};

/// `POST /v1/oauth2/token`.
pub(crate) static SPIRAL: Face = Face {
    name: "spiral",
    path: Place::At("/v1/oauth2/token"),
    media: Media::Json,
    opaque: false,
    recognise: |_| true,
    parse: parse_exchange,
    error,
};

/// `PUT /v1/auth/aws/token`.
pub(crate) static SPIRAL_AWS: Face = Face {
    name: "spiral-aws",
    path: Place::At("/v1/auth/aws/token"),
    media: Media::Json,
    opaque: false,
    recognise: |_| true,
    parse: parse_aws,
    error,
};

fn parse_exchange<'p>(params: &'p Params<'_>) -> Result<TokenRequest<'p>, RequestFault> {
    match params.find("grant_type") {
        Some(TOKEN_EXCHANGE) => {}
        Some("client_credentials") => {
            return Err(RequestFault::new(
                Cause::UnsupportedGrant,
                "no-static-keys",
                "there are no client secrets here: let the workload prove itself by its platform's token or its own private key",
            ));
        }
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
    Ok(TokenRequest {
        proof: Proof::Jwt(Redacted(trimmed(subject_token))),
        account: Some(principal(params)?),
        ..TokenRequest::default()
    })
}

/// The client signs for the regional host of its scope and sends the parts that are not clear from that; content type and domain
/// are always the same, so they do not come along.
fn parse_aws<'p>(params: &'p Params<'_>) -> Result<TokenRequest<'p>, RequestFault> {
    let part = |name: &'static str, sentence| params.find(name).ok_or(RequestFault::invalid("param-aws", sentence));
    let parts = Parts {
        authorization: part("authorization", "authorization is missing")?,
        date: part("x_amz_date", "x_amz_date is missing")?,
        content_sha256: params.find("x_amz_content_sha256"),
        security_token: params.find("x_amz_security_token"),
        content_type: "application/x-www-form-urlencoded; charset=utf-8",
    };
    let request = AwsRequest::of_parts(parts).map_err(aws4::fault)?;
    Ok(TokenRequest {
        proof: Proof::AwsRequest(Box::new(request)),
        account: Some(principal(params)?),
        ..TokenRequest::default()
    })
}

fn principal<'p>(params: &'p Params<'_>) -> Result<Cow<'p, str>, RequestFault> {
    let missing = RequestFault::invalid("param-principal", "principal is missing: set SPIRAL_WORKLOAD_ID");
    params.find("principal").map(Cow::Borrowed).ok_or(missing)
}

fn error(cause: Cause) -> WireError {
    match cause {
        Cause::ClientAuthentication => WireError::new(401, "invalid_client"),
        Cause::Internal => WireError::new(500, "server_error"),
        Cause::KeysUnavailable | Cause::StoreUnavailable => WireError::new(503, "temporarily_unavailable"),
        Cause::MalformedRequest => WireError::new(400, "invalid_request"),
        Cause::MethodNotAllowed => WireError::new(405, "invalid_request"),
        Cause::MisdirectedRequest => WireError::new(421, "invalid_request"),
        Cause::Policy(_) | Cause::Token => WireError::new(401, "invalid_grant"),
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
