//! What only a store in a file can show: whose it is, that a kill loses nothing, and that tampering shows.
#![expect(
    clippy::disallowed_methods,
    reason = "these tests look at the files themselves, and run themselves as a child"
)]
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod crash;
mod place;
mod removal;
mod seals;
mod tamper;
mod trim;

use accredit_store::audit::{ChainId, Content, SignedHead};
use accredit_store::{Chain, Entry, Store};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use std::path::Path;

const NOW: i64 = 1_800_000_000;

fn url(database: &Path) -> String {
    format!("sqlite:{}", database.display())
}

fn entry(number: u64, text: &str) -> Entry {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    id[8..].copy_from_slice(&number.to_be_bytes());
    Entry {
        id,
        record: Content::from(text.as_bytes().to_vec()),
        mark: None,
        proof: None,
        if_replayed: None,
        pins: Vec::new(),
        rests_on: Vec::new(),
        decided_on: i64::MAX,
    }
}

async fn open_chain(store: &Store, number: u8) -> Chain {
    store.open_chain(ChainId([number; 16]), NOW).await.unwrap()
}

/// Signs as a test does: the signature is the message.
fn sign(chain: &Chain) -> SignedHead {
    let head = chain.head(NOW);
    SignedHead { head, key_id: "audit-1".to_owned(), signature: head.message() }
}

fn holds(signed: &SignedHead) -> bool {
    signed.signature == signed.head.message()
}

/// Opens the database behind the store's back.
async fn raw(database: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(database).foreign_keys(false).connect().await.unwrap()
}
