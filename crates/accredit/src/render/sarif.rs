//! Findings as a SARIF log (OASIS SARIF 2.1.0), which code hosts show beside the lines of a change.

use accredit_api::admin::{Finding, LintReport, Severity, Suppressed};
use accredit_client::inert;
use accredit_core::lint::{self, RULES};
use serde_json::{Value, json};

use super::resource;
use crate::commands::lint::INVALID;
use crate::exit::Failure;

/// The log of one run. `place_of` says in which file and line a finding is written, if anywhere.
///
/// # Errors
/// When it cannot be written as JSON, which nothing here causes.
pub(crate) fn log(
    report: &LintReport,
    place_of: impl Fn(&Finding) -> Option<(String, usize)>,
) -> Result<String, Failure> {
    let own = |rule: &&lint::Rule| {
        let level = match rule.severity {
            lint::Severity::Note => "note",
            lint::Severity::Warning => "warning",
            lint::Severity::Error => "error",
        };
        described(rule.id, rule.sentence, level)
    };
    let invalid = described(INVALID, "a document that would be refused for its form or its references", "error");
    let rules: Vec<Value> = std::iter::once(invalid).chain(RULES.iter().map(own)).collect();
    let results: Vec<Value> = report.findings.iter().map(|finding| result(finding, place_of(finding))).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "accredit", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "results": results,
        }],
    });
    let text = serde_json::to_string_pretty(&log)
        .map_err(|error| Failure::failed(format!("result cannot be written: {error}")))?;
    Ok(inert::json(&text) + "\n")
}

fn described(id: &str, sentence: &str, level: &str) -> Value {
    json!({"id": id, "shortDescription": {"text": sentence}, "defaultConfiguration": {"level": level}})
}

fn result(finding: &Finding, place: Option<(String, usize)>) -> Value {
    let Finding { rule, severity, kind, name, field, message, fix, suppressed } = finding;
    let level = match severity {
        Severity::Info => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    let text = match fix {
        Some(fix) => format!("{message}; {fix}"),
        None => message.clone(),
    };
    let whole = format!("{}#{field}", resource(kind, name));
    let mut location = json!({"logicalLocations": [{"fullyQualifiedName": whole, "kind": "resource"}]});
    if let Some((file, line)) = place {
        location["physicalLocation"] = json!({"artifactLocation": {"uri": uri(&file)}, "region": {"startLine": line}});
    }
    let mut result = json!({"ruleId": rule, "level": level, "message": {"text": text}, "locations": [location]});
    if let Some(Suppressed { reason, until }) = suppressed {
        // The resource says it itself (section 3.35.2).
        let justification = format!("{reason} (until {until})");
        result["suppressions"] = json!([{"kind": "inSource", "status": "accepted", "justification": justification}]);
    }
    result
}

/// A path as a relative reference (RFC 3986 section 4.2).
fn uri(path: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'.' | b'_' | b'~');
    path.bytes().map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_finding_names_its_rule_place_and_resource() {
        let finding = Finding {
            rule: "tenant-not-pinned".to_owned(),
            severity: Severity::Error,
            kind: "Mapping".to_owned(),
            name: "ci/web".to_owned(),
            field: "spec.match".to_owned(),
            message: "does not pin".to_owned(),
            fix: Some("add it".to_owned()),
            suppressed: None,
        };
        let why = Suppressed { reason: "a mirror".to_owned(), until: "2027-01-31".to_owned() };
        let quiet = Finding { severity: Severity::Warning, suppressed: Some(why), ..finding.clone() };
        let report = LintReport { findings: vec![finding, quiet], sequence: 0 };
        let text = log(&report, |_| Some(("deploy/my file.yaml".to_owned(), 7))).unwrap();
        let log: Value = serde_json::from_str(&text).unwrap();
        let run = &log["runs"][0];
        assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), RULES.len() + 1);
        assert_eq!(
            run["results"][0],
            json!({
                "ruleId": "tenant-not-pinned",
                "level": "error",
                "message": {"text": "does not pin; add it"},
                "locations": [{
                    "logicalLocations": [{"fullyQualifiedName": "mapping/ci/web#spec.match", "kind": "resource"}],
                    "physicalLocation": {"artifactLocation": {"uri": "deploy/my%20file.yaml"}, "region": {"startLine": 7}},
                }],
            })
        );
        // Section 3.35: whoever reads the log leaves out what has an accepted suppression.
        assert_eq!(
            run["results"][1]["suppressions"],
            json!([{"kind": "inSource", "status": "accepted", "justification": "a mirror (until 2027-01-31)"}])
        );
    }
}
