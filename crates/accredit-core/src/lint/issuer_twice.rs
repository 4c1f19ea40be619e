//! Two providers whose tokens call themselves by the same issuer and are signed by different keys, as two clusters with a
//! default issuer do (C07, F16, TP015).

use super::{Check, Finding, Rule, Severity};
use crate::model::Resource;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "issuer-twice",
    sentence: "two providers have the same issuer and different keys",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some(provider) = resource.as_provider() else { return Vec::new() };
    let mut others: Vec<&str> = world
        .providers_of_issuer(&provider.issuer)
        .filter(|other| other.id != resource.id)
        .filter(|other| other.as_provider().is_some_and(|other| other.keys != provider.keys))
        .map(|other| other.name.as_str())
        .collect();
    others.sort_unstable();
    let finding = |other| {
        let message = format!("`{}` and `{other}` have the same issuer and different keys", resource.name);
        Finding::new("spec.issuer", message).fix(
            "give each an issuer of its own where it is set up (a cluster: --service-account-issuer); until then name \
             the provider in each request",
        )
    };
    others.into_iter().map(finding).collect()
}
