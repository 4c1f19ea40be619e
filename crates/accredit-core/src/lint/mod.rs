//! Lint: what is unwise about a resource, a file a rule.
//!
//! Errors refuse the write, warnings are shown. A rule sees one resource and the world that it would stand in.

mod administrator_matches_workload;
mod administrator_tenant_not_pinned;
mod audience_generic;
mod chosen_only;
mod mappings_overlap;
mod outlives_subject;
mod permission_not_granted;
mod pinned_by_name;
mod replay_on_caching_platform;
mod tenant_not_pinned;
mod uploaded_keys;

use std::sync::Arc;

pub(crate) use mappings_overlap::overlapping;

use crate::model::Resource;
use crate::world::World;

/// Every rule.
pub static RULES: &[&Rule] = &[
    &administrator_matches_workload::RULE,
    &administrator_tenant_not_pinned::RULE,
    &audience_generic::RULE,
    &chosen_only::RULE,
    &mappings_overlap::RULE,
    &outlives_subject::RULE,
    &permission_not_granted::RULE,
    &pinned_by_name::RULE,
    &replay_on_caching_platform::RULE,
    &tenant_not_pinned::RULE,
    &uploaded_keys::RULE,
];

/// A rule of the linter.
#[derive(Debug)]
pub struct Rule {
    /// Its stable kebab-case id.
    pub id: &'static str,
    /// What it looks for, in one sentence.
    pub sentence: &'static str,
    /// How grave a finding of it is.
    pub severity: Severity,
    /// Looks at one resource.
    pub check: fn(&Resource, &World) -> Vec<Finding>,
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Shown.
    Warning,
    /// Refuses the write.
    Error,
}

/// What a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The field, e.g. `spec.match`.
    pub field: &'static str,
    /// What is wrong.
    pub message: String,
    /// The smallest fix.
    pub fix: Option<String>,
}

/// A finding and where it was made.
#[derive(Clone, Debug)]
pub struct Found {
    /// The rule.
    pub rule: &'static Rule,
    /// The resource.
    pub resource: Arc<Resource>,
    /// What it found.
    pub finding: Finding,
}

/// Runs every rule over one resource.
pub fn lint(resource: &Arc<Resource>, world: &World) -> Vec<Found> {
    let run = |rule: &&'static Rule| {
        let rule: &'static Rule = rule;
        let found = |finding| Found { rule, resource: Arc::clone(resource), finding };
        (rule.check)(resource, world).into_iter().map(found).collect::<Vec<_>>()
    };
    RULES.iter().flat_map(run).collect()
}

impl Finding {
    fn new(field: &'static str, message: impl Into<String>) -> Self {
        Self { field, message: message.into(), fix: None }
    }

    fn fix(self, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..self }
    }
}
