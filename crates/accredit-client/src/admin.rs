//! The admin API: over the unix socket of a server on this machine, or over HTTPS with a login.
//!
//! The socket is 0600 in a 0700 folder: whoever can open it is the server's own user and may do everything. From
//! elsewhere, each request shows a token and a proof by the key that the token is bound to (RFC 9449).

mod audit;
mod keys;
mod remote;
mod socket;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use accredit_api::admin::{
    AcknowledgeRequest, Alarm, AlarmList, ApplyRequest, ApplyResponse, ExplainRequest, Explanation,
    IdentityReplayReport, IdentityReplayRequest, LintReport, NamedResource, NewResource, PinList, ProjectToken,
    ProjectTokenRequest, RepinRequest, RepinResponse, ReplayReport, ReplayRequest, Resource, ResourceList, Status,
    WhoAmI, Written,
};
use accredit_api::problem::Problem;
use accredit_api::svid::{MintRequest, SvidResponse};
use accredit_id::base64url;
use bytes::Bytes;
use http::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::remote::Remote;
use self::socket::Socket;
use crate::chance;
use crate::form;
use crate::login::{LoginError, Session};
use crate::web;

/// A client of the admin API.
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
    wire: Wire,
}

/// How the server is reached.
#[derive(Clone, Debug)]
enum Wire {
    Remote(Remote),
    Socket(Socket),
}

/// One request, before it is put on a wire.
struct Asked {
    method: Method,
    /// Path and query.
    target: String,
    body: Bytes,
    patience: Duration,
    /// What makes it the same request when it is sent again.
    key: Option<String>,
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
    #[error("answer of the server at `{place}` cannot be read: {message}")]
    Malformed {
        /// The socket or URL asked.
        place: String,
        /// What is wrong with it.
        message: String,
    },
    /// A server elsewhere does not answer.
    #[error("server at `{url}` cannot be reached: {cause}")]
    RemoteUnreachable {
        /// Its URL.
        url: String,
        /// What the network said.
        cause: String,
    },
    /// It is done on the server's own machine alone.
    #[error("a backup holds everything and is made on the server's own machine alone")]
    NotFromElsewhere,
    /// What came could not be put where it was to go.
    #[error("what the server sends cannot be kept: {0}")]
    NotKept(std::io::Error),
    /// There is no login to ask with.
    #[error(transparent)]
    Login(#[from] LoginError),
}

// === impl AdminError ===

impl AdminError {
    /// What to do about it, where that is clear from here.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::RemoteUnreachable { cause, .. } => web::hint(cause),
            Self::Login(fault) => fault.hint(),
            Self::NotFromElsewhere => Some("log in there, and name its admin socket with --socket"),
            _ => None,
        }
    }
}

// === impl AdminClient ===

impl AdminClient {
    /// A client of the server at this socket. Nothing is opened yet.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self { wire: Wire::Socket(Socket(socket.into())) }
    }

    /// A client of the server that this session is with.
    pub fn remote(session: Arc<Session>) -> Self {
        Self { wire: Wire::Remote(Remote(session)) }
    }

    /// Who asks, and what he may do.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn whoami(&self) -> Result<WhoAmI, AdminError> {
        self.fetch("/v1/whoami", &[]).await
    }

    /// Brings a set of resources into force, all or nothing. From elsewhere, this and every other write of resources is asked
    /// once more where the connection breaks before the answer: carried out it is once.
    ///
    /// # Errors
    /// [`AdminError`], as every call here; a refused set names its faults by document.
    pub async fn apply(&self, request: &ApplyRequest) -> Result<ApplyResponse, AdminError> {
        self.write(Method::POST, "/v1/apply".to_owned(), request).await
    }

    /// Says what `apply` would change, field by field; reading is right enough.
    ///
    /// # Errors
    /// As [`AdminClient::apply`].
    pub async fn diff(&self, request: &ApplyRequest) -> Result<ApplyResponse, AdminError> {
        self.post("/v1/diff", request).await
    }

    /// Creates one resource of a kind, called by its noun. The same document again is the same resource.
    ///
    /// # Errors
    /// [`AdminError`]; another document under its name is refused.
    pub async fn create(&self, noun: &str, resource: &NewResource, dry_run: bool) -> Result<Written, AdminError> {
        self.write(Method::POST, format!("/v1/{noun}s?dry_run={dry_run}"), resource).await
    }

    /// Creates or replaces one resource, by name or id. Where the document names a revision, only that one is replaced.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn put(
        &self,
        noun: &str,
        name: &str,
        resource: &NewResource,
        dry_run: bool,
    ) -> Result<Written, AdminError> {
        let name = form::encode(&[("", name)]).trim_start_matches('=').replace('+', "%20");
        let target = format!("/v1/{noun}s/{name}?dry_run={dry_run}");
        self.write(Method::PUT, target, resource).await
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
        self.write(Method::POST, "/v1/resource/delete".to_owned(), resource).await
    }

    /// Makes a token of one project for Spiral's command line.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn spiral_token(&self, request: &ProjectTokenRequest) -> Result<ProjectToken, AdminError> {
        self.post("/v1/spiral/token", request).await
    }

    /// Mints SVIDs as an operator, where the cluster's policy lets him.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn mint_svids(&self, request: &MintRequest) -> Result<SvidResponse, AdminError> {
        self.post("/v1/svid/mint", request).await
    }

    /// Makes one resource count.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn enable(&self, resource: &NamedResource) -> Result<ApplyResponse, AdminError> {
        self.write(Method::POST, "/v1/resource/enable".to_owned(), resource).await
    }

    /// Makes one resource count no longer, without deleting it.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn disable(&self, resource: &NamedResource) -> Result<ApplyResponse, AdminError> {
        self.write(Method::POST, "/v1/resource/disable".to_owned(), resource).await
    }

    /// Asks what the linter says of everything in force.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn lint(&self) -> Result<LintReport, AdminError> {
        self.fetch("/v1/lint", &[]).await
    }

    /// Asks what would be decided. Issues nothing, spends nothing, fetches nothing.
    ///
    /// # Errors
    /// [`AdminError`]; a denial is an answer, not an error.
    pub async fn explain(&self, question: &ExplainRequest) -> Result<Explanation, AdminError> {
        self.post("/v1/explain", question).await
    }

    /// Tries a change on the identities that a cluster gave. Writes nothing.
    ///
    /// # Errors
    /// [`AdminError`]; a refused change names its faults by document.
    pub async fn replay_identities(
        &self,
        question: &IdentityReplayRequest,
    ) -> Result<IdentityReplayReport, AdminError> {
        let body = serde_json::to_vec(question).map_err(|error| self.malformed(error.to_string()))?;
        let target = "/v1/replay/identities".to_owned();
        self.send(Asked { method: Method::POST, target, body: body.into(), patience: 60 * PATIENCE, key: None }).await
    }

    /// Tries a change on the decisions of the past. Writes nothing.
    ///
    /// # Errors
    /// [`AdminError`]; a refused change names its faults by document.
    pub async fn replay(&self, question: &ReplayRequest) -> Result<ReplayReport, AdminError> {
        let body = serde_json::to_vec(question).map_err(|error| self.malformed(error.to_string()))?;
        // A long stretch of the log is read: let it take its time.
        let target = "/v1/replay".to_owned();
        self.send(Asked { method: Method::POST, target, body: body.into(), patience: 60 * PATIENCE, key: None }).await
    }

    /// Lists the first-use pins of a mapping, named or by id.
    ///
    /// # Errors
    /// [`AdminError`]; a mapping that does not exist is refused.
    pub async fn pins(&self, mapping: &str) -> Result<PinList, AdminError> {
        self.fetch("/v1/pins", &[("mapping", Some(mapping))]).await
    }

    /// Takes first-use pins of a mapping away, so that the next use pins anew.
    ///
    /// # Errors
    /// [`AdminError`]; pins that do not exist are refused.
    pub async fn repin(&self, request: &RepinRequest) -> Result<RepinResponse, AdminError> {
        self.post("/v1/pins/repin", request).await
    }

    /// Lists alarms, of one provider if named; acknowledged ones only when asked for `all`.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn alarms(&self, provider: Option<&str>, all: bool) -> Result<AlarmList, AdminError> {
        self.fetch("/v1/alarms", &[("provider", provider), ("all", all.then_some("true"))]).await
    }

    /// Reads one alarm by its id.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn alarm(&self, id: &str) -> Result<Alarm, AdminError> {
        self.fetch("/v1/alarm", &[("id", Some(id))]).await
    }

    /// Says that an alarm is known and all right.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn acknowledge(&self, request: &AcknowledgeRequest) -> Result<Alarm, AdminError> {
        self.post("/v1/alarm/acknowledge", request).await
    }

    /// Takes a backup of the store as it is now, piece by piece. Only from the server's own machine: it holds everything.
    ///
    /// # Errors
    /// [`AdminError`]; what was given away so far is no backup then. Whoever takes the pieces ends it by an error of his own.
    pub async fn backup(&self, take: impl FnMut(&[u8]) -> std::io::Result<()>) -> Result<(), AdminError> {
        match &self.wire {
            Wire::Remote(_) => Err(AdminError::NotFromElsewhere),
            Wire::Socket(socket) => socket.download("/v1/backup", take).await,
        }
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
        self.send(Asked { method: Method::GET, target, body: Bytes::new(), patience: PATIENCE, key: None }).await
    }

    async fn post<Q: Serialize, A: DeserializeOwned>(&self, path: &str, question: &Q) -> Result<A, AdminError> {
        let body = serde_json::to_vec(question).map_err(|error| self.malformed(error.to_string()))?;
        let target = path.to_owned();
        self.send(Asked { method: Method::POST, target, body: body.into(), patience: PATIENCE, key: None }).await
    }

    /// Writes resources. From elsewhere with a key, by which it is asked again where the answer is lost; a server on this machine
    /// that loses one has ended.
    async fn write<Q: Serialize, A: DeserializeOwned>(
        &self,
        method: Method,
        target: String,
        question: &Q,
    ) -> Result<A, AdminError> {
        let body = serde_json::to_vec(question).map_err(|error| self.malformed(error.to_string()))?;
        let key = match &self.wire {
            Wire::Remote(_) => {
                Some(format!("\"{}\"", base64url::encode(&chance::bytes::<16>().map_err(LoginError::chance)?)))
            }
            Wire::Socket(_) => None,
        };
        self.send(Asked { method, target, body: body.into(), patience: PATIENCE, key }).await
    }

    async fn send<A: DeserializeOwned>(&self, asked: Asked) -> Result<A, AdminError> {
        let (status, body): (StatusCode, Bytes) = match &self.wire {
            Wire::Remote(remote) => remote.send(&asked).await?,
            Wire::Socket(socket) => socket.send(&asked).await?,
        };
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| self.malformed(error.to_string()));
        }
        match serde_json::from_slice(&body) {
            Ok(problem) => Err(AdminError::Refused(problem)),
            Err(_) => Err(self.malformed(format!("status {} without a problem document", status.as_u16()))),
        }
    }

    fn malformed(&self, message: String) -> AdminError {
        let place = match &self.wire {
            Wire::Remote(remote) => remote.url().to_owned(),
            Wire::Socket(socket) => socket.0.display().to_string(),
        };
        AdminError::Malformed { place, message }
    }
}

/// How long an answer may take; a set of 100,000 mappings takes seconds.
const PATIENCE: Duration = Duration::from_secs(120);
/// An export of 100,000 mappings is about 50 MB.
const ANSWER_CAP: usize = 64 * 1024 * 1024;
