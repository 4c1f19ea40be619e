//! Problem details (RFC 9457), the one error shape of the admin API.

use serde::{Deserialize, Serialize};

/// The media type of a [`Problem`] (RFC 9457 section 3).
pub const MEDIA_TYPE: &str = "application/problem+json";

/// What the type URI of every problem begins with; its code follows.
pub const TYPE_PREFIX: &str = "urn:accredit:problem:";

/// An error answer of the admin API (RFC 9457, section 3.1), media type `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// [`TYPE_PREFIX`] and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// Stable kebab-case code, never reused; the reference page lists them.
    pub code: String,
    /// HTTP status, repeated so that a saved body explains itself.
    pub status: u16,
    /// What problems of this code have in common; always the same.
    pub title: String,
    /// What happened this time, one sentence: noun first, lower case, no full stop.
    pub detail: String,
    /// At most one action that mends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The record of the refusal, `act_...`, where there is one: what an operator asks the log about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
    /// Where in the request it went wrong, one entry a fault, in document order: the extension `errors` of RFC 9457 section 3.
    #[serde(default, rename = "errors", skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
}

/// One fault in one document of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Fault {
    /// Index of the document in the request, from 0.
    #[serde(default)]
    pub document: usize,
    /// Where in the request's body, a JSON Pointer as a URI fragment (RFC 6901 section 6), e.g.
    /// `#/resources/0/spec/match/ref`. A member that is missing is pointed at where it would be.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pointer: String,
    /// Field path inside the document, e.g. `spec.match.repository_id`; empty for the document as a whole.
    pub field: String,
    /// What is wrong, seen and expected.
    #[serde(rename = "detail")]
    pub message: String,
    /// The smallest edit that mends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}
