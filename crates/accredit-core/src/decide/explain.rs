//! The same decision once more, with everything it looked at.

use std::sync::Arc;

use accredit_id::json::Json;
use accredit_id::shown::Shown;
use accredit_id::time::Timestamp;

use super::acting;
use super::clause::holds;
use super::exchange::{Ask, Limits, exchange, named_account};
use super::fix::{self, Asked};
use super::nearest::Nearest;
use super::pinned;
use super::trace::{ClauseTrace, ClauseVerdict, MappingTrace};
use super::{Denial, Reason, Terms, near, reason};
use crate::expr::Outcome;
use crate::facts::{Facts, Seen};
use crate::model::{Claim, Clause, Id, Kind, Mapping, Provider, Resource};
use crate::world::World;

/// A decision with its trace.
#[derive(Debug)]
pub struct Explained<S> {
    /// What was decided.
    pub verdict: Result<Terms<S>, Denial>,
    /// The mappings considered, nearest first; at most 8 of them.
    pub considered: Vec<MappingTrace>,
    /// The smallest fix, as YAML for `accredit apply`.
    pub fix: Option<String>,
}

/// An explanation shows so many mappings at most.
const MOST: usize = 8;

/// Decides again and tells everything. Issues nothing, spends nothing.
pub fn explain<S>(
    ask: &Ask<'_>,
    facts: &Facts<'_, S>,
    provider: &Resource,
    world: &World,
    limits: &Limits,
    now: Timestamp,
) -> Explained<S> {
    let verdict = exchange(ask, facts, provider, world, limits, now);
    let nearby = considered(ask, facts, provider, world);
    let fix = match &verdict {
        Ok(_) => None,
        Err(denial) => fix::smallest(denial.reason, &Asked { ask, facts, provider, world, limits, now }, &nearby),
    };
    Explained { verdict, considered: nearby.into_iter().map(|(trace, _)| trace).collect(), fix }
}

impl<S> Explained<S> {
    /// A sentence for the operator and at most one hint: a refusal without a match is said in the words of the nearest
    /// mapping.
    pub fn summary(&self) -> (String, Option<String>) {
        let denial = match &self.verdict {
            Ok(terms) => return (format!("mapping `{}` allows it", terms.mapping.name), None),
            Err(denial) => denial,
        };
        let plain = || (denial.operator.clone(), denial.hint.clone());
        if denial.reason == Reason::PinMismatch {
            // From the trace, so that what may not be kept is not.
            let failed =
                |mapping: &MappingTrace| mapping.first_failed().filter(|clause| clause.pinned).map(ClauseTrace::line);
            let told = self.considered.iter().find_map(|mapping| Some((&mapping.mapping, failed(mapping)?)));
            return told.map_or_else(plain, |(name, line)| (format!("mapping `{name}`: {line}"), denial.hint.clone()));
        }
        if denial.reason == Reason::ActorNotAllowed {
            let matched = self.considered.iter().find(|mapping| mapping.matched && mapping.enabled);
            let told = matched.and_then(|mapping| Some((mapping, mapping.nearest_actor()?)));
            return told.map_or_else(plain, |(mapping, (actor, clause))| {
                let told = format!("mapping `{}`: actor of `{}`: {}", mapping.mapping, actor.provider, clause.line());
                (told, denial.hint.clone())
            });
        }
        let nearest = self.considered.first().filter(|_| denial.reason == Reason::NoMappingMatched);
        let Some(nearest) = nearest else { return plain() };
        if !nearest.enabled && nearest.distance() == 0 {
            let mapping = &nearest.mapping;
            return match &nearest.disabled_project {
                Some(project) => (
                    format!("mapping `{mapping}` would match, but project `{project}` is disabled"),
                    Some(format!("accredit project enable {project}")),
                ),
                None => (
                    format!("mapping `{mapping}` would match, but it is disabled"),
                    Some(format!("accredit mapping enable {mapping}")),
                ),
            };
        }
        let Some(clause) = nearest.first_failed() else { return plain() };
        let widened = || {
            self.fix.as_ref()?;
            Some(format!(
                "add what was seen to mapping `{}`, as the fix does, or start the job as it expects",
                nearest.mapping
            ))
        };
        let hint = clause.near.map(|near| near.hint().to_owned()).or_else(widened);
        (format!("mapping `{}`: {}", nearest.mapping, clause.line()), hint)
    }

    /// The same for what the actor's token says, whose provider is another one.
    pub fn redact_actor(&mut self, keep: &dyn Fn(&str) -> bool) {
        for clause in
            self.considered.iter_mut().flat_map(|mapping| &mut mapping.actors).flat_map(|actor| &mut actor.clauses)
        {
            if clause.claims.iter().any(|claim| !keep(claim)) && clause.seen.is_some() {
                (clause.seen, clause.near, clause.recorded) = (None, None, false);
            }
        }
        if self.verdict.as_ref().is_err_and(|denial| denial.reason == Reason::ActorNotAllowed) && !keep("sub") {
            self.fix = None;
        }
    }

    /// Takes out every seen value of a claim that may not be kept, and a fix that might repeat one.
    pub fn redact(&mut self, keep: &dyn Fn(&str) -> bool) {
        for clause in self.considered.iter_mut().flat_map(|mapping| &mut mapping.clauses) {
            if clause.claims.iter().any(|claim| !keep(claim)) && clause.seen.is_some() {
                clause.seen = None;
                clause.recorded = false;
                // That it is nearly what was expected says what it is.
                clause.near = None;
                self.fix = None;
            }
        }
    }
}

/// The mappings worth showing, nearest first: of those that the token could have matched, and those to the account asked
/// for.
fn considered<'w, S>(
    ask: &Ask<'_>,
    facts: &Facts<'_, S>,
    provider: &Resource,
    world: &'w World,
) -> Vec<(MappingTrace, &'w Arc<Resource>)> {
    let mut found: Vec<&Arc<Resource>> = Vec::new();
    if let Some(text) = ask.mapping {
        found.extend(
            world
                .find(Kind::Mapping, text)
                .filter(|named| named.as_mapping().is_some_and(|mapping| mapping.provider == provider.id)),
        );
    } else {
        let account: Option<Id> = named_account(ask, world).ok().flatten();
        let mut add = |mapping: &'w Arc<Resource>| {
            if found.len() < SEARCHED {
                found.push(mapping);
            }
        };
        world.candidates(provider.id, account, facts.raw(), &mut add);
        match account {
            Some(account) => world.route(provider.id, account).take(SEARCHED).for_each(&mut add),
            None if ask.account.is_none() => world.mappings_of(provider.id).take(SEARCHED).for_each(&mut add),
            None => {}
        }
    }
    found.sort_unstable_by_key(|resource| resource.id);
    found.dedup_by_key(|resource| resource.id);
    let mut nearest = Nearest::of(MOST);
    found.into_iter().for_each(|resource| nearest.offer(resource, facts));
    nearest
        .kept()
        .into_iter()
        .filter_map(|(distance, resource)| {
            let trace = trace(resource, resource.as_mapping()?, facts, world);
            debug_assert_eq!(trace.distance(), distance, "ranking and trace count alike");
            Some((trace, resource))
        })
        .collect()
}

pub(super) fn trace<S>(resource: &Resource, mapping: &Mapping, facts: &Facts<'_, S>, world: &World) -> MappingTrace {
    let mut clauses: Vec<ClauseTrace> = mapping.clauses.iter().map(|clause| trace_clause(clause, facts)).collect();
    if let Some(program) = &mapping.condition {
        clauses.extend(program.explain(facts.raw()).into_iter().map(|clause| {
            let (verdict, said) = match &clause.outcome {
                Outcome::True => (ClauseVerdict::Held, None),
                Outcome::False => (ClauseVerdict::Failed, None),
                Outcome::Error(fault) => (ClauseVerdict::Error, Some(reason::fault_text(fault))),
            };
            let seen: Vec<_> = clause.seen.iter().map(|(path, value)| format!("{path} = {value}")).collect();
            let seen = said.or_else(|| (!seen.is_empty()).then(|| seen.join(", ")));
            ClauseTrace {
                clause: clause.source,
                verdict,
                seen,
                claims: clause.claims,
                recorded: true,
                expected: None,
                near: None,
                pinned: false,
            }
        }));
    }
    clauses.extend(pinned::traces(resource, mapping, facts, world));
    let matched = clauses.iter().all(|clause| clause.verdict == ClauseVerdict::Held) && !clauses.is_empty();
    let project = resource.project.and_then(|project| world.by_id(project)).filter(|project| !project.enabled);
    MappingTrace {
        mapping: resource.name.to_string(),
        id: resource.id.to_string(),
        enabled: world.enabled(resource.id).is_some(),
        bound: mapping.bound,
        actors: acting::traces(mapping, facts),
        disabled_project: project.map(|project| project.name.to_string()),
        matched,
        clauses,
    }
}

pub(super) fn trace_clause<S>(clause: &Clause, facts: &Facts<'_, S>) -> ClauseTrace {
    let name = clause.claim.to_string();
    let mut verdict = if holds(clause, facts) { ClauseVerdict::Held } else { ClauseVerdict::Failed };
    let (seen, near) = match facts.seen(&clause.claim) {
        Seen::Absent => (None, None),
        Seen::Fault(fault) => {
            verdict = ClauseVerdict::Error;
            (Some(reason::fault_text(fault)), None)
        }
        Seen::Text(text) => (Some(shown(&Json::String(text.into()))), None),
        Seen::Raw(json) => (Some(shown(json)), near::near(&name, json, &clause.expected, facts.provider().kind)),
    };
    let near = near.filter(|_| verdict == ClauseVerdict::Failed);
    let expected = Some(clause.expected.to_string());
    ClauseTrace {
        claims: sources(&clause.claim, facts.provider()),
        clause: name,
        verdict,
        seen,
        recorded: true,
        expected,
        near,
        pinned: false,
    }
}

/// What must be kept for the clause's value to be kept: its claim; or, of an attribute that is not kept by its own name, every
/// claim that it is derived from, since it says no more than they do.
pub(super) fn sources(claim: &Claim, provider: &Provider) -> Vec<String> {
    let name = claim.to_string();
    let is_it = |known: &str| matches!(claim, Claim::Derived(derived) if **derived == *known);
    match provider.attributes.iter().find(|(known, _)| is_it(known)) {
        Some((_, program)) if !provider.audits(&name) => program.claims(),
        _ => vec![name],
    }
}

/// A value for a person: bounded, control and direction characters escaped.
pub(super) fn shown(json: &Json<'_>) -> String {
    match json {
        Json::String(text) => Shown::of(text).to_string(),
        other => Shown::of(&serde_json::to_string(other).unwrap_or_default()).to_string(),
    }
}

/// So many mappings are looked at for an explanation.
const SEARCHED: usize = 256;
