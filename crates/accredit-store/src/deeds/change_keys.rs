//! Adds keys and moves them on in their lives.

use std::collections::{HashMap, HashSet};

use super::{close, pack};
use crate::backend::{Connection, Statement, Writer, begin_write, fault, is_unique_violation, query_as, statement};
use crate::chain::Chain;
use crate::error::StoreError;
use crate::head::{self, Head};
use crate::key::{KeyChange, KeyDeed, KeyLife, SigningKey};
use crate::reads;
use crate::seal::{Book, Cell, Sealer, Set, Tampering};
use crate::sql;

/// See [`Store::change_keys`](crate::Store::change_keys).
pub(crate) async fn change_keys(
    writer: &mut Writer,
    chain: &mut Chain,
    sealer: Option<&Sealer>,
    deed: KeyDeed,
    at: i64,
) -> Result<Head, StoreError> {
    let KeyDeed { changes, revokes, records, expected_sequence } = deed;
    let connection = writer.change();
    chain.settle(connection).await?;
    let batches = pack(chain, &records, at)?;
    let mut transaction = begin_write(connection).await?;
    let mut book = Book::open(&mut transaction, sealer).await?;
    let head = head::advance(&mut transaction, revokes).await?;
    let actual = head.sequence - 1;
    if let Some(expected) = expected_sequence.filter(|expected| *expected != actual) {
        return Err(StoreError::Conflict { expected, actual });
    }
    book.iter_mut().for_each(|book| book.at(head));
    take_steps(&mut transaction, changes, book.as_mut()).await?;
    close(book, &mut transaction, &records).await?;
    let tail = chain.append(&mut transaction, batches).await?;
    transaction.commit().await.map_err(fault)?;
    chain.committed(tail);
    writer.changed(head);
    Ok(head)
}

/// Takes the steps, within the transaction that `connection` is in, and seals what they touched.
pub(crate) async fn take_steps(
    connection: &mut Connection,
    changes: Vec<KeyChange>,
    book: Option<&mut Book<'_>>,
) -> Result<(), StoreError> {
    let touched: HashSet<String> = changes.iter().filter_map(|change| change.id().map(str::to_owned)).collect();
    let seals = match &book {
        Some(_) => reads::key_seals(connection).await?,
        None => HashMap::new(),
    };
    if let Some(book) = &book {
        check(connection, book, &touched, &seals).await?;
    }
    for change in changes {
        take_step(connection, change).await?;
    }
    let Some(book) = book else { return Ok(()) };
    let keys = reads::keys_unchecked(connection).await?;
    for id in &touched {
        let name = [Cell::Text(id)];
        book.remove(Set::SigningKey, &name, seals.get(id).and_then(Option::as_deref));
        let Some(key) = keys.iter().find(|key| key.id == *id) else { continue };
        let seal = book.add(Set::SigningKey, &name, &key.cells());
        let query = statement(sql::SEAL_KEY).bind(key.id.clone()).bind(seal);
        query.execute(&mut *connection).await.map_err(fault)?;
    }
    Ok(())
}

/// Refuses to touch a key that somebody else wrote to: what he wrote would be sealed with what is written now.
async fn check(
    connection: &mut Connection,
    book: &Book<'_>,
    touched: &HashSet<String>,
    seals: &HashMap<String, Option<Vec<u8>>>,
) -> Result<(), StoreError> {
    for key in reads::keys_unchecked(connection).await?.iter().filter(|key| touched.contains(&key.id)) {
        let (name, seal) = ([Cell::Text(&key.id)], seals.get(&key.id).and_then(Option::as_deref));
        if !book.holds(Set::SigningKey, &name, &key.cells(), seal) {
            let found = Tampering::Row { table: Set::SigningKey.table(), name: key.id.clone() };
            return Err(StoreError::Tampered { what: found.to_string() });
        }
    }
    Ok(())
}

async fn take_step(connection: &mut Connection, change: KeyChange) -> Result<(), StoreError> {
    match change {
        KeyChange::Insert(key) => insert(connection, key).await,
        KeyChange::Move { id, revision, life } => {
            let query = bind_life(statement(sql::MOVE_KEY).bind(id.as_str()).bind(revision), life);
            match query.execute(&mut *connection).await.map_err(fault)?.rows_affected() {
                1 => Ok(()),
                _ => Err(not_moved(connection, id).await?),
            }
        }
        KeyChange::Remove { id } => {
            let query = statement(sql::REMOVE_KEY).bind(id.as_str());
            expect_one(query.execute(connection).await.map_err(fault)?.rows_affected(), id)
        }
        KeyChange::RewrapSeals { wrapped, kek_id } => {
            let query = statement(sql::REWRAP_KEY_OF_SEALS).bind(wrapped).bind(kek_id);
            expect_one(query.execute(connection).await.map_err(fault)?.rows_affected(), "of the seals".to_owned())
        }
        KeyChange::Rewrap { id, wrapped, kek_id } => {
            let query = statement(sql::REWRAP_KEY).bind(id.as_str()).bind(wrapped).bind(kek_id);
            expect_one(query.execute(connection).await.map_err(fault)?.rows_affected(), id)
        }
    }
}

async fn insert(connection: &mut Connection, key: SigningKey) -> Result<(), StoreError> {
    let SigningKey { id, purpose, algorithm, public_jwk, wrapped, kek_id, domain, chain, revision, life } = key;
    let query = statement(sql::PUT_KEY)
        .bind(id.as_str())
        .bind(purpose)
        .bind(algorithm)
        .bind(public_jwk)
        .bind(wrapped)
        .bind(kek_id)
        .bind(revision)
        .bind(domain)
        .bind(chain);
    match bind_life(query, life).execute(connection).await {
        Ok(_) => Ok(()),
        Err(error) if is_unique_violation(&error) => Err(StoreError::NotUnique { kind: KIND.to_owned(), taken: id }),
        Err(error) => Err(fault(error)),
    }
}

/// The columns of a life, in the order in which every statement names them.
fn bind_life(query: Statement, life: KeyLife) -> Statement {
    let KeyLife {
        state,
        created_at,
        published_at,
        activated_at,
        retired_at,
        leaves_at,
        due_at,
        tainted_at,
        longest_token,
        bundle,
    } = life;
    query
        .bind(state)
        .bind(created_at)
        .bind(published_at)
        .bind(activated_at)
        .bind(retired_at)
        .bind(leaves_at)
        .bind(due_at)
        .bind(tainted_at)
        .bind(longest_token)
        .bind(bundle)
}

/// Why no key of that id and revision is there.
async fn not_moved(connection: &mut Connection, id: String) -> Result<StoreError, StoreError> {
    let query = query_as(sql::KEY_EXISTS).bind(id.as_str());
    let (there,): (i64,) = query.fetch_one(connection).await.map_err(fault)?;
    Ok(match there {
        0 => StoreError::NotFound { kind: KIND.to_owned(), id },
        _ => StoreError::KeyMoved { id },
    })
}

fn expect_one(rows: u64, id: String) -> Result<(), StoreError> {
    if rows == 1 { Ok(()) } else { Err(StoreError::NotFound { kind: KIND.to_owned(), id }) }
}

const KIND: &str = "signing key";
