//! Errors of the admin API: RFC 9457 problem details, each with a stable code.

use accredit_api::problem::{MEDIA_TYPE, Problem, TYPE_PREFIX};
use accredit_core::decide::access::Refusal;
use accredit_core::keyring::CommandFault;
use accredit_core::model::Faults;
use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::pointer;
use crate::following::FollowFault;
use crate::record::RecordFault;
use crate::signing::KeysFault;

/// Why an administrator's request is refused.
#[derive(Debug)]
pub(crate) enum AdminFault {
    /// A token or its proof does not hold; the caller logs in again, or proves again.
    Challenged(String),
    /// It would make a second one of what there is, or take what is used.
    Conflict(String),
    /// The documents cannot be brought into force.
    Documents(Faults),
    /// The same, each fault with its place in the request.
    Located(Vec<accredit_api::problem::Fault>),
    /// A request with this idempotency key is being answered.
    InFlight,
    /// This idempotency key came with another request.
    KeyReused,
    /// The method does not go with the route; those that do, where the router does not say them.
    Method(Option<&'static str>),
    /// Another name that leads here is somebody's DNS rebinding (L24).
    Misdirected,
    /// Something that was named does not exist, or its reader may not know.
    NotFound(String),
    /// Who asks may not do that.
    NotPermitted(Refusal, String),
    /// The resource is not at the revision that `If-Match` names.
    Precondition(String),
    /// The request is not well formed.
    Request(String),
    /// The request's body took too long.
    Slow,
    /// So much from this address has failed that it waits for so many seconds.
    Throttled(u32),
    /// The request is larger than any that is read.
    TooLarge,
    /// Nobody was named by a token that proves possession of its key.
    Unauthenticated,
    /// The store, or a key, is in the way.
    Unavailable(String),
    /// The body is no JSON, or does not say so.
    UnsupportedMedia(String),
}

pub(crate) type Answer<T> = Result<Json<T>, AdminFault>;

/// What stands in every problem of a code: status, code, and the title that never varies.
struct Type(StatusCode, &'static str, &'static str);

pub(super) async fn no_such_route() -> AdminFault {
    AdminFault::NotFound("route does not exist".to_owned())
}

pub(super) async fn no_such_method() -> AdminFault {
    AdminFault::Method(None)
}

// === impl AdminFault ===

impl AdminFault {
    fn of_type(&self) -> Type {
        match self {
            AdminFault::Conflict(_) => Type(StatusCode::CONFLICT, "conflict", "conflict with what there is"),
            AdminFault::Documents(_) | AdminFault::Located(_) => {
                Type(StatusCode::UNPROCESSABLE_ENTITY, "documents-refused", "documents cannot be brought into force")
            }
            AdminFault::InFlight => {
                Type(StatusCode::CONFLICT, "idempotency-key-in-flight", "first request is being answered")
            }
            AdminFault::KeyReused => {
                Type(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", "key came with another request")
            }
            AdminFault::Method(_) => {
                Type(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "method does not go with the route")
            }
            AdminFault::Misdirected => {
                Type(StatusCode::MISDIRECTED_REQUEST, "misdirected-request", "host is not this server's")
            }
            AdminFault::NotFound(_) => Type(StatusCode::NOT_FOUND, "not-found", "no such thing"),
            AdminFault::NotPermitted(refusal, _) => Type(StatusCode::FORBIDDEN, refusal.code(), "not permitted"),
            AdminFault::Precondition(_) => {
                Type(StatusCode::PRECONDITION_FAILED, "revision-changed", "resource is at another revision")
            }
            AdminFault::Request(_) => Type(StatusCode::BAD_REQUEST, "request-malformed", "request is not well formed"),
            AdminFault::Slow => Type(StatusCode::REQUEST_TIMEOUT, "request-slow", "request took too long"),
            AdminFault::Throttled(_) => Type(StatusCode::TOO_MANY_REQUESTS, "rate-limited", "budget is spent"),
            AdminFault::TooLarge => {
                Type(StatusCode::PAYLOAD_TOO_LARGE, "request-too-large", "request is larger than any that is read")
            }
            AdminFault::Challenged(_) | AdminFault::Unauthenticated => {
                Type(StatusCode::UNAUTHORIZED, "unauthenticated", "administrator is not named")
            }
            AdminFault::Unavailable(_) => {
                Type(StatusCode::SERVICE_UNAVAILABLE, "store-unavailable", "server cannot write now")
            }
            AdminFault::UnsupportedMedia(_) => {
                Type(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type-unsupported", "body is not JSON")
            }
        }
    }

    fn detail(&self) -> String {
        match self {
            AdminFault::Challenged(what)
            | AdminFault::Conflict(what)
            | AdminFault::NotFound(what)
            | AdminFault::NotPermitted(_, what)
            | AdminFault::Precondition(what)
            | AdminFault::Request(what)
            | AdminFault::Unavailable(what)
            | AdminFault::UnsupportedMedia(what) => what.clone(),
            AdminFault::Documents(faults) => counted(faults.0.len()),
            AdminFault::Located(faults) => counted(faults.len()),
            AdminFault::InFlight => "a request with this idempotency key is being answered".to_owned(),
            AdminFault::KeyReused => "the idempotency key came with another request before".to_owned(),
            AdminFault::Method(_) => "method does not go with the route".to_owned(),
            AdminFault::Misdirected => "this server does not answer for that host".to_owned(),
            AdminFault::Slow => "the body took longer than a minute".to_owned(),
            AdminFault::Throttled(_) => "too many requests from this address have failed".to_owned(),
            AdminFault::TooLarge => "the body is larger than 64 MiB".to_owned(),
            AdminFault::Unauthenticated => "the request names no administrator".to_owned(),
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            AdminFault::NotPermitted(refusal, _) => Some(refusal.hint()),
            AdminFault::Precondition(_) => Some("read it again, and repeat the change on what it is now"),
            AdminFault::Challenged(_) | AdminFault::Unauthenticated => Some("log in with `accredit login URL`"),
            AdminFault::UnsupportedMedia(_) => Some("say `content-type: application/json`"),
            AdminFault::InFlight => Some("wait, and send the same again"),
            AdminFault::KeyReused => Some("make a new key for each request"),
            AdminFault::Unavailable(_) => {
                Some("`/readyz` and the log say more; when the store is back, the same works again")
            }
            AdminFault::Conflict(_)
            | AdminFault::Documents(_)
            | AdminFault::Located(_)
            | AdminFault::Method(_)
            | AdminFault::Misdirected
            | AdminFault::NotFound(_)
            | AdminFault::Request(_)
            | AdminFault::Slow
            | AdminFault::Throttled(_)
            | AdminFault::TooLarge => None,
        }
    }
}

/// That an act was refused for want of a right: in the answer's extensions, for whoever writes refusals down.
#[derive(Clone, Debug)]
pub(super) struct NotPermitted(pub(super) Problem);

impl IntoResponse for AdminFault {
    fn into_response(self) -> Response {
        let Type(status, code, title) = self.of_type();
        let (detail, hint) = (self.detail(), self.hint().map(str::to_owned));
        let allow = if let AdminFault::Method(allow) = self { allow } else { None };
        let is_unauthenticated = matches!(self, AdminFault::Challenged(_) | AdminFault::Unauthenticated);
        let retry_after = match self {
            AdminFault::Throttled(seconds) => Some(seconds),
            AdminFault::Unavailable(_) => Some(1),
            _ => None,
        };
        let not_permitted = matches!(self, AdminFault::NotPermitted(..));
        let faults = match self {
            AdminFault::Documents(faults) => {
                faults.0.into_iter().map(|fault| pointer::on_the_wire(fault, "")).collect()
            }
            AdminFault::Located(faults) => faults,
            _ => Vec::new(),
        };
        let problem = Problem {
            kind: format!("{TYPE_PREFIX}{code}"),
            code: code.to_owned(),
            status: status.as_u16(),
            title: title.to_owned(),
            detail,
            hint,
            decision: None,
            faults,
        };
        let mut response = rendered(&problem);
        if not_permitted {
            response.extensions_mut().insert(NotPermitted(problem));
        }
        let headers = response.headers_mut();
        headers.extend(allow.map(|allow| (header::ALLOW, HeaderValue::from_static(allow))));
        if is_unauthenticated {
            // RFC 9449 section 7.1: the algorithms that a proof may have.
            let challenge = "DPoP algs=\"ES256 ES384 EdDSA\"";
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        headers.extend(retry_after.map(|seconds| (header::RETRY_AFTER, HeaderValue::from(seconds))));
        response
    }
}

/// A problem as it goes out.
pub(super) fn rendered(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, Json(problem)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    response
}

fn counted(faults: usize) -> String {
    match faults {
        1 => "1 fault; nothing was written".to_owned(),
        count => format!("{count} faults; nothing was written"),
    }
}

impl From<Faults> for AdminFault {
    fn from(faults: Faults) -> Self {
        AdminFault::Documents(faults)
    }
}

impl From<JsonRejection> for AdminFault {
    fn from(rejection: JsonRejection) -> Self {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => AdminFault::TooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => AdminFault::UnsupportedMedia(rejection.body_text()),
            _ => AdminFault::Request(rejection.body_text()),
        }
    }
}

impl From<QueryRejection> for AdminFault {
    fn from(rejection: QueryRejection) -> Self {
        AdminFault::Request(rejection.body_text())
    }
}

impl From<PathRejection> for AdminFault {
    fn from(rejection: PathRejection) -> Self {
        AdminFault::Request(rejection.body_text())
    }
}

impl From<RecordFault> for AdminFault {
    fn from(fault: RecordFault) -> Self {
        AdminFault::Unavailable(fault.to_string())
    }
}

impl From<FollowFault> for AdminFault {
    fn from(fault: FollowFault) -> Self {
        AdminFault::Unavailable(fault.to_string())
    }
}

impl From<KeysFault> for AdminFault {
    fn from(fault: KeysFault) -> Self {
        let said = fault.to_string();
        match fault {
            KeysFault::Order(CommandFault::Unknown(_) | CommandFault::NoneActive) => AdminFault::NotFound(said),
            KeysFault::Order(
                CommandFault::Crowded { .. }
                | CommandFault::Gone { .. }
                | CommandFault::SignsNoMore { .. }
                | CommandFault::Vouches(_),
            ) => AdminFault::Conflict(said),
            KeysFault::EncryptionKey(_)
            | KeysFault::Key(_)
            | KeysFault::Recorded(_)
            | KeysFault::SealedAlready
            | KeysFault::Store(_)
            | KeysFault::Tampered(_)
            | KeysFault::Unsealed => AdminFault::Unavailable(said),
        }
    }
}

impl From<accredit_store::StoreError> for AdminFault {
    fn from(fault: accredit_store::StoreError) -> Self {
        AdminFault::Unavailable(fault.to_string())
    }
}
