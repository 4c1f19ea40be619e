//! Seals of rows that no ledger counts: those that are no loss when they are gone.

use super::row::{Cell, text};
use super::{Sealer, Tampering, ledger};
use crate::answer::KeptAnswer;

// === impl Sealer ===

impl Sealer {
    /// The seal of a row that is written at the sequence `stamp`.
    pub(crate) fn seal_alone(&self, table: &str, stamp: i64, cells: &[Cell<'_>]) -> Vec<u8> {
        self.key().tag(&text(ALONE, table, stamp, cells)).to_vec()
    }

    /// Whether such a row is as it was written. One that is not is remembered by its name.
    pub(crate) fn holds_alone(
        &self,
        table: &'static str,
        stamp: i64,
        name: &[Cell<'_>],
        cells: &[Cell<'_>],
        seal: Option<&[u8]>,
    ) -> bool {
        let holds = seal.is_some_and(|seal| self.key().holds(&text(ALONE, table, stamp, cells), seal));
        if !holds {
            self.note(Tampering::Row { table, name: ledger::called(name) });
        }
        holds
    }
}

// === impl KeptAnswer ===

impl KeptAnswer {
    /// What is sealed of one that was kept at a time.
    pub(crate) fn cells(&self, kept_at: i64) -> [Cell<'_>; 8] {
        let Self { asked, actor, request, status, etag, location, body } = self;
        [
            Cell::Bytes(asked),
            Cell::Bytes(actor),
            Cell::Bytes(request),
            Cell::Int(kept_at),
            Cell::Int(i64::from(*status)),
            etag.as_deref().into(),
            location.as_deref().into(),
            Cell::Bytes(body),
        ]
    }
}

const ALONE: &[u8] = b"accredit sealed alone 1\0";
