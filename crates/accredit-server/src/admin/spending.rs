//! Questions about evidence that counts once: whether it is spent. Asking spends nothing.

use accredit_api::admin::{Explanation, Verdict};
use accredit_core::model::{Kind, Replay};
use accredit_core::world::World;
use accredit_id::time::Timestamp;
use accredit_store::{EntryOutcome, Mark, Store};
use serde_json::Value;

use super::problem::AdminFault;
use crate::exchange::replayed;
use crate::spending::Spending;

/// The same answer, as it is once the store was asked: an exchange would be refused where the evidence is spent already.
pub(super) async fn foreseen(told: Explanation, world: &World, store: &Store) -> Result<Explanation, AdminFault> {
    let Some(mark) = spends(&told, world) else { return Ok(told) };
    let EntryOutcome::Replayed { first } = store.foresee(&mark).await? else {
        let summary = format!("{} once: an exchange would spend the token", told.summary);
        return Ok(Explanation { summary, ..told });
    };
    let denial = replayed(first);
    Ok(Explanation {
        verdict: Verdict::Deny,
        reason: Some(denial.reason.code().to_owned()),
        summary: denial.operator,
        hint: denial.hint,
        permissions: Vec::new(),
        lifetime: None,
        ..told
    })
}

/// What an exchange of these claims would spend, as a bearer's.
fn spends(told: &Explanation, world: &World) -> Option<Mark> {
    let allowing = told.considered.iter().find(|mapping| mapping.matched && !mapping.disabled);
    let allowing = allowing.filter(|_| told.verdict == Verdict::Allow)?;
    let resource = world.find(Kind::Mapping, &allowing.id)?;
    let mapping = resource.as_mapping()?;
    let provider = world.by_id(mapping.provider)?.as_provider()?;
    if mapping.replay.unwrap_or_else(|| provider.default_replay()) == Replay::Reuse {
        return None;
    }
    let moment = |claim: &str| seconds(told.claims.get(claim)?).map(Timestamp::from_unix);
    let spending = Spending {
        provider: mapping.provider,
        name: told.claims.get("jti").and_then(Value::as_str)?,
        issued_at: moment("iat"),
        // Claims that are typed in may leave it out.
        expires_at: moment("exp").unwrap_or(Timestamp::from_unix(i64::MAX)),
        longest: provider.max_token_lifetime.duration(),
        holder: None,
        account: mapping.account,
        api: resource.id,
        actors: &[],
    };
    Some(spending.mark())
}

#[expect(clippy::cast_possible_truncation, reason = "out of range it saturates, which is as far as times go")]
fn seconds(claim: &Value) -> Option<i64> {
    claim.as_i64().or_else(|| claim.as_f64().map(|seconds| seconds.floor() as i64))
}
