//! Proofs of possession where servers share a store: whoever shows one first, on whichever server, is the first.
//!
//! They are marks like those of evidence. What differs is what becomes of a decision that loses one, and that a proof may be shown
//! without a decision.

use std::collections::HashSet;

use super::marks::{self, Claim};
use crate::backend::{Connection, begin_write, fault};
use crate::error::StoreError;
use crate::exchange::{Entry, EntryOutcome, Mark};

/// Proofs that were claimed a moment ago in this transaction, by the places of their entries.
pub(super) struct Claimed<'e> {
    won: Vec<(usize, Claim<'e>)>,
    shown: HashSet<usize>,
}

/// Claims the proofs of those entries, by their places, that have one.
pub(super) async fn claim<'e>(
    connection: &mut Connection,
    entries: impl Iterator<Item = (usize, &'e Entry)>,
    at: i64,
) -> Result<Claimed<'e>, StoreError> {
    let claim =
        |(place, entry): (usize, &'e Entry)| Some((place, Claim { decision: &entry.id, mark: entry.proof.as_ref()? }));
    let claims: Vec<_> = entries.filter_map(claim).collect();
    let alone: Vec<_> = claims.iter().map(|(_, claim)| *claim).collect();
    let first = marks::claim(connection, &alone, at).await?;
    let (won, shown): (Vec<_>, Vec<_>) = claims.into_iter().zip(first).partition(|(_, first)| first.is_none());
    Ok(Claimed {
        won: won.into_iter().map(|(claim, _)| claim).collect(),
        shown: shown.into_iter().map(|((place, _), _)| place).collect(),
    })
}

/// See [`Store::claim_proofs`](crate::Store::claim_proofs).
pub(crate) async fn claim_proofs(
    connection: &mut Connection,
    proofs: &[Mark],
    at: i64,
) -> Result<Vec<bool>, StoreError> {
    // No decision is behind them; a number tells one from another that shows the same at the same moment.
    let numbers: Vec<[u8; 16]> = (0..proofs.len() as u128).map(u128::to_be_bytes).collect();
    let claims: Vec<_> = numbers.iter().zip(proofs).map(|(decision, mark)| Claim { decision, mark }).collect();
    let mut transaction = begin_write(connection).await?;
    let first = marks::claim(&mut transaction, &claims, at).await?;
    transaction.commit().await.map_err(fault)?;
    Ok(first.iter().map(Option::is_none).collect())
}

// === impl Claimed ===

impl Claimed<'_> {
    /// Whether the proof of the entry at this place was shown before.
    pub(super) fn was_shown(&self, place: usize) -> bool {
        self.shown.contains(&place)
    }

    /// Takes back the proofs of entries that are not recorded after all.
    pub(super) async fn give_back(
        &self,
        connection: &mut Connection,
        outcomes: &[EntryOutcome],
    ) -> Result<(), StoreError> {
        let lost = |(place, _): &&(usize, Claim<'_>)| outcomes.get(*place) != Some(&EntryOutcome::Recorded);
        let lost: Vec<_> = self.won.iter().filter(lost).map(|(_, claim)| *claim).collect();
        marks::give_back(connection, &lost).await
    }
}
