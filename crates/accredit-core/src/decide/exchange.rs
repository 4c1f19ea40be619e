//! The decision of an exchange: which mapping is the one. What it allows is `allowed`'s.

use std::sync::Arc;
use std::time::Duration;

use accredit_id::shown::Shown;
use accredit_id::time::Timestamp;

use super::acting;
use super::allowed::terms;
use super::bound::{self, Held};
use super::clause::holds;
use super::{Denial, Reason, Terms};
use crate::expr::Outcome;
use crate::facts::Facts;
use crate::model::{Id, Kind, Mapping, Resource};
use crate::world::World;

/// What is asked for. Names may be ids; what is absent must be clear from the rest.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ask<'a> {
    /// The service account.
    pub account: Option<&'a str>,
    /// The one mapping to be judged by.
    pub mapping: Option<&'a str>,
    /// The API: its audience (RFC 8693 `audience`, RFC 8707 `resource`), name or id.
    pub api: Option<&'a str>,
    /// Permissions, separated by single spaces (RFC 6749 section 3.3).
    pub scope: Option<&'a str>,
    /// How long, in seconds.
    pub lifetime: Option<u32>,
    /// The keys that the request proves to hold, whose the token will be.
    pub held: Held<'a>,
}

/// What the server as a whole allows.
#[derive(Clone, Debug)]
pub struct Limits {
    /// No access token lives longer; 60 minutes unless configured lower.
    pub max_lifetime: Duration,
    /// Audiences that no token of ours may bear: the server's own.
    pub reserved: Vec<String>,
}

/// Decides an exchange. Pure: the same world, facts, question and time always give the same answer.
///
/// # Errors
/// The first reason to refuse, in the order of the road.
pub fn exchange<S>(
    ask: &Ask<'_>,
    facts: &Facts<'_, S>,
    provider: &Resource,
    world: &World,
    limits: &Limits,
    now: Timestamp,
) -> Result<Terms<S>, Denial> {
    admissible(ask, facts, provider, world)?;
    let account = named_account(ask, world)?;
    let matched = the_one_match(ask, account, facts, provider, world)?;
    terms(ask, facts, matched, world, limits, now)
}

/// Whether a provider's evidence is looked at, whatever it says.
pub(crate) fn admissible<S>(
    ask: &Ask<'_>,
    facts: &Facts<'_, S>,
    provider: &Resource,
    world: &World,
) -> Result<(), Denial> {
    if world.enabled(provider.id).is_none() {
        return Err(Denial::new(Reason::ProviderDisabled, format!("provider `{}` is disabled", provider.name)));
    }
    bound::proved(facts.raw(), ask.held, "token")?;
    acting::admissible(facts, ask.held, provider, world)
}

/// The account that the request names, when it does.
pub(crate) fn named_account(ask: &Ask<'_>, world: &World) -> Result<Option<Id>, Denial> {
    let Some(text) = ask.account else { return Ok(None) };
    match world.find(Kind::ServiceAccount, text) {
        Some(account) => Ok(Some(account.id)),
        None => {
            Err(Denial::new(Reason::AccountUnknown, format!("service account `{}` does not exist", Shown::of(text))))
        }
    }
}

/// Whether every clause and the condition of a mapping hold. An error is never a match.
pub(super) fn matches<S>(mapping: &Mapping, facts: &Facts<'_, S>) -> bool {
    mapping.clauses.iter().all(|clause| holds(clause, facts))
        && mapping.condition.as_ref().is_none_or(|program| matches!(program.condition(facts.raw()), Outcome::True))
        && !(mapping.clauses.is_empty() && mapping.condition.is_none())
}

/// Exactly one enabled mapping may match; a request that names one is judged by that one alone.
fn the_one_match<'w, S>(
    ask: &Ask<'_>,
    account: Option<Id>,
    facts: &Facts<'_, S>,
    provider: &Resource,
    world: &'w World,
) -> Result<(&'w Arc<Resource>, &'w Mapping), Denial> {
    let mut first: Option<&Arc<Resource>> = None;
    let mut second: Option<&Arc<Resource>> = None;
    let mut judge = |candidate: &'w Arc<Resource>| {
        let Some(mapping) = candidate.as_mapping() else { return };
        let counts = second.is_none()
            && first.is_none_or(|first| first.id != candidate.id)
            && may_match(candidate, mapping, provider, account, world)
            && matches(mapping, facts);
        if counts {
            match first {
                None => first = Some(candidate),
                Some(_) => second = Some(candidate),
            }
        }
    };
    match named_mapping(ask, provider, world)? {
        Some(named) => judge(named),
        None => world.candidates(provider.id, account, facts.raw(), &mut judge),
    }
    match (first, second) {
        (Some(one), Some(two)) => Err(ambiguous(one, two)),
        (Some(one), None) => match one.as_mapping() {
            Some(mapping) => Ok((one, mapping)),
            None => Err(Denial::new(Reason::NoMappingMatched, "no mapping matches")),
        },
        (None, _) => Err(none_matched(ask, account, provider, world)),
    }
}

/// Whether a mapping of a provider counts at all for somebody who asks for this account, or for none.
pub(crate) fn may_match(
    candidate: &Resource,
    mapping: &Mapping,
    provider: &Resource,
    account: Option<Id>,
    world: &World,
) -> bool {
    // A project's own provider serves that project alone (F23); the plan sees to it, and so does this.
    mapping.provider == provider.id
        && (provider.project.is_none() || provider.project == candidate.project)
        && account.is_none_or(|account| mapping.account == account)
        && world.counts(candidate)
}

/// The mapping that the request names, when it does.
pub(crate) fn named_mapping<'w>(
    ask: &Ask<'_>,
    provider: &Resource,
    world: &'w World,
) -> Result<Option<&'w Arc<Resource>>, Denial> {
    let Some(text) = ask.mapping else { return Ok(None) };
    let named = world
        .find(Kind::Mapping, text)
        .filter(|named| named.as_mapping().is_some_and(|mapping| mapping.provider == provider.id));
    match named {
        Some(named) => Ok(Some(named)),
        None => Err(Denial::new(
            Reason::MappingUnknown,
            format!("provider `{}` has no mapping `{}`", provider.name, Shown::of(text)),
        )),
    }
}

/// Two mappings match, and neither is preferred.
pub(crate) fn ambiguous(one: &Resource, two: &Resource) -> Denial {
    let (one, two) = if one.name <= two.name { (one, two) } else { (two, one) };
    Denial::new(Reason::MappingsAmbiguous, format!("two mappings match: `{}`, `{}`", one.name, two.name))
        .hint("narrow one, or name one in the request")
}

/// No mapping matched; the one that was named may lead elsewhere.
fn none_matched(ask: &Ask<'_>, account: Option<Id>, provider: &Resource, world: &World) -> Denial {
    let name = |id: Id| world.by_id(id).map(|resource| resource.name.as_str()).unwrap_or_default();
    let named = ask
        .mapping
        .and_then(|text| world.find(Kind::Mapping, text))
        .and_then(|named| Some((named, named.as_mapping()?.account)));
    match (named, account) {
        (Some((named, leads_to)), Some(asked)) if leads_to != asked => Denial::new(
            Reason::NoMappingMatched,
            format!("mapping `{}` leads to `{}`, not to `{}`", named.name, name(leads_to), name(asked)),
        )
        .hint("name one of the two, not both"),
        _ => {
            Denial::new(Reason::NoMappingMatched, format!("no enabled mapping of provider `{}` matches", provider.name))
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use accredit_id::json::Json;
    use serde_json::json;

    use super::*;
    use crate::facts::TypedIn;
    use crate::model::yaml;
    use crate::plan::{self, Context};

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn world() -> World {
        let text = "kind: Project\nname: ci\n---\nkind: Provider\nname: idp\nspec: {type: oidc, issuer: https://idp.example.org}\n\
                    ---\nkind: ServiceAccount\nname: ci/web\n---\nkind: API\nname: ci/api\nspec: {audience: https://api.example.org, permissions: [read]}\n\
                    ---\nkind: Grant\nname: ci/web\nspec: {api: ci/api, permissions: [read], to: ci/web}\n\
                    ---\nkind: Mapping\nname: ci/web\nspec: {provider: idp, serviceAccount: ci/web, match: {sub: web}}\n";
        let documents: Vec<_> = yaml::parse("t", text).unwrap().into_iter().map(|located| located.document).collect();
        let context = Context { public_url: "https://a.example.org", reserved: &[], plain_http: false, now: NOW };
        let mut number = 0u128;
        let mut random = || {
            number += 1;
            number.to_be_bytes()
        };
        plan::apply(&World::default(), &documents, false, &context, &mut random).unwrap().next
    }

    fn decide(claims: serde_json::Value, ends: u64, now: Timestamp) -> Result<Terms<TypedIn>, Denial> {
        let world = world();
        let provider = world.find(Kind::Provider, "idp").unwrap();
        let Json::Object(claims) = Json::from(claims) else {
            return Err(Denial::new(Reason::NoMappingMatched, "no claims"));
        };
        let facts = Facts::<TypedIn>::typed_in(
            provider.as_provider().unwrap(),
            &claims,
            Some(NOW.plus(Duration::from_secs(ends))),
        );
        let limits = Limits { max_lifetime: Duration::from_secs(3600), reserved: Vec::new() };
        exchange(&Ask::default(), &facts, provider, &world, &limits, now)
    }

    /// H09: a token that is bound to a key is not taken from somebody who does not prove that key.
    #[test]
    fn h09_a_bound_token_needs_its_proof() {
        assert!(decide(json!({"sub": "web"}), 300, NOW).is_ok());
        for cnf in [json!({"jkt": "abc"}), json!({}), json!(null)] {
            assert_eq!(decide(json!({"sub": "web", "cnf": cnf}), 300, NOW).unwrap_err().reason, Reason::ProofMissing);
        }
    }

    /// D08, D10: whatever the clock says when it is minted, a token never ends after its evidence.
    #[test]
    fn d08_a_clock_set_back_does_not_lengthen_the_result() {
        for back in [0, 60, 3600, 86_400] {
            let terms = decide(json!({"sub": "web"}), 300, NOW.minus(Duration::from_secs(back))).unwrap();
            assert!(terms.expires_at <= NOW.plus(Duration::from_secs(300)), "set back by {back} s");
        }
    }
}
