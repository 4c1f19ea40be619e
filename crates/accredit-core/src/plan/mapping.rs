//! Compiling a mapping.

use accredit_id::json::Object;

use super::actors;
use super::rules::{MAX_LIFETIME, MIN_LIFETIME, program, reference, within};
use crate::expr::{Kind as Type, Outcome, Program};
use crate::model::{
    ApiPermissions, Claim, Clause, Clauses, Expected, Fault, Id, Kind, Lifetime, Mapping, MappingPermissions,
    MappingSpec, Match, Name, Permission, PermissionsSpec, Provider, Scalar,
};
use crate::providers::{Shape, unguarded};
use crate::world::World;

pub(super) fn compile(spec: &MappingSpec, id: Id, name: &Name, world: &World) -> Result<Mapping, Fault> {
    let provider = reference("spec.provider", Kind::Provider, &spec.provider, world)?;
    if provider.name.project().is_some() && provider.name.project() != name.project() {
        return Err(Fault::at("spec.provider", format!("provider `{}` serves its own project alone", provider.name)));
    }
    let account = reference("spec.serviceAccount", Kind::ServiceAccount, &spec.service_account, world)?;
    if account.name.project() != name.project() {
        return Err(Fault::at(
            "spec.serviceAccount",
            format!("service account `{}` belongs to another project than `{name}`", account.name),
        )
        .hint(format!("name the mapping `{}/{}`", account.name.project().unwrap_or_default(), name.local())));
    }
    let known = provider.as_provider().ok_or_else(|| Fault::at("spec.provider", "is no provider"))?;
    let clauses = clauses("spec.match", &spec.matches, known, world)?;
    let condition = spec.condition.as_deref().map(|source| program("spec.condition", source, world)).transpose()?;
    if clauses.is_empty() && condition.is_none() {
        return Err(Fault::at("spec.match", format!("mapping `{name}` matches nothing, so it would match everybody"))
            .hint("add the claims that its tokens must have"));
    }
    if let Some(condition) = &condition {
        check_condition(condition, clauses.is_empty())?;
    }
    let anchor = anchor(&clauses, known, provider.id, world);
    let trusts_names = !unguarded(&clauses, known).is_empty();
    let before = world
        .by_id(id)
        .and_then(|old| old.as_mapping())
        .is_some_and(|old| old.anchor.is_none() && old.provider == provider.id && old.account == account.id);
    if anchor.is_none() && !before && world.loose_count(provider.id, account.id) >= MAX_LOOSE {
        return Err(Fault::at(
            "spec.match",
            format!(
                "{MAX_LOOSE} mappings from `{}` to `{}` have no claim with exact values already",
                provider.name, account.name
            ),
        )
        .hint("match one claim exactly, without `*`"));
    }
    let lifetime = spec.lifetime.unwrap_or(Mapping::DEFAULT_LIFETIME);
    within("spec.lifetime", lifetime, MIN_LIFETIME, MAX_LIFETIME)?;
    if let Some(longer) = spec.outlives_subject {
        within("spec.outlivesSubject", longer, Lifetime::from_secs(1), MAX_LIFETIME)?;
    }
    Ok(Mapping {
        provider: provider.id,
        provider_name: provider.name.clone(),
        account: account.id,
        account_name: account.name.clone(),
        clauses,
        condition,
        permissions: permissions(spec, world)?,
        lifetime,
        outlives_subject: spec.outlives_subject,
        replay: spec.replay,
        bound: spec.bound,
        actors: actors::compile(spec, name, world)?,
        actor_required: spec.actor_required,
        description: spec.description.as_deref().map(Into::into),
        anchor,
        trusts_names,
    })
}

/// A condition that can never be true, or that is true of every token, is a mistake.
fn check_condition(condition: &Program, is_alone: bool) -> Result<(), Fault> {
    if condition.kind().is_some_and(|kind| kind != Type::Bool) {
        return Err(Fault::at("spec.condition", "cel-not-boolean: the expression is never true or false")
            .hint("compare it with something"));
    }
    if is_alone && condition.condition(&Object::new()) == Outcome::True {
        return Err(Fault::at("spec.condition", "the condition holds for a token without any claims")
            .hint("test a claim that its tokens must have"));
    }
    Ok(())
}

pub(super) fn clauses(at: &str, expected: &Match, provider: &Provider, world: &World) -> Result<Clauses, Fault> {
    expected
        .iter()
        .map(|(key, expected)| {
            let field = format!("{at}.{key}");
            let claim = Claim::named(key);
            match &claim {
                Claim::Derived(name) if !provider.attributes.iter().any(|(known, _)| known == name) => {
                    return Err(Fault::at(field, format!("provider derives no attribute `{name}`"))
                        .hint("add it to the provider's `attributes`, or match the claim by its own name"));
                }
                Claim::Derived(_) => typed(&field, key, expected, true)?,
                Claim::Raw(name) => {
                    if name.is_empty() || name.len() > 256 {
                        return Err(Fault::at(field, "is no claim name, expected 1 to 256 bytes"));
                    }
                    let is_text = provider.kind.claim(name).is_some_and(|fact| fact.shape == Shape::Text);
                    typed(&field, key, expected, is_text)?;
                }
            }
            let claim = match claim {
                Claim::Raw(name) => Claim::Raw(world.word(&name)),
                Claim::Derived(name) => Claim::Derived(world.word(&name)),
            };
            Ok(Clause { claim, expected: expected.clone() })
        })
        .collect()
}

fn typed(field: &str, key: &str, expected: &Expected, is_text: bool) -> Result<(), Fault> {
    let other =
        expected.values().iter().find(|value| matches!(value, Scalar::Bool(_) | Scalar::Int(_))).filter(|_| is_text);
    match other {
        None => Ok(()),
        Some(value) => {
            let seen = if matches!(value, Scalar::Int(_)) { "a number" } else { "a truth value" };
            Err(Fault::at(field, format!("`{key}` is {seen}, expected a string")).hint("quote it"))
        }
    }
}

/// The clause by which the mapping is found: of the kind's anchors, else any claim with exact values.
fn anchor(clauses: &[Clause], provider: &Provider, id: Id, world: &World) -> Option<usize> {
    let exact = |clause: &Clause| {
        matches!(clause.claim, Claim::Raw(_))
            && clause
                .expected
                .exact()
                .is_some_and(|values| values.iter().all(|value| matches!(value, Scalar::Text(_) | Scalar::Int(_))))
    };
    let named =
        |name: &&str| clauses.iter().position(|clause| clause.claim == Claim::Raw((*name).into()) && exact(clause));
    provider.kind.anchors.iter().find_map(named).or_else(|| {
        clauses.iter().position(|clause| exact(clause) && world.has_room_for_anchor(id, &clause.claim.to_string()))
    })
}

fn permissions(spec: &MappingSpec, world: &World) -> Result<MappingPermissions, Fault> {
    match &spec.permissions {
        None => Ok(MappingPermissions::All),
        Some(PermissionsSpec::List(list)) if list.is_empty() => Err(empty("spec.permissions".to_owned())),
        Some(PermissionsSpec::PerApi(apis)) if apis.is_empty() => Err(empty("spec.permissions".to_owned())),
        Some(PermissionsSpec::List(list)) => {
            let shared = |permission: &Permission| permission.clone().in_copy(world.word(permission.as_str()));
            Ok(MappingPermissions::Only(list.iter().map(shared).collect()))
        }
        Some(PermissionsSpec::PerApi(apis)) => apis
            .iter()
            .map(|(api, list)| match list.as_slice() {
                [] => Err(empty(format!("spec.permissions.{api}"))),
                list => {
                    let api = reference(&format!("spec.permissions.{api}"), Kind::Api, api, world)?;
                    Ok(ApiPermissions { api: api.id, name: api.name.clone(), permissions: list.into() })
                }
            })
            .collect::<Result<_, Fault>>()
            .map(MappingPermissions::PerApi),
    }
}

fn empty(field: String) -> Fault {
    Fault::at(field, "the list is empty, so nothing would be allowed").hint("leave it out to allow all that is granted")
}

/// Mappings that must be looked at for every token, at most so many for each provider and account.
const MAX_LOOSE: usize = 64;
