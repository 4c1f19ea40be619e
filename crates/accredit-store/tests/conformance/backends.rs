//! The backends under test.

use accredit_store::Store;
use tempfile::TempDir;

/// Gives a store of its own, and the same one again where the backend remembers.
pub(crate) trait Factory {
    /// Whether a store that was closed can be opened again.
    const REMEMBERS: bool;

    fn url(&self) -> String;

    async fn open(&self) -> Store {
        Store::open(&self.url()).await.unwrap()
    }
}

pub(crate) struct File(TempDir);

pub(crate) struct Memory;

/// A database of its own on a server that all cases share.
pub(crate) struct Postgres(String);

// === impl File ===

impl File {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

impl Factory for File {
    const REMEMBERS: bool = true;

    fn url(&self) -> String {
        format!("sqlite:{}/store.db", self.0.path().display())
    }
}

// === impl Memory ===

impl Factory for Memory {
    const REMEMBERS: bool = false;

    fn url(&self) -> String {
        "sqlite::memory:".to_owned()
    }
}

// === impl Postgres ===

impl Postgres {
    /// `None` where there is no PostgreSQL.
    pub(crate) fn new() -> Option<Self> {
        Some(Self(accredit_test_postgres::shared()?.database()))
    }
}

impl Factory for Postgres {
    const REMEMBERS: bool = true;

    fn url(&self) -> String {
        self.0.clone()
    }
}
