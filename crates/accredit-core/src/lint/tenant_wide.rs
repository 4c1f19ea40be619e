//! A mapping that stops at the tenant: everything of the owner may become the account (F08, TP032).

use super::reading::{identifies, mapping, text};
use super::{Check, Finding, Rule, Severity};
use crate::model::{Clause, Expected, Mapping, Provider, Resource};
use crate::providers::tenancy_of;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "tenant-wide",
    sentence: "a mapping pins the tenant and nothing below it, so everything of that tenant matches",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some((mapping, provider)) = mapping(resource, world) else { return Vec::new() };
    if !is_wide(mapping, provider) {
        return Vec::new();
    }
    let message = format!("`{}` trusts everything of its tenant", resource.name);
    vec![Finding::new("spec.match", message).fix("match the repository, project or workload as well")]
}

/// Whether all that says who the workload is names its tenant alone.
pub(super) fn is_wide(mapping: &Mapping, provider: &Provider) -> bool {
    if tenancy_of(provider).is_none() || mapping.condition.is_some() {
        return false;
    }
    let mut who = mapping.clauses.iter().filter(|clause| identifies(clause, provider)).peekable();
    who.peek().is_some() && who.all(names_a_tenant)
}

fn names_a_tenant(clause: &Clause) -> bool {
    let name = clause.claim.to_string();
    if TENANTS.contains(&name.as_str()) {
        return true;
    }
    let Expected::OneOf(values) = &clause.expected else { return false };
    let wide = |(text, open): (&str, bool)| {
        let start = BEFORE_THE_TENANT.iter().find_map(|start| text.strip_prefix(start));
        let rest = if name == "sub" { start } else { Some(text) };
        // The tenant's name, its delimiter, and then anything.
        open && rest.is_some_and(|rest| rest.ends_with(['/', ':']) && !rest[..rest.len() - 1].contains(['/', ':']))
    };
    values.iter().filter_map(text).any(wide)
}

/// Claims that name a whole tenant, whichever platform sends them.
const TENANTS: &[&str] = &[
    "domain_id",
    "enterprise",
    "enterprise_id",
    "hd",
    "namespace_id",
    "namespace_path",
    "oidc.circleci.com/org-id",
    "org_id",
    "org_name",
    "organization",
    "organization_id",
    "organization_slug",
    "owner",
    "owner_id",
    "repository_owner",
    "repository_owner_id",
    "terraform_organization_id",
    "terraform_organization_name",
    "tid",
    "workspaceUuid",
    "workspace_id",
    "workspace_name",
    "x.project_id",
    "x.project_number",
];

/// What stands before the tenant's name in a subject.
const BEFORE_THE_TENANT: &[&str] = &["repo:", "project_path:", "organization:", "owner:", "org/"];
