//! Changes resources, with their history and their records.

use std::collections::{HashMap, HashSet};

use super::{answers, bundles, close, pack, pins, sight};
use crate::backend::{Connection, Writer, begin_write, fault, is_unique_violation, query_as, statement};
use crate::chain::Chain;
use crate::error::StoreError;
use crate::head::{self, Head};
use crate::multi_row::{exact, filled};
use crate::resource::{Change, Columns, Row};
use crate::seal::{Book, Sealer, Set};
use crate::sql;

/// What a resource was before a change.
struct History<'c> {
    kind: &'c str,
    id: &'c str,
    action: &'static str,
    was: Option<&'c Row>,
}

/// See [`Store::apply_change`](crate::Store::apply_change).
pub(crate) async fn apply_change(
    writer: &mut Writer,
    chain: &mut Chain,
    sealer: Option<&Sealer>,
    change: &Change,
    at: i64,
) -> Result<Head, StoreError> {
    check_unique(change)?;
    let connection = writer.change();
    chain.settle(connection).await?;
    let batches = pack(chain, &change.records, at)?;
    let mut transaction = begin_write(connection).await?;
    let mut book = Book::open(&mut transaction, sealer).await?;
    let head = head::advance(&mut transaction, change.revokes).await?;
    book.iter_mut().for_each(|book| book.at(head));
    let actual = head.sequence - 1;
    if actual != change.expected_sequence {
        // Now, and not with whatever is written next here: nothing may be, and others wait for the head.
        transaction.rollback().await.map_err(fault)?;
        return Err(StoreError::Conflict { expected: change.expected_sequence, actual });
    }
    let before = take(&mut transaction, change, book.as_mut()).await?;
    put_history(&mut transaction, head.sequence, &histories(change, &before)?).await?;
    match put(&mut transaction, &change.puts, book.as_mut()).await {
        Ok(()) => {}
        Err(error) if is_unique_violation(&error) => {
            transaction.rollback().await.map_err(fault)?;
            return Err(name_taken(connection, change).await?);
        }
        Err(error) => return Err(fault(error)),
    }
    pins::delete_of(&mut transaction, &change.deletes, book.as_mut()).await?;
    sight::delete_of(&mut transaction, &change.deletes).await?;
    bundles::delete_of(&mut transaction, &change.deletes, book.as_mut()).await?;
    pins::delete(&mut transaction, &change.unpins, book.as_mut()).await?;
    if let Some(answer) = &change.answer {
        answers::keep(&mut transaction, sealer, answer, head.sequence, at).await?;
    }
    close(book, &mut transaction, &change.records).await?;
    let tail = chain.append(&mut transaction, batches).await?;
    transaction.commit().await.map_err(fault)?;
    chain.committed(tail);
    writer.changed(head);
    Ok(head)
}

/// What can be seen without the store: each id and each name at most once.
fn check_unique(change: &Change) -> Result<(), StoreError> {
    let taken = |kind: &str, taken: &str| StoreError::NotUnique { kind: kind.to_owned(), taken: taken.to_owned() };
    let count = change.puts.len() + change.deletes.len();
    let mut ids = HashSet::with_capacity(count);
    let mut names = HashSet::with_capacity(change.puts.len());
    for row in &change.puts {
        if !ids.insert(row.id.as_str()) {
            return Err(taken(&row.kind, &row.id));
        }
        if !names.insert((row.kind.as_str(), row.name.as_str())) {
            return Err(taken(&row.kind, &row.name));
        }
    }
    match change.deletes.iter().find(|(_, id)| !ids.insert(id.as_str())) {
        Some((kind, id)) => Err(taken(kind, id)),
        None => Ok(()),
    }
}

/// Takes away everything that the change touches and gives it back. What is written is then written anew, so that two
/// resources may swap their names.
async fn take(
    connection: &mut Connection,
    change: &Change,
    mut book: Option<&mut Book<'_>>,
) -> Result<HashMap<String, Row>, StoreError> {
    let ids: Vec<&str> = touched(change).map(|(_, id)| id).collect();
    let mut before = HashMap::new();
    for chunk in filled(ids.len()) {
        let mut query = query_as(sql::TAKE_RESOURCES.text(&chunk));
        for place in chunk.places() {
            query = query.bind(ids[place]);
        }
        let rows: Vec<Columns> = query.fetch_all(&mut *connection).await.map_err(fault)?;
        for (row, seal) in rows.into_iter().map(Row::sealed) {
            if let Some(book) = &mut book {
                book.remove(Set::Resource, &row.named(), seal.as_deref());
            }
            before.insert(row.id.clone(), row);
        }
    }
    Ok(before)
}

fn histories<'c>(change: &'c Change, before: &'c HashMap<String, Row>) -> Result<Vec<History<'c>>, StoreError> {
    let puts = change.puts.len();
    let mut histories = Vec::with_capacity(puts + change.deletes.len());
    for (place, (kind, id)) in touched(change).enumerate() {
        let was = before.get(id);
        let action = match was {
            Some(row) if row.kind != kind && place < puts => {
                return Err(StoreError::NotUnique { kind: row.kind.clone(), taken: id.to_owned() });
            }
            Some(row) if row.kind == kind && place >= puts => "delete",
            Some(_) if place < puts => "update",
            None if place < puts => "create",
            Some(_) | None => return Err(StoreError::NotFound { kind: kind.to_owned(), id: id.to_owned() }),
        };
        histories.push(History { kind, id, action, was });
    }
    Ok(histories)
}

async fn put_history(connection: &mut Connection, sequence: i64, histories: &[History<'_>]) -> Result<(), StoreError> {
    for chunk in exact(histories.len()) {
        let mut query = statement(sql::PUT_HISTORY.text(&chunk));
        for place in chunk.places() {
            let History { kind, id, action, was } = histories[place];
            query = query
                .bind(sequence)
                .bind(id)
                .bind(kind)
                .bind(action)
                .bind(was.and_then(|row| row.owner.as_deref()))
                .bind(was.map(|row| row.name.as_str()))
                .bind(was.map(|row| row.enabled))
                .bind(was.map(|row| row.revision))
                .bind(was.map(|row| row.body.as_str()));
        }
        query.execute(&mut *connection).await.map_err(fault)?;
    }
    Ok(())
}

async fn put(connection: &mut Connection, rows: &[Row], mut book: Option<&mut Book<'_>>) -> Result<(), sqlx::Error> {
    for chunk in exact(rows.len()) {
        let mut query = statement(sql::PUT_RESOURCES.text(&chunk));
        for place in chunk.places() {
            let row = &rows[place];
            let seal = book.as_mut().map(|book| book.add(Set::Resource, &row.named(), &row.cells()));
            let Row { kind, id, owner, name, enabled, revision, body } = row;
            query = query
                .bind(kind.as_str())
                .bind(id.as_str())
                .bind(owner.as_deref())
                .bind(name.as_str())
                .bind(*enabled)
                .bind(*revision)
                .bind(body.as_str())
                .bind(seal);
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

/// Finds the name that the database would not take twice.
async fn name_taken(connection: &mut Connection, change: &Change) -> Result<StoreError, StoreError> {
    let touched: HashSet<&str> = touched(change).map(|(_, id)| id).collect();
    for chunk in filled(change.puts.len()) {
        let mut query = query_as(sql::NAMES_TAKEN.text(&chunk));
        for place in chunk.places() {
            let row = &change.puts[place];
            query = query.bind(row.kind.as_str()).bind(row.name.as_str());
        }
        let rows: Vec<(String, String, String)> = query.fetch_all(&mut *connection).await.map_err(fault)?;
        if let Some((kind, name, _)) = rows.into_iter().find(|(_, _, id)| !touched.contains(id.as_str())) {
            return Ok(StoreError::NotUnique { kind, taken: name });
        }
    }
    Err(StoreError::Corrupt { what: "expected a name that is taken, got none".to_owned() })
}

/// Kind and id of what is written, then of what is deleted.
fn touched(change: &Change) -> impl Iterator<Item = (&str, &str)> {
    let puts = change.puts.iter().map(|row| (row.kind.as_str(), row.id.as_str()));
    puts.chain(change.deletes.iter().map(|(kind, id)| (kind.as_str(), id.as_str())))
}
