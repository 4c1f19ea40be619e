//! Whose a database is: one process's, and no other user's.

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use accredit_store::{Store, StoreError};
use sqlx::{Connection as _, Executor as _};

use crate::{raw, url};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn folder_and_files_are_its_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("a/b/store.db");
    let store = Store::open(&url(&database)).await.unwrap();
    crate::open_chain(&store, 1).await;
    assert_eq!(mode(&folder.path().join("a")), 0o700);
    assert_eq!(mode(&folder.path().join("a/b")), 0o700);
    for name in ["store.db", "store.db-wal", "store.db-shm", "store.db.lock"] {
        assert_eq!(mode(&folder.path().join("a/b").join(name)), 0o600, "{name}");
    }
}

#[tokio::test]
async fn what_others_could_read_is_closed_to_them() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("store.db");
    Store::open(&url(&database)).await.unwrap().close().await.unwrap();
    fs::set_permissions(&database, Permissions::from_mode(0o644)).unwrap();
    let _store = Store::open(&url(&database)).await.unwrap();
    assert_eq!(mode(&database), 0o600);
}

#[tokio::test]
async fn a_second_one_is_refused_however_it_calls_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    let database = folder.path().join("data/store.db");
    let store = Store::open(&url(&database)).await.unwrap();
    symlink(folder.path().join("data"), folder.path().join("link")).unwrap();
    symlink(&database, folder.path().join("alias.db")).unwrap();
    for name in ["data/store.db", "data/../data/store.db", "link/store.db", "alias.db"] {
        let error = Store::open(&url(&folder.path().join(name))).await.unwrap_err();
        assert!(matches!(&error, StoreError::Locked { holder, .. } if *holder == Some(std::process::id())), "{error}");
        assert_eq!(error.code(), "store-locked");
    }
    store.close().await.unwrap();
    Store::open(&url(&folder.path().join("alias.db"))).await.unwrap();
}

#[tokio::test]
async fn a_dropped_one_is_free_again() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("store.db");
    for _ in 0..5 {
        let store = Store::open(&url(&database)).await.unwrap();
        let mut chain = store.open_chain(accredit_store::audit::ChainId(rand_id()), 0).await.unwrap();
        store.commit_records(&mut chain, &[crate::entry(1, "one")], 0).await.unwrap();
        drop(store);
    }
}

/// The one that holds it is killed: the next one has it at once, and did not have it before.
#[tokio::test]
async fn a_killed_one_is_free_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("store.db");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "place::held_until_killed", "--nocapture"])
        .env(HELD, &database)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("held")));
    let error = Store::open(&url(&database)).await.unwrap_err();
    assert!(matches!(&error, StoreError::Locked { holder, .. } if *holder == Some(child.id())), "{error}");
    child.kill().unwrap();
    child.wait().unwrap();
    Store::open(&url(&database)).await.unwrap();
}

/// The other side of `a_killed_one_is_free_at_once`, which starts this test in a process of its own; by itself it does nothing.
#[tokio::test]
async fn held_until_killed() {
    let Some(database) = std::env::var_os(HELD) else { return };
    let _store = Store::open(&url(Path::new(&database))).await.unwrap();
    crate::crash::say("held");
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn what_is_not_ours_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    fs::write(&text, "not a database, but long enough to be taken for one. ".repeat(100)).unwrap();
    let theirs = folder.path().join("theirs.db");
    fs::write(&theirs, "").unwrap();
    let mut connection = raw(&theirs).await;
    connection.execute("CREATE TABLE t (a)").await.unwrap();
    connection.close().await.unwrap();
    for path in [text, theirs] {
        let before = fs::read(&path).unwrap();
        let error = Store::open(&url(&path)).await.unwrap_err();
        assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}

#[tokio::test]
async fn a_newer_schema_that_does_not_spare_this_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("store.db");
    Store::open(&url(&database)).await.unwrap().close().await.unwrap();
    let mut connection = raw(&database).await;
    connection.execute("INSERT INTO schema_step (number, oldest) VALUES (9999, 9999)").await.unwrap();
    connection.close().await.unwrap();
    let error = Store::open(&url(&database)).await.unwrap_err();
    assert!(matches!(error, StoreError::TooNew { found: 9999, .. }), "{error}");
}

#[tokio::test]
async fn a_damaged_file_is_said_to_be_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("store.db");
    Store::open(&url(&database)).await.unwrap().close().await.unwrap();
    let mut bytes = fs::read(&database).unwrap();
    bytes[100..].fill(0xff);
    fs::write(&database, bytes).unwrap();
    let error = Store::open(&url(&database)).await.unwrap_err();
    assert_eq!(error.code(), "store-corrupt", "{error}");
}

#[tokio::test]
async fn addresses_that_cannot_be_opened_are_told_without_their_secrets() {
    for (url, code) in [
        ("postgres://user:hunter2@host/db?password=hunter2", "store-address"),
        ("postgres://user:hunter2@host:hunter2/db", "store-address"),
        ("mysql:x", "store-address"),
        ("", "store-address"),
        ("/var/lib/store.db", "store-address"),
        ("sqlite:", "store-address"),
        ("postgres://user:hunter2@127.0.0.1:1/db", "store-unavailable"),
    ] {
        let error = Store::open(url).await.unwrap_err();
        assert_eq!(error.code(), code, "{url}");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}

#[tokio::test]
async fn a_path_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    for name in ["file/store.db", "."] {
        let path = folder.path().join(name);
        let error = Store::open(&url(&path)).await.unwrap_err();
        assert_eq!(error.code(), "store-unavailable");
        assert!(error.to_string().contains(&folder.path().display().to_string()), "{error}");
    }
}

const HELD: &str = "ACCREDIT_STORE_TEST_HELD";

fn rand_id() -> [u8; 16] {
    let mut id = [0; 16];
    std::io::Read::read_exact(&mut fs::File::open("/dev/urandom").unwrap(), &mut id).unwrap();
    id
}
