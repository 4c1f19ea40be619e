//! Who acts: put into a request's extensions by the listener, asked by every route.

use std::net::{IpAddr, Ipv4Addr};

use accredit_core::decide::access::{self, Refusal, Rights, Subject, Verb};
use accredit_core::model::{Id, Kind};
use accredit_core::world::World;
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::idempotency::Claim;
use super::problem::AdminFault;

/// A person or workload that administers, and what it may do.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    /// For people and the audit log: what its provider calls it, or `local socket`.
    pub(crate) name: String,
    /// What it may do.
    pub(crate) rights: Rights,
}

/// Where a request came from; `None` for the local socket.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Source(pub(crate) Option<IpAddr>);

impl Source {
    /// The address that pays for what fails; the local socket counts as this machine.
    pub(crate) fn address(self) -> IpAddr {
        self.0.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }
}

/// Who asks and from where, as every route wants to know it.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Who.
    pub(crate) actor: Actor,
    /// From where.
    pub(crate) source: Source,
    /// The idempotency key that it came with.
    pub(crate) claim: Option<Claim>,
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = AdminFault;

    /// A route that is reached without an actor answers nobody, whatever the layers around it do.
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, AdminFault> {
        let actor = parts.extensions.get::<Actor>().filter(|actor| !actor.rights.is_empty());
        let actor = actor.cloned().ok_or(AdminFault::Unauthenticated)?;
        let source = parts.extensions.get::<Source>().copied().unwrap_or_default();
        Ok(Self { actor, source, claim: parts.extensions.get::<Claim>().cloned() })
    }
}

// === impl Actor ===

impl Actor {
    /// The server's own user, at the local socket.
    pub(crate) fn local() -> Self {
        Self { name: "local socket".to_owned(), rights: Rights::local() }
    }

    /// Refuses what this actor may not do.
    ///
    /// # Errors
    /// What is missing, and who could give it.
    pub(crate) fn may(&self, verb: Verb, subject: &Subject<'_>, called: &str) -> Result<(), AdminFault> {
        self.rights.may(verb, subject).map(|_| ()).map_err(|refusal| self.refused(refusal, verb, subject, called))
    }

    /// The same of what is refused as if it were not there when it may not be read, whatever is to be done with it.
    ///
    /// # Errors
    /// What is missing for that.
    pub(crate) fn reaches(&self, verb: Verb, subject: &Subject<'_>, called: &str) -> Result<(), AdminFault> {
        let read = self.rights.may(Verb::Read, subject).map(|_| ());
        read.map_err(|refusal| self.refused(refusal, verb, subject, called))
    }

    /// The same of what would belong to a project that there is not: told as if there were one.
    ///
    /// # Errors
    /// What is missing for that.
    pub(crate) fn reaches_nowhere(&self, verb: Verb, kind: Kind, called: &str) -> Result<(), AdminFault> {
        let somebodys = Subject::new(kind, Some(Id::new(Kind::Project, [0; 16])));
        match self.rights.reads_everything() {
            true => Ok(()),
            false => Err(self.refused(Refusal::NoRight, verb, &somebodys, called)),
        }
    }

    fn refused(&self, refusal: Refusal, verb: Verb, subject: &Subject<'_>, called: &str) -> AdminFault {
        let deed = match verb {
            Verb::Mint => "mint in",
            Verb::Read => "read",
            Verb::Write => "write",
        };
        let takes = match refusal {
            Refusal::NoRight => format!(", which takes {}", access::takes(verb, subject)),
            Refusal::OwnAdmission => String::new(),
        };
        AdminFault::NotPermitted(refusal, format!("`{}` may not {deed} {called}{takes}", self.name.escape_debug()))
    }

    /// Whether this actor may see a resource at all.
    pub(crate) fn reads(&self, subject: &Subject<'_>) -> bool {
        self.rights.may(Verb::Read, subject).is_ok()
    }

    /// Refuses whoever does not read everything: the whole log, the state of the server.
    ///
    /// # Errors
    /// Names what was asked for.
    pub(crate) fn reads_everything(&self, what: &str) -> Result<(), AdminFault> {
        match self.rights.reads_everything() {
            true => Ok(()),
            false => Err(AdminFault::NotPermitted(
                Refusal::NoRight,
                format!(
                    "`{}` may not read {what}, which takes role `owner`, `operator` or `auditor`",
                    self.name.escape_debug()
                ),
            )),
        }
    }

    /// Whether decisions and records about the owner of `PROJECT/NAME`, or of an id, may be read.
    pub(crate) fn reads_project_of(&self, kind: Kind, text: &str, world: &World) -> bool {
        if self.rights.reads_everything() {
            return true;
        }
        let by_name = || world.find(Kind::Project, text.split_once('/')?.0).map(|project| project.id);
        let project = world.find(kind, text).and_then(|resource| resource.project).or_else(by_name);
        project.is_some_and(|project| self.rights.reads_project(project))
    }

    /// Who acted, as the audit log keeps it: the name, what admitted it, and from where.
    pub(crate) fn recorded(&self, source: Source, world: &World) -> Value {
        let admitted: Vec<Value> = self.rights.held().iter().filter_map(|held| held.through).map(|through| {
            let name = |id: Id| world.by_id(id).map(|resource| resource.name.to_string());
            json!({"administrator": name(through.administrator), "administratorId": through.administrator.to_string(), "provider": name(through.provider)})
        }).collect();
        match (admitted.is_empty(), source.0) {
            (true, None) => json!(null),
            (true, Some(source)) => json!({"source": source}),
            (false, None) => json!({"admitted": admitted}),
            (false, Some(source)) => json!({"admitted": admitted, "source": source}),
        }
    }
}

/// Lets nobody through whom the listener did not name.
pub(super) async fn require(request: Request, next: Next) -> Response {
    match request.extensions().get::<Actor>() {
        Some(actor) if !actor.rights.is_empty() => next.run(request).await,
        Some(actor) => AdminFault::NotPermitted(
            Refusal::NoRight,
            format!("`{}` is no administrator here", actor.name.escape_debug()),
        )
        .into_response(),
        None => AdminFault::Unauthenticated.into_response(),
    }
}
