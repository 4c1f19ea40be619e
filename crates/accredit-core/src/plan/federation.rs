//! Compiling a federation: what is foreign stays foreign, and what endpoints are known by never changes.

use accredit_id::bundle::Bundle;
use accredit_id::jose::jwk::Source;
use accredit_id::spiffe_id::SpiffeId;
use accredit_id::trust_domain::TrustDomain;
use serde_json::Value;

use super::provider::url;
use super::rules::{Context, reference};
use crate::model::{Fault, Federation, FederationProfile, FederationSpec, Id, KeysSpec, Kind};
use crate::world::World;

/// Never with a domain of ours, with each foreign one once for each of ours, and never known by anything else later (L15).
pub(super) fn compile(
    spec: &FederationSpec,
    id: Id,
    world: &World,
    context: &Context<'_>,
) -> Result<Federation, Fault> {
    let trust_domain = reference("spec.trustDomain", Kind::TrustDomain, &spec.trust_domain, world)?.id;
    let foreign: TrustDomain =
        spec.foreign_trust_domain.parse().map_err(|fault| Fault::at("spec.foreignTrustDomain", format!("{fault}")))?;
    if let Some(own) = world.trust_domain(foreign.as_str()) {
        return Err(Fault::at(
            "spec.foreignTrustDomain",
            format!("`{foreign}` is this server's own trust domain `{}`", own.name),
        )
        .hint("trust domains of one server know each other's keys without any federation"));
    }
    let is_same = |other: &Federation| other.trust_domain == trust_domain && other.foreign == foreign;
    let twice = world.of_kind(Kind::Federation).into_iter().filter(|other| other.id != id);
    if let Some(other) = twice.into_iter().find(|other| other.as_federation().is_some_and(is_same)) {
        return Err(Fault::at(
            "spec.foreignTrustDomain",
            format!("federation `{}` is with `{foreign}` already", other.name),
        ));
    }
    url("spec.url", &spec.url, context)?;
    if !spec.url.starts_with("https://") {
        // Wherever else plain http is allowed: whoever serves a bundle proves himself (SPIFFE Federation section 5.2).
        return Err(Fault::at("spec.url", format!("`{}` is plain http, expected https", spec.url)));
    }
    let (endpoint, bootstrap) = (spec.endpoint_spiffe_id.as_deref(), spec.bootstrap_bundle.as_ref());
    let endpoint = match (spec.profile, endpoint, bootstrap) {
        (FederationProfile::HttpsWeb, None, None) => None,
        (FederationProfile::HttpsWeb, Some(_), _) => {
            return Err(Fault::at("spec.endpointSpiffeId", "is for profile `https_spiffe` alone"));
        }
        (FederationProfile::HttpsWeb, None, Some(_)) => {
            return Err(Fault::at("spec.bootstrapBundle", "is for profile `https_spiffe` alone"));
        }
        (FederationProfile::HttpsSpiffe, None, _) => {
            return Err(Fault::at(
                "spec.endpointSpiffeId",
                "is missing, expected the SPIFFE ID that the endpoint shows",
            ));
        }
        (FederationProfile::HttpsSpiffe, Some(_), None) => {
            return Err(Fault::at("spec.bootstrapBundle", "is missing, expected the foreign trust domain's bundle")
                .hint("whoever runs it prints it: `accredit trust-domain publish`, or `spire-server bundle show -format spiffe`"));
        }
        (FederationProfile::HttpsSpiffe, Some(endpoint), Some(bootstrap)) => {
            self::bootstrap(bootstrap)?;
            Some(self::endpoint(endpoint, &foreign)?)
        }
    };
    let federation = Federation {
        trust_domain,
        foreign,
        url: spec.url.clone(),
        profile: spec.profile,
        endpoint_spiffe_id: endpoint,
        bootstrap_bundle: spec.bootstrap_bundle.clone(),
    };
    match world.by_id(id).and_then(|old| old.as_federation()) {
        Some(old) => unchanged(old, &federation).map(|()| federation),
        None => Ok(federation),
    }
}

/// A trust domain that becomes ours must not be known by somebody else's keys.
pub(super) fn not_foreign(domain: &TrustDomain, world: &World) -> Result<(), Fault> {
    let federations = world.of_kind(Kind::Federation);
    let is_foreign = |federation: &Federation| federation.foreign == *domain;
    if let Some(other) = federations.iter().find(|other| other.as_federation().is_some_and(is_foreign)) {
        return Err(Fault::at(
            "name",
            format!("`{domain}` is the foreign trust domain of federation `{}`", other.name),
        )
        .hint("delete the federation first"));
    }
    let issuer = format!("spiffe://{domain}");
    let mut providers = world.providers_of_issuer(&issuer);
    let is_elsewhere = |keys: &KeysSpec| !matches!(keys, KeysSpec::TrustDomain(_));
    match providers.find(|other| other.as_provider().is_some_and(|known| is_elsewhere(&known.keys))) {
        None => Ok(()),
        Some(other) => {
            Err(Fault::at("name", format!("provider `{}` has keys of `{domain}` from elsewhere", other.name))
                .hint("delete the provider first"))
        }
    }
}

/// By what an endpoint is known at first: authorities, at least one.
fn bootstrap(document: &Value) -> Result<(), Fault> {
    let bundle = Bundle::parse(document.to_string().as_bytes(), Source::Uploaded)
        .map_err(|fault| Fault::at("spec.bootstrapBundle", format!("{fault}")))?;
    match bundle.x509.is_empty() {
        true => Err(Fault::at(
            "spec.bootstrapBundle",
            "has no authority of X509-SVIDs, so no endpoint could be known by it",
        )),
        false => Ok(()),
    }
}

/// The endpoint serves its own trust domain: another one's authorities would have to be kept for it alone.
fn endpoint(text: &str, foreign: &TrustDomain) -> Result<String, Fault> {
    let id: SpiffeId = text.parse().map_err(|fault| Fault::at("spec.endpointSpiffeId", format!("{fault}")))?;
    match (id.trust_domain() == foreign, id.path().is_empty()) {
        (true, false) => Ok(id.as_str().to_owned()),
        (false, _) => Err(Fault::at("spec.endpointSpiffeId", format!("`{id}` is not in trust domain `{foreign}`"))),
        (true, true) => Err(Fault::at("spec.endpointSpiffeId", format!("`{id}` has no path, and so is nobody's own"))),
    }
}

fn unchanged(old: &Federation, new: &Federation) -> Result<(), Fault> {
    let field = if old.profile != new.profile {
        "spec.profile"
    } else if old.foreign != new.foreign {
        "spec.foreignTrustDomain"
    } else if old.trust_domain != new.trust_domain {
        "spec.trustDomain"
    } else {
        return Ok(());
    };
    Err(Fault::at(field, "never changes: what was learned by it would count for something else")
        .hint("make a new federation, and delete this one"))
}
