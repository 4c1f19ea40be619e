//! What keeps a server from starting.

use accredit_store::StoreError;

use crate::admin::BootstrapFault;
use crate::signing::KeysFault;
use crate::tls::TlsFault;

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Something under `fetch`.
    #[error("config field `{field}`: {message}")]
    Fetch {
        /// The field.
        field: &'static str,
        /// What is wrong.
        message: String,
    },
    /// A range in `public.trusted_proxies`.
    #[error("config field `{field}`: {message}")]
    Range {
        /// The field.
        field: &'static str,
        /// What is wrong.
        message: String,
    },
    /// The file with the first administrator.
    #[error("{message}")]
    Bootstrap {
        /// What is wrong.
        message: String,
    },
    /// The key-encryption key, or a signing key.
    #[error("{message}")]
    Keys {
        /// What is wrong.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// A listener.
    #[error("cannot listen on {place}: {cause}")]
    Listen {
        /// The address or socket.
        place: String,
        /// Why.
        cause: std::io::Error,
    },
    /// A resource in the store no longer compiles.
    #[error("the store holds a resource that cannot be used: {0}")]
    Resource(String),
    /// The store.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// Something under `telemetry`.
    #[error("config field `{field}`: {message}")]
    Telemetry {
        /// The field.
        field: &'static str,
        /// What is wrong.
        message: String,
    },
    /// Certificate or key.
    #[error("{message}")]
    Tls {
        /// What is wrong.
        message: String,
        /// What to do about it.
        hint: Option<&'static str>,
    },
    /// The writer.
    #[error("{0}")]
    Record(String),
}

// === impl StartError ===

impl StartError {
    /// A stable kebab-case name, where there is one. What is wrong with the configuration is named by its field or file.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            StartError::Store(fault) => Some(fault.code()),
            StartError::Bootstrap { .. }
            | StartError::Fetch { .. }
            | StartError::Keys { .. }
            | StartError::Listen { .. }
            | StartError::Range { .. }
            | StartError::Record(_)
            | StartError::Resource(_)
            | StartError::Telemetry { .. }
            | StartError::Tls { .. } => None,
        }
    }

    /// What to do about it, where there is one thing.
    pub fn hint(&self) -> Option<String> {
        match self {
            StartError::Keys { hint, .. } => hint.clone(),
            StartError::Listen { cause, .. } => listen_hint(cause.kind()).map(str::to_owned),
            StartError::Store(fault) => fault.hint().map(str::to_owned),
            StartError::Tls { hint, .. } => hint.map(str::to_owned),
            StartError::Bootstrap { .. }
            | StartError::Fetch { .. }
            | StartError::Range { .. }
            | StartError::Resource(_)
            | StartError::Record(_)
            | StartError::Telemetry { .. } => None,
        }
    }
}

/// What to do about a place where nobody can listen.
fn listen_hint(cause: std::io::ErrorKind) -> Option<&'static str> {
    match cause {
        std::io::ErrorKind::AddrInUse => Some("stop what listens there, or choose another place"),
        std::io::ErrorKind::AddrNotAvailable => {
            Some("choose an address that this machine has, or `0.0.0.0` for all of them")
        }
        std::io::ErrorKind::PermissionDenied => {
            Some("give the server the right to listen there: a port below 1024 wants `CAP_NET_BIND_SERVICE`")
        }
        _ => None,
    }
}

impl From<KeysFault> for StartError {
    fn from(fault: KeysFault) -> Self {
        match fault {
            KeysFault::Store(fault) => Self::Store(fault),
            fault => Self::Keys { message: fault.to_string(), hint: fault.hint() },
        }
    }
}

impl From<BootstrapFault> for StartError {
    fn from(fault: BootstrapFault) -> Self {
        Self::Bootstrap { message: fault.to_string() }
    }
}

impl From<TlsFault> for StartError {
    fn from(fault: TlsFault) -> Self {
        Self::Tls { message: fault.to_string(), hint: fault.hint() }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::*;

    #[test]
    fn who_may_not_listen_is_not_told_to_stop_somebody() {
        let hint = |kind: ErrorKind| {
            StartError::Listen { place: "0.0.0.0:443".to_owned(), cause: Error::from(kind) }.hint().unwrap_or_default()
        };
        assert!(hint(ErrorKind::AddrInUse).contains("stop what listens there"));
        assert!(hint(ErrorKind::PermissionDenied).contains("CAP_NET_BIND_SERVICE"));
        assert!(hint(ErrorKind::AddrNotAvailable).contains("an address that this machine has"));
        assert_eq!(hint(ErrorKind::OutOfMemory), "");
    }
}
