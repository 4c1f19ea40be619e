//! How the database is set up, asked of the database itself.

use accredit_store::Store;
use sqlx::Connection as _;

use crate::{entry, open_chain, raw, url};

#[tokio::test]
async fn it_is_in_wal_mode_and_ours() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("store.db");
    Store::open(&url(&database)).await.unwrap().close().await.unwrap();
    let mut connection = raw(&database).await;
    let (mode,): (String,) = sqlx::query_as("PRAGMA journal_mode").fetch_one(&mut connection).await.unwrap();
    assert_eq!(mode, "wal");
    let (mark,): (i64,) = sqlx::query_as("PRAGMA application_id").fetch_one(&mut connection).await.unwrap();
    assert_eq!(mark.to_be_bytes()[4..], *b"ACRD");
    connection.close().await.unwrap();
}

/// A commit appends to the log's one index and never walks it.
#[tokio::test]
async fn appending_and_finding_use_the_narrow_index() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("store.db");
    let store = Store::open(&url(&database)).await.unwrap();
    let mut chain = open_chain(&store, 1).await;
    store.commit_records(&mut chain, &[entry(1, "one")], 0).await.unwrap();
    store.close().await.unwrap();
    let mut connection = raw(&database).await;
    for (query, expected) in [
        ("EXPLAIN QUERY PLAN SELECT coalesce(max(number), 0) FROM audit_batch WHERE chain = 1", "SEARCH"),
        (
            "EXPLAIN QUERY PLAN SELECT chain, number FROM audit_batch WHERE instr(summary, x'01') > 0 \
             ORDER BY chain DESC, number DESC",
            "SCAN",
        ),
    ] {
        let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(query).fetch_all(&mut connection).await.unwrap();
        let detail = &plan[0].3;
        assert!(detail.contains(expected) && detail.contains("USING COVERING INDEX audit_batch_place"), "{detail}");
        assert_eq!(plan.len(), 1, "{plan:?}");
    }
    connection.close().await.unwrap();
}
