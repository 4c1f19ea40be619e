//! What is wrong with a backup.

/// Why a backup cannot be read. Nothing of it was used then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveFault {
    /// Bytes were changed since it was made.
    #[error("backup was altered: its digest is not that of its content")]
    Altered,
    /// It is something else.
    #[error("file is no Accredit backup")]
    Foreign,
    /// It holds what no backup holds.
    #[error("backup is malformed: {what}")]
    Malformed {
        /// What was found.
        what: String,
    },
    /// It was made by a version with another schema.
    #[error("backup has schema {found}, made by version {version}; this program writes schema {known}")]
    Schema {
        /// The backup's.
        found: i64,
        /// This program's.
        known: i64,
        /// Who made it.
        version: String,
    },
    /// It ends too early: its making, or its copying, was broken off.
    #[error("backup ends in the middle")]
    Truncated,
    /// Its bytes cannot be read.
    #[error("backup cannot be read: {cause}")]
    Unreadable {
        /// What the system said.
        cause: String,
    },
}

// === impl ArchiveFault ===

impl ArchiveFault {
    pub(crate) const MALFORMED: Self = Self::Malformed { what: String::new() };

    pub(crate) fn malformed(what: impl Into<String>) -> Self {
        Self::Malformed { what: what.into() }
    }

    /// A stable kebab-case name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Altered => "backup-altered",
            Self::Foreign => "backup-foreign",
            Self::Malformed { .. } => "backup-malformed",
            Self::Schema { .. } => "backup-schema",
            Self::Truncated => "backup-truncated",
            Self::Unreadable { .. } => "backup-unreadable",
        }
    }

    /// What its reader can do, where there is something.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Altered | Self::Truncated | Self::Malformed { .. } => Some("take another backup"),
            Self::Schema { .. } => Some("restore it with the version that made it, then start this one"),
            Self::Foreign | Self::Unreadable { .. } => None,
        }
    }
}

impl From<std::io::Error> for ArchiveFault {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Self::Truncated,
            _ => Self::Unreadable { cause: error.to_string() },
        }
    }
}
