//! An audience that other services use as well: a token meant for them would be accepted here (E06, TP005).

use super::{Check, Finding, Rule, Severity};
use crate::model::Resource;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "audience-generic",
    sentence: "a provider accepts an audience that other services use as well",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

/// Audiences that well-known services and defaults use.
const GENERIC: &[&str] = &[
    "sts.amazonaws.com",
    "https://sts.amazonaws.com",
    "api://AzureADTokenExchange",
    "https://kubernetes.default.svc",
    "https://kubernetes.default.svc.cluster.local",
    "https://api.openai.com/v1",
    "sigstore",
    "default",
];

fn check(resource: &Resource, _: &World) -> Vec<Finding> {
    let Some(provider) = resource.as_provider() else { return Vec::new() };
    let generic =
        |audience: &&String| GENERIC.contains(&audience.as_str()) || audience.starts_with("https://github.com/");
    let generic = provider.audiences.iter().filter(generic);
    generic
        .map(|audience| {
            Finding::new("spec.audiences", format!("audience `{audience}` is used by other services as well"))
                .fix("leave `audiences` out, and have workloads ask for this server's public URL")
        })
        .collect()
}
