//! Asking AWS' token service who signed a request.
//!
//! The request is ours: written from its checked parts, to a host of AWS' own, with XML asked for. A caller's bytes reach
//! AWS nowhere but as values of the headers that he signed.

use std::time::Duration;

use accredit_core::evidence::aws_request::{Answer, ToSend};
use accredit_id::shown::Shown;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use tokio::time::{Instant, timeout_at};

use super::client::{self, Answered, Asked};
use super::fault::{Document, FetchCause, FetchFault};
use super::fetch::Fetcher;
use super::guard::{Target, UrlFault};
use super::sts_answer;

/// Why nobody was named.
#[derive(Debug)]
pub(crate) enum StsFault {
    /// AWS refuses the request: its signature does not hold, or its credentials do not.
    Refused {
        /// AWS' own code, such as `SignatureDoesNotMatch`.
        code: Shown,
    },
    /// AWS cannot be asked now.
    Unavailable(FetchFault),
    /// What answers is not AWS' token service, or does not answer as it does.
    Unreadable(FetchFault),
}

// === impl Fetcher ===

impl Fetcher {
    /// Judges a stand-in for AWS' token service, which only the server's own configuration can name.
    pub(crate) fn judge_stand_in(&self, url: &str) -> Result<(), UrlFault> {
        self.guard.configured(url).map(drop)
    }

    /// Sends a request to AWS' token service, or to `stand_in` under the name of AWS' host, and reads whose it is.
    pub(crate) async fn caller_identity(&self, request: &ToSend, stand_in: Option<&str>) -> Result<Answer, StsFault> {
        let base = stand_in.map_or_else(|| format!("https://{}", request.host), str::to_owned);
        let url = format!("{}{}", base.trim_end_matches('/'), request.target);
        let fault = |cause| FetchFault { document: Document::CallerIdentity, location: Shown::of(&base), cause };
        let target = match self.guard.discovered_by_us(&url) {
            Ok(target) => target,
            Err(refused) => return Err(StsFault::Unavailable(fault(FetchCause::RefusedUrl(refused)))),
        };
        let deadline = Instant::now() + PATIENCE;
        let Ok(Ok(_turn)) = timeout_at(deadline, self.asking.acquire()).await else {
            return Err(StsFault::Unavailable(fault(FetchCause::Busy)));
        };
        match timeout_at(deadline, self.ask(request, &target)).await {
            Ok(Ok(answer)) => answer.map_err(|failure| match failure {
                Failure::Refused(code) => StsFault::Refused { code },
                Failure::Unreadable(cause) => StsFault::Unreadable(fault(cause)),
            }),
            Ok(Err(cause)) => Err(StsFault::Unavailable(fault(cause))),
            Err(_) => Err(StsFault::Unavailable(fault(FetchCause::Timeout(PATIENCE)))),
        }
    }

    async fn ask(&self, request: &ToSend, target: &Target) -> Result<Result<Answer, Failure>, FetchCause> {
        let mut headers = HeaderMap::new();
        for (name, value) in &request.headers {
            let name = HeaderName::from_bytes(name.as_bytes());
            let (Ok(name), Ok(mut value)) = (name, HeaderValue::from_str(value)) else {
                return Ok(Err(Failure::Unreadable(FetchCause::Broken(Shown::of("a header cannot be sent")))));
            };
            value.set_sensitive(true);
            headers.append(name, value);
        }
        if !request.body.is_empty() {
            headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static(FORM));
        }
        headers.insert(header::ACCEPT, HeaderValue::from_static("text/xml"));
        let body = Bytes::copy_from_slice(request.body.as_bytes());
        let answered = self.client.send(target, Asked { method: Method::POST, headers, body }).await?;
        let status = answered.status();
        if !matches!(status.as_u16(), 200 | 400 | 403) {
            let cause = answered.refused_status();
            // What redirects is not AWS' token service, today or tomorrow.
            return if status.is_redirection() { Ok(Err(Failure::Unreadable(cause))) } else { Err(cause) };
        }
        if let Some(kind) = other_type(&answered) {
            return Ok(Err(Failure::Unreadable(FetchCause::NotXml { content_type: kind })));
        }
        let body = match answered.body(MAX_ANSWER).await {
            Err(cause @ FetchCause::TooLarge { .. }) => return Ok(Err(Failure::Unreadable(cause))),
            read => read?,
        };
        if status == StatusCode::OK {
            return Ok(sts_answer::caller(&body).map_err(|why| Failure::Unreadable(FetchCause::Xml(why))));
        }
        match sts_answer::error_code(&body) {
            // Its own limits, and what it says of itself: not the caller's fault.
            Ok(code) if THEIR_OWN.contains(&code.as_str()) => {
                Err(FetchCause::Status { status: status.as_u16(), retry_after: None })
            }
            Ok(code) => Ok(Err(Failure::Refused(Shown::of(&code)))),
            Err(why) => Ok(Err(Failure::Unreadable(FetchCause::Xml(why)))),
        }
    }
}

enum Failure {
    Refused(Shown),
    Unreadable(FetchCause),
}

/// What an answer calls itself, when that is not XML. Text of another type may be an echo of the request (CVE-2020-16250).
fn other_type(answered: &Answered) -> Option<Option<Shown>> {
    let kind = client::text(answered.headers(), &header::CONTENT_TYPE);
    let essence = kind.map(|kind| kind.split(';').next().unwrap_or_default().trim());
    match essence {
        Some("text/xml" | "application/xml") => None,
        _ => Some(kind.map(Shown::of)),
    }
}

// === impl StsFault ===

impl StsFault {
    /// The stable code.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            StsFault::Refused { .. } => "aws-refused",
            StsFault::Unavailable(_) => "aws-unavailable",
            StsFault::Unreadable(_) => "aws-unreadable",
        }
    }

    /// The sentence for operators.
    pub(crate) fn operator_text(&self) -> String {
        match self {
            StsFault::Refused { code } => format!("AWS refused the signed request: `{code}`"),
            StsFault::Unavailable(fault) | StsFault::Unreadable(fault) => fault.operator_text(),
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            StsFault::Refused { code } => match code.as_str() {
                "SignatureDoesNotMatch" => Some(
                    "the client must sign `host` and the domain header exactly as this server sends them; see docs/providers/aws.md"
                        .to_owned(),
                ),
                "ExpiredToken" | "ExpiredTokenException" => Some("have the workload refresh its credentials".to_owned()),
                _ => None,
            },
            StsFault::Unavailable(fault) | StsFault::Unreadable(fault) => fault.hint().map(str::to_owned),
        }
    }
}

/// From the start to the last byte. AWS answers within a tenth of a second.
const PATIENCE: Duration = Duration::from_secs(5);
/// An answer has about 600 bytes.
const MAX_ANSWER: usize = 16 * 1024;
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
/// Codes of AWS that say nothing about the request.
const THEIR_OWN: &[&str] =
    &["InternalFailure", "RequestLimitExceeded", "ServiceUnavailable", "Throttling", "ThrottlingException"];
