//! What the linter found: each finding, a few of each rule behind a write, and how many there are.

use accredit_api::admin::{Finding, Severity, Suppressed};
use accredit_client::inert::Inert;

use super::changes::indented;
use super::{count, resource};

/// Every finding that is not suppressed. `place_of` says where it is written, if anywhere.
pub(crate) fn shown(findings: &[Finding], place_of: impl Fn(&Finding) -> Option<String>) -> String {
    findings.iter().filter(|finding| finding.suppressed.is_none()).map(|finding| one(finding, &place_of)).collect()
}

/// Every finding, also what is suppressed, and why it is.
pub(crate) fn all(findings: &[Finding], place_of: impl Fn(&Finding) -> Option<String>) -> String {
    findings.iter().map(|finding| one(finding, &place_of)).collect()
}

/// For whoever asked for a write and not for findings: those that are not suppressed, rule by rule, at most [`EACH`] of each.
/// `command` prints the rest.
pub(crate) fn brief(findings: &[Finding], command: &str, place_of: impl Fn(&Finding) -> Option<String>) -> String {
    let mut rules: Vec<(&str, Vec<&Finding>)> = Vec::new();
    for finding in findings.iter().filter(|finding| finding.suppressed.is_none()) {
        match rules.iter_mut().find(|(rule, _)| *rule == finding.rule) {
            Some((_, of_the_rule)) => of_the_rule.push(finding),
            None => rules.push((&finding.rule, vec![finding])),
        }
    }
    let mut out = String::new();
    for (rule, of_the_rule) in rules {
        out.extend(of_the_rule.iter().take(EACH).map(|finding| one(finding, &place_of)));
        if of_the_rule.len() > EACH {
            let more = of_the_rule.len() - EACH;
            out.push_str(&format!("and {more} more ({}): `{}`\n", Inert(rule), Inert(command)));
        }
    }
    out
}

/// How much was found, in one line.
pub(crate) fn summary(findings: &[Finding]) -> String {
    let (suppressed, shown): (Vec<_>, Vec<_>) = findings.iter().partition(|finding| finding.suppressed.is_some());
    let mut parts = Vec::new();
    for severity in [Severity::Error, Severity::Warning, Severity::Info] {
        let number = shown.iter().filter(|finding| finding.severity == severity).count();
        if number > 0 {
            parts.push(count(number, grade(severity)));
        }
    }
    if parts.is_empty() {
        parts.push("ok".to_owned());
    }
    if !suppressed.is_empty() {
        parts.push(format!("{} suppressed", suppressed.len()));
    }
    format!("lint: {}", parts.join(", "))
}

fn one(finding: &Finding, place_of: &impl Fn(&Finding) -> Option<String>) -> String {
    let Finding { rule, severity, kind, name, field: _, message, fix, suppressed } = finding;
    let grade = if suppressed.is_some() { "suppressed" } else { grade(*severity) };
    let place = place_of(finding).map(|place| format!("{} ", Inert(&place))).unwrap_or_default();
    // Most messages name the resource themselves.
    let resource = match message.contains(&format!("`{name}`")) {
        true => String::new(),
        false => format!("{}: ", resource(kind, name)),
    };
    let line = format!("{grade}: {place}{resource}{} ({})\n", Inert(message), Inert(rule));
    if let Some(Suppressed { reason, until }) = suppressed {
        return format!("{line}until {}: {}\n", Inert(until), Inert(reason));
    }
    match fix.as_deref().map(str::trim_end) {
        None => line,
        Some(fix) if fix.contains('\n') => format!("{line}fix:\n{}", indented(fix, 2)),
        Some(fix) => format!("{line}hint: {}\n", Inert(fix)),
    }
}

const fn grade(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Info => "note",
        Severity::Warning => "warning",
    }
}

/// So many findings of one rule say what is the matter.
const EACH: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(rule: &str, name: &str) -> Finding {
        Finding {
            rule: rule.to_owned(),
            severity: Severity::Warning,
            kind: "Mapping".to_owned(),
            name: name.to_owned(),
            field: "spec.match".to_owned(),
            message: format!("`{name}` is open"),
            fix: Some("close it".to_owned()),
            suppressed: None,
        }
    }

    /// A thousand mappings of one making have a thousand findings; a screen has fifty lines.
    #[test]
    fn a_write_shows_a_few_of_each_rule() {
        let mut many: Vec<_> = (0..1000).map(|number| finding("any-ref", &format!("ci/{number}"))).collect();
        many.insert(500, finding("tenant-wide", "ci/wide"));
        let quiet = Some(Suppressed { reason: "r".to_owned(), until: "2027-01-31".to_owned() });
        many.push(Finding { suppressed: quiet, ..finding("event-open", "ci/quiet") });
        let told = brief(&many, "accredit lint", |_| None);
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines.len(), 23);
        assert_eq!(lines[0], "warning: `ci/0` is open (any-ref)");
        assert_eq!(lines[18], "warning: `ci/9` is open (any-ref)");
        assert_eq!(lines[20], "and 990 more (any-ref): `accredit lint`");
        assert_eq!(lines[21], "warning: `ci/wide` is open (tenant-wide)");
        assert_eq!(summary(&many), "lint: 1001 warnings, 1 suppressed");
        assert_eq!(shown(&many, |_| None).lines().count(), 2002);
        assert_eq!(summary(&many[1001..]), "lint: ok, 1 suppressed");
        let told = all(&many[1001..], |_| Some("web.yaml:3".to_owned()));
        assert_eq!(told, "suppressed: web.yaml:3 `ci/quiet` is open (event-open)\nuntil 2027-01-31: r\n");
    }
}
