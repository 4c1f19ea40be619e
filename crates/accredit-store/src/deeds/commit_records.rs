//! Records decisions before they are answered.

use std::collections::HashSet;

use super::marks::{self, Claim};
use super::pins::{self, Met};
use super::proofs;
use crate::audit::{Content, Tail};
use crate::backend::{Connection, Writer, begin_write, fault, query_as};
use crate::chain::{Chain, check_size};
use crate::error::StoreError;
use crate::exchange::{Committed, Entry, EntryOutcome};
use crate::head;
use crate::multi_row::filled;
use crate::pin::NamePin;
use crate::seal::{Book, Sealer};
use crate::sql;

/// Why decisions were not recorded.
pub(crate) enum NotRecorded {
    /// Their evidence is not spent.
    Surely(StoreError),
    /// The commit was not answered: what would have become of them, and where the chain ends if it came about.
    Perhaps(StoreError, Committed, Tail),
}

impl From<StoreError> for NotRecorded {
    fn from(fault: StoreError) -> Self {
        Self::Surely(fault)
    }
}

/// See [`Store::commit_records`](crate::Store::commit_records).
pub(crate) async fn commit_records(
    writer: &mut Writer,
    chain: &mut Chain,
    sealer: Option<&Sealer>,
    entries: &[Entry],
    at: i64,
) -> Result<Committed, NotRecorded> {
    for entry in entries {
        check_size(&entry.record)?;
        entry.if_replayed.as_ref().map_or(Ok(()), check_size)?;
    }
    chain.settle(&mut writer.connection).await?;
    if commit_at_once(&mut writer.connection, chain, entries, at).await? {
        return Ok(Committed { outcomes: vec![EntryOutcome::Recorded; entries.len()], pins: Vec::new() });
    }
    commit_each(writer, chain, sealer, entries, at).await
}

/// Whether a commit that was not answered came about, and is on every disk that a commit has to be on.
pub(crate) async fn has_come_about(
    connection: &mut Connection,
    chain: &mut Chain,
    tail: Tail,
) -> Result<bool, StoreError> {
    chain.settle(connection).await?;
    if chain.tail() != tail {
        return Ok(false);
    }
    // It can be read here before a standby has it. What is committed behind it is answered when the standby has both.
    let mut transaction = begin_write(connection).await?;
    head::hold(&mut transaction).await?;
    transaction.commit().await.map_err(fault)?;
    Ok(true)
}

/// One statement, one trip to the database. False when it takes more than that; nothing is written then.
async fn commit_at_once(
    connection: &mut Connection,
    chain: &mut Chain,
    entries: &[Entry],
    at: i64,
) -> Result<bool, StoreError> {
    let is_unspent = |entry: &Entry| entry.mark.is_none() && entry.proof.is_none();
    let is_plain = |entry: &Entry| is_unspent(entry) && entry.pins.is_empty() && entry.rests_on.is_empty();
    if !entries.iter().all(is_plain) {
        return Ok(false);
    }
    let Some(decided_on) = entries.iter().map(|entry| entry.decided_on).min() else { return Ok(false) };
    let mut batches = chain.pack(at, entries.iter().map(|entry| (&entry.id, &entry.record)));
    match (batches.pop(), batches.is_empty()) {
        (Some(batch), true) => chain.append_if_current(connection, batch, decided_on).await,
        _ => Ok(false),
    }
}

/// One transaction, in which each entry is looked at for itself.
async fn commit_each(
    writer: &mut Writer,
    chain: &mut Chain,
    sealer: Option<&Sealer>,
    entries: &[Entry],
    at: i64,
) -> Result<Committed, NotRecorded> {
    let own_head = writer.own_head().await?;
    let mut transaction = begin_write(&mut writer.connection).await?;
    // Before anything is looked at: of two servers on which a name is used first, one waits here and then sees the other's.
    let news = match entries.iter().any(|entry| !entry.pins.is_empty()) {
        true => head::add_news(&mut transaction).await?,
        false => 0,
    };
    let head = match own_head {
        Some(head) => head,
        None => head::read(&mut transaction).await?,
    };
    let (outcomes, mut there) = judge(&mut transaction, sealer, entries, (head.revocation, at)).await?;
    let batches = chain.pack(at, entries.iter().zip(&outcomes).filter_map(to_write));
    if batches.is_empty() {
        // Marks are only ever claimed for what is recorded, or else were spent before: nothing was changed.
        transaction.rollback().await.map_err(fault)?;
        return Ok(Committed { outcomes, pins: there });
    }
    // INVARIANT: recorded, since its id masks the ledger, and that of one that is stale comes again with the next attempt.
    let is_pinning =
        |(entry, outcome): &(&Entry, &EntryOutcome)| !entry.pins.is_empty() && **outcome == EntryOutcome::Recorded;
    let pinning = || entries.iter().zip(&outcomes).find(is_pinning);
    let mut book = match pinning() {
        Some(_) => Book::open(&mut transaction, sealer).await?,
        None => None,
    };
    let recorded = entries.iter().zip(&outcomes).filter(|(_, outcome)| **outcome == EntryOutcome::Recorded);
    let new = pins::put(&mut transaction, recorded.map(|(entry, _)| entry), &there, news, book.as_mut()).await?;
    if let (Some(book), Some((entry, _))) = (book, pinning()) {
        book.close(&mut transaction, &entry.id).await?;
    }
    there.extend(new);
    let tail = chain.append(&mut transaction, batches).await?;
    let committed = Committed { outcomes, pins: there };
    if let Err(error) = transaction.commit().await {
        return Err(NotRecorded::Perhaps(fault(error), committed, tail));
    }
    chain.committed(tail);
    Ok(committed)
}

/// What becomes of each entry, and what its names are pinned to already.
async fn judge(
    connection: &mut Connection,
    sealer: Option<&Sealer>,
    entries: &[Entry],
    (revocation, at): (i64, i64),
) -> Result<(Vec<EntryOutcome>, Vec<NamePin>), StoreError> {
    let current: Vec<_> = entries.iter().enumerate().filter(|(_, entry)| revocation <= entry.decided_on).collect();
    let Met { there, clashing } = pins::meet(connection, &current, sealer).await?;
    let revoked = revoked_among(connection, entries.iter().flat_map(|entry| &entry.rests_on)).await?;
    // What is stale claims nothing: it would burn evidence for a decision that is not made.
    let is_stale = |place: usize, entry: &Entry| {
        revocation > entry.decided_on
            || clashing.contains(&place)
            || entry.rests_on.iter().any(|decision| revoked.contains(&decision[..]))
    };
    let standing: Vec<_> = current.into_iter().filter(|(place, entry)| !is_stale(*place, entry)).collect();
    // Proofs first: whoever has lost his must burn no evidence.
    let proofs = proofs::claim(connection, standing.iter().copied(), at).await?;
    let claims: Vec<_> = standing
        .iter()
        .filter(|(place, _)| !proofs.was_shown(*place))
        .filter_map(|(_, entry)| Some(Claim { decision: &entry.id, mark: entry.mark.as_ref()? }))
        .collect();
    let mut claimed = marks::claim(connection, &claims, at).await?.into_iter();
    let outcome = |(place, entry): (usize, &Entry)| {
        if is_stale(place, entry) {
            return EntryOutcome::Stale;
        }
        if proofs.was_shown(place) {
            return EntryOutcome::ProofShown;
        }
        match entry.mark.as_ref().and_then(|_| claimed.next()).flatten() {
            None => EntryOutcome::Recorded,
            Some(first) => EntryOutcome::Replayed { first },
        }
    };
    let outcomes: Vec<_> = entries.iter().enumerate().map(outcome).collect();
    proofs.give_back(connection, &outcomes).await?;
    Ok((outcomes, there))
}

/// Those of the decisions whose tokens were revoked, by whichever server.
async fn revoked_among<'e>(
    connection: &mut Connection,
    decisions: impl Iterator<Item = &'e [u8; 16]>,
) -> Result<HashSet<Vec<u8>>, StoreError> {
    let decisions: Vec<_> = decisions.collect();
    let mut revoked = HashSet::new();
    for chunk in filled(decisions.len()) {
        let mut query = query_as(sql::REVOKED_AMONG.text(&chunk));
        for place in chunk.places() {
            query = query.bind(decisions[place].to_vec());
        }
        let rows: Vec<(Vec<u8>,)> = query.fetch_all(&mut *connection).await.map_err(fault)?;
        revoked.extend(rows.into_iter().map(|(decision,)| decision));
    }
    Ok(revoked)
}

fn to_write<'e>((entry, outcome): (&'e Entry, &EntryOutcome)) -> Option<(&'e [u8; 16], &'e Content)> {
    let content = match outcome {
        EntryOutcome::Recorded => Some(&entry.record),
        EntryOutcome::Replayed { .. } => entry.if_replayed.as_ref(),
        EntryOutcome::ProofShown | EntryOutcome::Stale => None,
    };
    Some((&entry.id, content?))
}
