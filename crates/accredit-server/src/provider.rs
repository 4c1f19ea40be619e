//! Which provider a token belongs to, and what it must show.

use std::sync::Arc;

use accredit_core::model::{KeysSpec, Kind, Provider, Resource};
use accredit_core::world::World;
use accredit_id::aws_request::AwsRequest;
use accredit_id::jose::jwk::{KeySet, Purpose, Source};
use accredit_id::shown::Shown;
use accredit_id::verify::{Expectations, ExpectedIssuer, ExpectedType, IssuedAtRule, KeyIdRule, Unverified};

use crate::gather::{KeyPlace, KeySource};

/// Nobody knows whose token it is. The text is for the operator alone.
#[derive(Debug)]
pub(crate) struct UnknownProvider {
    pub(crate) code: &'static str,
    pub(crate) operator: String,
    pub(crate) hint: Option<String>,
}

/// The provider that the request names, or those of the token's issuer that need not be named. Naming a mapping names its
/// provider, as long as the token's issuer is that one's: else a name would tell by the answer whether it exists.
///
/// A token never registers anything: an issuer that nobody wrote down is unknown, and nothing is fetched for it.
pub(crate) fn resolve<'w>(
    world: &'w World,
    named: Option<&str>,
    mapping: Option<&str>,
    token: &Unverified<'_>,
) -> Result<Vec<&'w Arc<Resource>>, UnknownProvider> {
    if let Some(text) = named {
        return match world.find(Kind::Provider, text) {
            Some(provider) => Ok(vec![provider]),
            None => Err(UnknownProvider {
                code: "provider-unknown",
                operator: format!("provider `{}` does not exist", Shown::of(text)),
                hint: Some("name one of `accredit provider list`".to_owned()),
            }),
        };
    }
    let mut found: Vec<&Arc<Resource>> = Vec::new();
    if let Some(issuer) = token.issuer() {
        found.extend(world.providers_of_issuer(issuer));
    }
    if let Some(trust_domain) = token.subject_trust_domain() {
        found.extend(world.providers_of_issuer(&format!("spiffe://{trust_domain}")));
    }
    let mapped = mapping.and_then(|text| world.find(Kind::Mapping, text)?.as_mapping()).map(|mapping| mapping.provider);
    found.retain(|provider| provider.as_provider().is_some_and(|known| known.signed_requests.is_none()));
    if found.iter().any(|provider| Some(provider.id) == mapped) {
        found.retain(|provider| Some(provider.id) == mapped);
    } else {
        found.retain(|provider| provider.as_provider().is_some_and(|known| !known.only_named));
    }
    found.sort_by_key(|provider| provider.id);
    found.dedup_by_key(|provider| provider.id);
    found.truncate(MOST);
    if found.is_empty() {
        return Err(unknown_issuer(world, token.issuer()));
    }
    Ok(found)
}

/// The provider of a signed AWS request: the one that is named, or the one whose domain header it signs in its partition.
pub(crate) fn of_aws_request<'w>(
    world: &'w World,
    named: Option<&str>,
    request: &AwsRequest,
) -> Result<&'w Arc<Resource>, UnknownProvider> {
    let accepted = |provider: &Arc<Resource>| provider.as_provider().and_then(|known| known.signed_requests.clone());
    if let Some(text) = named {
        let found = world.find(Kind::Provider, text).filter(|provider| accepted(provider).is_some());
        return found.ok_or_else(|| UnknownProvider {
            code: "provider-unknown",
            operator: format!("provider `{}` does not exist, or accepts no signed AWS requests", Shown::of(text)),
            hint: Some("name one of type `aws` with `signedRequests`".to_owned()),
        });
    }
    let partition = request.region().partition().name();
    let (header, domain) = request.domain();
    let is_it = |provider: &&Arc<Resource>| {
        accepted(provider).is_some_and(|accepted| accepted.domain_header == header)
            && provider.as_provider().is_some_and(|known| !known.only_named)
    };
    // Several differ in the domain that they expect.
    let is_other = |provider: &Arc<Resource>| {
        accepted(provider).is_some_and(|accepted| domain.is_some_and(|domain| domain != accepted.domain))
    };
    let found = world.providers_of_issuer(partition).filter(is_it);
    found.min_by_key(|provider| (is_other(provider), provider.id)).ok_or_else(|| UnknownProvider {
        code: "issuer-unknown",
        operator: format!(
            "no provider accepts requests that are signed in `{partition}` with the domain in `{}`",
            Shown::of(header)
        ),
        hint: Some("add a provider of type `aws` with `signedRequests`".to_owned()),
    })
}

/// Nobody wrote this issuer down. The commonest near miss of all is a slash at its end.
pub(crate) fn unknown_issuer(world: &World, issuer: Option<&str>) -> UnknownProvider {
    let shown = issuer.map_or_else(|| "absent".to_owned(), |issuer| format!("`{}`", Shown::of(issuer)));
    let (operator, hint) = match issuer.and_then(|issuer| but_for_a_slash(world, issuer)) {
        Some((provider, how)) => (
            format!("issuer is {shown}, provider `{}` has it {how} a slash at the end", provider.name),
            Some(
                "write a provider with that very issuer; issuers are compared byte for byte, a slash included"
                    .to_owned(),
            ),
        ),
        None => (format!("issuer is {shown}, no provider has it"), None),
    };
    UnknownProvider { code: "issuer-unknown", operator, hint }
}

fn but_for_a_slash<'w>(world: &'w World, issuer: &str) -> Option<(&'w Arc<Resource>, &'static str)> {
    let (other, how) = match issuer.strip_suffix('/') {
        Some(without) => (without.to_owned(), "without"),
        None => (format!("{issuer}/"), "with"),
    };
    Some((world.providers_of_issuer(&other).next()?, how))
}

/// What a token of a provider must show.
pub(crate) fn expectations(provider: &Provider) -> Expectations<'_> {
    Expectations {
        token_type: ExpectedType::Subject,
        issuer: match (&provider.trust_domain, &provider.jwt_issuer) {
            (Some(trust_domain), Some(issuer)) => ExpectedIssuer::SpiffeIssuedBy(trust_domain, issuer),
            (Some(trust_domain), None) => ExpectedIssuer::Spiffe(trust_domain),
            (None, _) => ExpectedIssuer::Exact(&provider.issuer),
        },
        audiences: &provider.audiences,
        single_audience: !provider.many_audiences,
        algorithms: provider.algorithms,
        max_lifetime: provider.max_token_lifetime.duration(),
        max_age: provider.max_token_age.map(|age| age.duration()),
        leeway: provider.leeway.duration(),
        key_id: if provider.key_id_optional { KeyIdRule::SingleKeyMayOmit } else { KeyIdRule::Required },
        issued_at: if provider.kind.spiffe { IssuedAtRule::Optional } else { IssuedAtRule::Required },
    }
}

/// Where a provider's keys come from. Making it parses an uploaded set, so it is made once for each version of a provider.
pub(crate) fn key_source(provider: &Provider) -> KeySource {
    let purpose = if provider.kind.spiffe { Purpose::JwtSvid } else { Purpose::Signature };
    let place = match &provider.keys {
        KeysSpec::Discovery(discovery) => {
            let issuer = provider.jwt_issuer.as_ref().unwrap_or(&provider.issuer);
            KeyPlace::Discovery { issuer: issuer.clone(), base: discovery.url.clone() }
        }
        KeysSpec::JwksUrl(url) => KeyPlace::JwksUrl(url.clone()),
        // Where the bundle lies; who holds it is `App::key_source`'s business.
        KeysSpec::SpiffeBundle(bundle) => KeyPlace::JwksUrl(bundle.url.clone()),
        KeysSpec::TrustDomain(_) | KeysSpec::Federation(_) => KeyPlace::Uploaded(Arc::default()),
        KeysSpec::Uploaded(current) => {
            let document = provider.uploaded_keys().unwrap_or_else(|| current.clone());
            // It parsed when it was written; if it no longer does, no token verifies.
            let set = KeySet::parse(document.to_string().as_bytes(), Source::Uploaded, purpose);
            KeyPlace::Uploaded(Arc::new(set.or_else(|_| KeySet::from_keys(Vec::new())).unwrap_or_default()))
        }
    };
    KeySource { place, purpose }
}

/// So many providers of one issuer are tried at most.
pub(crate) const MOST: usize = 8;
