//! A signed AWS request as a subject token, in the form that Google's libraries have given it: percent-encoded JSON with
//! `method`, `url` and `headers`, and here perhaps `body`.

use std::borrow::Cow;

use accredit_id::aws_request::{AwsRequest, AwsRequestFault, Sent};
use accredit_id::json::{Json, Limits, Object, object};

use super::{Proof, RequestFault, form};

/// The subject token type that Google's libraries send.
pub(super) const AWS4_REQUEST: &str = "urn:ietf:params:aws:token-type:aws4_request";

/// Reads the proof.
pub(super) fn proof<'p>(subject_token: &str) -> Result<Proof<'p>, RequestFault> {
    let text = match subject_token.starts_with('{') {
        true => Cow::Borrowed(subject_token),
        // A plus sign stands for itself here: session tokens have it, and it is percent-encoded where it was meant otherwise.
        false => form::percent_decoded(subject_token.as_bytes()).map_err(|_| MALFORMED)?,
    };
    let request = object(text.as_bytes(), &LIMITS).map_err(|_| MALFORMED)?;
    let headers = headers(&request)?;
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    let text = |name: &str| request.get(name).and_then(Json::as_str);
    let body = match request.get("body").or_else(|| request.get("data")) {
        None | Some(Json::Null) => "",
        Some(body) => body.as_str().ok_or(MALFORMED)?,
    };
    let (method, url) = (text("method").ok_or(MALFORMED)?, text("url").ok_or(MALFORMED)?);
    AwsRequest::read(Sent { method, url, headers: &headers, body })
        .map(|request| Proof::AwsRequest(Box::new(request)))
        .map_err(fault)
}

/// A fault of the request's form. It is the caller's own, so he learns which.
pub(super) fn fault(fault: AwsRequestFault) -> RequestFault {
    RequestFault::invalid(fault.code(), fault.sentence())
}

/// `[{"key": NAME, "value": VALUE}, ...]`.
fn headers(request: &Object<'_>) -> Result<Vec<(String, String)>, RequestFault> {
    let list = request.get("headers").and_then(Json::as_array).ok_or(MALFORMED)?;
    let pair = |header: &Json<'_>| {
        let header = header.as_object()?;
        Some((header.get("key")?.as_str()?.to_owned(), header.get("value")?.as_str()?.to_owned()))
    };
    list.iter().map(|header| pair(header).ok_or(MALFORMED)).collect()
}

const LIMITS: Limits = Limits { depth: 4, members: 128, string_bytes: 16 * 1024 };
const MALFORMED: RequestFault = RequestFault::invalid(
    "aws-request-malformed",
    "the subject token is not a signed AWS request: expected percent-encoded JSON with method, url and headers",
);
