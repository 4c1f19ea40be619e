//! Faces: protocols in front of the road, a file each, a row of equals.
//!
//! A face recognises its requests by media type and parameters, parses them into a [`TokenRequest`], and has one table
//! from causes of refusal to its wire. RFC 8693's renders what fails before a face is known.

mod aws4;
mod cause;
mod form;
mod openai;
mod params;
mod rfc8693;
mod spiral;

pub(crate) use cause::{Cause, RequestFault, WireError};
pub(crate) use params::{Media, Params};
pub(crate) use spiral::{SPIRAL, SPIRAL_AWS};

use std::borrow::Cow;

use accredit_id::aws_request::AwsRequest;

/// Every face of `/oauth/token`, in the order in which they are asked.
pub(crate) static FACES: &[&Face] = &[&openai::OPENAI, &rfc8693::RFC8693];

/// The face that renders what fails before another is known.
pub(crate) static FALLBACK: &Face = &rfc8693::RFC8693;

/// A protocol.
#[derive(Debug)]
pub(crate) struct Face {
    /// Its name in the audit log.
    pub(crate) name: &'static str,
    /// The media type of its requests.
    pub(crate) media: Media,
    /// Whether a request of that media type is its own.
    pub(crate) recognise: fn(&Params<'_>) -> bool,
    /// Reads a request.
    pub(crate) parse: for<'p> fn(&'p Params<'_>) -> Result<TokenRequest<'p>, RequestFault>,
    /// Its one table of errors.
    pub(crate) error: fn(Cause) -> WireError,
}

/// A request for a token, whatever protocol it came in.
#[derive(Debug, Default)]
pub(crate) struct TokenRequest<'p> {
    /// The evidence.
    pub(crate) proof: Proof<'p>,
    /// The provider, by name or id.
    pub(crate) provider: Option<Cow<'p, str>>,
    /// The service account, by name or id.
    pub(crate) account: Option<Cow<'p, str>>,
    /// The API, by audience, name or id.
    pub(crate) api: Option<Cow<'p, str>>,
    /// Permissions asked for.
    pub(crate) scope: Option<Cow<'p, str>>,
}

/// What is shown as evidence. `Debug` shows no secret of it.
#[derive(Debug)]
pub(crate) enum Proof<'p> {
    /// A signed JWT, white space around it trimmed.
    Jwt(Redacted<'p>),
    /// A signed AWS request.
    AwsRequest(Box<AwsRequest>),
}

impl Default for Proof<'_> {
    fn default() -> Self {
        Proof::Jwt(Redacted(""))
    }
}

/// A text that `Debug` does not show.
#[derive(Default)]
pub(crate) struct Redacted<'p>(pub(crate) &'p str);

impl std::fmt::Debug for Redacted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Finds the face of a request.
pub(crate) fn recognise(media: Media, params: &Params<'_>) -> &'static Face {
    FACES.iter().copied().find(|face| face.media == media && (face.recognise)(params)).unwrap_or(FALLBACK)
}

/// Platform guides write token files with `echo`, and several SDKs send them as they are, line end included.
fn trimmed(token: &str) -> &str {
    token.trim_matches([' ', '\t', '\r', '\n'])
}

/// Subject token types that are a signed JWT (RFC 8693 section 3).
fn check_subject_type(declared: &str) -> Result<(), RequestFault> {
    match declared {
        "urn:ietf:params:oauth:token-type:jwt" | "urn:ietf:params:oauth:token-type:id_token" => Ok(()),
        "urn:ietf:params:oauth:token-type:access_token"
        | "urn:ietf:params:oauth:token-type:refresh_token"
        | "urn:ietf:params:oauth:token-type:saml1"
        | "urn:ietf:params:oauth:token-type:saml2" => Err(RequestFault::invalid(
            "type-mismatch",
            "subject_token_type is not accepted here: expected urn:ietf:params:oauth:token-type:jwt or id_token",
        )),
        _ => Err(RequestFault::invalid(
            "param-subject-token-type",
            "subject_token_type is not known: expected urn:ietf:params:oauth:token-type:jwt or id_token",
        )),
    }
}

const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
