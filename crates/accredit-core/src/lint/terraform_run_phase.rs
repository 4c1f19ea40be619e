//! A plan runs what anybody proposes, an apply what was approved (F17, TP076).

use super::reading::{looks_at, mapping, text, values};
use super::{Check, Finding, Rule, Severity};
use crate::model::Resource;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "terraform-run-phase",
    sentence: "a mapping of a Terraform workspace does not tell `plan` from `apply`",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some((mapping, provider)) = mapping(resource, world) else { return Vec::new() };
    let is_terraform = provider.kind.name.starts_with("terraform")
        || provider.issuer.trim_end_matches('/') == "https://app.terraform.io";
    let tells = |(text, open): (&str, bool)| !open && text.contains(":run_phase:");
    let mut subjects = values(mapping, "sub").iter().filter_map(text).peekable();
    if !is_terraform || looks_at(mapping, "terraform_run_phase") || subjects.peek().is_some() && subjects.all(tells) {
        return Vec::new();
    }
    let message = format!("`{}` gives a plan what it gives an apply", resource.name);
    vec![
        Finding::new("spec.match", message)
            .fix("add `terraform_run_phase: apply` to match, and a mapping that reads for `plan`"),
    ]
}
