//! Faces: protocols in front of the road, a file each, a row of equals.
//!
//! A face recognises its requests by path, media type and parameters, parses them into a [`TokenRequest`], and has one
//! table from causes of refusal to its wire. The last face of a path renders what fails before a face is known; where
//! there is no path either, RFC 8693's does.

mod actor;
mod anthropic;
mod aws4;
mod cause;
mod client_credentials;
mod codes;
#[cfg(feature = "fuzzing")]
pub(crate) mod doors;
mod form;
mod jwt_bearer;
mod openai;
mod params;
mod rfc8693;
mod spiral;

pub(crate) use actor::ActorToken;
pub(crate) use cause::{Cause, RequestFault, WireError};
pub(crate) use codes::CODES;
pub(crate) use params::{Media, Params};
pub(crate) use spiral::{SPIRAL, SPIRAL_AWS};

use std::borrow::Cow;

use accredit_id::aws_request::AwsRequest;

use crate::binding::Proven;
use crate::client::Client;

/// Every face that is found by its path and parameters, in the order in which those of one path are asked. Spiral's two have a
/// way of their own to answer (`http/spiral.rs`).
pub(crate) static FACES: &[&Face] = &[
    &openai::OPENAI,
    &jwt_bearer::JWT_BEARER,
    &client_credentials::CLIENT_CREDENTIALS,
    &rfc8693::RFC8693,
    &anthropic::ANTHROPIC,
    &client_credentials::ENTRA,
];

/// The face that renders what fails before another is known.
pub(crate) static FALLBACK: &Face = &rfc8693::RFC8693;

/// A protocol.
#[derive(Debug)]
pub(crate) struct Face {
    /// Its name in the audit log.
    pub(crate) name: &'static str,
    /// Where its requests go.
    pub(crate) path: Place,
    /// The media type of its requests.
    pub(crate) media: Media,
    /// Whether a caller whose evidence or policy fails learns nothing but that it did.
    pub(crate) opaque: bool,
    /// Whether a request of that path and media type is its own.
    pub(crate) recognise: fn(&Params<'_>) -> bool,
    /// Reads a request.
    pub(crate) parse: for<'p> fn(&'p Params<'_>) -> Result<TokenRequest<'p>, RequestFault>,
    /// Its one table of errors.
    pub(crate) error: fn(Cause) -> WireError,
}

/// A path of faces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// This one.
    At(&'static str),
    /// One segment, whatever it says, and then this.
    Under(&'static str),
}

/// A request for a token, whatever protocol it came in.
#[derive(Debug, Default)]
pub(crate) struct TokenRequest<'p> {
    /// The evidence.
    pub(crate) proof: Proof<'p>,
    /// Who acts for its subject, where somebody does.
    pub(crate) actor: Option<ActorToken<'p>>,
    /// The client that the evidence authenticates, where it is a client's assertion.
    pub(crate) client: Option<Client<'p>>,
    /// The provider, by name or id.
    pub(crate) provider: Option<Cow<'p, str>>,
    /// The service account, by name or id.
    pub(crate) account: Option<Cow<'p, str>>,
    /// The one mapping to be judged by, by name or id.
    pub(crate) mapping: Option<Cow<'p, str>>,
    /// The API, by audience, name or id.
    pub(crate) api: Option<Cow<'p, str>>,
    /// Permissions asked for.
    pub(crate) scope: Option<Cow<'p, str>>,
    /// What the workload says of itself, for the log alone.
    pub(crate) context: Option<&'p str>,
    /// The keys that the request proves, whatever its face.
    pub(crate) keys: Proven,
}

/// What is shown as evidence. `Debug` shows no secret of it.
#[derive(Debug)]
pub(crate) enum Proof<'p> {
    /// A signed JWT, white space around it trimmed.
    Jwt(Redacted<'p>),
    /// An access token of ours, to be narrowed: a road of its own.
    AccessToken(Redacted<'p>),
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

/// The face that renders what fails on a path before another is known; `None` where no face is.
pub(crate) fn of_path(path: &str) -> Option<&'static Face> {
    // Nearly all requests.
    if FALLBACK.path.is(path) {
        return Some(FALLBACK);
    }
    FACES.iter().copied().rev().find(|face| face.path.is(path))
}

/// Finds the face of a request among those of its path.
///
/// # Errors
/// None of them takes this media type.
pub(crate) fn recognise(path: Place, media: Media, params: &Params<'_>) -> Result<&'static Face, RequestFault> {
    let found = FACES.iter().copied().find(|face| face.path == path && face.media == media && (face.recognise)(params));
    found.ok_or(RequestFault::new(
        Cause::UnsupportedMedia,
        "content-type",
        "the content type is not one that this path takes",
    ))
}

impl Place {
    /// The name of the route, without what a caller put into it.
    pub(crate) fn route(self) -> &'static str {
        match self {
            Place::At(route) | Place::Under(route) => route,
        }
    }

    fn is(self, path: &str) -> bool {
        match self {
            Place::At(place) => place == path,
            Place::Under(rest) => path
                .strip_suffix(rest)
                .is_some_and(|segment| segment.len() > 1 && segment.starts_with('/') && !segment[1..].contains('/')),
        }
    }
}

/// Platform guides write token files with `echo`, and several SDKs send them as they are, line end included.
fn trimmed(token: &str) -> &str {
    token.trim_matches([' ', '\t', '\r', '\n'])
}

/// The JWT of a token exchange in which nobody acts for anybody.
fn exchanged_alone<'p>(params: &'p Params<'_>) -> Result<&'p str, RequestFault> {
    let declared = params
        .find("subject_token_type")
        .ok_or(RequestFault::invalid("param-subject-token-type", "subject_token_type is missing"))?;
    check_subject_type(declared)?;
    actor::none(params)?;
    params.find("subject_token").ok_or(RequestFault::invalid("param-subject-token", "subject_token is missing"))
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

const TOKEN_ENDPOINT: Place = Place::At("/oauth/token");
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test reads the vectors")]
    fn every_face_has_transcripts_and_its_part_of_the_page() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let page = std::fs::read_to_string(root.join("docs/reference/token-endpoint.md")).unwrap();
        for face in FACES {
            assert!(root.join("vectors/faces").join(face.name).is_dir(), "face `{}` has no transcripts", face.name);
            assert!(page.contains(&format!("`{}`", face.name)), "face `{}` is not on the page", face.name);
        }
    }

    #[test]
    fn a_path_leads_to_the_face_that_answers_first() {
        for (path, name) in [
            ("/oauth/token", Some("rfc8693")),
            ("/v1/oauth/token", Some("anthropic")),
            ("/tenant/oauth2/v2.0/token", Some("entra")),
            ("/a/b/oauth2/v2.0/token", None),
            ("/oauth2/v2.0/token", None),
            ("//oauth2/v2.0/token", None),
            ("/oauth/token/", None),
            ("/OAUTH/TOKEN", None),
            ("", None),
        ] {
            assert_eq!(of_path(path).map(|face| face.name), name, "{path}");
        }
    }
}
