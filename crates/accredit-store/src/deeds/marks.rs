//! Replay marks: who spends a piece of evidence first, and who comes too late.

use std::collections::{HashMap, HashSet};

use crate::backend::{Connection, fault};
use crate::chain::fixed;
use crate::error::StoreError;
use crate::exchange::{MARK_MARGIN, Mark};
use crate::multi_row::filled;
use crate::sql;

/// A decision that wants to spend something.
#[derive(Clone, Copy)]
pub(super) struct Claim<'e> {
    pub(super) decision: &'e [u8; 16],
    pub(super) mark: &'e Mark,
}

/// What is known about a piece of evidence that was spent.
#[derive(Clone, Copy)]
struct Spent {
    by: [u8; 16],
    same: Option<[u8; 32]>,
}

type Key<'e> = (&'e str, [u8; 32]);
type TakenColumns = (String, Vec<u8>, Vec<u8>, Option<Vec<u8>>);

/// Spends what is not spent yet. For each claim, in their order: `None` when it may go on, else who was first.
pub(super) async fn claim(
    connection: &mut Connection,
    claims: &[Claim<'_>],
) -> Result<Vec<Option<Option<[u8; 16]>>>, StoreError> {
    // Of two claims on one thing in one batch, the first in the batch is the first.
    let mut first: HashMap<Key<'_>, Claim<'_>> = HashMap::with_capacity(claims.len());
    for claim in claims {
        first.entry(key(claim)).or_insert(*claim);
    }
    // In one order for all servers: two that claim the same things must not wait for each other.
    let mut sorted: Vec<_> = first.values().copied().collect();
    sorted.sort_unstable_by_key(key);
    let won = insert(connection, &sorted).await?;
    let lost: Vec<_> = sorted.iter().copied().filter(|claim| !won.contains(&owned(claim))).collect();
    let spent = look_up(connection, &lost).await?;

    let judge = |claim: &Claim<'_>| {
        let first = &first[&key(claim)];
        if won.contains(&owned(claim)) {
            let is_first = first.decision == claim.decision || is_same(first.mark.same, claim.mark.same);
            return if is_first { None } else { Some(Some(*first.decision)) };
        }
        match spent.get(&owned(claim)) {
            Some(spent) if is_same(spent.same, claim.mark.same) => None,
            Some(spent) => Some(Some(spent.by)),
            // It was there a moment ago, and is refused all the same.
            None => Some(None),
        }
    };
    Ok(claims.iter().map(judge).collect())
}

/// See [`Store::purge_marks`](crate::Store::purge_marks).
pub(crate) async fn purge_marks(connection: &mut Connection, now: i64) -> Result<u64, StoreError> {
    let query = sqlx::query(sql::PURGE_MARKS).bind(now.saturating_sub(MARK_MARGIN)).bind(PURGED_AT_ONCE);
    Ok(query.execute(connection).await.map_err(fault)?.rows_affected())
}

async fn insert(connection: &mut Connection, claims: &[Claim<'_>]) -> Result<HashSet<(String, [u8; 32])>, StoreError> {
    let mut won = HashSet::with_capacity(claims.len());
    for chunk in filled(claims.len()) {
        let mut query = sqlx::query_as(sql::CLAIM_MARKS.text(&chunk));
        for place in chunk.places() {
            let Claim { decision, mark } = claims[place];
            query = query
                .bind(mark.provider.as_str())
                .bind(mark.token.to_vec())
                .bind(mark.expires_at)
                .bind(decision.to_vec())
                .bind(mark.same.map(|same| same.to_vec()));
        }
        let rows: Vec<(String, Vec<u8>)> = query.fetch_all(&mut *connection).await.map_err(fault)?;
        for (provider, token) in rows {
            won.insert((provider, fixed("replay mark", token)?));
        }
    }
    Ok(won)
}

async fn look_up(
    connection: &mut Connection,
    claims: &[Claim<'_>],
) -> Result<HashMap<(String, [u8; 32]), Spent>, StoreError> {
    let mut spent = HashMap::with_capacity(claims.len());
    for chunk in filled(claims.len()) {
        let mut query = sqlx::query_as(sql::MARKS_TAKEN.text(&chunk));
        for place in chunk.places() {
            let mark = claims[place].mark;
            query = query.bind(mark.provider.as_str()).bind(mark.token.to_vec());
        }
        let rows: Vec<TakenColumns> = query.fetch_all(&mut *connection).await.map_err(fault)?;
        for (provider, token, decision, same) in rows {
            let same = same.map(|same| fixed("bound use", same)).transpose()?;
            let by = fixed("decision id", decision)?;
            spent.insert((provider, fixed("replay mark", token)?), Spent { by, same });
        }
    }
    Ok(spent)
}

fn key<'e>(claim: &Claim<'e>) -> Key<'e> {
    (claim.mark.provider.as_str(), claim.mark.token)
}

fn owned(claim: &Claim<'_>) -> (String, [u8; 32]) {
    (claim.mark.provider.clone(), claim.mark.token)
}

/// Two uses are the same when both are bound, to the same thing. Unbound ones never are.
fn is_same(one: Option<[u8; 32]>, other: Option<[u8; 32]>) -> bool {
    one.is_some() && one == other
}

/// So few that the writer is free again within milliseconds.
const PURGED_AT_ONCE: i64 = 5000;
