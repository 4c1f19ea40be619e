//! The decision of an exchange: which mapping, which API, which permissions, how long.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use accredit_id::json::Json;
use accredit_id::shown::Shown;
use accredit_id::time::Timestamp;

use super::bound::{self, Held};
use super::clause::holds;
use super::pinned::first_uses;
use super::{Denial, Reason, Terms};
use crate::expr::Outcome;
use crate::facts::Facts;
use crate::model::{Id, Kind, Mapping, Permission, Replay, Resource};
use crate::world::{Reach, World};

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
    bound::proved(facts.raw(), ask.held, "token")
}

/// What the one mapping that matches allows.
pub(crate) fn terms<S>(
    ask: &Ask<'_>,
    facts: &Facts<'_, S>,
    (resource, mapping): (&Arc<Resource>, &Mapping),
    world: &World,
    limits: &Limits,
    now: Timestamp,
) -> Result<Terms<S>, Denial> {
    let first_uses = first_uses(resource, mapping, facts, world)?;
    bound::required(resource, mapping.bound, ask.held)?;
    let (account, project) = usable_account(mapping.account, world)?;
    let reach = world.reach(account.id);
    let reach = target(ask, &reach, mapping, account, limits)?;
    let permissions = permissions(ask, reach, mapping, account)?;
    let api = reach.api.as_api().ok_or_else(|| Denial::new(Reason::TargetUnknown, "the target is no API"))?;
    let expires_at = expiry(ask, facts, mapping, account, api.max_lifetime.map(|most| most.duration()), limits, now)?;
    let has_name = matches!(facts.raw().get("jti"), Some(Json::String(name)) if !name.is_empty());
    let replay = mapping.replay.unwrap_or_else(|| facts.provider().default_replay());
    if replay == Replay::Once && !has_name {
        return Err(Denial::new(
            Reason::TokenIdMissing,
            format!("token has no `jti`, mapping `{}` says `replay: once`", resource.name),
        ));
    }
    Ok(Terms {
        mapping: Arc::clone(resource),
        account: Arc::clone(account),
        project: Arc::clone(project),
        api: Arc::clone(reach.api),
        audience: Arc::clone(&api.audience),
        permissions,
        issued_at: now,
        expires_at,
        signing: api.signing,
        replay,
        confirmation: ask.held.confirmation(),
        first_uses,
        standing: PhantomData,
    })
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

pub(super) fn usable_account(id: Id, world: &World) -> Result<(&Arc<Resource>, &Arc<Resource>), Denial> {
    let disabled = |what: String| Denial::new(Reason::AccountDisabled, what);
    let account = world.by_id(id).ok_or_else(|| disabled("service account is gone".to_owned()))?;
    let project = account
        .project
        .and_then(|project| world.by_id(project))
        .ok_or_else(|| disabled(format!("the project of `{}` is gone", account.name)))?;
    if !project.enabled {
        return Err(disabled(format!("project `{}` is disabled", project.name))
            .hint(format!("accredit project enable {}", project.name)));
    }
    if !account.enabled {
        return Err(disabled(format!("service account `{}` is disabled", account.name))
            .hint(format!("accredit service-account enable {}", account.name)));
    }
    Ok((account, project))
}

/// The one API that the token is for.
pub(super) fn target<'r, 'w>(
    ask: &Ask<'_>,
    reach: &'r [Reach<'w>],
    mapping: &Mapping,
    account: &Resource,
    limits: &Limits,
) -> Result<&'r Reach<'w>, Denial> {
    if let Some(text) = ask.api {
        if limits.reserved.iter().any(|reserved| reserved == text) {
            return Err(Denial::new(Reason::TargetReserved, format!("audience `{text}` is this server's own")));
        }
        let named = |reach: &&Reach<'_>| {
            reach.api.as_api().is_some_and(|api| *api.audience == *text)
                || reach.api.name.as_str() == text
                || reach.api.id.to_string() == text
        };
        return reach.iter().find(named).ok_or_else(|| {
            let granted: Vec<_> = reach.iter().map(|reach| format!("`{}`", reach.api.name)).collect();
            let granted = if granted.is_empty() { "nothing".to_owned() } else { granted.join(", ") };
            Denial::new(
                Reason::TargetUnknown,
                format!("audience `{}` is not granted to `{}`, which may use {granted}", Shown::of(text), account.name),
            )
            .hint("its owner can: `accredit apply` a Grant for the API")
        });
    }
    let mut possible = reach
        .iter()
        .filter(|reach| reach.permissions.iter().any(|permission| mapping.permissions.allow(reach.api.id, permission)));
    match (possible.next(), possible.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(Denial::new(
            Reason::NothingGranted,
            format!("nothing is granted to `{}` that its mapping allows", account.name),
        )
        .hint("its owner can: `accredit apply` a Grant for the API")),
        (Some(one), Some(two)) => Err(Denial::new(
            Reason::TargetRequired,
            format!(
                "`{}` may use `{}`, `{}` and perhaps more, and the request names none",
                account.name, one.api.name, two.api.name
            ),
        )
        .hint("name one as `audience`")),
    }
}

/// What was asked for, if all of it is allowed; else everything that is allowed.
fn permissions(
    ask: &Ask<'_>,
    reach: &Reach<'_>,
    mapping: &Mapping,
    account: &Resource,
) -> Result<Vec<Permission>, Denial> {
    let allowed = |permission: &&Permission| mapping.permissions.allow(reach.api.id, permission);
    let Some(scope) = ask.scope else {
        let all: Vec<_> = reach.permissions.iter().filter(allowed).cloned().collect();
        if all.is_empty() {
            return Err(Denial::new(
                Reason::NothingGranted,
                format!(
                    "no permission on `{}` is granted to `{}` that its mapping allows",
                    reach.api.name, account.name
                ),
            ));
        }
        return Ok(all);
    };
    let mut asked: Vec<Permission> = Vec::new();
    for word in scope.split(' ').filter(|word| !word.is_empty()) {
        let found = reach.permissions.iter().find(|permission| permission.as_str() == word);
        match found.filter(allowed) {
            Some(permission) if asked.contains(permission) => {}
            Some(permission) => asked.push(permission.clone()),
            None => {
                let shown = Shown::of(word);
                let known = reach.api.as_api().map(|api| &*api.permissions).unwrap_or_default();
                let denial = match found {
                    None if known.iter().all(|permission| permission.as_str() != word) => {
                        let known: Vec<_> = known.iter().map(Permission::as_str).collect();
                        Denial::new(
                            Reason::ScopeNotGranted,
                            format!("scope `{shown}` is no permission of `{}`", reach.api.name),
                        )
                        .hint(format!("it knows {}", known.join(", ")))
                    }
                    Some(_) => Denial::new(
                        Reason::ScopeNotGranted,
                        format!(
                            "scope `{shown}` is granted to `{}` on `{}`, but its mapping leaves it out",
                            account.name, reach.api.name
                        ),
                    )
                    .hint("add it to the mapping's `permissions`"),
                    None => Denial::new(
                        Reason::ScopeNotGranted,
                        format!("scope `{shown}` is not granted to `{}` on `{}`", account.name, reach.api.name),
                    )
                    .hint("its owner can: `accredit apply` a Grant for the API"),
                };
                return Err(denial);
            }
        }
    }
    if asked.is_empty() {
        return Err(Denial::new(Reason::ScopeNotGranted, "scope is empty"));
    }
    asked.sort_unstable();
    Ok(asked)
}

/// The earliest of what was asked, the mapping, the account, the API, the server and the evidence.
fn expiry<S>(
    ask: &Ask<'_>,
    facts: &Facts<'_, S>,
    mapping: &Mapping,
    account: &Resource,
    api: Option<Duration>,
    limits: &Limits,
    now: Timestamp,
) -> Result<Timestamp, Denial> {
    let asked = ask.lifetime.map(|seconds| Duration::from_secs(seconds.into()));
    let account = account.as_service_account().and_then(|account| account.max_lifetime).map(|most| most.duration());
    let lifetime = [Some(mapping.lifetime.duration()), asked, account, api, Some(limits.max_lifetime)]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or_default();
    let by_policy = now.plus(lifetime);
    let by_evidence = facts.expires_at().map(|end| match mapping.outlives_subject {
        Some(longer) => end.plus(longer.duration()),
        None => end,
    });
    let ends = by_evidence.map_or(by_policy, |evidence| evidence.min(by_policy));
    let left = ends.seconds_since(now);
    let denial = |what: String| Err(Denial::new(Reason::TooLittleTimeLeft, what));
    let fresh = "fetch a fresh subject token for each step";
    match facts.expires_at() {
        // Whatever may outlive it, evidence that has ended proves nothing (D02).
        Some(end) if end <= now => {
            denial(format!("token expired {} s ago", now.seconds_since(end))).map_err(|denial| denial.hint(fresh))
        }
        _ if left >= SHORTEST => Ok(ends),
        _ if ends < by_policy => {
            denial(format!("token ends in {left} s, a token made from it needs at least {SHORTEST} s"))
                .map_err(|denial| denial.hint(fresh))
        }
        _ => denial(format!("lifetime is {left} s, a token needs at least {SHORTEST} s")),
    }
}

/// A token that lives shorter than this, in seconds, is dead before it is used.
pub(super) const SHORTEST: i64 = 5;

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
