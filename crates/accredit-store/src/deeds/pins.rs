//! Pins: the first use of a name says whose it is, and every later one must agree.

use std::collections::{HashMap, HashSet};

use super::{close, pack};
use crate::backend::{Connection, Writer, begin_write, fault, query_as, statement};
use crate::chain::Chain;
use crate::error::StoreError;
use crate::exchange::Entry;
use crate::head::{self, Head};
use crate::multi_row::{exact, filled};
use crate::pin::{Columns, NamePin, PinKey, UnpinDeed};
use crate::seal::{Book, Sealer, Set};
use crate::sql;

/// What the pins of a batch meet.
#[derive(Default)]
pub(super) struct Met {
    /// Pins that were there before, of names that the batch wants to pin.
    pub(super) there: Vec<NamePin>,
    /// Places of the entries that want another id for a name than the one that it is pinned to, or than an entry before.
    pub(super) clashing: HashSet<usize>,
}

/// Looks up what the names of these entries are pinned to. Nothing is written yet: an entry may still turn out to be a
/// replay, and what is refused must not pin anything.
///
/// A pin that somebody else wrote is brought to nobody, and whoever uses its name is refused: it is his who wrote it.
pub(super) async fn meet(
    connection: &mut Connection,
    entries: &[(usize, &Entry)],
    sealer: Option<&Sealer>,
) -> Result<Met, StoreError> {
    let keys: Vec<&PinKey> =
        entries.iter().flat_map(|(_, entry)| &entry.pins).filter(|pin| is_kept(pin)).map(|pin| &pin.key).collect();
    if entries.iter().all(|(_, entry)| entry.pins.is_empty()) {
        return Ok(Met::default());
    }
    let holds = |(pin, seal): &(NamePin, Option<Vec<u8>>)| {
        sealer.is_none_or(|sealer| sealer.holds(Set::NamePin, &pin.key.cells(), &pin.cells(), seal.as_deref()))
    };
    let (there, forged): (Vec<_>, Vec<_>) = look_up(connection, &keys).await?.into_iter().partition(holds);
    let there: Vec<NamePin> = there.into_iter().map(|(pin, _)| pin).collect();
    let forged: HashSet<PinKey> = forged.into_iter().map(|(pin, _)| pin.key).collect();
    let mut ids: HashMap<&PinKey, (&str, &str)> = there.iter().map(|pin| (&pin.key, value(pin))).collect();
    let mut clashing = HashSet::new();
    for (place, entry) in entries {
        let is_clashing = |pin: &NamePin| {
            ids.get(&pin.key).is_some_and(|id| *id != value(pin)) || forged.contains(&pin.key) || !is_kept(pin)
        };
        if entry.pins.iter().any(is_clashing) {
            clashing.insert(*place);
            continue;
        }
        // Of two first uses in one batch, the first in the batch is the first.
        ids.extend(entry.pins.iter().map(|pin| (&pin.key, value(pin))));
    }
    Ok(Met { there, clashing })
}

/// Writes the pins of entries that are recorded, except those that are there; gives what was written.
///
/// INVARIANT: `meet` ran in this transaction, and before it the head's row was taken, so that nobody else pins anything. A
/// row that is there all the same fails the whole batch, and nothing is answered.
pub(super) async fn put<'e>(
    connection: &mut Connection,
    recorded: impl Iterator<Item = &'e Entry>,
    there: &[NamePin],
    news: i64,
    mut book: Option<&mut Book<'_>>,
) -> Result<Vec<NamePin>, StoreError> {
    let mut known: HashSet<&PinKey> = there.iter().map(|pin| &pin.key).collect();
    let new: Vec<&NamePin> = recorded.flat_map(|entry| &entry.pins).filter(|pin| known.insert(&pin.key)).collect();
    for chunk in exact(new.len()) {
        let mut query = statement(sql::PUT_PINS.text(&chunk));
        for place in chunk.places() {
            let pin = new[place];
            let seal = book.as_mut().map(|book| book.add(Set::NamePin, &pin.key.cells(), &pin.cells()));
            let NamePin { key: PinKey { mapping, claim, name }, id_claim, id, decision, at } = pin;
            query = query
                .bind(mapping.as_str())
                .bind(claim.as_str())
                .bind(name.as_str())
                .bind(id_claim.as_str())
                .bind(id.as_str())
                .bind(decision.to_vec())
                .bind(*at)
                .bind(news)
                .bind(seal);
        }
        query.execute(&mut *connection).await.map_err(fault)?;
    }
    Ok(new.into_iter().cloned().collect())
}

/// Deletes pins, within the transaction that `connection` is in.
pub(super) async fn delete(
    connection: &mut Connection,
    keys: &[PinKey],
    mut book: Option<&mut Book<'_>>,
) -> Result<(), StoreError> {
    for chunk in filled(keys.len()) {
        let mut query = query_as(sql::DELETE_PINS.text(&chunk));
        for place in chunk.places() {
            let PinKey { mapping, claim, name } = &keys[place];
            query = query.bind(mapping.as_str()).bind(claim.as_str()).bind(name.as_str());
        }
        uncount(query.fetch_all(&mut *connection).await.map_err(fault)?, book.as_deref_mut());
    }
    Ok(())
}

/// Deletes every pin of these resources.
pub(super) async fn delete_of(
    connection: &mut Connection,
    ids: &[(String, String)],
    mut book: Option<&mut Book<'_>>,
) -> Result<(), StoreError> {
    for chunk in filled(ids.len()) {
        let mut query = query_as(sql::DELETE_PINS_OF.text(&chunk));
        for place in chunk.places() {
            query = query.bind(ids[place].1.as_str());
        }
        uncount(query.fetch_all(&mut *connection).await.map_err(fault)?, book.as_deref_mut());
    }
    Ok(())
}

/// Takes pins out of the ledger.
fn uncount(gone: Vec<(String, String, String, Option<Vec<u8>>)>, book: Option<&mut Book<'_>>) {
    let Some(book) = book else { return };
    for (mapping, claim, name, seal) in gone {
        book.remove(Set::NamePin, &PinKey { mapping, claim, name }.cells(), seal.as_deref());
    }
}

/// See [`Store::unpin`](crate::Store::unpin).
pub(crate) async fn unpin(
    writer: &mut Writer,
    chain: &mut Chain,
    sealer: Option<&Sealer>,
    deed: &UnpinDeed,
    at: i64,
) -> Result<Head, StoreError> {
    let connection = writer.change();
    chain.settle(connection).await?;
    let batches = pack(chain, &deed.records, at)?;
    let mut transaction = begin_write(connection).await?;
    let mut book = Book::open(&mut transaction, sealer).await?;
    let head = head::advance(&mut transaction, true).await?;
    book.iter_mut().for_each(|book| book.at(head));
    delete(&mut transaction, &deed.keys, book.as_mut()).await?;
    close(book, &mut transaction, &deed.records).await?;
    let tail = chain.append(&mut transaction, batches).await?;
    transaction.commit().await.map_err(fault)?;
    chain.committed(tail);
    writer.changed(head);
    Ok(head)
}

async fn look_up(connection: &mut Connection, keys: &[&PinKey]) -> Result<Vec<(NamePin, Option<Vec<u8>>)>, StoreError> {
    let mut there = Vec::new();
    for chunk in filled(keys.len()) {
        let mut query = query_as(sql::PINS_THERE.text(&chunk));
        for place in chunk.places() {
            let PinKey { mapping, claim, name } = keys[place];
            query = query.bind(mapping.as_str()).bind(claim.as_str()).bind(name.as_str());
        }
        let rows: Vec<Columns> = query.fetch_all(&mut *connection).await.map_err(fault)?;
        for row in rows {
            there.push(NamePin::sealed(row)?);
        }
    }
    Ok(there)
}

/// Whether every database can keep it. One entry that PostgreSQL takes exception to would fail all others of its batch.
fn is_kept(pin: &NamePin) -> bool {
    let NamePin { key: PinKey { mapping: _, claim, name }, id_claim, id, .. } = pin;
    [claim, name, id_claim, id].iter().all(|text| !text.contains('\0'))
}

fn value(pin: &NamePin) -> (&str, &str) {
    (&pin.id_claim, &pin.id)
}
