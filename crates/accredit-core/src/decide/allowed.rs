//! What the mapping that matched allows: to which account, at which API, which permissions, until when.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use accredit_id::json::Json;
use accredit_id::shown::Shown;
use accredit_id::time::Timestamp;

use super::acting;
use super::bound;
use super::exchange::{Ask, Limits};
use super::pinned::first_uses;
use super::{Denial, Reason, Terms};
use crate::facts::Facts;
use crate::model::{Id, Mapping, Permission, Replay, Resource};
use crate::world::{Reach, World};

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
    let actors = acting::actors(facts.acting(), Vec::new(), (resource, mapping))?;
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
        actors,
        first_uses,
        standing: PhantomData,
    })
}

/// An account that counts, and its project.
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

/// The earliest of what was asked, the mapping, the account, the API, the server and the evidence, the actor's included.
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
    // Nothing outlives who acts, whatever may outlive its subject.
    let by_actor = facts.acting().and_then(|acting| acting.facts.expires_at());
    let ends = [by_evidence, by_actor].into_iter().flatten().fold(by_policy, Timestamp::min);
    let left = ends.seconds_since(now);
    let denial = |what: String| Err(Denial::new(Reason::TooLittleTimeLeft, what));
    let fresh = "fetch a fresh subject token for each step";
    match facts.expires_at() {
        // Whatever may outlive it, evidence that has ended proves nothing (D02).
        Some(end) if end <= now => {
            denial(format!("token expired {} s ago", now.seconds_since(end))).map_err(|denial| denial.hint(fresh))
        }
        _ if by_actor.is_some_and(|end| end <= now) => {
            Err(Denial::new(Reason::ActorExpired, "actor's token has expired").hint("fetch another actor token"))
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
