//! Why somebody is not logged in.

use crate::exchange::Refusal;
use crate::inert::Inert;
use crate::web::{self, EndpointFault, WebFault};

/// Why somebody is not logged in.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// A URL that nothing secret is sent to.
    #[error(transparent)]
    Endpoint(#[from] EndpointFault),
    /// Nobody answered. Trying again may help.
    #[error("`{url}` cannot be reached: {cause}")]
    Unreachable {
        /// Who was asked.
        url: String,
        /// What the network said.
        cause: String,
    },
    /// The server does not let this evidence in.
    #[error("login refused: {}", told(.0))]
    Refused(Box<Refusal>),
    /// The provider does not let this person in, or the person said no.
    #[error("provider `{issuer}` refused the login: `{}`{}", Inert(.code), described(.description))]
    NotLetIn {
        /// The provider's issuer.
        issuer: String,
        /// The OAuth error code.
        code: String,
        /// What it says about it.
        description: String,
    },
    /// The answer is not one of such a server.
    #[error("answer of `{url}` cannot be used: {message}")]
    Malformed {
        /// Who answered.
        url: String,
        /// What is wrong.
        message: String,
    },
    /// Nobody came back from the browser, or nobody entered the code.
    #[error("nobody logged in within {minutes} minutes")]
    Late {
        /// How long was waited.
        minutes: u64,
    },
    /// The session has ended and cannot be renewed by what is kept of it.
    #[error("session has ended: {why}")]
    Ended {
        /// What ended.
        why: String,
    },
    /// This machine: files, random numbers, a port.
    #[error("{what}: {cause}")]
    Local {
        /// What was tried.
        what: String,
        /// What the system said.
        cause: std::io::Error,
    },
}

impl LoginError {
    pub(super) fn web(url: &str, fault: WebFault) -> Self {
        let url = url.to_owned();
        match fault {
            WebFault::Unreachable(cause) | WebFault::Broken(cause) => Self::Unreachable { url, cause },
            WebFault::TooLarge => Self::Malformed { url, message: "more than 1 MiB".to_owned() },
        }
    }

    /// What to do about it, where that is clear from here.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unreachable { cause, .. } => web::hint(cause),
            _ => None,
        }
    }

    pub(super) fn malformed(url: &str, message: impl Into<String>) -> Self {
        Self::Malformed { url: url.to_owned(), message: message.into() }
    }

    pub(crate) fn chance(cause: std::io::Error) -> Self {
        Self::Local { what: "random numbers cannot be had".to_owned(), cause }
    }
}

fn told(refusal: &Refusal) -> String {
    let reason = refusal.reason.as_deref().map(|reason| format!("{}: ", Inert(reason))).unwrap_or_default();
    match refusal.description.is_empty() {
        true => format!("{reason}`{}`", Inert(&refusal.code)),
        false => format!("{reason}{}", Inert(&refusal.description)),
    }
}

fn described(description: &str) -> String {
    if description.is_empty() { String::new() } else { format!(", {}", Inert(description)) }
}
