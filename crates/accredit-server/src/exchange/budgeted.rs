//! What an exchange costs, and whom.

use std::sync::atomic::Ordering::Relaxed;

use accredit_core::evidence::Evidence;
use accredit_core::model::{DecisionId, Resource};
use accredit_id::json::{Json, Object};

use super::{Evident, Refused, Walk};
use crate::budget::{Cost, Spent};
use crate::faces::Cause;
use crate::record::{RecordFault, Recorded};

/// Seconds in which some marks may have ended.
const MARKS_WAIT: u32 = 10;

/// The code of a refusal for want of a budget.
pub(crate) const RATE_LIMITED: &str = "rate-limited";

impl Walk<'_> {
    /// The evidence holds: from now on its subject pays, not the source; before it a token that may come again and again.
    pub(super) fn pay(&self, shown: Evident<'_>) -> Result<(), Refused> {
        let Evident { provider, known, token, evidence, actor: _ } = shown;
        let budgets = &self.app.budgets;
        budgets
            .came_again(provider.id, known.kind, evidence.token_id(), token)
            .and_then(|()| budgets.verified(provider.id, subject(evidence.claims())))
            .map_err(|spent| self.throttled(Some(provider), spent))
    }

    /// Nobody of this provider's, or not this one, has anything left.
    pub(super) fn throttled(&self, provider: Option<&Resource>, spent: Spent) -> Refused {
        self.app.tally.count(provider.map(|provider| provider.name.as_str()), RATE_LIMITED, self.source);
        self.app.metrics.exchanges.refused(self.face.name, provider, RATE_LIMITED);
        Refused::throttled(self.decision, spent)
    }

    /// What its provider has signed is refused: by policy, or, without `evidence`, because it is past its time or for others.
    /// Says whether that is explained and recorded by itself.
    pub(super) fn pay_for_refusal(&self, provider: &Resource, evidence: Option<Evidence<'_>>) -> bool {
        self.app.budgets.refused(provider.id, evidence.map(|evidence| subject(evidence.claims())))
    }

    /// Nobody has vouched for it.
    pub(super) fn pay_for_failure(&self, code: &str) {
        let cost = match code {
            "bad-signature" | "aws-refused" => Cost::Verification,
            // Nothing that the caller could help.
            "keys-unavailable" | "aws-unavailable" | "aws-unreadable" => return,
            // The proof beside it holds, so its signature was computed; it is not spent, and may come again.
            _ if self.request.keys.held().proof_key.is_some() => Cost::Verification,
            _ => Cost::Look,
        };
        self.app.budgets.failed(self.source, cost);
    }

    /// The provider has as many replay marks as one may have (I07): what may be used once cannot be marked as used.
    pub(super) fn no_room(&self, provider: &Resource) -> Refused {
        self.app.budgets.throttled.marks.fetch_add(1, Relaxed);
        self.app.tally.count(Some(provider.name.as_str()), RATE_LIMITED, self.source);
        self.app.metrics.exchanges.refused(self.face.name, Some(provider), RATE_LIMITED);
        Refused::throttled(self.decision, Spent { retry_after: MARKS_WAIT })
    }

    /// So many refusals of this provider are on record that this one is counted alone. It is explained for a while.
    pub(super) fn count_unrecorded(&self, provider: &Resource, reason: &'static str) {
        let operator = "refusals of this provider come so fast that this one is counted and not explained".to_owned();
        self.count_alone(reason, operator, Some("send the token to `accredit explain`".to_owned()), Some(provider));
    }

    /// Counts what was issued, in favour of its source.
    pub(super) fn count(&self, recorded: &Result<Recorded, RecordFault>, provider: &Resource) {
        if matches!(recorded, Ok(Recorded::Durably)) {
            self.app.budgets.served(self.source);
            self.app.metrics.exchanges.allowed(self.face.name, provider);
        }
    }
}

impl Refused {
    /// A budget is spent.
    pub(crate) fn throttled(decision: DecisionId, spent: Spent) -> Self {
        Self {
            decision,
            cause: Cause::Throttled,
            sentence: "too many requests, or too many that failed: wait as long as Retry-After says",
            reason: Some(RATE_LIMITED),
            retry_after: Some(spent.retry_after),
        }
    }
}

/// Who it is, in the words of the provider: whoever is somebody else there has a budget of his own.
fn subject<'c>(claims: &'c Object<'_>) -> &'c str {
    ["sub", "arn"].iter().find_map(|name| claims.get(name).and_then(Json::as_str)).unwrap_or_default()
}
