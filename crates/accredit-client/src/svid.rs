//! SVIDs for a job: its platform's token in, JWT-SVIDs and X509-SVIDs out.
//!
//! A workload beside an agent asks that one, by the Workload API. This is for jobs that have nothing but their token.

use std::time::Duration;

use accredit_api::problem::Problem;
use accredit_api::svid::{SvidRequest, SvidResponse};

pub use crate::web::EndpointFault;
use crate::web::{Asked, Endpoint, WebFault};

/// The endpoint `/v1/svid` of a server.
#[derive(Clone, Debug)]
pub struct SvidEndpoint(Endpoint);

/// Why there is no SVID.
#[derive(Debug, thiserror::Error)]
pub enum SvidError {
    /// The server answered no.
    #[error("{}", .0.problem.detail)]
    Refused(Box<Refusal>),
    /// The server could not be asked, or did not answer in time. Trying again may help.
    #[error("server `{endpoint}` cannot be reached: {cause}")]
    Unreachable {
        /// Its URL.
        endpoint: String,
        /// What the network said.
        cause: String,
    },
    /// The server answered something that is no answer of this endpoint.
    #[error("server `{endpoint}` answered {status} with a body that is no answer about SVIDs")]
    Malformed {
        /// Its URL.
        endpoint: String,
        /// The HTTP status.
        status: u16,
    },
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What the server says.
    pub problem: Problem,
    /// How long it asks to wait (RFC 9110 section 10.2.3, seconds only).
    pub retry_after: Option<Duration>,
}

// === impl SvidEndpoint ===

impl SvidEndpoint {
    /// The endpoint of a server by the server's URL: `https`, or plain `http` on this machine. `extra_roots` is PEM of
    /// certificates to trust beside the machine's own.
    ///
    /// # Errors
    /// When a token must not be sent to such a URL.
    pub fn of_server(url: &str, extra_roots: Option<&[u8]>) -> Result<Self, EndpointFault> {
        Endpoint::parse(&format!("{}{PATH}", url.trim_end_matches('/')), extra_roots).map(Self)
    }

    /// Asks once. Nothing is tried again here: a token may count once.
    ///
    /// # Errors
    /// [`SvidError`], which tells a refusal from an accident.
    pub async fn fetch(&self, request: &SvidRequest) -> Result<SvidResponse, SvidError> {
        let url = self.0.url().as_str();
        let asked = Asked {
            method: &reqwest::Method::POST,
            url,
            headers: &[("content-type", "application/json"), ("accept", "application/json, application/problem+json")],
            body: &serde_json::to_vec(request).unwrap_or_default(),
            patience: PATIENCE,
            cap: BODY_CAP,
        };
        let answer = self.0.send(asked).await.map_err(|fault| SvidError::Unreachable {
            endpoint: url.to_owned(),
            cause: match fault {
                WebFault::Unreachable(cause) | WebFault::Broken(cause) => cause,
                WebFault::TooLarge => "its answer is larger than any that is read".to_owned(),
            },
        })?;
        let malformed = || SvidError::Malformed { endpoint: url.to_owned(), status: answer.status.as_u16() };
        if answer.status.is_success() {
            return serde_json::from_slice(&answer.body).map_err(|_| malformed());
        }
        let problem = serde_json::from_slice(&answer.body).map_err(|_| malformed())?;
        let wait = answer.headers.get("retry-after").and_then(|wait| wait.to_str().ok()?.parse().ok());
        Err(SvidError::Refused(Box::new(Refusal { problem, retry_after: wait.map(Duration::from_secs) })))
    }
}

const PATH: &str = "/v1/svid";
const PATIENCE: Duration = Duration::from_secs(10);
/// 64 chains of certificates and a bundle.
const BODY_CAP: usize = 4 * 1024 * 1024;
