//! What an apply, a delete, an enable or a disable did or would do.

use accredit_api::admin::{Action, ApplyResponse, Change, FieldChange};
use accredit_client::inert::Inert;
use serde_json::Value;

use super::{findings, resource, yaml};

/// One line when it fits into `width` columns, else one line a change. Ends with what the linter says.
pub(crate) fn brief(response: &ApplyResponse, width: usize) -> String {
    let mut changes: Vec<String> = response.changes.iter().filter_map(brief_change).collect();
    changes.extend(unchanged(response));
    if changes.is_empty() {
        changes.push("nothing to do".to_owned());
    }
    let lint = findings::summary(&response.findings);
    let line = format!("{}    {lint}", changes.join("  "));
    let warns = response.changes.iter().any(|change| !change.newly_allowed.is_empty());
    match line.chars().count() <= width && !warns {
        true => line + "\n",
        false => {
            let mut out = String::new();
            for change in &response.changes {
                if let Some(line) = brief_change(change) {
                    out.push_str(&format!("{line}\n"));
                    out.push_str(&newly_allowed(change));
                }
            }
            out.extend(unchanged(response).map(|line| line + "\n"));
            out + &lint + "\n"
        }
    }
}

/// Every change field by field. `spec_of` lends the document of what would be created.
pub(crate) fn detailed<'d>(response: &ApplyResponse, spec_of: impl Fn(&Change) -> Option<&'d Value>) -> String {
    let mut out = String::new();
    for change in &response.changes {
        if change.action == Action::Unchanged {
            continue;
        }
        out.push_str(&format!("{} {}\n", sign(change.action), resource(&change.kind, &change.name)));
        if change.action == Action::Create
            && let Some(Value::Object(spec)) = spec_of(change)
        {
            for (field, value) in spec {
                out.push_str(&format!("  + {}: {}\n", Inert(field), yaml::inline(value)));
            }
        }
        for FieldChange { field, old, new } in &change.fields {
            let field = short(field);
            for (sign, value) in [('-', old), ('+', new)] {
                if let Some(value) = value {
                    out.push_str(&format!("  {sign} {}: {}\n", Inert(field), yaml::inline(value)));
                }
            }
        }
        out.push_str(&newly_allowed(change));
    }
    out.extend(unchanged(response).map(|line| line + "\n"));
    if response.changes.is_empty() {
        out.push_str("nothing to do\n");
    }
    out
}

/// Several lines, each moved to the right.
pub(crate) fn indented(text: &str, columns: usize) -> String {
    let indent = " ".repeat(columns);
    text.lines()
        .map(|line| if line.is_empty() { "\n".to_owned() } else { format!("{indent}{}\n", Inert(line)) })
        .collect()
}

fn brief_change(change: &Change) -> Option<String> {
    if change.action == Action::Unchanged {
        return None;
    }
    let line = format!("{} {}", sign(change.action), resource(&change.kind, &change.name));
    if change.fields.is_empty() || change.action != Action::Update {
        return Some(line);
    }
    let fields: Vec<_> = change.fields.iter().map(brief_field).collect();
    Some(format!("{line} ({})", fields.join(", ")))
}

fn brief_field(change: &FieldChange) -> String {
    match (change.field.as_str(), &change.new) {
        ("enabled", Some(Value::Bool(false))) => "disabled".to_owned(),
        (field, _) => Inert(short(field)).to_string(),
    }
}

fn newly_allowed(change: &Change) -> String {
    change.newly_allowed.iter().map(|sentence| format!("    newly allowed: {}\n", Inert(sentence))).collect()
}

fn unchanged(response: &ApplyResponse) -> Option<String> {
    let number = response.changes.iter().filter(|change| change.action == Action::Unchanged).count();
    (number > 0).then(|| format!("= {number} unchanged"))
}

fn sign(action: Action) -> char {
    match action {
        Action::Create => '+',
        Action::Delete => '-',
        Action::Unchanged => '=',
        Action::Update => '~',
    }
}

/// Nearly every field is of the spec; saying so each time helps nobody.
pub(crate) fn short(field: &str) -> &str {
    field.strip_prefix("spec.").unwrap_or(field)
}

#[cfg(test)]
mod tests {
    use accredit_api::admin::{Finding, Severity};
    use serde_json::json;

    use super::*;

    fn change(action: Action, kind: &str, name: &str, fields: &[(&str, Option<Value>, Option<Value>)]) -> Change {
        let field = |(field, old, new): &(&str, Option<Value>, Option<Value>)| FieldChange {
            field: (*field).to_owned(),
            old: old.clone(),
            new: new.clone(),
        };
        Change {
            action,
            kind: kind.to_owned(),
            name: name.to_owned(),
            id: None,
            fields: fields.iter().map(field).collect(),
            newly_allowed: Vec::new(),
        }
    }

    fn response(changes: Vec<Change>, findings: Vec<Finding>) -> ApplyResponse {
        ApplyResponse { changes, findings, sequence: 1, dry_run: false }
    }

    fn example() -> Vec<Change> {
        let refs = ("spec.match.ref", Some(json!("refs/heads/main")), Some(json!(["refs/heads/main", "refs/tags/v*"])));
        vec![
            change(Action::Create, "Provider", "github", &[]),
            change(Action::Update, "Mapping", "ci/web-main", &[refs, ("enabled", None, Some(json!(false)))]),
            change(Action::Unchanged, "ServiceAccount", "ci/web", &[]),
            change(Action::Delete, "API", "shop/old", &[]),
        ]
    }

    #[test]
    fn brief_is_one_line_where_it_fits() {
        let finding = |severity| Finding {
            rule: "tenant-not-pinned".to_owned(),
            severity,
            kind: "Mapping".to_owned(),
            name: "ci/web-main".to_owned(),
            field: "spec.match".to_owned(),
            message: "does not pin who owns the repository".to_owned(),
            fix: Some("add `repository_owner_id: \"98\"`".to_owned()),
            suppressed: None,
        };
        let response =
            response(example(), vec![finding(Severity::Warning), finding(Severity::Warning), finding(Severity::Info)]);
        let line = "+ provider/github  ~ mapping/ci/web-main (match.ref, disabled)  - api/shop/old  = 1 unchanged    lint: 2 warnings, 1 note\n";
        assert_eq!(brief(&response, 130), line);
        assert_eq!(
            brief(&response, 60),
            "+ provider/github\n~ mapping/ci/web-main (match.ref, disabled)\n- api/shop/old\n= 1 unchanged\nlint: 2 warnings, 1 note\n"
        );
        assert_eq!(
            findings::shown(&response.findings[..1], |_| Some("web.yaml:31".to_owned())),
            "warning: web.yaml:31 mapping/ci/web-main: does not pin who owns the repository (tenant-not-pinned)\n\
             hint: add `repository_owner_id: \"98\"`\n"
        );
    }

    #[test]
    fn nothing_to_do_is_said() {
        assert_eq!(brief(&response(Vec::new(), Vec::new()), 80), "nothing to do    lint: ok\n");
        assert_eq!(detailed(&response(Vec::new(), Vec::new()), |_| None), "nothing to do\n");
    }

    /// L06: what a deletion would newly allow is never folded away.
    #[test]
    fn newly_allowed_has_lines_of_its_own() {
        let mut deletion = change(Action::Delete, "Mapping", "ci/web-main", &[]);
        deletion.newly_allowed.push("acme/web refs/heads/dev through ci/web-all".to_owned());
        assert_eq!(
            brief(&response(vec![deletion], Vec::new()), 120),
            "- mapping/ci/web-main\n    newly allowed: acme/web refs/heads/dev through ci/web-all\nlint: ok\n"
        );
    }

    #[test]
    fn detailed_shows_before_and_after() {
        let spec = json!({"type": "github", "issuer": "https://token.example"});
        assert_eq!(
            detailed(&response(example(), Vec::new()), |change| (change.name == "github").then_some(&spec)),
            "+ provider/github\n  + issuer: https://token.example\n  + type: github\n\
             ~ mapping/ci/web-main\n  - match.ref: refs/heads/main\n  + match.ref: [refs/heads/main, refs/tags/v*]\n  + enabled: false\n\
             - api/shop/old\n= 1 unchanged\n"
        );
    }
}
