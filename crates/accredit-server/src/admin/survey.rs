//! Questions about all mappings: which of them some claims come nearest to.

use std::sync::Arc;

use accredit_api::admin::{Clause, Considered, Explanation, Outcome, Verdict};
use accredit_core::decide;
use accredit_core::facts::{Facts, TypedIn};
use accredit_core::model::{Kind, Provider, Resource};
use accredit_core::world::World;
use accredit_id::json::{Json as Claim, Object};
use serde_json::Value;

use super::explain::expiry;
use super::problem::AdminFault;
use crate::tell;

/// The answer about whichever provider the claims fit best: one that allows them, else the one with the nearest mapping.
pub(super) fn nearest(
    providers: &[&Arc<Resource>],
    about: impl Fn(&Resource) -> Result<Explanation, AdminFault>,
) -> Result<Explanation, AdminFault> {
    let mut best: Option<(usize, Explanation)> = None;
    for provider in providers.iter().take(MOST_PROVIDERS) {
        let told = about(provider)?;
        let fallen =
            |mapping: &Considered| mapping.clauses.iter().filter(|clause| clause.outcome != Outcome::Held).count();
        let distance = match told.verdict {
            Verdict::Allow => 0,
            Verdict::Deny => told.considered.first().map_or(usize::MAX, |mapping| 1 + fallen(mapping)),
        };
        if best.as_ref().is_none_or(|(other, _)| distance < *other) {
            best = Some((distance, told));
        }
    }
    best.map(|(_, told)| told).ok_or_else(|| AdminFault::NotFound("there is no provider yet".to_owned()))
}

/// The same explanation with every mapping ranked that `shown` lets see, of every provider.
pub(super) fn ranked(told: Explanation, world: &World, top: usize, shown: &dyn Fn(&Resource) -> bool) -> Explanation {
    let Claim::Object(claims) = Claim::from(Value::Object(told.claims.clone())) else { return told };
    let mut ranked: Vec<(usize, Considered)> = Vec::new();
    let mut count = 0;
    for provider in world.of_kind(Kind::Provider) {
        let Some(known) = provider.as_provider() else { continue };
        count += world.mappings_of(provider.id).filter(|mapping| shown(mapping)).count();
        let facts = Facts::<TypedIn>::typed_in(known, &claims, expiry(&claims));
        let foreign = foreign(known, &claims);
        for trace in decide::survey(&facts, provider, world, top, shown) {
            let mut mapping = Considered { provider: Some(provider.name.to_string()), ..tell::considered(&trace) };
            let distance = trace.distance() + usize::from(foreign.is_some());
            if let Some(clause) = &foreign {
                mapping.matched = false;
                mapping.clauses.insert(0, clause.clone());
            }
            ranked.push((distance, mapping));
        }
        ranked.sort_by(|(one, a), (two, b)| (one, &a.mapping).cmp(&(two, &b.mapping)));
        ranked.truncate(top);
    }
    let considered = ranked.into_iter().map(|(_, mapping)| mapping).collect();
    Explanation { considered, ranked: u64::try_from(count).ok(), ..told }
}

/// Claims of another issuer match no mapping of this provider, whatever else they say.
fn foreign(known: &Provider, claims: &Object<'_>) -> Option<Clause> {
    let issuer = claims.get("iss").and_then(Claim::as_str)?;
    let is_ours = issuer == known.issuer || known.jwt_issuer.as_deref() == Some(issuer);
    (!is_ours).then(|| Clause {
        clause: "iss".to_owned(),
        outcome: Outcome::Failed,
        seen: Some(issuer.to_owned()),
        expected: Some(known.issuer.clone()),
        near: None,
        pinned: false,
    })
}

/// So many providers are asked about claims that do not say whose they are.
const MOST_PROVIDERS: usize = 256;
