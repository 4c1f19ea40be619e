//! Seals: what shows that somebody else than this program wrote to the database.
//!
//! Every row that trust rests on carries a tag under a key that the database does not hold. The tag covers its table, its
//! columns and the sequence at which it was written, so that a row that was edited, or moved to another table, is found and
//! named. The head carries a ledger, sealed alike: for each table how many rows there are, and a sum over their keys and
//! sequences. A row that was taken out, put in, or put back as it was before, does not add up.
//!
//! What this cannot find: all of it together as it was before, ledger and log included. Heads of the log that were kept
//! elsewhere find that.

mod alone;
mod book;
mod ledger;
mod row;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use accredit_id::mac::MacKey;

pub(crate) use book::{Book, Check, adopt, check_head};
pub(crate) use row::{Cell, Set};

/// Something in the database that this program did not write.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tampering {
    /// The head, with the ledger in it.
    Head,
    /// A row. It counts no more.
    Row {
        /// Its table.
        table: &'static str,
        /// What it is called there.
        name: String,
    },
    /// Rows of a table were taken out, put in, or put back as they were before. Which is not known: none of them counts.
    Rows {
        /// The table.
        table: &'static str,
        /// How many there must be.
        expected: i64,
        /// How many there are.
        found: i64,
    },
}

/// Seals rows and remembers what did not hold.
#[derive(Debug)]
pub(crate) struct Sealer {
    key: MacKey,
    found: Mutex<BTreeSet<Tampering>>,
}

// === impl Tampering ===

impl Tampering {
    /// Whether nothing of its table can be relied on any more.
    pub fn is_general(&self) -> bool {
        matches!(self, Self::Head | Self::Rows { .. })
    }
}

impl fmt::Display for Tampering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str("head of the store was changed in the database"),
            Self::Row { table, name } => write!(f, "row `{name}` of table `{table}` was changed in the database"),
            Self::Rows { table, expected, found } if expected == found => {
                write!(f, "a row of table `{table}` was put back as it was before, or replaced, in the database")
            }
            Self::Rows { table, expected, found } => {
                write!(
                    f,
                    "table `{table}` has {found} rows, expected {expected}: some were taken out or put in in the database"
                )
            }
        }
    }
}

// === impl Sealer ===

impl Sealer {
    pub(crate) fn new(key: MacKey) -> Self {
        Self { key, found: Mutex::default() }
    }

    pub(crate) fn key(&self) -> &MacKey {
        &self.key
    }

    /// Whether a row is as it was written. One that is not is remembered by its name.
    pub(crate) fn holds(&self, set: Set, name: &[Cell<'_>], cells: &[Cell<'_>], seal: Option<&[u8]>) -> bool {
        let holds = set.check(&self.key, seal, cells).is_some();
        if !holds {
            self.note(Tampering::Row { table: set.table(), name: ledger::called(name) });
        }
        holds
    }

    pub(crate) fn note(&self, tampering: Tampering) {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).insert(tampering);
    }

    pub(crate) fn found(&self) -> Vec<Tampering> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
