//! Errors of the admin API: RFC 9457 problem details, each with a stable code.

use accredit_api::problem::{Fault, Problem};
use accredit_core::model::Faults;
use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::record::RecordFault;
use crate::signing::KeysFault;

/// Why an administrator's request is refused.
#[derive(Debug)]
pub(super) enum AdminFault {
    /// The documents cannot be brought into force.
    Documents(Faults),
    /// Something that was named does not exist.
    NotFound(String),
    /// The request is not well formed.
    Request(String),
    /// The store, or a key, is in the way.
    Unavailable(String),
}

pub(super) type Answer<T> = Result<Json<T>, AdminFault>;

pub(super) async fn no_such_route() -> AdminFault {
    AdminFault::NotFound("route does not exist".to_owned())
}

impl From<Faults> for AdminFault {
    fn from(faults: Faults) -> Self {
        AdminFault::Documents(faults)
    }
}

impl From<JsonRejection> for AdminFault {
    fn from(rejection: JsonRejection) -> Self {
        AdminFault::Request(rejection.body_text())
    }
}

impl From<QueryRejection> for AdminFault {
    fn from(rejection: QueryRejection) -> Self {
        AdminFault::Request(rejection.body_text())
    }
}

impl From<RecordFault> for AdminFault {
    fn from(fault: RecordFault) -> Self {
        AdminFault::Unavailable(fault.to_string())
    }
}

impl From<KeysFault> for AdminFault {
    fn from(fault: KeysFault) -> Self {
        AdminFault::Unavailable(fault.to_string())
    }
}

impl From<accredit_store::StoreError> for AdminFault {
    fn from(fault: accredit_store::StoreError) -> Self {
        AdminFault::Unavailable(fault.to_string())
    }
}

impl IntoResponse for AdminFault {
    fn into_response(self) -> Response {
        let (status, code, title) = match &self {
            AdminFault::Documents(faults) => {
                let title = match faults.0.len() {
                    1 => "1 fault; nothing was written".to_owned(),
                    count => format!("{count} faults; nothing was written"),
                };
                (StatusCode::UNPROCESSABLE_ENTITY, "documents-refused", title)
            }
            AdminFault::NotFound(what) => (StatusCode::NOT_FOUND, "not-found", what.clone()),
            AdminFault::Request(what) => (StatusCode::BAD_REQUEST, "request-malformed", what.clone()),
            AdminFault::Unavailable(what) => (StatusCode::SERVICE_UNAVAILABLE, "store-unavailable", what.clone()),
        };
        let faults = match self {
            AdminFault::Documents(faults) => faults
                .0
                .into_iter()
                .map(|fault| Fault {
                    document: fault.document,
                    field: fault.field,
                    message: fault.message,
                    hint: fault.hint,
                })
                .collect(),
            AdminFault::NotFound(_) | AdminFault::Request(_) | AdminFault::Unavailable(_) => Vec::new(),
        };
        let problem = Problem { code: code.to_owned(), status: status.as_u16(), title, hint: None, faults };
        let mut response = (status, Json(problem)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }
}
