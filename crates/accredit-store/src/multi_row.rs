//! Statements that take many rows in one round trip: `... VALUES ($1, $2), ($3, $4) ...`.
//!
//! The text depends on the number of rows, and each text is a prepared statement. So rows come in powers of two: few
//! texts, each made once.

use std::fmt::Write as _;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use sqlx::AssertSqlSafe;

/// A statement around a list of rows.
pub(crate) struct MultiRow {
    before: &'static str,
    columns: usize,
    after: &'static str,
    texts: [OnceLock<Arc<str>>; TEXTS],
}

/// Rows of a longer list that go into one statement: those of `range`, the last of them repeated until there are `rows`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) range: Range<usize>,
    pub(crate) rows: usize,
}

// === impl MultiRow ===

impl MultiRow {
    pub(crate) const fn new(before: &'static str, columns: usize, after: &'static str) -> Self {
        Self { before, columns, after, texts: [const { OnceLock::new() }; TEXTS] }
    }

    /// The statement for a chunk. Nothing but our own constants and numbers is in it, hence the assertion.
    pub(crate) fn text(&self, chunk: &Chunk) -> AssertSqlSafe<Arc<str>> {
        let power = chunk.rows.ilog2() as usize;
        AssertSqlSafe(Arc::clone(self.texts[power].get_or_init(|| self.spell(1 << power))))
    }

    fn spell(&self, rows: usize) -> Arc<str> {
        let mut text = self.before.to_owned();
        for row in 0..rows {
            text.push_str(if row == 0 { "(" } else { ", (" });
            for column in 1..=self.columns {
                let comma = if column == 1 { "" } else { ", " };
                // Writing to a string cannot fail.
                let _ = write!(text, "{comma}${}", row * self.columns + column);
            }
            text.push(')');
        }
        text.push_str(self.after);
        text.into()
    }
}

// === impl Chunk ===

impl Chunk {
    /// The places in the list whose rows are bound, in order.
    pub(crate) fn places(&self) -> impl Iterator<Item = usize> + use<> {
        let last = self.range.end - 1;
        (self.range.start..self.range.start + self.rows).map(move |place| place.min(last))
    }
}

/// Cuts a list of `count` rows into chunks none of which repeats a row: for statements that may see each row once only.
pub(crate) fn exact(count: usize) -> impl Iterator<Item = Chunk> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let left = count - start;
        let rows = 1 << left.min(MAX_ROWS).checked_ilog2()?;
        start += rows;
        Some(Chunk { range: start - rows..start, rows })
    })
}

/// Cuts a list of `count` rows into as few chunks as can be, the last one filled up with its last row: for statements to
/// which a row that comes again makes no difference.
pub(crate) fn filled(count: usize) -> impl Iterator<Item = Chunk> {
    (0..count).step_by(MAX_ROWS).map(move |start| {
        let end = count.min(start + MAX_ROWS);
        Chunk { range: start..end, rows: (end - start).next_power_of_two() }
    })
}

const TEXTS: usize = 6;
/// More would be fewer trips, and yet slower: SQLite looks each numbered value up in a list of all of them.
const MAX_ROWS: usize = 1 << (TEXTS - 1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        static PAIRS: MultiRow = MultiRow::new("A ", 2, " B");
        let text = |rows| PAIRS.text(&Chunk { range: 0..rows, rows }).0;
        assert_eq!(&*text(1), "A ($1, $2) B");
        assert_eq!(&*text(4), "A ($1, $2), ($3, $4), ($5, $6), ($7, $8) B");
    }

    #[test]
    fn exact_chunks_hold_each_row_once() {
        for count in [0, 1, 2, 3, 7, 31, 32, 33, 1000] {
            let places: Vec<_> = exact(count).flat_map(|chunk| chunk.places()).collect();
            assert_eq!(places, (0..count).collect::<Vec<_>>());
            assert!(exact(count).all(|chunk| chunk.rows.is_power_of_two() && chunk.rows <= MAX_ROWS));
        }
    }

    #[test]
    fn filled_chunks_repeat_only_the_last_row() {
        let chunks = |count| filled(count).map(|chunk| chunk.places().collect::<Vec<_>>()).collect::<Vec<_>>();
        assert_eq!(chunks(0), Vec::<Vec<usize>>::new());
        assert_eq!(chunks(1), [[0]]);
        assert_eq!(chunks(5), [[0, 1, 2, 3, 4, 4, 4, 4]]);
        let two = chunks(34);
        assert_eq!(two[0], (0..32).collect::<Vec<_>>());
        assert_eq!(two[1], [32, 33]);
    }
}
