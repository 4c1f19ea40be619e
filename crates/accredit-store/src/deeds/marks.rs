//! Replay marks: who spends a piece of evidence first, and who comes too late.
//!
//! Marks are deleted behind the end of what they mark. What makes that safe is the floor of each provider, which is raised in
//! the same transaction: evidence below it is refused, whatever the clock says by then.

use std::collections::{HashMap, HashSet};

use crate::backend::{Connection, begin_write, fault, query_as, statement};
use crate::chain::fixed;
use crate::error::StoreError;
use crate::exchange::{EntryOutcome, FirstUse, MARK_MARGIN, Mark};
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
    by: FirstUse,
    same: Option<[u8; 32]>,
}

/// Below which evidence may have been spent without a mark to show for it.
#[derive(Clone, Copy)]
struct Floor {
    ended_before: i64,
    issued_before: i64,
}

type Key<'e> = (&'e str, [u8; 32]);
type TakenColumns = (String, Vec<u8>, Vec<u8>, Option<Vec<u8>>, i64);

/// Spends what is not spent yet. For each claim, in their order: `None` when it may go on, else who was first.
pub(super) async fn claim(
    connection: &mut Connection,
    claims: &[Claim<'_>],
    at: i64,
) -> Result<Vec<Option<Option<FirstUse>>>, StoreError> {
    if claims.is_empty() {
        return Ok(Vec::new());
    }
    // Of two claims on one thing in one batch, the first in the batch is the first.
    let mut first: HashMap<Key<'_>, Claim<'_>> = HashMap::with_capacity(claims.len());
    for claim in claims {
        first.entry(key(claim)).or_insert(*claim);
    }
    // In one order for all servers: two that claim the same things must not wait for each other.
    let mut sorted: Vec<_> = first.values().copied().collect();
    sorted.sort_unstable_by_key(key);
    let mut won = insert(connection, &sorted, at).await?;
    // After the claim, never before: a server that forgets marks in between has raised the floor with it.
    let floors = Floors::of(connection, sorted.iter().map(|claim| claim.mark)).await?;
    let sunk: Vec<_> =
        sorted.iter().copied().filter(|claim| won.contains(&owned(claim)) && floors.cover(claim.mark)).collect();
    give_back(connection, &sunk).await?;
    sunk.iter().for_each(|claim| {
        won.remove(&owned(claim));
    });
    let lost: Vec<_> = sorted.iter().copied().filter(|claim| !won.contains(&owned(claim))).collect();
    let spent = look_up(connection, lost.iter().map(|claim| claim.mark)).await?;

    let judge = |claim: &Claim<'_>| {
        let first = &first[&key(claim)];
        if won.contains(&owned(claim)) {
            let is_first = first.decision == claim.decision || is_same(first.mark.same, claim.mark.same);
            return if is_first { None } else { Some(Some(FirstUse { decision: *first.decision, at })) };
        }
        match spent.get(&owned(claim)) {
            Some(spent) if is_same(spent.same, claim.mark.same) => None,
            Some(spent) => Some(Some(spent.by)),
            // Below the floor; or it was there a moment ago, and is refused all the same.
            None => Some(None),
        }
    };
    Ok(claims.iter().map(judge).collect())
}

/// See [`Store::foresee`](crate::Store::foresee).
pub(crate) async fn foresee(connection: &mut Connection, mark: &Mark) -> Result<EntryOutcome, StoreError> {
    let spent = look_up(connection, std::iter::once(mark)).await?;
    if let Some(spent) = spent.into_values().next() {
        return Ok(match is_same(spent.same, mark.same) {
            true => EntryOutcome::Recorded,
            false => EntryOutcome::Replayed { first: Some(spent.by) },
        });
    }
    let floors = Floors::of(connection, std::iter::once(mark)).await?;
    Ok(if floors.cover(mark) { EntryOutcome::Replayed { first: None } } else { EntryOutcome::Recorded })
}

/// See [`Store::count_marks`](crate::Store::count_marks).
pub(crate) async fn count_marks(connection: &mut Connection, provider: &str, most: u64) -> Result<u64, StoreError> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let (marks,): (i64,) =
        query_as(sql::COUNT_MARKS).bind(provider).bind(most).fetch_one(connection).await.map_err(fault)?;
    Ok(u64::try_from(marks).unwrap_or_default())
}

/// See [`Store::forget_marks`](crate::Store::forget_marks).
pub(crate) async fn forget_marks(connection: &mut Connection, provider: &str, past: i64) -> Result<u64, StoreError> {
    let ended_before = past.saturating_sub(MARK_MARGIN);
    let ended = query_as(sql::MARKS_ENDED).bind(provider).bind(ended_before);
    let (any,): (bool,) = ended.fetch_one(&mut *connection).await.map_err(fault)?;
    if !any {
        return Ok(0);
    }
    let mut transaction = begin_write(connection).await?;
    raise(&mut transaction, provider, Floor { ended_before, issued_before: i64::MIN }).await?;
    let forget = statement(sql::FORGET_MARKS).bind(provider).bind(ended_before).bind(FORGOTTEN_AT_ONCE);
    let forgotten = forget.execute(&mut transaction).await.map_err(fault)?.rows_affected();
    transaction.commit().await.map_err(fault)?;
    Ok(forgotten)
}

/// See [`Store::doubt_evidence`](crate::Store::doubt_evidence).
pub(crate) async fn doubt_evidence(connection: &mut Connection, at: i64) -> Result<(), StoreError> {
    let issued_before = at.saturating_add(MARK_MARGIN);
    raise(connection, EVERYBODY, Floor { ended_before: i64::MIN, issued_before }).await
}

async fn insert(
    connection: &mut Connection,
    claims: &[Claim<'_>],
    at: i64,
) -> Result<HashSet<(String, [u8; 32])>, StoreError> {
    let mut won = HashSet::with_capacity(claims.len());
    for chunk in filled(claims.len()) {
        let mut query = query_as(sql::CLAIM_MARKS.text(&chunk));
        for place in chunk.places() {
            let Claim { decision, mark } = claims[place];
            query = query
                .bind(mark.provider.as_str())
                .bind(mark.token.to_vec())
                .bind(mark.expires_at)
                .bind(decision.to_vec())
                .bind(mark.same.map(|same| same.to_vec()))
                .bind(at);
        }
        let rows: Vec<(String, Vec<u8>)> = query.fetch_all(&mut *connection).await.map_err(fault)?;
        for (provider, token) in rows {
            won.insert((provider, fixed("replay mark", token)?));
        }
    }
    Ok(won)
}

/// Takes back what was claimed a moment ago in the same transaction.
pub(super) async fn give_back(connection: &mut Connection, claims: &[Claim<'_>]) -> Result<(), StoreError> {
    for chunk in filled(claims.len()) {
        let mut query = statement(sql::RETURN_MARKS.text(&chunk));
        for place in chunk.places() {
            let mark = claims[place].mark;
            query = query.bind(mark.provider.as_str()).bind(mark.token.to_vec());
        }
        query.execute(&mut *connection).await.map_err(fault)?;
    }
    Ok(())
}

async fn look_up<'e>(
    connection: &mut Connection,
    marks: impl Iterator<Item = &'e Mark>,
) -> Result<HashMap<(String, [u8; 32]), Spent>, StoreError> {
    let marks: Vec<_> = marks.collect();
    let mut spent = HashMap::with_capacity(marks.len());
    for chunk in filled(marks.len()) {
        let mut query = query_as(sql::MARKS_TAKEN.text(&chunk));
        for place in chunk.places() {
            query = query.bind(marks[place].provider.as_str()).bind(marks[place].token.to_vec());
        }
        let rows: Vec<TakenColumns> = query.fetch_all(&mut *connection).await.map_err(fault)?;
        for (provider, token, decision, same, at) in rows {
            let same = same.map(|same| fixed("bound use", same)).transpose()?;
            let by = FirstUse { decision: fixed("decision id", decision)?, at };
            spent.insert((provider, fixed("replay mark", token)?), Spent { by, same });
        }
    }
    Ok(spent)
}

async fn raise(connection: &mut Connection, provider: &str, floor: Floor) -> Result<(), StoreError> {
    let Floor { ended_before, issued_before } = floor;
    let query = statement(sql::RAISE_MARK_FLOOR).bind(provider).bind(ended_before).bind(issued_before);
    query.execute(connection).await.map_err(fault)?;
    Ok(())
}

/// The floors that some evidence has to do with.
struct Floors(HashMap<String, Floor>);

// === impl Floors ===

impl Floors {
    async fn of<'e>(connection: &mut Connection, marks: impl Iterator<Item = &'e Mark>) -> Result<Self, StoreError> {
        let mut providers: Vec<&str> = marks.map(|mark| mark.provider.as_str()).collect();
        providers.push(EVERYBODY);
        providers.sort_unstable();
        providers.dedup();
        let mut floors = HashMap::new();
        for chunk in filled(providers.len()) {
            let mut query = query_as(sql::MARK_FLOORS.text(&chunk));
            for place in chunk.places() {
                query = query.bind(providers[place]);
            }
            let rows: Vec<(String, i64, i64)> = query.fetch_all(&mut *connection).await.map_err(fault)?;
            floors.extend(
                rows.into_iter()
                    .map(|(provider, ended_before, issued_before)| (provider, Floor { ended_before, issued_before })),
            );
        }
        Ok(Self(floors))
    }

    /// Whether nobody can know any more that this was not spent.
    fn cover(&self, mark: &Mark) -> bool {
        let below = |floor: &Floor| mark.expires_at < floor.ended_before || mark.issued_at < floor.issued_before;
        [mark.provider.as_str(), EVERYBODY].iter().filter_map(|provider| self.0.get(*provider)).any(below)
    }
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

/// Stands for all providers: none has an empty id.
const EVERYBODY: &str = "";
/// So few that the writer is free again within milliseconds.
const FORGOTTEN_AT_ONCE: i64 = 1000;
