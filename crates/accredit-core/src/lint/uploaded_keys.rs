//! Uploaded keys do not follow the issuer's rotation (TP017).

use super::{Check, Finding, Rule, Severity};
use crate::model::{KeysSpec, Resource};
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "keys-uploaded",
    sentence: "a provider's keys were uploaded, so they do not follow the issuer's rotation",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, _: &World) -> Vec<Finding> {
    match resource.as_provider() {
        // Whoever accepts signed requests has no keys.
        Some(provider) if provider.signed_requests.is_none() && matches!(provider.keys, KeysSpec::Uploaded(_)) => vec![
            Finding::new(
                "spec.keys.uploaded",
                format!("the keys of `{}` were uploaded and do not follow its rotation", resource.name),
            )
            .fix("use `discovery: {}` or `jwksUrl` where the server can reach the issuer"),
        ],
        _ => Vec::new(),
    }
}
