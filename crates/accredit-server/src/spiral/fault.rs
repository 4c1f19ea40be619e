//! Refusals in the form that Spiral's command line prints: it reads `message`.

use accredit_core::model::{Faults, Kind};
use accredit_id::shown::Shown;
use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::admin::AdminFault;

/// Why a request of Spiral's command line is refused.
#[derive(Debug)]
pub(super) struct Fault {
    status: StatusCode,
    code: &'static str,
    message: String,
}

// === impl Fault ===

impl Fault {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// No bearer, or none that holds. Why not is in nobody's interest but an attacker's.
    pub(super) fn unauthenticated() -> Self {
        let message =
            "the bearer is missing, has ended or is not for this: make one with `accredit token spiral --project NAME`";
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", message)
    }

    pub(super) fn forbidden() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "not-permitted",
            "this token writes workloads, policies and grants of its project alone",
        )
    }

    pub(super) fn not_found(kind: Kind, text: &str) -> Self {
        let what = format!("{} `{}` does not exist in this token's project", kind.noun(), Shown::of(text));
        Self::new(StatusCode::NOT_FOUND, "not-found", what)
    }

    pub(super) fn refused(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message)
    }
}

impl From<AdminFault> for Fault {
    fn from(fault: AdminFault) -> Self {
        match fault {
            AdminFault::Documents(faults) => Self::refused("refused", sentences(faults)),
            AdminFault::NotFound(what) => Self::new(StatusCode::NOT_FOUND, "not-found", what),
            AdminFault::Request(what) => Self::new(StatusCode::BAD_REQUEST, "request-malformed", what),
            AdminFault::Unavailable(what) => Self::new(StatusCode::SERVICE_UNAVAILABLE, "store-unavailable", what),
            AdminFault::Conflict(what) | AdminFault::Precondition(what) => {
                Self::new(StatusCode::CONFLICT, "conflict", what)
            }
            // What is about listeners, logins and roles does not come of a change that this face carries out.
            _ => Self::forbidden(),
        }
    }
}

impl From<JsonRejection> for Fault {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), "request-malformed", rejection.body_text())
    }
}

impl From<QueryRejection> for Fault {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "request-malformed", rejection.body_text())
    }
}

/// Every fault in one text: the command line has one line for it.
fn sentences(faults: Faults) -> String {
    let sentence = |fault: accredit_core::model::Fault| {
        let hint = fault.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
        match fault.field.as_str() {
            "" => format!("{}{hint}", fault.message),
            field => format!("{field}: {}{hint}", fault.message),
        }
    };
    faults.0.into_iter().map(sentence).collect::<Vec<_>>().join(" | ")
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let Self { status, code, message } = self;
        let body = json!({"error": code, "error_description": message, "message": message});
        let mut response = (status, Json(body)).into_response();
        let more = match status {
            StatusCode::UNAUTHORIZED => Some((header::WWW_AUTHENTICATE, "Bearer")),
            StatusCode::SERVICE_UNAVAILABLE => Some((header::RETRY_AFTER, "1")),
            _ => None,
        };
        let headers = response.headers_mut();
        headers.extend(more.map(|(name, value)| (name, HeaderValue::from_static(value))));
        response
    }
}
