//! Reading a request's JSON within its limits, strictly: a member that stands twice means nothing.

use std::time::Duration;

use accredit_id::json::{self, Limits};
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header;
use serde::de::DeserializeOwned;

use super::problem::AdminFault;

/// A request's body, read as JSON of this type.
pub(super) struct Strict<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Strict<T> {
    type Rejection = AdminFault;

    async fn from_request(request: Request, _state: &S) -> Result<Self, AdminFault> {
        let (parts, body) = request.into_parts();
        let media = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if essence != "application/json" {
            let shown: String = media.chars().take(80).collect();
            return Err(AdminFault::UnsupportedMedia(format!(
                "content type is `{}`, expected `application/json`",
                shown.escape_debug()
            )));
        }
        if parts.headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
            return Err(AdminFault::UnsupportedMedia("the body is encoded, expected none".to_owned()));
        }
        let bytes = whole(body).await?;
        strict(&bytes).map(Strict)
    }
}

/// Reads a body's JSON. Twice: once for what a JSON reader would let pass, once for the shape.
pub(super) fn strict<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, AdminFault> {
    json::object(bytes, &LIMITS).map_err(|fault| AdminFault::Request(fault.to_string()))?;
    serde_json::from_slice(bytes).map_err(|fault| AdminFault::Request(fault.to_string()))
}

/// A request's body, within its limits.
pub(super) async fn whole(body: Body) -> Result<bytes::Bytes, AdminFault> {
    tokio::time::timeout(PATIENCE, read(body)).await.map_err(|_| AdminFault::Slow)?
}

async fn read(body: Body) -> Result<bytes::Bytes, AdminFault> {
    to_bytes(body, MAX_BODY).await.map_err(|fault| {
        let mut cause: Option<&dyn std::error::Error> = Some(&fault);
        while let Some(error) = cause {
            if error.is::<http_body_util::LengthLimitError>() {
                return AdminFault::TooLarge;
            }
            cause = error.source();
        }
        AdminFault::Request("the body ended before its length".to_owned())
    })
}

/// 64 MiB: a set of 100,000 documents.
const MAX_BODY: usize = 64 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(60);
/// A document nests a dozen deep; the whole body is bounded already.
const LIMITS: Limits = Limits { depth: 40, members: MAX_BODY, string_bytes: 1024 * 1024 };
