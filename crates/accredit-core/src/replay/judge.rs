//! What a world decides about a subject of which not every claim need be known.

use std::collections::BTreeSet;
use std::sync::Arc;

use accredit_id::time::Timestamp;

use super::Side;
use super::subject::Subject;
use crate::decide::{
    Denial, Limits, Reason, Terms, admissible, ambiguous, exchange, explain, holds, may_match, named_account,
    named_mapping, terms,
};
use crate::expr::Outcome;
use crate::facts::{Facts, TypedIn};
use crate::model::{Claim, Mapping, Resource};
use crate::world::World;

/// What was decided.
pub(super) enum Judged {
    Allowed(Box<Terms<TypedIn>>),
    Denied(Denial),
    Unknown(Unknown),
}

/// What would have to be known.
pub(super) struct Unknown {
    /// Mappings that match, as far as it is known, and those that may.
    mappings: Vec<Arc<Resource>>,
    /// The claims that are missing.
    claims: BTreeSet<String>,
}

/// How far a mapping matches.
enum Partly {
    No,
    Yes,
    /// If these claims were what it expects.
    Perhaps(BTreeSet<String>),
}

/// Decides about a subject. Its provider may be gone.
pub(super) fn judge(subject: &Subject, world: &World, limits: &Limits, now: Timestamp) -> Judged {
    let decided = with_facts(subject, world, |provider, facts| match subject.is_partial() {
        false => settled(exchange(&subject.ask(), facts, provider, world, limits, now)),
        true => partly_known(subject, facts, provider, world, limits, now).unwrap_or_else(Judged::Denied),
    });
    decided.unwrap_or_else(|| Judged::Denied(Denial::new(Reason::ProviderDisabled, "its provider is gone")))
}

/// Whether two tokens would be the same but for their times.
pub(super) fn is_same(one: &Terms<TypedIn>, two: &Terms<TypedIn>) -> bool {
    (one.mapping.id, one.account.id, one.api.id, &one.permissions, one.expires_at, one.replay)
        == (two.mapping.id, two.account.id, two.api.id, &two.permissions, two.expires_at, two.replay)
}

/// Whether two worlds agree about a subject whatever its missing claims are: the same mappings come into question, and
/// each would lead to the same.
pub(super) fn same_whatever_is_missing(
    one: &Unknown,
    two: &Unknown,
    subject: &Subject,
    [before, after]: [&World; 2],
    limits: &Limits,
    now: Timestamp,
) -> bool {
    let version = |resource: &Arc<Resource>| (resource.id, resource.revision);
    let led_to = |resource: &Arc<Resource>, world: &World| {
        let allowed = |_: &Resource, facts: &Facts<'_, TypedIn>| {
            terms(&subject.ask(), facts, (resource, resource.as_mapping()?), world, limits, now).ok()
        };
        with_facts(subject, world, allowed).flatten()
    };
    let provider = |world: &World| world.by_id(subject.provider).map(|provider| provider.revision);
    !one.mappings.is_empty()
        && provider(before) == provider(after)
        && one.mappings.iter().map(version).eq(two.mappings.iter().map(version))
        && one.mappings.iter().zip(&two.mappings).all(|(one, two)| match (led_to(one, before), led_to(two, after)) {
            (Some(one), Some(two)) => is_same(&one, &two),
            (None, None) => true,
            _ => false,
        })
}

fn with_facts<T>(
    subject: &Subject,
    world: &World,
    then: impl FnOnce(&Resource, &Facts<'_, TypedIn>) -> T,
) -> Option<T> {
    let provider = world.by_id(subject.provider)?;
    let facts = Facts::<TypedIn>::typed_in(provider.as_provider()?, &subject.claims, None);
    Some(then(provider, &facts))
}

fn settled(decided: Result<Terms<TypedIn>, Denial>) -> Judged {
    match decided {
        Ok(terms) => Judged::Allowed(Box::new(terms)),
        Err(denial) => Judged::Denied(denial),
    }
}

/// As `exchange` decides, with a third answer.
fn partly_known(
    subject: &Subject,
    facts: &Facts<'_, TypedIn>,
    provider: &Resource,
    world: &World,
    limits: &Limits,
    now: Timestamp,
) -> Result<Judged, Denial> {
    let ask = subject.ask();
    admissible(&ask, facts, provider, world)?;
    let account = named_account(&ask, world)?;
    let mut candidates: Vec<&Arc<Resource>> = Vec::new();
    match named_mapping(&ask, provider, world)? {
        Some(named) => candidates.push(named),
        // What a mapping is found by may be what is missing; then each must be looked at.
        None if world.anchor_claims(provider.id).any(|claim| subject.misses(claim)) => {
            candidates.extend(world.mappings_of(provider.id).take(MOST_LOOKED_AT + 1));
            if candidates.len() > MOST_LOOKED_AT {
                let missed = world.anchor_claims(provider.id).filter(|claim| subject.misses(claim));
                let claims = missed.map(str::to_owned).collect();
                return Ok(Judged::Unknown(Unknown { mappings: Vec::new(), claims }));
            }
        }
        None => world.candidates(provider.id, account, facts.raw(), &mut |candidate| candidates.push(candidate)),
    }
    candidates.sort_unstable_by_key(|candidate| candidate.id);
    candidates.dedup_by_key(|candidate| candidate.id);
    let (mut matching, mut perhaps) = (Vec::new(), Vec::new());
    let mut claims = BTreeSet::new();
    for candidate in candidates {
        let Some(mapping) = candidate.as_mapping() else { continue };
        if !may_match(candidate, mapping, provider, account, world) {
            continue;
        }
        match partly(mapping, facts, subject) {
            Partly::No => {}
            Partly::Yes => matching.push((candidate, mapping)),
            Partly::Perhaps(_) if subject.allowed_by == Some((candidate.id, candidate.revision)) => {
                matching.push((candidate, mapping));
            }
            Partly::Perhaps(lacking) => {
                perhaps.push(candidate);
                claims.extend(lacking);
            }
        }
    }
    match (matching.as_slice(), perhaps.is_empty()) {
        ([(one, _), (two, _), ..], _) => Err(ambiguous(one, two)),
        ([one], true) => Ok(settled(terms(&ask, facts, *one, world, limits, now))),
        ([], true) => Ok(settled(exchange(&ask, facts, provider, world, limits, now))),
        (_, false) => {
            let mappings = matching.iter().map(|(resource, _)| *resource).chain(perhaps).cloned().collect();
            Ok(Judged::Unknown(Unknown { mappings, claims }))
        }
    }
}

/// What is known decides against, never for: a clause that falls rules the mapping out, one that cannot be seen leaves it open.
fn partly(mapping: &Mapping, facts: &Facts<'_, TypedIn>, subject: &Subject) -> Partly {
    let mut lacking = BTreeSet::new();
    let mut lacks = |claims: &[String]| {
        let before = lacking.len();
        lacking.extend(claims.iter().filter(|claim| subject.misses(claim)).cloned());
        lacking.len() > before || claims.iter().any(|claim| lacking.contains(claim))
    };
    for clause in &mapping.clauses {
        let reads = match &clause.claim {
            Claim::Raw(name) => vec![name.to_string()],
            Claim::Derived(name) => {
                let attribute = facts.provider().attributes.iter().find(|(known, _)| known == name);
                attribute.map(|(_, program)| program.claims()).unwrap_or_default()
            }
        };
        if !lacks(&reads) && !holds(clause, facts) {
            return Partly::No;
        }
    }
    for clause in mapping.condition.iter().flat_map(|program| program.explain(facts.raw())) {
        if !lacks(&clause.claims) && clause.outcome != Outcome::True {
            return Partly::No;
        }
    }
    match lacking.is_empty() {
        true => Partly::Yes,
        false => Partly::Perhaps(lacking),
    }
}

// === impl Judged ===

impl Judged {
    /// The same for a person.
    pub(super) fn told(self, subject: &Subject, world: &World, limits: &Limits, now: Timestamp) -> Side {
        match self {
            Judged::Allowed(terms) => Side {
                allowed: Some(true),
                summary: format!("mapping `{}` allows it", terms.mapping.name),
                mappings: vec![terms.mapping.name.to_string()],
                account: Some(terms.account.name.to_string()),
                api: Some(terms.api.name.to_string()),
                scope: Some(terms.scope()),
                lifetime: u64::try_from(terms.expires_at.seconds_since(terms.issued_at)).ok(),
                ..Side::default()
            },
            Judged::Denied(denial) => {
                // Where all is known, in the words of the nearest mapping.
                let explained = with_facts(subject, world, |provider, facts| {
                    explain(&subject.ask(), facts, provider, world, limits, now).summary().0
                });
                let summary = explained.filter(|_| !subject.is_partial()).unwrap_or(denial.operator);
                Side { allowed: Some(false), reason: Some(denial.reason.code()), summary, ..Side::default() }
            }
            Judged::Unknown(Unknown { mappings, mut claims }) => {
                // Whoever reads all of them reads those that are known to be missing.
                if !subject.missing.is_empty() && claims.remove("*") {
                    claims.extend(subject.missing.iter().cloned());
                }
                let claims: Vec<String> = claims.into_iter().collect();
                let reader =
                    mappings.last().map_or_else(|| "a mapping".to_owned(), |last| format!("mapping `{}`", last.name));
                Side {
                    summary: format!("{reader} reads `{}`, which its records do not have", claims.join("`, `")),
                    mappings: mappings.iter().map(|mapping| mapping.name.to_string()).collect(),
                    claims,
                    ..Side::default()
                }
            }
        }
    }
}

/// So many mappings are looked at for one subject when the claim that they are found by is missing.
const MOST_LOOKED_AT: usize = 4096;
