//! A change, tried on the past: the counts first, then for whom it matters, before and after.

use accredit_api::admin::{
    LeftOut, ReplayReport, ReplayTally, ReplayedChange, ReplayedSubject, ReplayedVerdict, Verdict,
};
use accredit_client::inert::Inert;
use accredit_core::model::Lifetime;

use super::explanation::labelled;
use super::{count, yaml};

/// The whole report.
pub(crate) fn report(report: &ReplayReport) -> String {
    let ReplayReport { since, until, records, subjects, newly_allowed, newly_denied, otherwise, unknown, .. } = report;
    let decisions = format!("{} of {}", number(*records, "decision"), number(*subjects, "subject"));
    let mut out = labelled("replay", &format!("{decisions}   {} to {}", Inert(since), Inert(until)));
    out.push_str(&labelled("", &format!("would {}", verdict(newly_allowed, newly_denied, otherwise))));
    if unknown.subjects > 0 {
        let text = format!("{} unknown: a claim that decides is not in the records", of_decisions(unknown));
        out.push_str(&labelled("", &text));
    }
    out.extend(left_out(&report.left_out).into_iter().map(|line| labelled("", &line)));
    if !report.unforeseen.is_empty() {
        let listed: Vec<_> = report.unforeseen.iter().map(|what| Inert(what).to_string()).collect();
        out.push_str(&labelled("", &format!("not foreseen: {}", listed.join("; "))));
    }
    let mut kept = Vec::new();
    for changed in &report.changes {
        out.push_str(&subject(changed));
        let claims = [&changed.before, &changed.after].map(|side| &side.unknown_claims);
        for claim in claims.into_iter().flatten() {
            let needed = (&changed.provider, claim);
            if !kept.contains(&needed) {
                kept.push(needed);
            }
        }
    }
    let told = report.changes.len() as u64;
    let all = [newly_allowed, newly_denied, otherwise, unknown].iter().map(|tally| tally.subjects).sum::<u64>();
    if told < all {
        out.push_str(&format!("  {} more, shown with a larger --top\n", all - told));
    }
    out.extend(kept.iter().map(|(provider, claim)| {
        let (provider, claim) = (Inert(provider), Inert(claim));
        format!("hint: add `{claim}` to `audit` of provider `{provider}`; its values are recorded from then on\n")
    }));
    out
}

/// `newly allow 3 subjects, newly deny 14`.
fn verdict(allowed: &ReplayTally, denied: &ReplayTally, otherwise: &ReplayTally) -> String {
    if allowed.subjects + denied.subjects + otherwise.subjects == 0 {
        return "change nothing for any of them that is known".to_owned();
    }
    let mut text = format!("newly allow {}, newly deny {}", number(allowed.subjects, "subject"), denied.subjects);
    if otherwise.subjects > 0 {
        text.push_str(&format!(", allow {} otherwise than now", otherwise.subjects));
    }
    text
}

fn left_out(left_out: &LeftOut) -> Vec<String> {
    let LeftOut { erased, token_faults, delegated, too_many_subjects, oldest } = left_out;
    let mut lines = Vec::new();
    if *delegated > 0 {
        lines.push(format!("{} left out: somebody acted for the subject", number(*delegated, "decision")));
    }
    if *token_faults > 0 {
        lines.push(format!("{} left out: the token itself did not hold", number(*token_faults, "decision")));
    }
    if *erased > 0 {
        lines.push(format!("{} left out: their values were erased", number(*erased, "decision")));
    }
    if *too_many_subjects > 0 {
        lines.push(format!("{} left out: too many different subjects", number(*too_many_subjects, "decision")));
    }
    if *oldest {
        lines.push("the oldest decisions of the period left out: there are too many; name a shorter one".to_owned());
    }
    lines
}

fn subject(changed: &ReplayedSubject) -> String {
    let ReplayedSubject { change, provider, claims, records, last, decision, before, after, .. } = changed;
    let sign = match change {
        ReplayedChange::NewlyAllowed => '+',
        ReplayedChange::NewlyDenied => '-',
        ReplayedChange::Otherwise => '~',
        ReplayedChange::Unknown => '?',
    };
    let who = match claims.get("sub").and_then(serde_json::Value::as_str) {
        Some(sub) => Inert(sub).to_string(),
        None => "(no `sub` recorded)".to_owned(),
    };
    let mut out =
        format!("{sign} {who}   {}   {records}x   last {} {}\n", Inert(provider), Inert(last), Inert(decision));
    let rest: Vec<_> = claims
        .iter()
        .filter(|(name, _)| *name != "sub" && *name != "jti")
        .map(|(name, value)| format!("{}: {}", Inert(name), yaml::inline(value)))
        .collect();
    if !rest.is_empty() {
        out.push_str(&format!("    claims   {}\n", rest.join("  ")));
    }
    let asked = [
        ("service account", &changed.asked_service_account),
        ("mapping", &changed.asked_mapping),
        ("api", &changed.asked_api),
        ("scope", &changed.asked_scope),
    ];
    let asked: Vec<_> =
        asked.iter().filter_map(|(label, name)| Some(format!("{label} {}", Inert(name.as_deref()?)))).collect();
    if !asked.is_empty() {
        out.push_str(&format!("    asked    {}\n", asked.join("   ")));
    }
    out.push_str(&format!("    before   {}\n    after    {}\n", side(before), side(after)));
    out
}

fn side(side: &ReplayedVerdict) -> String {
    let ReplayedVerdict { verdict, mappings, service_account, api, scope, lifetime, reason, summary, .. } = side;
    let mut parts = Vec::new();
    match verdict {
        Some(Verdict::Allow) => {
            parts.push("allowed".to_owned());
            parts.push(format!("by {}", mappings.join(", ")));
            parts.extend([service_account, api, scope].into_iter().flatten().cloned());
            let seconds = lifetime.and_then(|seconds| u32::try_from(seconds).ok());
            parts.extend(seconds.map(|seconds| Lifetime::from_secs(seconds).to_string()));
        }
        Some(Verdict::Deny) => {
            parts.push("denied".to_owned());
            parts.extend(reason.clone());
            parts.push(summary.clone());
        }
        None => parts.extend(["unknown".to_owned(), summary.clone()]),
    }
    Inert(&parts.join("   ")).to_string()
}

fn of_decisions(tally: &ReplayTally) -> String {
    format!("{} ({})", number(tally.subjects, "subject"), number(tally.records, "decision"))
}

fn number(number: u64, what: &str) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), what)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn example() -> ReplayReport {
        let denied = ReplayedVerdict {
            verdict: Some(Verdict::Deny),
            reason: Some("no-mapping-matched".to_owned()),
            summary: "mapping `ci/web`: `ref` is `refs/heads/dev`, expected `refs/heads/main`".to_owned(),
            ..ReplayedVerdict::default()
        };
        let allowed = ReplayedVerdict {
            verdict: Some(Verdict::Allow),
            mappings: vec!["ci/web".to_owned()],
            service_account: Some("ci/web".to_owned()),
            api: Some("shop/payments".to_owned()),
            scope: Some("read".to_owned()),
            lifetime: Some(900),
            ..ReplayedVerdict::default()
        };
        let unknown = ReplayedVerdict {
            summary: "mapping `ci/x` reads `zone`, which its records do not have".to_owned(),
            unknown_claims: vec!["zone".to_owned()],
            ..ReplayedVerdict::default()
        };
        let subject = |change, before: &ReplayedVerdict, after: &ReplayedVerdict| ReplayedSubject {
            change,
            provider: "github".to_owned(),
            claims: json!({"sub": "repo:acme/web:ref:refs/heads/dev", "ref": "refs/heads/dev", "jti": "some"})
                .as_object()
                .cloned()
                .unwrap_or_default(),
            missing: Vec::new(),
            asked_service_account: Some("ci/web".to_owned()),
            asked_mapping: None,
            asked_api: None,
            asked_scope: None,
            records: 12,
            last: "2026-11-21T10:05:43Z".to_owned(),
            decision: "dec_5f2c".to_owned(),
            before: before.clone(),
            after: after.clone(),
        };
        ReplayReport {
            since: "2026-11-14T10:05:43Z".to_owned(),
            until: "2026-11-21T10:05:43Z".to_owned(),
            records: 1042,
            subjects: 37,
            newly_allowed: ReplayTally { subjects: 1, records: 12 },
            newly_denied: ReplayTally { subjects: 2, records: 20 },
            otherwise: ReplayTally::default(),
            unknown: ReplayTally { subjects: 1, records: 12 },
            left_out: LeftOut { erased: 3, token_faults: 1, ..LeftOut::default() },
            unforeseen: vec!["refusals for time".to_owned(), "what other keys mean".to_owned()],
            changes: vec![
                subject(ReplayedChange::NewlyAllowed, &denied, &allowed),
                subject(ReplayedChange::Unknown, &denied, &unknown),
            ],
            sequence: 7,
        }
    }

    #[test]
    fn a_report_says_how_many_then_who() {
        let claims = "    claims   ref: refs/heads/dev\n    asked    service account ci/web\n    before   denied   no-mapping-matched   mapping `ci/web`: `ref` is `refs/heads/dev`, expected `refs/heads/main`\n";
        assert_eq!(
            report(&example()),
            format!(
                "\
replay   1042 decisions of 37 subjects   2026-11-14T10:05:43Z to 2026-11-21T10:05:43Z
         would newly allow 1 subject, newly deny 2
         1 subject (12 decisions) unknown: a claim that decides is not in the records
         1 decision left out: the token itself did not hold
         3 decisions left out: their values were erased
         not foreseen: refusals for time; what other keys mean
+ repo:acme/web:ref:refs/heads/dev   github   12x   last 2026-11-21T10:05:43Z dec_5f2c
{claims}    after    allowed   by ci/web   ci/web   shop/payments   read   15m
? repo:acme/web:ref:refs/heads/dev   github   12x   last 2026-11-21T10:05:43Z dec_5f2c
{claims}    after    unknown   mapping `ci/x` reads `zone`, which its records do not have
  2 more, shown with a larger --top
hint: add `zone` to `audit` of provider `github`; its values are recorded from then on
"
            )
        );
    }

    /// L24: a recorded claim forges no line.
    #[test]
    fn a_report_is_inert() {
        let mut report = example();
        report.changes[0].claims.insert("sub".to_owned(), json!("x\n+ forged\u{1b}[2J\u{202e}"));
        report.changes[0].before.summary = "y\n+ forged".to_owned();
        let text = super::report(&report);
        assert!(!text.chars().any(|c| c != '\n' && accredit_id::shown::is_deceptive(c)), "{text}");
        assert!(!text.contains("\n+ forged"), "{text}");
    }
}
