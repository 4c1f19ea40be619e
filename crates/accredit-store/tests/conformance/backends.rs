//! The backends under test.

use std::sync::OnceLock;

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
    /// One that was opened once before, which spares each case the making of its schema. `None` where there is no PostgreSQL.
    pub(crate) fn new() -> Option<Self> {
        static TEMPLATE: OnceLock<String> = OnceLock::new();
        let cluster = accredit_test_postgres::shared()?;
        let template = TEMPLATE.get_or_init(|| {
            let url = cluster.database();
            let name = url.rsplit('/').next().unwrap().to_owned();
            let made = std::thread::spawn(move || {
                let runtime = tokio::runtime::Runtime::new().unwrap();
                runtime.block_on(async { Store::open(&url).await.unwrap().close().await.unwrap() });
            });
            made.join().unwrap();
            name
        });
        Some(Self(cluster.database_like(template)))
    }

    /// One in which there is nothing at all.
    pub(crate) fn empty() -> Option<Self> {
        Some(Self(accredit_test_postgres::shared()?.database()))
    }
}

impl Factory for Postgres {
    const REMEMBERS: bool = true;

    fn url(&self) -> String {
        self.0.clone()
    }
}
