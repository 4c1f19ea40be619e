//! `vectors/resources`: what becomes of documents, right and wrong, and what their writer is told.

use accredit_core::lint::Found;
use accredit_core::model::yaml::{self, Located};
use accredit_core::model::{Document, Fault, Faults, Suppression};
use accredit_core::plan::{Action, Change, Plan};
use serde::{Deserialize, Serialize};

use crate::exchange::exports_to_itself;
use crate::expansion::expand;
use crate::stage::{Stage, documents, overlaid};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    given: String,
    vector: Vec<Vector>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    #[serde(default, rename = "case")]
    _case: String,
    name: String,
    #[serde(default)]
    given: String,
    #[serde(default)]
    disabled: Vec<String>,
    apply: Option<String>,
    #[serde(default)]
    prune: bool,
    delete: Option<String>,
    disable: Option<String>,
    enable: Option<String>,
    #[serde(default)]
    then: Then,
}

/// What must come of it; every field, also those that must be absent.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
struct Then {
    /// How many faults or changes there are, where the first of them alone are shown.
    count: Option<usize>,
    #[serde(skip_serializing_if = "is_false")]
    revokes: bool,
    not_yaml: Option<String>,
    faults: Option<String>,
    changes: Option<String>,
    findings: Option<String>,
}

#[test]
fn documents_come_out_as_the_vectors_say() {
    crate::judge_all("resources", |file: &File| &file.vector, |vector| &vector.name, judge);
}

fn judge(file: &File, vector: &Vector) -> Result<(), String> {
    let mut stage = Stage::empty(1);
    stage.bring(&overlaid(&expand(&file.given), &expand(&vector.given)));
    vector.disabled.iter().for_each(|named| stage.turn(named, false));
    let mut located = Vec::new();
    let mut seen = Then::default();
    let verdict = match vector.action() {
        Asked::Apply(text) => match yaml::parse("web.yaml", &expand(text)) {
            Err(faults) => {
                seen.not_yaml = Some(
                    faults
                        .iter()
                        .map(|fault| format!("{}:{} {}: {}\n", fault.file, fault.line, fault.field, fault.message))
                        .collect(),
                );
                None
            }
            Ok(read) => {
                located = read;
                Some(stage.plan(&read_of(&located), vector.prune))
            }
        },
        Asked::Delete(named) => Some(stage.deleted(named)),
        Asked::Turn(named, enabled) => Some(stage.turned(named, enabled)),
    };
    let mut after = None;
    match verdict {
        None => {}
        Some(Err(Faults(faults))) => seen.faults = Some(faults.iter().map(|fault| told(fault, &located)).collect()),
        Some(Ok(plan)) => {
            seen.changes = some(changes(&plan));
            seen.findings = some(plan.findings.iter().map(finding).collect());
            seen.revokes = plan.revokes;
            after = Some(plan.next);
        }
    }
    let expected = &vector.then;
    if expected.count.is_some() {
        for (all, first) in [(&mut seen.faults, &expected.faults), (&mut seen.changes, &expected.changes)] {
            let Some(all) = all else { continue };
            seen.count = Some(all.lines().filter(|line| !line.starts_with("  ")).count());
            let first = first.as_ref().map_or(0, String::len);
            *all = all.get(..first).unwrap_or(all).to_owned();
        }
    }
    if seen != *expected {
        return Err(format!("answer is\n[vector.then]\n{}", toml::to_string_pretty(&seen).unwrap()));
    }
    let Some(world) = after else { return Ok(()) };
    let mut next = Stage { world, ..stage };
    exports_to_itself(&next)?;
    if let Asked::Apply(_) = vector.action() {
        let again = next
            .plan(&read_of(&located), vector.prune)
            .map_err(|faults| format!("cannot be applied twice: {faults:?}"))?;
        if !again.puts.is_empty() || !again.deletes.is_empty() || again.revokes {
            return Err(format!("applied twice, it changes {:?} and deletes {:?}", again.puts, again.deletes));
        }
    }
    Ok(())
}

enum Asked<'v> {
    Apply(&'v str),
    Delete(&'v str),
    Turn(&'v str, bool),
}

// === impl Vector ===

impl Vector {
    fn action(&self) -> Asked<'_> {
        match (&self.apply, &self.delete, &self.disable, &self.enable) {
            (Some(text), None, None, None) => Asked::Apply(text),
            (None, Some(named), None, None) => Asked::Delete(named),
            (None, None, Some(named), None) => Asked::Turn(named, false),
            (None, None, None, Some(named)) => Asked::Turn(named, true),
            _ => panic!("{}: expected one of apply, delete, disable and enable", self.name),
        }
    }
}

fn read_of(located: &[Located]) -> Vec<Document> {
    located.iter().map(|located| located.document.clone()).collect()
}

/// The fault, with the line that its writer will look at.
fn told(fault: &Fault, located: &[Located]) -> String {
    let place = located
        .get(fault.document)
        .map_or_else(String::new, |document| format!(" {}:{}", document.file, document.line_of(&fault.field)));
    let field = if fault.field.is_empty() { String::new() } else { format!(" {}", fault.field) };
    let hint = fault.hint.as_ref().map_or_else(String::new, |hint| format!("  hint: {hint}\n"));
    format!("{}{place}{field}: {}\n{hint}", fault.document, fault.message)
}

fn changes(plan: &Plan) -> String {
    plan.changes.iter().map(change).collect()
}

fn change(change: &Change) -> String {
    let verb = match change.action {
        Action::Create => "create",
        Action::Delete => "delete",
        Action::Unchanged => "unchanged",
        Action::Update => "update",
    };
    let value =
        |value: &Option<serde_json::Value>| value.as_ref().map_or_else(|| "absent".to_owned(), ToString::to_string);
    let mut text = format!("{verb} {} {}\n", change.kind.noun(), change.name);
    for field in &change.fields {
        text.push_str(&format!("  {}: {} -> {}\n", field.field, value(&field.old), value(&field.new)));
    }
    for sentence in &change.newly_allowed {
        text.push_str(&format!("  newly allowed: {sentence}\n"));
    }
    text
}

fn finding(found: &Found) -> String {
    let fix = found.finding.fix.as_ref().map_or_else(String::new, |fix| format!("  fix: {fix}\n"));
    let fix = match &found.suppressed {
        Some(Suppression { reason, until, .. }) => format!("  suppressed until {until}: {reason}\n"),
        None => fix,
    };
    format!(
        "{} {} {} {}: {}\n{fix}",
        found.rule.id,
        found.resource.kind().noun(),
        found.resource.name,
        found.finding.field,
        found.finding.message
    )
}

fn is_false(truth: &bool) -> bool {
    !truth
}

fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// F23, L01: documents are told apart by kind and name alone, whatever else they say.
#[test]
fn ids_of_other_kinds_are_no_references() {
    let mut stage = Stage::empty(1);
    stage.bring(&documents("{kind: Project, name: ci}\n---\n{kind: ServiceAccount, name: ci/web}\n"));
    let project = stage.world.of_kind(accredit_core::model::Kind::Project)[0].id;
    let text = format!("kind: Grant\nname: ci/x\nspec: {{api: {project}, permissions: [a], to: ci/web}}\n");
    let faults = stage.plan(&documents(&text), false).unwrap_err();
    assert_eq!(faults.0[0].field, "spec.api");
}
