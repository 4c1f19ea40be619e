//! The decision about an access token of ours that is shown again: it is narrowed, never widened.
//!
//! Nobody is admitted by it anew. Whoever shows it was admitted by a mapping, and everything that let that happen must
//! still stand: provider, mapping, account, project, API, and a grant of each permission.

use std::marker::PhantomData;
use std::sync::Arc;

use accredit_id::act::{self, Actor};
use accredit_id::json::Json;
use accredit_id::shown::Shown;
use accredit_id::time::Timestamp;
use accredit_id::verify::Verified;

use super::acting;
use super::allowed::{SHORTEST, usable_account};
use super::bound;
use super::exchange::{Ask, Limits, named_account};
use super::{Denial, Reason, Terms};
use crate::facts::{Acting, Proved};
use crate::model::{Id, Mapping, Permission, Replay, Resource};
use crate::world::World;

/// What the log knows of the decision that issued a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The provider whose evidence it was.
    pub provider: Id,
    /// The mapping that allowed it.
    pub mapping: Id,
    /// The mapping's revision by which it did.
    pub mapping_revision: i64,
    /// The service account.
    pub account: Id,
    /// The API.
    pub api: Id,
    /// Whether the evidence said who may act for it (`may_act`).
    pub limits_actors: bool,
}

/// What is left of it now.
#[derive(Debug)]
pub struct Standing<'w> {
    /// The provider.
    pub provider: &'w Arc<Resource>,
    /// The mapping.
    pub mapping: &'w Arc<Resource>,
    /// The service account.
    pub account: &'w Arc<Resource>,
    /// The account's project.
    pub project: &'w Arc<Resource>,
    /// The API.
    pub api: &'w Arc<Resource>,
    /// Those of the token's permissions that are still granted, sorted. Never empty.
    pub permissions: Vec<Permission>,
}

/// Whether what let a token be issued still stands. `scope` and `actors` are the token's own.
///
/// # Errors
/// The first thing that is disabled or gone, in the order of the road.
pub fn standing<'w>(issued: &Issued, scope: &str, actors: &[Actor], world: &'w World) -> Result<Standing<'w>, Denial> {
    let provider = enabled(issued.provider, Reason::ProviderDisabled, "provider", world)?;
    let mapping = enabled(issued.mapping, Reason::NoMappingMatched, "mapping", world)?;
    let rules = mapping
        .as_mapping()
        .filter(|rules| rules.provider == issued.provider && rules.account == issued.account)
        .ok_or_else(|| {
            Denial::new(Reason::NoMappingMatched, format!("mapping `{}` leads elsewhere by now", mapping.name))
        })?;
    let (account, project) = usable_account(issued.account, world)?;
    let api = enabled(issued.api, Reason::TargetUnknown, "API", world)?;
    acting::still_may(actors, issued.mapping_revision, (mapping, rules), world)?;
    let permissions = left(scope, rules, account, api, world)?;
    Ok(Standing { provider, mapping, account, project, api, permissions })
}

/// Decides what a verified access token of ours may be exchanged for: the same audience, a part of its scope, no later end, the
/// same actors, and perhaps one more before them.
///
/// # Errors
/// It asks for more, or what let it be issued does not stand any more.
pub fn narrow(
    ask: &Ask<'_>,
    token: &Verified<'_>,
    acting: Option<&Acting<'_, Proved>>,
    issued: &Issued,
    world: &World,
    limits: &Limits,
    now: Timestamp,
) -> Result<Terms<Proved>, Denial> {
    bound::proved(token.claims(), ask.held, "token")?;
    let before = act::read(token.claims()).map_err(|fault| Denial::inactive(fault.to_string()))?;
    if let Some(acting) = acting {
        acting::usable(acting, ask.held, world)?;
        if issued.limits_actors {
            let operator =
                "evidence that the token was made of says who may act (`may_act`), which the token does not repeat";
            return Err(Denial::new(Reason::ActorMismatch, operator)
                .hint("exchange the first evidence again, together with the actor token"));
        }
    }
    let scope = token.claims().get("scope").and_then(Json::as_str).unwrap_or_default();
    let Standing { provider: _, mapping, account, project, api, permissions } =
        standing(issued, scope, &before, world)?;
    if named_account(ask, world)?.is_some_and(|asked| asked != account.id) {
        return Err(Denial::new(
            Reason::NoMappingMatched,
            format!("token is of service account `{}`, another one is asked for", account.name),
        ));
    }
    let (Some(rules), Some(known)) = (mapping.as_mapping(), api.as_api()) else {
        return Err(Denial::new(Reason::TargetUnknown, "the target is no API"));
    };
    bound::required(mapping, rules.bound, ask.held)?;
    let actors = acting::actors(acting, before, (mapping, rules))?;
    let is_it = |asked: &str| *known.audience == *asked || api.name.as_str() == asked || api.id.to_string() == asked;
    if let Some(asked) = ask.api.filter(|asked| !is_it(asked)) {
        return Err(Denial::new(
            Reason::TargetUnknown,
            format!("token is for `{}`, audience `{}` is asked for", known.audience, Shown::of(asked)),
        )
        .hint("an access token is exchanged for one of the same audience; exchange the first evidence again"));
    }
    let permissions = part(ask.scope, permissions)?;
    let account_most = account.as_service_account().and_then(|account| account.max_lifetime);
    let lifetime = [Some(rules.lifetime), account_most, known.max_lifetime]
        .into_iter()
        .flatten()
        .map(|most| most.duration())
        .fold(limits.max_lifetime, std::time::Duration::min);
    let by_actor = acting.and_then(|acting| acting.facts.expires_at());
    let expires_at = by_actor.into_iter().fold(token.expires_at().min(now.plus(lifetime)), Timestamp::min);
    let left = expires_at.seconds_since(now);
    if left < SHORTEST {
        return Err(Denial::new(
            Reason::TooLittleTimeLeft,
            format!("token ends in {left} s, a token made from it needs at least {SHORTEST} s"),
        ));
    }
    Ok(Terms {
        mapping: Arc::clone(mapping),
        account: Arc::clone(account),
        project: Arc::clone(project),
        api: Arc::clone(api),
        audience: Arc::clone(&known.audience),
        permissions,
        issued_at: now,
        expires_at,
        signing: known.signing,
        replay: Replay::Reuse,
        // All that was proved, and what the token is bound to was.
        confirmation: ask.held.confirmation(),
        actors,
        first_uses: Vec::new(),
        standing: PhantomData,
    })
}

fn enabled<'w>(id: Id, reason: Reason, what: &str, world: &'w World) -> Result<&'w Arc<Resource>, Denial> {
    world.enabled(id).ok_or_else(|| match world.by_id(id) {
        Some(resource) => Denial::new(reason, format!("{what} `{}` is disabled", resource.name)),
        None => Denial::new(reason, format!("{what} `{id}` is gone")),
    })
}

/// Those words of a scope that are still granted and that the mapping still allows.
fn left(
    scope: &str,
    mapping: &Mapping,
    account: &Resource,
    api: &Resource,
    world: &World,
) -> Result<Vec<Permission>, Denial> {
    let reach = world.reach(account.id).into_iter().find(|reach| reach.api.id == api.id);
    let mut left = reach.map(|reach| reach.permissions).unwrap_or_default();
    left.retain(|permission| {
        scope.split(' ').any(|word| word == permission.as_str()) && mapping.permissions.allow(api.id, permission)
    });
    match left.is_empty() {
        false => Ok(left),
        true => Err(Denial::new(
            Reason::NothingGranted,
            format!("nothing of `{}` is granted to `{}` on `{}` any more", Shown::of(scope), account.name, api.name),
        )),
    }
}

/// What was asked for, if all of it is left; else all that is left.
fn part(asked: Option<&str>, left: Vec<Permission>) -> Result<Vec<Permission>, Denial> {
    let Some(asked) = asked else { return Ok(left) };
    let words: Vec<&str> = asked.split(' ').filter(|word| !word.is_empty()).collect();
    let is_left = |word: &&str| left.iter().any(|permission| permission.as_str() == *word);
    if let Some(wide) = words.iter().find(|word| !is_left(word)) {
        return Err(Denial::new(
            Reason::ScopeNotGranted,
            format!("scope `{}` is not in the token, or not granted any more", Shown::of(wide)),
        ));
    }
    if words.is_empty() {
        return Err(Denial::new(Reason::ScopeNotGranted, "scope is empty"));
    }
    Ok(left.into_iter().filter(|permission| words.contains(&permission.as_str())).collect())
}
