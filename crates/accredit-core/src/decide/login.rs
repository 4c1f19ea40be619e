//! Logging in: which administrators somebody is, and why he is none.

use std::sync::Arc;

use accredit_id::time::Timestamp;

use super::access::Rights;
use super::explain::trace_clause;
use super::trace::{ClauseTrace, ClauseVerdict, MappingTrace};
use crate::facts::{Facts, Proved};
use crate::model::{Id, Resource};
use crate::world::World;

/// What somebody is let in as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetIn {
    /// The provider that said who it is, at its revision.
    pub provider: (Id, i64),
    /// The administrators that its facts match, at their revisions. Never empty. A token names them; what they may do is
    /// looked up with each request.
    pub administrators: Vec<(Id, i64)>,
    /// When the token ends: no later than the evidence.
    pub expires_at: Timestamp,
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotLetIn {
    /// The provider, or its project, is disabled.
    ProviderDisabled,
    /// No enabled administrator of the provider matches.
    NoAdministratorMatched,
    /// The evidence ends before a token would be of any use.
    TooLittleTimeLeft,
}

/// Whether the proved facts of a provider's token are those of an administrator; several are all of them.
///
/// # Errors
/// Why not; [`considered`] tells the rest.
pub fn login(provider: &Resource, facts: &Facts<'_, Proved>, world: &World, now: Timestamp) -> Result<LetIn, NotLetIn> {
    if world.enabled(provider.id).is_none() {
        return Err(NotLetIn::ProviderDisabled);
    }
    let rights = Rights::proved(provider, facts, world);
    let administrators: Vec<(Id, i64)> = rights
        .held()
        .iter()
        .filter_map(|held| world.enabled(held.through?.administrator))
        .map(|administrator| (administrator.id, administrator.revision))
        .collect();
    if administrators.is_empty() {
        return Err(NotLetIn::NoAdministratorMatched);
    }
    let latest = Timestamp::from_unix(now.unix().saturating_add(LIFETIME));
    let expires_at = facts.expires_at().map_or(now, |end| end.min(latest));
    if expires_at.seconds_since(now) < SHORTEST {
        return Err(NotLetIn::TooLittleTimeLeft);
    }
    Ok(LetIn { provider: (provider.id, provider.revision), administrators, expires_at })
}

/// What a token's administrators may do now.
///
/// `None` when any of them, or the provider, is not what it was when the token was given: changed, disabled or deleted. Who
/// is still let in gets another token for the same evidence.
pub fn still(provider: (Id, i64), administrators: &[(Id, i64)], world: &World) -> Option<Rights> {
    let is_as_it_was = |(id, revision): &(Id, i64)| world.enabled(*id).is_some_and(|now| now.revision == *revision);
    if administrators.is_empty() || !is_as_it_was(&provider) || !administrators.iter().all(is_as_it_was) {
        return None;
    }
    let is_its = |(id, _): &(Id, i64)| {
        world
            .by_id(*id)
            .and_then(|resource| resource.as_administrator())
            .is_some_and(|known| known.provider == provider.0)
    };
    let rights = Rights::through(administrators.iter().filter(|pair| is_its(pair)).map(|(id, _)| *id), world);
    (!rights.is_empty()).then_some(rights)
}

/// The administrators of a provider and how each fared, nearest first; at most 8.
pub fn considered(provider: &Resource, facts: &Facts<'_, Proved>, world: &World) -> Vec<MappingTrace> {
    let trace = |resource: &Arc<Resource>| {
        let administrator = resource.as_administrator()?;
        let clauses: Vec<ClauseTrace> =
            administrator.clauses.iter().map(|clause| trace_clause(clause, facts)).collect();
        let matched = clauses.iter().all(|clause| clause.verdict == ClauseVerdict::Held) && !clauses.is_empty();
        let project = resource.project.and_then(|project| world.by_id(project)).filter(|project| !project.enabled);
        Some(MappingTrace {
            mapping: resource.name.to_string(),
            id: resource.id.to_string(),
            enabled: world.enabled(resource.id).is_some(),
            disabled_project: project.map(|project| project.name.to_string()),
            matched,
            clauses,
            bound: None,
            actors: Vec::new(),
        })
    };
    let mut traces: Vec<MappingTrace> = world.administrators_of(provider.id).take(SEARCHED).filter_map(trace).collect();
    traces.sort_by_cached_key(|trace| (trace.distance(), trace.mapping.clone()));
    traces.truncate(MOST);
    traces
}

// === impl NotLetIn ===

impl NotLetIn {
    /// Its stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::ProviderDisabled => "provider-disabled",
            Self::NoAdministratorMatched => "no-administrator-matched",
            Self::TooLittleTimeLeft => "too-little-time-left",
        }
    }

    /// What a caller is told, in the character set of RFC 6749 section 5.2.
    pub const fn caller_sentence(self) -> &'static str {
        match self {
            Self::ProviderDisabled => "nobody logs in by this provider at the moment",
            Self::NoAdministratorMatched => "no administrator has these claims",
            Self::TooLittleTimeLeft => "the subject token ends too soon",
        }
    }

    /// What an operator is told: a sentence and at most one hint. The nearest administrator says it best.
    pub fn operator(self, provider: &Resource, considered: &[MappingTrace]) -> (String, Option<String>) {
        let name = &provider.name;
        match (self, considered.first()) {
            (Self::ProviderDisabled, _) => (
                format!("provider `{name}`, or its project, is disabled"),
                Some(format!("accredit provider enable {name}")),
            ),
            (Self::TooLittleTimeLeft, _) => {
                (format!("the token ends within {SHORTEST} s"), Some("log in with a fresh token".to_owned()))
            }
            (Self::NoAdministratorMatched, None) => (
                format!("provider `{name}` has no administrator"),
                Some("an owner gives rights by a document of kind Administrator".to_owned()),
            ),
            (Self::NoAdministratorMatched, Some(nearest)) => match nearest.first_failed() {
                Some(clause) => (
                    format!("administrator `{}`: {}", nearest.mapping, clause.line()),
                    clause.near.map(|near| near.hint().to_owned()),
                ),
                None => (
                    format!("administrator `{}` would match, but it or its project is disabled", nearest.mapping),
                    Some(format!("accredit administrator enable {}", nearest.mapping)),
                ),
            },
        }
    }
}

/// Seconds that an admin token lives at most.
pub const LIFETIME: i64 = 15 * 60;
/// Seconds below which a token is of no use.
const SHORTEST: i64 = 5;
/// So many administrators are looked at for an explanation, and so many shown.
const SEARCHED: usize = 1024;
const MOST: usize = 8;
