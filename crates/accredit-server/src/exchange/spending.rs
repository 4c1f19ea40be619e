//! Evidence that may be used once: what a use of it spends, and what is told of one that comes too late.

use accredit_core::decide::{Denial, Terms};
use accredit_core::evidence::Evidence;
use accredit_core::facts::Proved;
use accredit_core::model::{DecisionId, Provider, Replay, Resource};
use accredit_id::time::Timestamp;
use accredit_store::{FirstUse, Mark};

use super::{Refused, Walk};
use crate::faces::Cause;
use crate::spending::Spending;
use crate::tell;

impl Walk<'_> {
    /// What the evidence spends, where its mapping says once.
    pub(super) fn spends(
        &self,
        provider: &Resource,
        known: &Provider,
        evidence: Evidence<'_>,
        terms: &Terms<Proved>,
    ) -> Result<Option<Mark>, Refused> {
        if terms.replay == Replay::Reuse {
            return Ok(None);
        }
        // The decision has refused evidence without a name; here it would go unmarked.
        let name = evidence.token_id().ok_or_else(|| Refused::unavailable(self.decision, Cause::Internal, 1))?;
        let spending = Spending {
            provider: provider.id,
            name,
            issued_at: evidence.issued_at(),
            expires_at: evidence.expires_at(),
            longest: known.max_token_lifetime.duration(),
            holder: self.request.keys.held().proof_key,
            account: terms.account.id,
            api: terms.api.id,
            actors: &terms.actors,
        };
        Ok(Some(spending.mark()))
    }

    /// What the operator reads of a use that came too late.
    pub(super) fn replayed(
        &self,
        provider: &Resource,
        terms: &Terms<Proved>,
        first: Option<FirstUse>,
    ) -> (Denial, serde_json::Value) {
        let denial = replayed(first);
        let told = tell::too_late(&denial, terms, self.decision, provider, self.in_force.world.sequence);
        (denial, told)
    }
}

/// The refusal of evidence that was used first by this one, if that is known.
pub(crate) fn replayed(first: Option<FirstUse>) -> Denial {
    let id = first.map(|first| DecisionId::new(first.decision).to_string());
    let at = first.and_then(|first| (first.at > 0).then(|| Timestamp::from_unix(first.at)));
    Denial::replayed(id.as_deref().map(|id| (id, at)))
}
