//! What the store answers when it cannot do what it was asked, by whose fault it is.

use std::path::PathBuf;

use crate::audit::ChainId;

/// Why the store did not do what it was asked. Nothing was written, unless the variant says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The configured address is not one that this binary can open. The address is not repeated: it may hold a password.
    #[error("store address of scheme `{scheme}` cannot be opened: {reason}")]
    Address {
        /// What stands before the first colon.
        scheme: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The chain's memory and the store disagree about where the next batch goes. The process that wrote the chain is
    /// not the only one that writes it, or the log was tampered with under it.
    #[error("audit chain `{chain}` does not end at batch {number}, as the process that writes it remembers")]
    ChainOutOfStep {
        /// The chain.
        chain: ChainId,
        /// The last batch that the process remembers.
        number: i64,
    },
    /// Somebody else changed resources first. Read what changed, decide again, try again.
    #[error("resources changed meanwhile: expected sequence `{expected}`, got `{actual}`")]
    Conflict {
        /// The sequence that the caller had decided on.
        expected: i64,
        /// The sequence that the store is at.
        actual: i64,
    },
    /// The database is damaged, or holds what this program never writes.
    #[error("database is damaged: {what}")]
    Corrupt {
        /// What was found.
        what: String,
    },
    /// The file, or the database on a server, is not a store of this product.
    #[error("`{path}` is not an Accredit store")]
    Foreign {
        /// The file, or the name of the database.
        path: PathBuf,
    },
    /// Somebody else moved the key on first. Read the keys, decide again.
    #[error("signing key `{id}` was moved on meanwhile")]
    KeyMoved {
        /// The key.
        id: String,
    },
    /// Another process has the store open.
    #[error("database `{path}` is in use by another server{}", holder.map_or_else(String::new, |id| format!(" (process {id})")))]
    Locked {
        /// The database file.
        path: PathBuf,
        /// The process that has it, as it wrote itself down.
        holder: Option<u32>,
    },
    /// A store is to be copied into one that holds something.
    #[error("the store to copy to is not empty: table `{table}` has rows")]
    NotEmpty {
        /// The first table that is not.
        table: String,
    },
    /// What was to be changed or deleted is not there.
    #[error("{kind} `{id}` not found")]
    NotFound {
        /// Its kind.
        kind: String,
        /// Its id.
        id: String,
    },
    /// An id, or a name within its kind, is taken.
    #[error("{kind} `{taken}` exists already")]
    NotUnique {
        /// The kind of what was to be written.
        kind: String,
        /// The name or the id that is taken.
        taken: String,
    },
    /// A record is larger than [`MAX_RECORD_BYTES`](crate::audit::MAX_RECORD_BYTES). A defect of the caller.
    #[error("record of {bytes} bytes is too large")]
    RecordTooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Somebody else than this program wrote to what trust rests on. Nothing is written on top of it.
    #[error("database was tampered with: {what}")]
    Tampered {
        /// What was found.
        what: String,
    },
    /// The database was written by a newer version of this program.
    #[error("database has schema {found}, this program knows schemas up to {known}")]
    TooNew {
        /// The schema of the database.
        found: i64,
        /// The newest schema that this binary knows.
        known: i64,
    },
    /// Steps of the schema are to be taken, and whoever opens the store is not to take them.
    #[error("database lacks steps {missing} of the schema that this program needs")]
    TooOld {
        /// The steps, with commas between them: numbers have gaps, and the last one that was taken tells not all.
        missing: String,
    },
    /// The database cannot be reached, read or written now: disk full, no permission, not answering. Whether a write that
    /// was under way happened is not known; the next write to the same chain finds out.
    #[error("database is unavailable: {cause}")]
    Unavailable {
        /// What the database or the operating system said.
        cause: String,
    },
    /// The sequence is later than the store's own: what remembers it has seen a future that this store has not, as after
    /// a restore.
    #[error("sequence `{asked}` is later than the store's sequence `{head}`")]
    UnknownSequence {
        /// The sequence that was asked for.
        asked: i64,
        /// The sequence that the store is at.
        head: i64,
    },
    /// A change came without a record of itself. A defect of the caller.
    #[error("change without an audit record")]
    Unrecorded,
}

// === impl StoreError ===

impl StoreError {
    /// A stable kebab-case name: documented, never reused.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Address { .. } => "store-address",
            Self::ChainOutOfStep { .. } => "store-chain-out-of-step",
            Self::Conflict { .. } => "store-conflict",
            Self::Corrupt { .. } => "store-corrupt",
            Self::Foreign { .. } => "store-foreign",
            Self::KeyMoved { .. } => "store-key-moved",
            Self::Locked { .. } => "store-locked",
            Self::NotEmpty { .. } => "store-not-empty",
            Self::NotFound { .. } => "store-not-found",
            Self::NotUnique { .. } => "store-not-unique",
            Self::RecordTooLarge { .. } => "store-record-too-large",
            Self::Tampered { .. } => "store-tampered",
            Self::TooNew { .. } => "store-too-new",
            Self::TooOld { .. } => "store-too-old",
            Self::Unavailable { .. } => "store-unavailable",
            Self::UnknownSequence { .. } => "store-unknown-sequence",
            Self::Unrecorded => "store-unrecorded",
        }
    }

    /// What its reader can do, where there is something.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Address { .. } => Some(
                "write `sqlite:PATH`, `postgres://USER:PASSWORD@HOST/DATABASE`, or `sqlite::memory:` for a store that is forgotten",
            ),
            Self::Conflict { .. } => Some("look at what changed and apply again"),
            Self::Corrupt { .. } => Some("restore the database from a backup"),
            Self::Foreign { .. } => Some("give the store a path, or a database, of its own"),
            Self::Locked { .. } => Some("stop the other server, or give this one a path of its own"),
            Self::NotEmpty { .. } => Some("copy into a new file, or a new database"),
            Self::TooOld { .. } => Some("run `accredit server migrate`"),
            Self::Tampered { .. } => Some("find out who wrote to the database, then restore it from a backup"),
            Self::TooNew { .. } => Some("run the version that wrote the database, or a later one"),
            Self::Unavailable { .. } => {
                Some("check that the database runs and can be reached, its disk's space, and who may use it")
            }
            Self::UnknownSequence { .. } => Some("load everything anew"),
            Self::ChainOutOfStep { .. }
            | Self::KeyMoved { .. }
            | Self::NotFound { .. }
            | Self::NotUnique { .. }
            | Self::RecordTooLarge { .. }
            | Self::Unrecorded => None,
        }
    }
}
