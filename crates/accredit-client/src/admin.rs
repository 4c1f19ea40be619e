//! The admin API of a server on this machine, over its unix socket.
//!
//! The socket is 0600 in a 0700 folder: whoever can open it is the server's own user and may do everything.

use std::path::{Path, PathBuf};
use std::time::Duration;

use accredit_api::admin::{
    ApplyRequest, ApplyResponse, AuditList, AuditRecord, AuditVerification, ExplainRequest, Explanation, NamedResource,
    ReplayReport, ReplayRequest, Resource, ResourceList, Status,
};
use accredit_api::problem::Problem;
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::form;

/// A client of the admin API. Every call opens a connection of its own.
///
/// ```no_run
/// # async fn example() -> Result<(), accredit_client::admin::AdminError> {
/// let admin = accredit_client::admin::AdminClient::new("/run/accredit/admin.sock");
/// println!("sequence {}", admin.status().await?.sequence);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct AdminClient {
    socket: PathBuf,
}

/// Why an admin call has no result.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// No server listens, or it stopped answering.
    #[error("no server answers at `{}`: {cause}", socket.display())]
    Unreachable {
        /// The socket asked.
        socket: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The server said no.
    #[error("{}", .0.detail)]
    Refused(Problem),
    /// The server, or whatever listens there, answered something else.
    #[error("answer of the server at `{}` cannot be read: {message}", socket.display())]
    Malformed {
        /// The socket asked.
        socket: PathBuf,
        /// What is wrong with it.
        message: String,
    },
}

// === impl AdminClient ===

impl AdminClient {
    /// A client of the server at this socket. Nothing is opened yet.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self { socket: socket.into() }
    }

    /// The socket's path.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Brings a set of resources into force, all or nothing.
    ///
    /// # Errors
    /// [`AdminError`], as every call here; a refused set names its faults by document.
    pub async fn apply(&self, request: &ApplyRequest) -> Result<ApplyResponse, AdminError> {
        self.post("/v1/apply", request).await
    }

    /// Lists resources, of one kind and one project if named, in the order of kind, then name.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn list(&self, kind: Option<&str>, project: Option<&str>) -> Result<ResourceList, AdminError> {
        let pairs = [("kind", kind), ("project", project)];
        self.fetch("/v1/resources", &pairs).await
    }

    /// Reads one resource by name or id.
    ///
    /// # Errors
    /// [`AdminError`]; a resource that does not exist is refused.
    pub async fn resource(&self, kind: &str, name: &str) -> Result<Resource, AdminError> {
        self.fetch("/v1/resource", &[("kind", Some(kind)), ("name", Some(name))]).await
    }

    /// Deletes one resource.
    ///
    /// # Errors
    /// [`AdminError`]; what others refer to is not deleted.
    pub async fn delete(&self, resource: &NamedResource) -> Result<ApplyResponse, AdminError> {
        self.post("/v1/resource/delete", resource).await
    }

    /// Makes one resource count.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn enable(&self, resource: &NamedResource) -> Result<ApplyResponse, AdminError> {
        self.post("/v1/resource/enable", resource).await
    }

    /// Makes one resource count no longer, without deleting it.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn disable(&self, resource: &NamedResource) -> Result<ApplyResponse, AdminError> {
        self.post("/v1/resource/disable", resource).await
    }

    /// Asks what would be decided. Issues nothing, spends nothing, fetches nothing.
    ///
    /// # Errors
    /// [`AdminError`]; a denial is an answer, not an error.
    pub async fn explain(&self, question: &ExplainRequest) -> Result<Explanation, AdminError> {
        self.post("/v1/explain", question).await
    }

    /// Tries a change on the decisions of the past. Writes nothing.
    ///
    /// # Errors
    /// [`AdminError`]; a refused change names its faults by document.
    pub async fn replay(&self, question: &ReplayRequest) -> Result<ReplayReport, AdminError> {
        let body = serde_json::to_vec(question).map_err(|error| self.malformed(error.to_string()))?;
        // A long stretch of the log is read: let it take its time.
        self.send(self.request(Method::POST, "/v1/replay", body.into()), 60 * PATIENCE).await
    }

    /// Reads a decision of the past by its id.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn decision(&self, id: &str) -> Result<Explanation, AdminError> {
        self.fetch("/v1/decision", &[("id", Some(id))]).await
    }

    /// Lists audit records, newest first, at most `limit`, older than the position `before` when given.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn audit(&self, limit: u32, before: Option<&str>) -> Result<AuditList, AdminError> {
        let limit = limit.to_string();
        self.fetch("/v1/audit", &[("limit", Some(&limit)), ("before", before)]).await
    }

    /// Reads one audit record by its id.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn audit_record(&self, id: &str) -> Result<AuditRecord, AdminError> {
        self.fetch("/v1/audit/record", &[("id", Some(id))]).await
    }

    /// Walks every audit chain.
    ///
    /// # Errors
    /// [`AdminError`]; a broken chain is an answer, not an error.
    pub async fn verify_audit(&self) -> Result<AuditVerification, AdminError> {
        let request = self.request(Method::POST, "/v1/audit/verify", Bytes::new());
        // The whole log is read: let it take its time.
        self.send(request, 60 * PATIENCE).await
    }

    /// How the server is.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn status(&self) -> Result<Status, AdminError> {
        self.fetch("/v1/status", &[]).await
    }

    async fn fetch<A: DeserializeOwned>(&self, path: &str, query: &[(&str, Option<&str>)]) -> Result<A, AdminError> {
        let pairs: Vec<_> = query.iter().filter_map(|(name, value)| Some((*name, (*value)?))).collect();
        let target = match pairs.is_empty() {
            true => path.to_owned(),
            false => format!("{path}?{}", form::encode(&pairs)),
        };
        self.send(self.request(Method::GET, &target, Bytes::new()), PATIENCE).await
    }

    async fn post<Q: Serialize, A: DeserializeOwned>(&self, path: &str, question: &Q) -> Result<A, AdminError> {
        let body = serde_json::to_vec(question).map_err(|error| self.malformed(error.to_string()))?;
        self.send(self.request(Method::POST, path, body.into()), PATIENCE).await
    }

    fn request(&self, method: Method, target: &str, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        // The target is a constant path and an encoded query, which always parse; the root would be refused with 404.
        *request.uri_mut() = target.parse().unwrap_or_default();
        let headers = request.headers_mut();
        for (name, value) in [
            (http::header::HOST, "localhost"),
            (http::header::ACCEPT, "application/json"),
            (http::header::CONTENT_TYPE, "application/json"),
            (http::header::USER_AGENT, concat!("accredit/", env!("CARGO_PKG_VERSION"))),
        ] {
            headers.insert(name, http::HeaderValue::from_static(value));
        }
        request
    }

    async fn send<A: DeserializeOwned>(
        &self,
        request: Request<Full<Bytes>>,
        patience: Duration,
    ) -> Result<A, AdminError> {
        let late = |_| self.unreachable(std::io::ErrorKind::TimedOut.into());
        let stream = timeout(CONNECT, UnixStream::connect(&self.socket))
            .await
            .map_err(late)?
            .map_err(|cause| self.unreachable(cause))?;
        let (status, body) = timeout(patience, self.converse(stream, request)).await.map_err(late)??;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| self.malformed(error.to_string()));
        }
        match serde_json::from_slice(&body) {
            Ok(problem) => Err(AdminError::Refused(problem)),
            Err(_) => Err(self.malformed(format!("status {} without a problem document", status.as_u16()))),
        }
    }

    async fn converse(
        &self,
        stream: UnixStream,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Bytes), AdminError> {
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| self.lost(error))?;
        let exchange = async {
            let response = sender.send_request(request).await.map_err(|error| self.lost(error))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_CAP).collect().await;
            let body = body.map_err(|error| match error.downcast::<hyper::Error>() {
                Ok(error) => self.lost(*error),
                Err(other) if other.is::<LengthLimitError>() => self.malformed("more than 64 MiB".to_owned()),
                Err(other) => self.malformed(other.to_string()),
            })?;
            Ok((status, body.to_bytes()))
        };
        // The connection must be driven while the exchange waits; it ends by itself, often before the last byte is read.
        let (mut exchange, mut connection) = (std::pin::pin!(exchange), std::pin::pin!(connection));
        tokio::select! {
            result = &mut exchange => result,
            _ = &mut connection => exchange.await,
        }
    }

    /// A connection that broke is told apart from an answer that is no HTTP.
    fn lost(&self, error: hyper::Error) -> AdminError {
        if error.is_parse() {
            return self.malformed("not HTTP".to_owned());
        }
        self.unreachable(std::io::Error::new(std::io::ErrorKind::ConnectionAborted, error))
    }

    fn unreachable(&self, cause: std::io::Error) -> AdminError {
        AdminError::Unreachable { socket: self.socket.clone(), cause }
    }

    fn malformed(&self, message: String) -> AdminError {
        AdminError::Malformed { socket: self.socket.clone(), message }
    }
}

/// How long a local connect may wait for a place in the server's backlog.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an answer may take; a set of 100,000 mappings takes seconds.
const PATIENCE: Duration = Duration::from_secs(120);
/// An export of 100,000 mappings is about 50 MB.
const ANSWER_CAP: usize = 64 * 1024 * 1024;
