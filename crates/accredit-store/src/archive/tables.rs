//! What of a store is in a backup: every table, with its columns, in an order in which they can be written back.

use std::sync::Arc;

use sqlx::AssertSqlSafe;

use crate::backend::{self, Kind};

/// A column's type, the same in every database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// `BIGINT`.
    Int,
    /// `TEXT`.
    Text,
    /// `BYTEA`.
    Bytes,
    /// `BOOLEAN`.
    Bool,
}

impl Type {
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Int => Kind::Integer,
            Self::Text => Kind::Text,
            Self::Bytes => Kind::Bytes,
            Self::Bool => Kind::Flag,
        }
    }
}

/// A table.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// Those of its key come first.
    pub(crate) columns: &'static [(&'static str, Type)],
    /// How many columns its key has: what rows are ordered and paged by.
    pub(crate) key: usize,
    /// Rows that are read at once.
    pub(crate) page: i64,
}

use Type::{Bool, Bytes, Int, Text};

/// Every table but the steps of the schema. What refers to another table comes after it; the log's batches come last, so that
/// whoever reads from the front knows keys and heads when they come.
pub(crate) const TABLES: &[Table] = &[
    Table {
        name: "head",
        columns: &[("one", Int), ("seq", Int), ("revocation", Int), ("news", Int), ("ledger", Bytes), ("seal", Bytes)],
        key: 1,
        page: 1,
    },
    Table { name: "seal_key", columns: &[("one", Int), ("wrapped", Bytes), ("kek_id", Text)], key: 1, page: 1 },
    Table {
        name: "restoration",
        columns: &[("epoch", Int), ("restored_at", Int), ("made_at", Int), ("made_seq", Int), ("reviewed_at", Int)],
        key: 1,
        page: PAGE,
    },
    Table {
        name: "signing_key",
        columns: &[
            ("id", Text),
            ("purpose", Text),
            ("algorithm", Text),
            ("public_jwk", Text),
            ("wrapped", Bytes),
            ("kek_id", Text),
            ("revision", Int),
            ("state", Text),
            ("created_at", Int),
            ("published_at", Int),
            ("activated_at", Int),
            ("retired_at", Int),
            ("leaves_at", Int),
            ("due_at", Int),
            ("tainted_at", Int),
            ("longest_token", Int),
            ("domain", Text),
            ("chain", Bytes),
            ("bundle_seq", Int),
            ("seal", Bytes),
        ],
        key: 1,
        page: PAGE,
    },
    Table {
        name: "bundle_confirmation",
        columns: &[("domain", Text), ("node", Text), ("bundle_seq", Int), ("seen_at", Int)],
        key: 2,
        page: PAGE,
    },
    Table {
        name: "resource",
        columns: &[
            ("id", Text),
            ("kind", Text),
            ("owner", Text),
            ("name", Text),
            ("enabled", Bool),
            ("revision", Int),
            ("body", Text),
            ("seal", Bytes),
        ],
        key: 1,
        page: PAGE,
    },
    Table {
        name: "resource_history",
        columns: &[
            ("seq", Int),
            ("id", Text),
            ("kind", Text),
            ("action", Text),
            ("was_owner", Text),
            ("was_name", Text),
            ("was_enabled", Bool),
            ("was_revision", Int),
            ("was_body", Text),
        ],
        key: 2,
        page: PAGE,
    },
    Table {
        name: "name_pin",
        columns: &[
            ("mapping", Text),
            ("claim", Text),
            ("name", Text),
            ("id_claim", Text),
            ("id", Text),
            ("decision", Bytes),
            ("pinned_at", Int),
            ("news", Int),
            ("seal", Bytes),
        ],
        key: 3,
        page: PAGE,
    },
    Table {
        name: "revoked_token",
        columns: &[("decision", Bytes), ("expires_at", Int), ("news", Int), ("seal", Bytes)],
        key: 1,
        page: PAGE,
    },
    Table {
        name: "bundle",
        columns: &[
            ("owner", Text),
            ("document", Text),
            ("origin", Text),
            ("revision", Int),
            ("fetched_at", Int),
            ("news", Int),
            ("seal", Bytes),
        ],
        key: 1,
        page: PAGE,
    },
    Table {
        name: "replay_floor",
        columns: &[("provider", Text), ("ended_before", Int), ("issued_before", Int)],
        key: 1,
        page: PAGE,
    },
    Table {
        name: "replay_mark",
        columns: &[
            ("provider", Text),
            ("token", Bytes),
            ("expires_at", Int),
            ("decision", Bytes),
            ("same", Bytes),
            ("spent_at", Int),
        ],
        key: 2,
        page: PAGE,
    },
    Table {
        name: "sighting",
        columns: &[
            ("provider", Text),
            ("code", Text),
            ("thing", Text),
            ("id", Text),
            ("alarm", Bool),
            ("first_seen", Int),
            ("last_seen", Int),
            ("decision", Bytes),
            ("acknowledged", Text),
            ("news", Int),
        ],
        key: 3,
        page: PAGE,
    },
    Table {
        name: "audit_chain",
        columns: &[
            ("ordinal", Int),
            ("id", Bytes),
            ("opened_at", Int),
            ("follows_chain", Bytes),
            ("follows_number", Int),
            ("follows_hash", Bytes),
            ("hash", Bytes),
            ("beside", Bool),
            ("erased_to", Int),
        ],
        key: 1,
        page: PAGE,
    },
    Table {
        name: "audit_head",
        columns: &[
            ("chain", Int),
            ("number", Int),
            ("key_id", Text),
            ("signed_at", Int),
            ("hash", Bytes),
            ("signature", Bytes),
        ],
        key: 3,
        page: PAGE,
    },
    Table {
        name: "audit_checkpoint",
        columns: &[
            ("chain", Int),
            ("number", Int),
            ("hash", Bytes),
            ("records", Int),
            ("signed_at", Int),
            ("key_id", Text),
            ("signature", Bytes),
        ],
        key: 1,
        page: PAGE,
    },
    Table {
        name: "audit_cursor",
        columns: &[
            ("sink", Text),
            ("chain", Int),
            ("number", Int),
            ("place", Int),
            ("holder", Bytes),
            ("held_until", Int),
        ],
        key: 2,
        page: PAGE,
    },
    Table {
        name: "audit_batch",
        columns: &[
            ("chain", Int),
            ("number", Int),
            ("written_at", Int),
            ("records", Int),
            ("bytes", Int),
            ("previous", Bytes),
            ("hash", Bytes),
            ("summary", Bytes),
            ("erasable", Bytes),
            ("body", Bytes),
        ],
        key: 2,
        // A batch may have a mebibyte.
        page: 16,
    },
];

// === impl Table ===

impl Table {
    /// The table of that name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        TABLES.iter().find(|table| table.name == name)
    }

    /// The names of its columns, with commas between them.
    pub(crate) fn column_list(&self) -> String {
        self.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    /// Reads the first page, or with `after` the one behind a key.
    pub(super) fn select(&self, after: bool) -> backend::Text {
        let keys: Vec<_> = self.columns[..self.key].iter().map(|(name, _)| *name).collect();
        let order = keys.join(", ");
        let (columns, name) = (self.column_list(), self.name);
        let places: Vec<_> = (1..=self.key).map(|place| format!("${place}")).collect();
        own(match after {
            false => format!("SELECT {columns} FROM {name} ORDER BY {order} LIMIT $1"),
            true => format!(
                "SELECT {columns} FROM {name} WHERE ({order}) > ({}) ORDER BY {order} LIMIT ${}",
                places.join(", "),
                self.key + 1
            ),
        })
    }

    /// Writes one row.
    pub(super) fn insert(&self) -> backend::Text {
        let places: Vec<_> = (1..=self.columns.len()).map(|place| format!("${place}")).collect();
        own(format!("INSERT INTO {} ({}) VALUES ({})", self.name, self.column_list(), places.join(", ")))
    }

    /// Counts its rows.
    pub(super) fn count(&self) -> backend::Text {
        own(format!("SELECT count(*) FROM {}", self.name))
    }
}

/// A statement of nothing but names from above, hence the assertion.
fn own(text: String) -> backend::Text {
    AssertSqlSafe(Arc::<str>::from(text)).into()
}

const PAGE: i64 = 256;

/// Tables that are in no backup, and why. Answers that were kept: whoever asks again behind a restore is judged on what came
/// back, not told what was done to a store that is gone (L16).
#[cfg(test)]
const NOT_KEPT: &[&str] = &["kept_answer"];

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use crate::backend::{Backend, query_as};

    /// A table or column that a later step of the schema adds must be in backups too, or said here not to be.
    #[tokio::test]
    async fn every_table_and_column_is_in_a_backup() {
        let backend = Backend::open("sqlite::memory:").await.unwrap();
        let mut connection = backend.reader().await.unwrap();
        let columns = "SELECT t.name, c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c \
                       WHERE t.type = 'table' AND t.name <> 'schema_step' ORDER BY t.name, c.name";
        let mut there: Vec<(String, String)> = query_as(columns).fetch_all(&mut connection).await.unwrap();
        there.retain(|(table, _)| !NOT_KEPT.contains(&table.as_str()));
        let mut ours: Vec<(String, String)> = TABLES
            .iter()
            .flat_map(|table| table.columns.iter().map(|(column, _)| (table.name.to_owned(), (*column).to_owned())))
            .collect();
        ours.sort();
        assert_eq!(ours, there);
    }
}
