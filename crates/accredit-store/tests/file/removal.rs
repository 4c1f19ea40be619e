//! Whoever can write to the database does not have old records removed that are not: nothing is signed that was not verified.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use accredit_store::audit::{NewRecord, SignedHead};
use accredit_store::{HeadKeys, Removal, Store, StoreError, Sweep};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

use crate::{NOW, entry, holds, open_chain, raw, sign, url};

/// Ten batches that were written at a time, with a head over the ninth.
async fn write(database: &Path, at: i64) {
    let store = Store::open(&url(database)).await.unwrap();
    let mut chain = open_chain(&store, 1).await;
    for number in 1..=10 {
        store.commit_records(&mut chain, &[entry(number, "one")], at).await.unwrap();
        if number == 9 {
            store.write_head(&sign(&chain)).await.unwrap();
        }
    }
    store.close().await.unwrap();
}

/// What a server does every hour: how many batches went, or why none.
async fn sweep(database: &Path) -> Result<u64, String> {
    let store = Store::open(&url(database)).await.unwrap();
    let mut chain = open_chain(&store, 2).await;
    let sign = |head: &accredit_store::audit::Head| {
        Some(SignedHead { head: *head, key_id: "audit-1".to_owned(), signature: head.message() })
    };
    let keys = HeadKeys { sign: Arc::new(sign), verify: Arc::new(holds) };
    let removal = Sweep::Records(Removal::new(NOW - 50, vec![], keys, NOW));
    let record = NewRecord { id: [9; 16], content: b"swept".to_vec().into() };
    let taken = match store.prepare_sweep(removal).await {
        Ok(prepared) => Ok(store.begin_sweep(&mut chain, prepared, &record, NOW).await.unwrap().taken),
        Err(StoreError::Tampered { what }) => Err(what.replace(&"01".repeat(16), "A")),
        Err(fault) => Err(fault.to_string()),
    };
    store.close().await.unwrap();
    taken
}

async fn written(at: i64) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("store.db");
    write(&database, at).await;
    (folder, database)
}

#[tokio::test]
async fn l18_what_is_removed_is_what_was_written() {
    // The same chain written anew as though long ago, with every hash right.
    let (_forged, forged) = written(NOW - 100).await;
    let anew = format!(
        "ATTACH '{}' AS forged; DELETE FROM audit_batch; INSERT INTO audit_batch SELECT * FROM forged.audit_batch;",
        forged.display()
    );
    let altered = "batch 1 of chain `A` was altered";
    for (what, at, sql, expected) in [
        ("young", NOW, String::new(), Ok(0)),
        ("old", NOW - 100, String::new(), Ok(9)),
        ("made old", NOW, "UPDATE audit_batch SET written_at = 0 WHERE number <= 5".to_owned(), Err(altered)),
        (
            "altered, and old",
            NOW - 100,
            "UPDATE audit_batch SET body = zeroblob(length(body)) WHERE number = 1".to_owned(),
            Err(altered),
        ),
        (
            "taken out, and old",
            NOW - 100,
            "DELETE FROM audit_batch WHERE number IN (2, 3)".to_owned(),
            Err("batches 2 to 3 of chain `A` are missing"),
        ),
        ("written anew", NOW, anew.clone(), Err("batch 9 of chain `A` is not the one whose hash was signed")),
        (
            "written anew, with its head",
            NOW,
            format!("{anew} UPDATE audit_head SET hash = (SELECT hash FROM audit_batch WHERE number = 9)"),
            Err("signature by key `audit-1` over batch 9 of chain `A` does not hold"),
        ),
        // What nobody can tell, nobody signs for.
        ("written anew, without its head", NOW, format!("{anew} DELETE FROM audit_head"), Ok(0)),
        (
            "cut, and a checkpoint put in its place",
            NOW - 100,
            "INSERT INTO audit_checkpoint SELECT chain, number, hash, 5, 1, 'audit-1', hash FROM audit_batch WHERE number = 5; \
             DELETE FROM audit_batch WHERE number <= 5"
                .to_owned(),
            Err("signature by key `audit-1` over the removal up to batch 5 of chain `A` does not hold"),
        ),
        (
            "the beginning",
            NOW - 100,
            "UPDATE audit_chain SET opened_at = 1".to_owned(),
            Err("beginning of chain `A` was altered"),
        ),
    ] {
        let (_folder, database) = written(at).await;
        let mut connection = raw(&database).await;
        connection.execute(AssertSqlSafe(sql)).await.unwrap();
        let left = "SELECT count(*) FROM audit_batch WHERE chain = 1";
        let (before,): (i64,) = sqlx::query_as(left).fetch_one(&mut connection).await.unwrap();
        assert_eq!(sweep(&database).await, expected.map_err(str::to_owned), "{what}");
        let (after,): (i64,) = sqlx::query_as(left).fetch_one(&mut connection).await.unwrap();
        assert_eq!(before - after, expected.map_or(0, |taken| i64::try_from(taken).unwrap()), "{what}");
        connection.close().await.unwrap();
    }
}
