//! Where a provider's keys come from: what each source asks for, and whose it may be.

use accredit_id::jose::jwk::{KeySet, Purpose, Source};
use accredit_id::trust_domain::TrustDomain;

use super::provider::{not_ourselves, url};
use super::rules::{Context, reference};
use crate::model::{Fault, Id, KeysSpec, Kind, Name, ProviderSpec};
use crate::providers::{KINDS, ProviderKind, SHARED_ISSUERS};
use crate::world::World;

/// Checks what a source says by itself.
pub(super) fn check(
    keys: &KeysSpec,
    kind: &ProviderKind,
    name: &Name,
    issuer: &str,
    context: &Context<'_>,
) -> Result<(), Fault> {
    let of_spiffe = |member: &str| match kind.spiffe {
        true => Ok(()),
        false => Err(Fault::at(format!("spec.keys.{member}"), "is for providers of type `spiffe` alone")
            .hint("use `discovery`, `jwksUrl` or `uploaded`")),
    };
    match keys {
        KeysSpec::Discovery(discovery) => {
            discovery.url.as_deref().map_or(Ok(()), |text| url("spec.keys.discovery.url", text, context))
        }
        KeysSpec::JwksUrl(text) => url("spec.keys.jwksUrl", text, context),
        KeysSpec::SpiffeBundle(bundle) => {
            of_spiffe("spiffeBundle")?;
            url("spec.keys.spiffeBundle.url", &bundle.url, context)
        }
        KeysSpec::TrustDomain(_) => of_spiffe("trustDomain"),
        KeysSpec::Federation(_) => of_spiffe("federation"),
        KeysSpec::Uploaded(document) => {
            let vendor = KINDS.iter().any(|kind| kind.default_issuer == Some(issuer))
                || SHARED_ISSUERS.iter().any(|shared| shared.issuer == issuer);
            if vendor && name.project().is_some() {
                return Err(Fault::at(
                    "spec.keys.uploaded",
                    format!("keys of `{issuer}` are uploaded by the server's owner alone"),
                )
                .hint("use `discovery: {}`"));
            }
            let purpose = if kind.spiffe { Purpose::JwtSvid } else { Purpose::Signature };
            let set = KeySet::parse(document.to_string().as_bytes(), Source::Uploaded, purpose)
                .map_err(|fault| Fault::at("spec.keys.uploaded", format!("{fault}")))?;
            match set.is_empty() {
                true => Err(Fault::at("spec.keys.uploaded", "has no usable key")),
                false => Ok(()),
            }
        }
    }
}

/// The trust domain or federation whose keys count. A trust domain of ours has no other source: whoever serves another one
/// could make our own identities (L15).
pub(super) fn of(keys: &KeysSpec, trust_domain: Option<&TrustDomain>, world: &World) -> Result<Option<Id>, Fault> {
    let Some(trust_domain) = trust_domain else { return Ok(None) };
    let own = world.trust_domain(trust_domain.as_str());
    match keys {
        KeysSpec::TrustDomain(text) => {
            let named = reference("spec.keys.trustDomain", Kind::TrustDomain, text, world)?;
            match own.filter(|own| own.id == named.id) {
                Some(own) => Ok(Some(own.id)),
                None => Err(other("spec.keys.trustDomain", "trust domain", named.name.as_str(), trust_domain)),
            }
        }
        _ if own.is_some() => Err(Fault::at(
            "spec.keys",
            format!("trust domain `{trust_domain}` is this server's own: its keys are read here"),
        )
        .hint(format!("say `keys: {{trustDomain: {}}}`", own.map_or("NAME", |own| own.name.as_str())))),
        KeysSpec::Federation(text) => {
            let named = reference("spec.keys.federation", Kind::Federation, text, world)?;
            match named.as_federation().filter(|federation| federation.foreign == *trust_domain) {
                Some(_) => Ok(Some(named.id)),
                None => Err(other("spec.keys.federation", "federation", named.name.as_str(), trust_domain)),
            }
        }
        KeysSpec::Discovery(_) | KeysSpec::JwksUrl(_) | KeysSpec::SpiffeBundle(_) | KeysSpec::Uploaded(_) => Ok(None),
    }
}

/// The `iss` that JWT-SVIDs may bear beside none. Where a trust domain is discovered it is what the discovery document must
/// say; a trust domain of ours has one that is its own.
pub(super) fn jwt_issuer(
    spec: &ProviderSpec,
    kind: &ProviderKind,
    keys: &KeysSpec,
    keys_of: Option<Id>,
    context: &Context<'_>,
) -> Result<Option<String>, Fault> {
    if !kind.spiffe {
        return Ok(None);
    }
    let issuer = spec.issuer.as_deref();
    match (keys, keys_of) {
        (KeysSpec::TrustDomain(_), Some(own)) => {
            let ours = format!("{}{OWN_DOMAINS}{own}", context.public_url);
            match issuer.filter(|issuer| *issuer != ours) {
                None => Ok(Some(ours)),
                Some(other) => {
                    Err(Fault::at("spec.issuer", format!("is `{other}`, expected `{ours}`")).hint("leave it out"))
                }
            }
        }
        (KeysSpec::Discovery(discovery), _) => {
            let issuer = issuer.or_else(|| discovery.url.as_deref().filter(|url| !url.contains(WELL_KNOWN)));
            let Some(issuer) = issuer else {
                return Err(Fault::at(
                    "spec.issuer",
                    "is missing, expected the issuer that the discovery document names",
                )
                .hint(
                    "name the bundle endpoint instead where there is one: `keys: {spiffeBundle: {url: https://...}}`",
                ));
            };
            not_ourselves(issuer, context)?;
            Ok(Some(issuer.to_owned()))
        }
        _ => {
            issuer.map_or(Ok(()), |issuer| not_ourselves(issuer, context))?;
            Ok(issuer.map(str::to_owned))
        }
    }
}

fn other(field: &str, noun: &str, name: &str, trust_domain: &TrustDomain) -> Fault {
    Fault::at(field, format!("{noun} `{name}` is of another trust domain than `{trust_domain}`"))
        .hint("make `trustDomain` and it agree")
}

/// Where the issuers of our own trust domains lie under the server's URL.
pub(super) const OWN_DOMAINS: &str = "/td/";
const WELL_KNOWN: &str = "/.well-known/";
