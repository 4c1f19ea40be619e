//! Compiling the trust domains that this server is the authority of.

use accredit_id::trust_domain::TrustDomain as TrustDomainName;

use super::federation::not_foreign;
use crate::model::{Fault, Id, Name, Signing, TrustDomain, TrustDomainSpec};
use crate::world::World;

/// A trust domain keeps its name for ever: identities were issued under it.
pub(super) fn trust_domain(spec: &TrustDomainSpec, id: Id, name: &Name, world: &World) -> Result<TrustDomain, Fault> {
    let (field, text) = match &spec.trust_domain {
        Some(text) => ("spec.trustDomain", text.as_str()),
        None => ("name", name.as_str()),
    };
    let domain = trust_domain_name(field, text)?;
    not_foreign(&domain, world)?;
    if let Some(old) = world.by_id(id).and_then(|old| old.as_trust_domain()).filter(|old| old.name != domain) {
        return Err(Fault::at(field, format!("a trust domain never changes its name; this one is `{}`", old.name))
            .hint("make a new trust domain"));
    }
    match world.trust_domain(domain.as_str()).filter(|other| other.id != id) {
        Some(other) => Err(Fault::at(field, format!("`{domain}` is trust domain `{}` already", other.name))),
        None => Ok(TrustDomain { name: domain, jwt_signing: spec.jwt_signing.unwrap_or(Signing::Es256) }),
    }
}

fn trust_domain_name(field: &str, text: &str) -> Result<TrustDomainName, Fault> {
    text.parse().map_err(|fault| Fault::at(field, format!("{fault}")))
}
