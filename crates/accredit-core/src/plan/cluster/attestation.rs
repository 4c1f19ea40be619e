//! Compiling `WorkloadAttestation`: allowed issuers become providers by the rules of any provider.

use serde_json::{Map, Value, json};

use super::profile;
use crate::lint::pin_of_clauses;
use crate::model::{
    AllowedIssuer, AllowedIssuerSpec, Clauses, Fault, Faults, Id, JwtAttestation, JwtAttestationSpec, Lifetime, Match,
    Name, Provider, ProviderSpec, Replay, WorkloadAttestation, WorkloadAttestationSpec,
};
use crate::nearest_name::nearest;
use crate::plan::mapping::clauses;
use crate::plan::provider;
use crate::plan::rules::{Context, within};
use crate::providers::{KINDS, Pin, ProviderKind, kind_of_issuer, tenancy_of};
use crate::world::World;

/// To whom an entry belongs.
#[derive(Clone, Copy)]
pub(super) struct Whose<'w> {
    pub(super) id: Id,
    pub(super) name: &'w Name,
    /// The trust domain's own name.
    pub(super) domain: &'w str,
}

pub(super) fn compile(
    spec: &WorkloadAttestationSpec,
    at: &str,
    whose: Whose<'_>,
    world: &World,
    context: &Context<'_>,
) -> Result<WorkloadAttestation, Faults> {
    let jwt = match &spec.jwt {
        None => JwtAttestation::default(),
        Some(spec) => jwt(spec, &format!("{at}.jwt"), whose, world, context)?,
    };
    Ok(WorkloadAttestation { jwt })
}

/// An audience that attests jobs in some cluster and is one of these (L08).
pub(in crate::plan) fn attests_jobs(issuer: &str, audiences: &[&str], world: &World) -> Option<(String, String)> {
    world.clusters_of_issuer(issuer).find_map(|cluster| {
        let entries = &cluster.as_cluster()?.attestation.jwt.allowed_issuers;
        let of_it = entries.iter().filter(|entry| entry.provider.issuer == issuer);
        let mut shared = of_it.flat_map(|entry| &entry.provider.audiences);
        let audience = shared.find(|audience| audiences.contains(&audience.as_str()))?;
        Some((cluster.name.to_string(), audience.clone()))
    })
}

fn jwt(
    spec: &JwtAttestationSpec,
    at: &str,
    whose: Whose<'_>,
    world: &World,
    context: &Context<'_>,
) -> Result<JwtAttestation, Faults> {
    let at = format!("{at}.allowedIssuers");
    if spec.allowed_issuers.len() > MOST_ISSUERS {
        let message = format!("{} issuers, at most {MOST_ISSUERS} are allowed", spec.allowed_issuers.len());
        return Err(Fault::at(at, message).into());
    }
    let enabled = spec.enabled.unwrap_or(false);
    if enabled && spec.allowed_issuers.is_empty() {
        let fault = Fault::at(at, "is missing, so no token would attest anything");
        return Err(fault.hint("add the issuer of your jobs' tokens").into());
    }
    let mut wrong = Faults::default();
    let mut entries: Vec<AllowedIssuer> = Vec::with_capacity(spec.allowed_issuers.len());
    for (place, written) in spec.allowed_issuers.iter().enumerate() {
        let at = format!("{at}[{place}]");
        let Some(entry) = wrong.note(allowed_issuer(written, place, &at, whose, world, context)) else { continue };
        let same = |other: &&AllowedIssuer| {
            other.provider.issuer == entry.provider.issuer
                && other.provider.audiences.iter().any(|audience| entry.provider.audiences.contains(audience))
        };
        if let Some(other) = entries.iter().find(same) {
            let issuer = &other.provider.issuer;
            let message = format!("`{issuer}` stands further up with the same audience already");
            let fault = Fault::at(format!("{at}.issuer"), message);
            wrong.push(fault.hint("make one entry of the two, or give each an audience"));
        }
        entries.push(entry);
    }
    wrong.unless(JwtAttestation { enabled, allowed_issuers: entries.into() })
}

fn allowed_issuer(
    written: &AllowedIssuerSpec,
    place: usize,
    at: &str,
    whose: Whose<'_>,
    world: &World,
    context: &Context<'_>,
) -> Result<AllowedIssuer, Faults> {
    let mut wrong = Faults::default();
    let profile = wrong.note(profile::named(written, at, world)).flatten();
    let Some((provider, required)) = wrong.note(entry(written, at, whose, world, context)) else { return Err(wrong) };
    wrong.note(exchanges_nothing(&provider, at, whose.domain, world));
    let is_pinned = tenancy_of(&provider).is_none() || pin_of_clauses(&required, &provider) > Pin::Open;
    let replay = written.replay.unwrap_or(Replay::Reuse);
    wrong.unless(AllowedIssuer { provider: Box::new(provider), required, replay, is_pinned, profile, place })
}

/// What an entry means by itself: whose tokens, and what they must say.
pub(super) fn entry(
    written: &AllowedIssuerSpec,
    at: &str,
    whose: Whose<'_>,
    world: &World,
    context: &Context<'_>,
) -> Result<(Provider, Clauses), Faults> {
    let mut wrong = Faults::default();
    let is_ours = wrong.note(not_of_ours(&written.issuer, at, context)).is_none();
    if let Some(age) = written.max_age {
        wrong.note(within(&format!("{at}.maxAge"), age, Lifetime::from_secs(1), Lifetime::from_secs(2 * 86_400)));
    }
    let compiled = |written: &AllowedIssuerSpec| {
        let spec = as_provider(written, at, whose.domain)?;
        provider::compile(&spec, whose.id, whose.name, world, context).map_err(|fault| rooted(fault, at))
    };
    // The first fault of a provider hides the others: the address of its keys is looked at by itself.
    if let Some(keys) = &written.jwks_uri {
        wrong.note(provider::url(&format!("{at}.jwksURI"), keys, context));
    }
    if is_ours {
        return Err(wrong);
    }
    let keyless = AllowedIssuerSpec { jwks_uri: None, ..written.clone() };
    let judged = if wrong.is_empty() { written } else { &keyless };
    let Some(provider) = wrong.note(compiled(judged)) else { return Err(wrong) };
    let own = |audience: &&String| {
        **audience != context.public_url && context.reserved.iter().any(|reserved| reserved == *audience)
    };
    if let Some(audience) = provider.audiences.iter().find(own) {
        let message = format!("`{audience}` is reserved: it is this server's own");
        wrong.push(Fault::at(format!("{at}.audiences"), message));
    }
    let required = written.required_claims.iter().filter_map(|(claim, expected)| {
        let one = Match::from([(claim.clone(), expected.clone())]);
        wrong.note(clauses(&format!("{at}.requiredClaims"), &one, &provider, world))
    });
    let required: Clauses = required.flatten().collect();
    wrong.unless((provider, required))
}

/// The entry as a provider's document would say it.
fn as_provider(written: &AllowedIssuerSpec, at: &str, domain: &str) -> Result<ProviderSpec, Fault> {
    let kind = match &written.kind {
        None => kind_of_issuer(&written.issuer),
        Some(name) => ProviderKind::named(name).filter(|kind| !kind.spiffe).ok_or_else(|| {
            let names = KINDS.iter().filter(|kind| !kind.spiffe).map(|kind| kind.name);
            let fault = Fault::at(format!("{at}.type"), format!("`{}` is not a kind of issuer", name.escape_debug()));
            match nearest(name, names.clone()) {
                Some(meant) => fault.hint(format!("did you mean `{meant}`?")),
                None => fault.hint(format!("kinds are {}", names.collect::<Vec<_>>().join(", "))),
            }
        })?,
    };
    let mut spec = Map::new();
    spec.insert("type".to_owned(), json!(kind.name));
    spec.insert("issuer".to_owned(), json!(written.issuer));
    // What attests a job is for this trust domain and for nothing else, least of all for the token endpoint (L08).
    let usual = || kind.default_audiences.is_empty().then(|| vec![format!("spiffe://{domain}")]);
    if let Some(audiences) = written.audiences.clone().or_else(usual) {
        spec.insert("audiences".to_owned(), json!(audiences));
    }
    if let Some(url) = &written.jwks_uri {
        spec.insert("keys".to_owned(), json!({"jwksUrl": url}));
    }
    if let Some(age) = written.max_age {
        spec.insert("maxTokenAge".to_owned(), json!(age));
    }
    // Whoever asks names the cluster, and so this entry.
    spec.insert("onlyNamed".to_owned(), json!(true));
    serde_json::from_value(Value::Object(spec)).map_err(|error| Fault::at(at, format!("{error}")))
}

/// The fault of a provider's field, at the field of the entry that it comes from.
fn rooted(fault: Fault, at: &str) -> Fault {
    let field = match fault.field.as_str() {
        "spec.keys.jwksUrl" => format!("{at}.jwksURI"),
        "spec.type" => format!("{at}.issuer"),
        other => other.replacen("spec", at, 1),
    };
    Fault { field, ..fault }
}

/// Tokens of a trust domain of ours are exchanged through a provider that is made for it; they attest no job (L03).
fn not_of_ours(issuer: &str, at: &str, context: &Context<'_>) -> Result<(), Fault> {
    let ours = context.public_url.trim_end_matches('/');
    match issuer.strip_prefix(ours).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        true => Err(Fault::at(format!("{at}.issuer"), format!("`{}` is this server itself", issuer.escape_debug()))
            .hint("its own SVIDs attest no job")),
        false => Ok(()),
    }
}

/// An audience that attests jobs is not one that exchanges tokens: else each would do for the other (L08).
fn exchanges_nothing(provider: &Provider, at: &str, domain: &str, world: &World) -> Result<(), Fault> {
    for other in world.providers_of_issuer(&provider.issuer) {
        let Some(known) = other.as_provider() else { continue };
        if let Some(audience) = provider.audiences.iter().find(|audience| known.audiences.contains(audience)) {
            let message = format!(
                "tokens for `{audience}` are exchanged through provider `{}`, so they attest no job",
                other.name
            );
            return Err(
                Fault::at(format!("{at}.audiences"), message).hint(format!("leave it out for `spiffe://{domain}`"))
            );
        }
    }
    Ok(())
}

/// Each is looked at for every token.
const MOST_ISSUERS: usize = 64;
