//! The answer to a write, rendered before the write is: it is kept with it, for whoever asks again.

use accredit_store::KeptAnswer;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;

use super::problem::AdminFault;

/// An answer of JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rendered {
    pub(super) status: StatusCode,
    pub(super) etag: Option<String>,
    pub(super) location: Option<String>,
    pub(super) body: Bytes,
}

// === impl Rendered ===

impl Rendered {
    /// An answer without tag or location.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Result<Self, AdminFault> {
        let body = serde_json::to_vec(body)
            .map_err(|fault| AdminFault::Unavailable(format!("the answer could not be made: {fault}")))?;
        Ok(Self { status, etag: None, location: None, body: body.into() })
    }
}

impl IntoResponse for Rendered {
    fn into_response(self) -> Response {
        let Self { status, etag, location, body } = self;
        let media = HeaderValue::from_static("application/json");
        let mut response = (status, [(header::CONTENT_TYPE, media)], body).into_response();
        for (name, value) in [(header::ETAG, etag), (header::LOCATION, location)] {
            // A name that no header can hold is left out.
            let value = value.and_then(|value| HeaderValue::from_str(&value).ok());
            response.headers_mut().extend(value.map(|value| (name, value)));
        }
        response
    }
}

impl TryFrom<KeptAnswer> for Rendered {
    type Error = AdminFault;

    fn try_from(kept: KeptAnswer) -> Result<Self, AdminFault> {
        let KeptAnswer { asked: _, actor: _, request: _, status, etag, location, body } = kept;
        let status = StatusCode::from_u16(status)
            .map_err(|fault| AdminFault::Unavailable(format!("the answer that was kept cannot be read: {fault}")))?;
        Ok(Self { status, etag, location, body: body.into() })
    }
}
