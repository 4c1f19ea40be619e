//! Lint: what is unwise about a resource, a file a rule.
//!
//! Errors refuse the write, warnings are shown, notes are told to whoever asks. A rule sees one resource and the world
//! that it would stand in. `reading` holds the questions that several rules ask.
//!
//! A resource may say that findings of a rule may stand, why, and until when (`spec.lint`). They are found all the same, and
//! say that they are suppressed. An error never is.

mod account_shared;
mod actor_bearer;
mod actor_by_prefix;
mod actor_tenant_not_pinned;
mod admin_wide;
mod administrator_matches_workload;
mod administrator_minted_in_realm;
mod administrator_tenant_not_pinned;
mod any_ref;
mod attribute_chosen;
mod audience_generic;
mod audience_many;
mod aws_account_wide;
mod binding_avoided;
mod chosen_only;
mod claim_unknown;
mod cluster_tenant_not_pinned;
mod condition_absorbs;
mod condition_always;
mod condition_dead_branch;
mod condition_dot;
mod condition_excludes_only;
mod condition_never;
mod condition_optional;
mod condition_prefix;
mod condition_type;
mod condition_unanchored;
mod condition_weak_branch;
mod configured;
mod display_name;
mod email_unverified;
mod email_without_id;
mod event_open;
mod issuer_address;
mod issuer_twice;
mod keys_single;
mod kubernetes_any_namespace;
mod kubernetes_default_account;
mod kubernetes_namespace_wide;
mod kubernetes_without_uid;
mod list_alone;
mod mapping_shadowed;
mod mappings_compete;
mod mappings_overlap;
mod outlives_subject;
mod path_by_name;
mod path_chosen;
mod path_claim_unknown;
mod paths_collide;
mod permission_not_granted;
mod pinned_by_name;
mod pull_request_named;
mod pull_request_writes;
mod reading;
mod replay_of_kept_tokens;
mod replay_on_caching_platform;
mod replay_open;
mod runner_open;
mod subject_format;
mod subject_hyphenated;
mod subject_unknown;
mod suppression_of_error;
mod suppression_outdated;
mod suppression_unused;
mod tags_open;
mod tenant_not_pinned;
mod tenant_wide;
mod terraform_run_phase;
mod uploaded_keys;
mod wildcard_in_name;
mod wildcard_on_id;
mod workflow_by_branch;

use std::borrow::Cow;
use std::sync::Arc;

use accredit_id::time::Timestamp;
pub(crate) use mappings_overlap::overlapping;
pub(crate) use tenant_not_pinned::pin_of_clauses;

use crate::model::{Resource, Suppression};
use crate::world::World;

/// Every rule.
pub static RULES: &[&Rule] = &[
    &account_shared::RULE,
    &actor_bearer::RULE,
    &actor_by_prefix::RULE,
    &actor_tenant_not_pinned::RULE,
    &admin_wide::RULE,
    &administrator_matches_workload::RULE,
    &administrator_minted_in_realm::RULE,
    &administrator_tenant_not_pinned::RULE,
    &any_ref::RULE,
    &attribute_chosen::RULE,
    &audience_generic::RULE,
    &audience_many::RULE,
    &aws_account_wide::RULE,
    &binding_avoided::RULE,
    &chosen_only::RULE,
    &claim_unknown::RULE,
    &cluster_tenant_not_pinned::RULE,
    &condition_absorbs::RULE,
    &condition_always::RULE,
    &condition_dead_branch::RULE,
    &condition_dot::RULE,
    &condition_excludes_only::RULE,
    &condition_never::RULE,
    &condition_optional::RULE,
    &condition_prefix::RULE,
    &condition_type::RULE,
    &condition_unanchored::RULE,
    &condition_weak_branch::RULE,
    &display_name::RULE,
    &email_unverified::RULE,
    &email_without_id::RULE,
    &event_open::RULE,
    &issuer_address::RULE,
    &issuer_twice::RULE,
    &keys_single::RULE,
    &kubernetes_any_namespace::RULE,
    &kubernetes_default_account::RULE,
    &kubernetes_namespace_wide::RULE,
    &kubernetes_without_uid::RULE,
    &list_alone::RULE,
    &mapping_shadowed::RULE,
    &mappings_compete::RULE,
    &mappings_overlap::RULE,
    &outlives_subject::RULE,
    &path_by_name::RULE,
    &path_chosen::RULE,
    &path_claim_unknown::RULE,
    &paths_collide::RULE,
    &permission_not_granted::RULE,
    &pinned_by_name::RULE,
    &pull_request_named::RULE,
    &pull_request_writes::RULE,
    &replay_of_kept_tokens::RULE,
    &replay_on_caching_platform::RULE,
    &replay_open::RULE,
    &runner_open::RULE,
    &subject_format::RULE,
    &subject_hyphenated::RULE,
    &subject_unknown::RULE,
    &suppression_of_error::RULE,
    &suppression_outdated::RULE,
    &suppression_unused::RULE,
    &tags_open::RULE,
    &tenant_not_pinned::RULE,
    &tenant_wide::RULE,
    &terraform_run_phase::RULE,
    &uploaded_keys::RULE,
    &wildcard_in_name::RULE,
    &wildcard_on_id::RULE,
    &workflow_by_branch::RULE,
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
    /// How it is looked for.
    pub check: Check,
}

/// How a rule looks.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// At one resource.
    Resource(fn(&Resource, &World) -> Vec<Finding>),
    /// At one suppression of a resource, by its place, beside what all rules of the other kind found. Not suppressed itself.
    Suppression(fn(&Suppression, usize, &[Found], Timestamp) -> Option<Finding>),
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Told when the linter is asked, not on a write.
    Note,
    /// Shown.
    Warning,
    /// Refuses the write.
    Error,
}

/// What a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The field, e.g. `spec.match`.
    pub field: Cow<'static, str>,
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
    /// Why it may stand, if somebody said so and that is still in force. Never of an error.
    pub suppressed: Option<Suppression>,
}

/// Runs every rule over one resource. `now` says which suppressions are still in force.
pub fn lint(resource: &Arc<Resource>, world: &World, now: Timestamp) -> Vec<Found> {
    let found = |rule, finding| Found { rule, resource: Arc::clone(resource), finding, suppressed: None };
    let mut all = Vec::new();
    for rule in RULES {
        if let Check::Resource(check) = rule.check {
            all.extend(check(resource, world).into_iter().map(|finding| found(*rule, finding)));
        }
    }
    if resource.suppressions.is_empty() {
        return all;
    }
    for found in all.iter_mut().filter(|found| found.rule.severity < Severity::Error) {
        let is_about_it = |entry: &&Suppression| *entry.rule == *found.rule.id && !entry.until.is_before(now);
        found.suppressed = resource.suppressions.iter().find(is_about_it).cloned();
    }
    let mut about_suppressions = Vec::new();
    for rule in RULES {
        if let Check::Suppression(check) = rule.check {
            let findings =
                resource.suppressions.iter().enumerate().filter_map(|(place, entry)| check(entry, place, &all, now));
            about_suppressions.extend(findings.map(|finding| found(*rule, finding)));
        }
    }
    all.append(&mut about_suppressions);
    all
}

impl Finding {
    fn new(field: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into(), fix: None }
    }

    fn fix(self, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..self }
    }
}
