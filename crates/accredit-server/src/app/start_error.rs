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
    /// What to do about it, where there is one thing.
    pub fn hint(&self) -> Option<String> {
        match self {
            StartError::Keys { hint, .. } => hint.clone(),
            StartError::Listen { .. } => Some("stop what listens there, or choose another place".to_owned()),
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

impl From<KeysFault> for StartError {
    fn from(fault: KeysFault) -> Self {
        Self::Keys { message: fault.to_string(), hint: fault.hint() }
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
