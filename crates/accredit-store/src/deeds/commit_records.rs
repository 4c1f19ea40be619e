//! Records decisions before they are answered.

use super::marks::{self, Claim};
use crate::audit::Content;
use crate::backend::{Connection, begin_write, fault};
use crate::chain::{Chain, check_size};
use crate::error::StoreError;
use crate::exchange::{Committed, Entry, EntryOutcome};
use crate::head::{self, Head};

/// See [`Store::commit_records`](crate::Store::commit_records).
pub(crate) async fn commit_records(
    connection: &mut Connection,
    chain: &mut Chain,
    entries: &[Entry],
    at: i64,
) -> Result<Committed, StoreError> {
    for entry in entries {
        check_size(&entry.record)?;
        entry.if_replayed.as_ref().map_or(Ok(()), check_size)?;
    }
    chain.settle(connection).await?;
    if entries.iter().all(|entry| entry.mark.is_none())
        && let Some(head) = commit_at_once(connection, chain, entries, at).await?
    {
        return Ok(Committed { head, outcomes: vec![EntryOutcome::Recorded; entries.len()] });
    }
    commit_each(connection, chain, entries, at).await
}

/// One statement, one trip to the database. `None` when it takes more than that; nothing is written then.
async fn commit_at_once(
    connection: &mut Connection,
    chain: &mut Chain,
    entries: &[Entry],
    at: i64,
) -> Result<Option<Head>, StoreError> {
    let Some(decided_on) = entries.iter().map(|entry| entry.decided_on).min() else { return Ok(None) };
    let mut batches = chain.pack(at, entries.iter().map(|entry| (&entry.id, &entry.record)));
    match (batches.pop(), batches.is_empty()) {
        (Some(batch), true) => {
            let head = chain.append_if_current(connection, batch, decided_on).await?;
            Ok(head.map(Head::from))
        }
        _ => Ok(None),
    }
}

/// One transaction, in which each entry is looked at for itself.
async fn commit_each(
    connection: &mut Connection,
    chain: &mut Chain,
    entries: &[Entry],
    at: i64,
) -> Result<Committed, StoreError> {
    let mut transaction = begin_write(connection).await?;
    let head = head::read(&mut transaction).await?;
    let outcomes = judge(&mut transaction, entries, head).await?;
    let batches = chain.pack(at, entries.iter().zip(&outcomes).filter_map(to_write));
    if batches.is_empty() {
        // Marks are only ever claimed for what is recorded, or else were spent before: nothing was changed.
        transaction.rollback().await.map_err(fault)?;
        return Ok(Committed { head, outcomes });
    }
    let tail = chain.append(&mut transaction, batches).await?;
    transaction.commit().await.map_err(fault)?;
    chain.committed(tail);
    Ok(Committed { head, outcomes })
}

async fn judge(connection: &mut Connection, entries: &[Entry], head: Head) -> Result<Vec<EntryOutcome>, StoreError> {
    // What is stale claims nothing: it would burn evidence for a decision that is not made.
    let is_stale = |entry: &Entry| head.revocation > entry.decided_on;
    let claims: Vec<_> = entries
        .iter()
        .filter(|entry| !is_stale(entry))
        .filter_map(|entry| Some(Claim { decision: &entry.id, mark: entry.mark.as_ref()? }))
        .collect();
    let mut claimed = marks::claim(connection, &claims).await?.into_iter();
    let outcome = |entry: &Entry| {
        if is_stale(entry) {
            return EntryOutcome::Stale;
        }
        match entry.mark.as_ref().and_then(|_| claimed.next()).flatten() {
            None => EntryOutcome::Recorded,
            Some(first) => EntryOutcome::Replayed { first },
        }
    };
    Ok(entries.iter().map(outcome).collect())
}

fn to_write<'e>((entry, outcome): (&'e Entry, &EntryOutcome)) -> Option<(&'e [u8; 16], &'e Content)> {
    let content = match outcome {
        EntryOutcome::Recorded => Some(&entry.record),
        EntryOutcome::Replayed { .. } => entry.if_replayed.as_ref(),
        EntryOutcome::Stale => None,
    };
    Some((&entry.id, content?))
}
