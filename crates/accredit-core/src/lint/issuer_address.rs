//! An issuer named by an address: addresses are given to others, and no certificate vouches for who has one (J09, TP007).

use super::{Check, Finding, Rule, Severity};
use crate::model::Resource;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "issuer-address",
    sentence: "a provider's issuer is named by an IP address, which can come to be somebody else's",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, _: &World) -> Vec<Finding> {
    let Some(provider) = resource.as_provider() else { return Vec::new() };
    // Plain http is accepted of loopback alone, which nobody else is.
    let Some(rest) = provider.issuer.strip_prefix("https://") else { return Vec::new() };
    let host = rest.split('/').next().unwrap_or_default();
    let host = host
        .strip_prefix('[')
        .and_then(|rest| rest.split(']').next())
        .unwrap_or_else(|| host.rsplit_once(':').map_or(host, |(host, _)| host));
    if host.parse::<std::net::IpAddr>().is_err() {
        return Vec::new();
    }
    let message = format!("issuer `{}` of `{}` is an address, not a name", provider.issuer, resource.name);
    vec![Finding::new("spec.issuer", message).fix("give the issuer a name, and make a new provider for it")]
}
