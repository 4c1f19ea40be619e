//! Compiling a provider.

use std::sync::Arc;

use accredit_id::trust_domain::TrustDomain;

use super::cluster;
use super::keys;
use super::login;
use super::own_name;
use super::rules::{Context, program, within};
use super::{signed_requests, staged_keys};
use crate::expr::Program;
use crate::model::{Fault, Id, Kind, Lifetime, Name, Provider, ProviderSpec};
use crate::providers::aws_signed::AWS_SIGNED;
use crate::providers::{KINDS, ProviderKind, SHARED_ISSUERS};
use crate::world::World;

pub(super) fn compile(
    spec: &ProviderSpec,
    id: Id,
    name: &Name,
    world: &World,
    context: &Context<'_>,
) -> Result<Provider, Fault> {
    let signed_requests = signed_requests::compile(spec, context)?;
    let kind = match &signed_requests {
        Some(_) => &AWS_SIGNED,
        None => ProviderKind::named(&spec.kind).ok_or_else(|| {
            let known: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
            Fault::at("spec.type", format!("`{}` is not a kind of provider", spec.kind.escape_debug()))
                .hint(format!("kinds are {}", known.join(", ")))
        })?,
    };
    let (issuer, trust_domain) = match &signed_requests {
        Some(accepted) => (accepted.partition.name().to_owned(), None),
        None => issuer(spec, kind, context)?,
    };
    let audiences = match &spec.audiences {
        // People's identity tokens are for logging in; nobody meant them to be exchanged.
        None if spec.login.as_ref().is_some_and(|login| login.client_id.is_some()) => Vec::new(),
        None if kind.default_audiences.is_empty() => vec![context.public_url.to_owned()],
        None => kind.default_audiences.iter().map(|audience| (*audience).to_owned()).collect(),
        Some(list) if list.is_empty() || list.iter().any(|audience| audience.is_empty() || audience.len() > 512) => {
            return Err(Fault::at("spec.audiences", "expected one or more audiences of 1 to 512 bytes")
                .hint("leave it out for this server's public URL"));
        }
        Some(list) => list.clone(),
    };
    let (audiences, keys) = match &signed_requests {
        Some(accepted) => signed_requests::instead_of_tokens(accepted),
        None => (audiences, spec.keys.clone().unwrap_or_default()),
    };
    let mut keys_of = None;
    if signed_requests.is_none() {
        keys::check(&keys, kind, name, &issuer, context)?;
        staged_keys::check(spec.next_keys.as_ref(), &keys, kind)?;
        keys_of = keys::of(&keys, trust_domain.as_ref(), world)?;
    }
    let jwt_issuer = keys::jwt_issuer(spec, kind, &keys, keys_of, context)?;
    unique_pair(&issuer, &audiences, spec.only_named, id, world)?;
    let login = login::compile(spec.login.as_ref(), kind, context)?;
    if id.kind() == Kind::Provider {
        attests_no_job(&issuer, audiences.iter().chain(login.iter().flat_map(|login| &login.audiences)), world)?;
    }
    login::kept_apart((&issuer, &audiences, login.as_ref(), spec.only_named), id, world, context)?;
    let provider = Provider {
        kind,
        issuer,
        trust_domain,
        jwt_issuer,
        audiences,
        keys,
        keys_of,
        next_keys: spec.next_keys.clone(),
        signed_requests,
        attributes: attributes(spec, kind, world)?,
        algorithms: match &spec.algorithms {
            None => kind.algorithms,
            Some(names) if names.is_empty() => {
                return Err(Fault::at("spec.algorithms", "the list is empty, so no token would be accepted")
                    .hint("leave it out for what the type says"));
            }
            Some(names) => {
                Provider::parse_algorithms(names).map_err(|sentence| Fault::at("spec.algorithms", sentence))?
            }
        },
        max_token_lifetime: spec
            .max_token_lifetime
            .unwrap_or(Lifetime::from_secs(kind.max_token_lifetime.as_secs() as u32)),
        max_token_age: spec.max_token_age,
        leeway: spec.leeway.unwrap_or(Provider::DEFAULT_LEEWAY),
        many_audiences: spec.many_audiences,
        key_id_optional: spec.key_id_optional,
        only_named: spec.only_named,
        login,
        audit: spec.audit.clone(),
    };
    within("spec.leeway", provider.leeway, Lifetime::from_secs(0), Provider::MAX_LEEWAY)?;
    within("spec.maxTokenLifetime", provider.max_token_lifetime, Lifetime::from_secs(1), MAX_TOKEN_LIFETIME)?;
    Ok(provider)
}

/// An issuer never changes: what was pinned to it would come to mean somebody else.
pub(super) fn unchanged_issuer(old: &Provider, spec: &ProviderSpec) -> Result<(), Fault> {
    let same = match (&spec.issuer, &spec.trust_domain) {
        _ if old.signed_requests.is_some() || spec.signed_requests.is_some() => {
            signed_requests::unchanged_partition(old, spec)
        }
        (_, Some(trust_domain)) => old.trust_domain.as_ref().is_some_and(|old| old.as_str() == trust_domain),
        (Some(issuer), None) => *issuer == old.issuer,
        (None, None) => old.kind.default_issuer == Some(old.issuer.as_str()),
    };
    if same && spec.kind == old.kind.name {
        return Ok(());
    }
    let field = match (spec.kind == old.kind.name, &spec.trust_domain) {
        (false, _) => "spec.type",
        (true, Some(_)) => "spec.trustDomain",
        (true, None) => "spec.issuer",
    };
    Err(Fault::at(
        field,
        format!("a provider's type and issuer never change; this one is `{}` of `{}`", old.kind.name, old.issuer),
    )
    .hint("make a new provider under another name"))
}

fn issuer(
    spec: &ProviderSpec,
    kind: &ProviderKind,
    context: &Context<'_>,
) -> Result<(String, Option<TrustDomain>), Fault> {
    if kind.spiffe {
        let text = spec
            .trust_domain
            .as_deref()
            .ok_or_else(|| Fault::at("spec.trustDomain", "is missing, expected a trust domain such as example.org"))?;
        let trust_domain: TrustDomain =
            text.parse().map_err(|fault| Fault::at("spec.trustDomain", format!("{fault}")))?;
        if let Some(issuer) = &spec.issuer {
            url("spec.issuer", issuer, context)?;
        }
        return Ok((format!("spiffe://{trust_domain}"), Some(trust_domain)));
    }
    if spec.trust_domain.is_some() {
        return Err(Fault::at(
            "spec.trustDomain",
            format!("a provider of type `{}` has an `issuer` instead", kind.name),
        ));
    }
    let issuer = spec.issuer.as_deref().or(kind.default_issuer).ok_or_else(|| {
        let fault = Fault::at("spec.issuer", "is missing, expected the `iss` of its tokens");
        if kind.issuer_form.is_empty() { fault } else { fault.hint(format!("it looks like {}", kind.issuer_form)) }
    })?;
    if own_name::is_one(spec, kind, issuer) {
        own_name::check(issuer)?;
        return Ok((issuer.to_owned(), None));
    }
    url("spec.issuer", issuer, context)?;
    not_ourselves(issuer, context)?;
    let owners = owners(issuer.trim_end_matches('/'));
    // The generic kind may trust an issuer whose tenancy is known all the same; another kind would look in other claims.
    let is_held_to_tenancy = kind.tenancy.is_empty() && is_shared(issuer);
    if let [first, ..] = owners[..]
        && !owners.contains(&kind.name)
        && !is_held_to_tenancy
    {
        return Err(Fault::at("spec.type", format!("`{issuer}` is the issuer of kind `{first}`"))
            .hint(format!("say `type: {}`", owners.join("` or `type: "))));
    }
    Ok((issuer.to_owned(), None))
}

/// The kinds that know an issuer's tokens; the generic one where customers share it and no kind knows more.
pub(super) fn owners(issuer: &str) -> Vec<&'static str> {
    let owners: Vec<_> =
        KINDS.iter().filter(|kind| kind.default_issuer == Some(issuer)).map(|kind| kind.name).collect();
    match owners.is_empty() && is_shared(issuer) {
        true => vec!["oidc"],
        false => owners,
    }
}

fn is_shared(issuer: &str) -> bool {
    let plain = issuer.trim_end_matches('/');
    SHARED_ISSUERS.iter().any(|shared| shared.issuer.trim_end_matches('/') == plain)
}

/// Tokens of ours must not come back as somebody else's (C10).
pub(super) fn not_ourselves(issuer: &str, context: &Context<'_>) -> Result<(), Fault> {
    let ours = context.public_url.trim_end_matches('/');
    let rest = issuer.trim_end_matches('/').strip_prefix(ours);
    if rest.is_some_and(|rest| rest.starts_with(keys::OWN_DOMAINS)) {
        return Err(Fault::at("spec.issuer", format!("`{issuer}` is a trust domain of this server"))
            .hint("say `type: spiffe` and `keys: {trustDomain: NAME}`"));
    }
    // Administrators' and agents' tokens bear `/internal`.
    match rest.is_some_and(|rest| matches!(rest, "" | "/internal")) {
        true => Err(Fault::at("spec.issuer", format!("`{issuer}` is this server itself"))
            .hint("its own tokens are exchanged without a provider")),
        false => Ok(()),
    }
}

/// https, a host, nothing that hides or adds: no user, query, fragment; no upper case where it would not count (J09, C02).
pub(super) fn url(field: &str, text: &str, context: &Context<'_>) -> Result<(), Fault> {
    let fault = |why: &str| Err(Fault::at(field, format!("`{}` {why}", text.escape_debug())));
    let rest = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => rest,
        (None, Some(rest)) if context.plain_http => rest,
        (None, Some(_)) => return fault("is plain http, expected https"),
        (None, None) => return fault("is not an https URL"),
    };
    if text.len() > 512 || !text.bytes().all(|byte| (0x21..=0x7e).contains(&byte)) {
        return fault("is not a URL of at most 512 visible ASCII characters");
    }
    if text.contains(['?', '#']) {
        return fault("has a query or fragment");
    }
    let host = rest.split('/').next().unwrap_or_default();
    if host.contains('@') {
        return fault("has a user in it");
    }
    if host.is_empty()
        || host.starts_with(':')
        || host.ends_with('.')
        || host.bytes().any(|byte| byte.is_ascii_uppercase() || matches!(byte, b'%' | b'\\'))
    {
        return fault("has no plain lower-case host");
    }
    Ok(())
}

/// (issuer, audience) leads to one provider wherever a caller need not name it (L07).
fn unique_pair(issuer: &str, audiences: &[String], only_named: bool, id: Id, world: &World) -> Result<(), Fault> {
    if only_named {
        return Ok(());
    }
    for other in world.providers_of_issuer(issuer).filter(|other| other.id != id) {
        let Some(known) = other.as_provider().filter(|known| !known.only_named) else { continue };
        if let Some(audience) = audiences.iter().find(|audience| known.audiences.contains(audience)) {
            return Err(Fault::at(
                "spec.audiences",
                format!("another provider has issuer `{issuer}` and audience `{audience}` already"),
            )
            .hint("give one of them another audience, or `onlyNamed: true`"));
        }
    }
    Ok(())
}

/// An audience that exchanges tokens, or lets people in, is not one that attests jobs in a cluster: else each would do for the other (L08).
fn attests_no_job<'a>(issuer: &str, audiences: impl Iterator<Item = &'a String>, world: &World) -> Result<(), Fault> {
    let audiences: Vec<&str> = audiences.map(String::as_str).collect();
    match cluster::attests_jobs(issuer, &audiences, world) {
        None => Ok(()),
        Some((cluster, audience)) => {
            let message = format!("tokens of `{issuer}` for `{audience}` attest jobs in cluster `{cluster}`");
            Err(Fault::at("spec.audiences", message).hint("give the provider another audience"))
        }
    }
}

/// What the kind derives, then what the provider derives itself.
///
/// The linter relies on what the kind's names mean, so a provider gives them no other meaning.
fn attributes(spec: &ProviderSpec, kind: &ProviderKind, world: &World) -> Result<Attributes, Fault> {
    let of_the_kind = kind.attributes.iter().map(|fact| {
        Ok((world.word(fact.name), program(&format!("spec.attributes.{}", fact.name), fact.expression, world)?))
    });
    of_the_kind.chain(own_attributes(spec, kind, world)?.into_iter().map(Ok)).collect()
}

fn own_attributes(spec: &ProviderSpec, kind: &ProviderKind, world: &World) -> Result<Attributes, Fault> {
    if spec.attributes.len() > MAX_ATTRIBUTES {
        return Err(Fault::at(
            "spec.attributes",
            format!("{} attributes, at most {MAX_ATTRIBUTES} are allowed", spec.attributes.len()),
        ));
    }
    spec.attributes
        .iter()
        .map(|(name, source)| {
            let field = format!("spec.attributes.{name}");
            let is_name = (1..=64).contains(&name.len())
                && name.starts_with(|letter: char| letter.is_ascii_lowercase())
                && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
            if !is_name {
                return Err(Fault::at(
                    field,
                    format!("`{}` is no attribute name, expected a-z, 0-9 and `_`", name.escape_debug()),
                ));
            }
            if kind.attribute(name).is_some() {
                let message = format!("every provider of type `{}` derives `{name}` already", kind.name);
                return Err(Fault::at(field, message).hint("give yours another name"));
            }
            Ok((name.as_str().into(), program(&field, source, world)?))
        })
        .collect()
}

/// Names and compiled expressions.
type Attributes = Vec<(Arc<str>, Arc<Program>)>;

const MAX_ATTRIBUTES: usize = 50;
/// 49 hours: the longest that any known platform issues (Modal, 48 hours).
const MAX_TOKEN_LIFETIME: Lifetime = Lifetime::from_secs(49 * 3600);
