//! A change, tried on recorded identities: how many were looked at, how many stay, and each that does not.

use accredit_api::admin::{IdentitiesLeftOut, IdentityChange, IdentityReplayReport, IdentityVerdict, ReplayedIdentity};
use accredit_client::inert::Inert;

use super::count;
use super::explanation::labelled;

/// The whole report.
pub(crate) fn report(report: &IdentityReplayReport) -> String {
    let IdentityReplayReport { since, oldest, records, identities, same, changed, left_out, changes, .. } = report;
    let looked_at = format!("{} of {}", number(*records, "record"), number(*identities, "SPIFFE ID"));
    let from = match oldest {
        Some(oldest) => format!("since {}, the oldest {}", Inert(since), Inert(oldest)),
        None => format!("since {}", Inert(since)),
    };
    let mut out = labelled("recorded", &format!("{looked_at}   {from}"));
    if *identities > 0 {
        let verb = if *same == 1 { "stays" } else { "stay" };
        out.push_str(&labelled("", &format!("{same} {verb} as now, {changed} would change")));
    }
    out.extend(told_left_out(left_out).iter().map(|line| labelled("", line)));
    out.extend(changes.iter().map(identity));
    let ways = changes.iter().map(|changed| &changed.spiffe_id).collect::<std::collections::BTreeSet<_>>().len() as u64;
    if ways < *changed {
        out.push_str(&format!("  {} more, shown with a larger --top\n", changed - ways));
    }
    out
}

fn told_left_out(left_out: &IdentitiesLeftOut) -> Vec<String> {
    let IdentitiesLeftOut { erased, minted, too_many, oldest } = left_out;
    let mut lines = Vec::new();
    if *minted > 0 {
        lines.push(format!("{} left out: an operator minted for a test", number(*minted, "record")));
    }
    if *erased > 0 {
        lines.push(format!("{} left out: their values were erased", number(*erased, "record")));
    }
    if *too_many > 0 {
        lines.push(format!("{} left out: too many different SPIFFE IDs", number(*too_many, "record")));
    }
    if *oldest {
        lines.push("the oldest records of the period left out: there are too many; name a shorter one".to_owned());
    }
    lines
}

fn identity(changed: &ReplayedIdentity) -> String {
    let ReplayedIdentity { spiffe_id, change, before, after, records, last, decision } = changed;
    let sign = match change {
        IdentityChange::Renamed => '~',
        IdentityChange::Refused => '-',
        IdentityChange::Admitted => '+',
        IdentityChange::Unknown => '?',
    };
    let mut out = format!("{sign} {}   {records}x   last {} {}\n", Inert(spiffe_id), Inert(last), Inert(decision));
    if before.spiffe_id.as_ref() != Some(spiffe_id) {
        out.push_str(&format!("    now      {}\n", verdict(before)));
    }
    out.push_str(&format!("    after    {}\n", verdict(after)));
    out
}

fn verdict(verdict: &IdentityVerdict) -> String {
    let IdentityVerdict { spiffe_id, reason, summary, unknown_claim } = verdict;
    let text = match (spiffe_id, reason, unknown_claim) {
        (Some(id), ..) => id.clone(),
        (None, Some(reason), _) => format!("refused   {reason}   {}", summary.as_deref().unwrap_or_default()),
        (None, None, Some(claim)) => format!("unknown: policy reads `{claim}`, whose value its records do not have"),
        (None, None, None) => "unknown".to_owned(),
    };
    Inert(&text).to_string()
}

fn number(number: u64, what: &str) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> IdentityReplayReport {
        let id = |id: &str| IdentityVerdict { spiffe_id: Some(id.to_owned()), ..IdentityVerdict::default() };
        let changed = |change, before: IdentityVerdict, after: IdentityVerdict| ReplayedIdentity {
            spiffe_id: "spiffe://example.org/build/77".to_owned(),
            change,
            before,
            after,
            records: 3,
            last: "2026-11-21T10:05:43Z".to_owned(),
            decision: "dec_5f2c".to_owned(),
        };
        let refused = IdentityVerdict {
            reason: Some("claims-required".to_owned()),
            summary: Some("allowedIssuers[0]: `ref` is `dev`, expected `main`".to_owned()),
            ..IdentityVerdict::default()
        };
        let unknown = IdentityVerdict { unknown_claim: Some("ref".to_owned()), ..IdentityVerdict::default() };
        let now = "spiffe://example.org/build/77";
        IdentityReplayReport {
            cluster: "build".to_owned(),
            since: "2026-11-14T10:05:43Z".to_owned(),
            until: "2026-11-21T10:05:43Z".to_owned(),
            oldest: Some("2026-11-20T10:05:43Z".to_owned()),
            records: 52,
            identities: 14,
            same: 12,
            changed: 2,
            left_out: IdentitiesLeftOut { erased: 3, minted: 1, ..IdentitiesLeftOut::default() },
            changes: vec![
                changed(IdentityChange::Renamed, id(now), id("spiffe://example.org/build/p/77")),
                changed(IdentityChange::Refused, id("spiffe://example.org/other/77"), refused.clone()),
                changed(IdentityChange::Unknown, refused, unknown),
            ],
            sequence: 7,
        }
    }

    #[test]
    fn a_report_says_how_many_then_which() {
        let line = "spiffe://example.org/build/77   3x   last 2026-11-21T10:05:43Z dec_5f2c\n";
        assert_eq!(
            report(&example()),
            format!(
                "\
recorded 52 records of 14 SPIFFE IDs   since 2026-11-14T10:05:43Z, the oldest 2026-11-20T10:05:43Z
         12 stay as now, 2 would change
         1 record left out: an operator minted for a test
         3 records left out: their values were erased
~ {line}    after    spiffe://example.org/build/p/77
- {line}    now      spiffe://example.org/other/77
    after    refused   claims-required   allowedIssuers[0]: `ref` is `dev`, expected `main`
? {line}    now      refused   claims-required   allowedIssuers[0]: `ref` is `dev`, expected `main`
    after    unknown: policy reads `ref`, whose value its records do not have
  1 more, shown with a larger --top
"
            )
        );
    }

    /// L24: what was recorded forges no line.
    #[test]
    fn a_report_is_inert() {
        let mut report = example();
        report.changes[0].spiffe_id = "x\n+ forged\u{1b}[2J\u{202e}".to_owned();
        report.changes[1].after.summary = Some("y\n+ forged".to_owned());
        let text = super::report(&report);
        assert!(!text.chars().any(|c| c != '\n' && accredit_id::shown::is_deceptive(c)), "{text}");
        assert!(!text.contains("\n+ forged"), "{text}");
    }
}
