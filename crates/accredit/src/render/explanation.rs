//! A decision as its operator reads it: the verdict first, then why, then what would mend it.

use accredit_api::admin::{Clause, Considered, Explanation, NearMiss, Outcome, Verdict};
use accredit_client::inert::Inert;
use accredit_core::model::Lifetime;

use super::{changes, identity, yaml};

/// The whole explanation.
pub(crate) fn explanation(explanation: &Explanation) -> String {
    let mut out = headline(explanation);
    // The summary may be the nearest mapping's first clause, which has a line of its own below.
    let repeated = |mapping: &Considered| explanation.summary.starts_with(&format!("mapping `{}`: ", mapping.mapping));
    if !explanation.considered.iter().any(repeated) {
        out.push_str(&labelled("", &Inert(&explanation.summary).to_string()));
    }
    // Which mapping allowed it stands in the summary already, unless the question was about all of them.
    if let Some(ranked) = explanation.ranked {
        let told = explanation.considered.len();
        out.push_str(&labelled("", &format!("the nearest {told} of {ranked} mappings")));
    }
    let shown = explanation.ranked.map_or(SHOWN, |_| usize::MAX);
    if explanation.verdict == Verdict::Deny || explanation.ranked.is_some() {
        for line in fared(&explanation.considered, shown) {
            out.push_str(&labelled("", &line));
        }
    }
    // What an allowing mapping says of keys and actors is not in the headline.
    if explanation.verdict == Verdict::Allow && explanation.ranked.is_none() {
        let allowing = explanation.considered.iter().filter(|mapping| mapping.matched && mapping.bound.is_some());
        for mapping in allowing {
            out.push_str(&labelled("", &format!("{}{}", Inert(&mapping.mapping), bound(mapping))));
        }
    }
    for line in pinned(explanation) {
        out.push_str(&labelled("", &line));
    }
    if let Some(shown) = &explanation.identity {
        out.push_str(&identity::lines(shown));
    }
    if let Some(hint) = &explanation.hint {
        out.push_str(&labelled("", &format!("hint: {}", Inert(hint))));
    }
    if let Some(fix) = &explanation.fix {
        out.push_str("fix:\n");
        out.push_str(&changes::indented(fix, 2));
    }
    out.push_str(&labelled("asked", &asked(explanation)));
    // A token that could not be read has none.
    if !explanation.claims.is_empty() {
        out.push_str(&labelled("claims", standing(&explanation.standing)));
    }
    for (name, value) in &explanation.claims {
        out.push_str(&labelled("", &format!("{}: {}", Inert(name), yaml::inline(value))));
    }
    if let Some(actor) = &explanation.actor {
        out.push_str(&labelled("actor", &format!("of provider {}", Inert(&actor.provider))));
        for (name, value) in &actor.claims {
            out.push_str(&labelled("", &format!("{}: {}", Inert(name), yaml::inline(value))));
        }
    }
    out
}

/// The verdict in one line: `denied   no-mapping-matched   dec_...`.
pub(crate) fn headline(explanation: &Explanation) -> String {
    let mut parts = Vec::new();
    match explanation.verdict {
        Verdict::Allow => {
            parts.extend(explanation.service_account.clone());
            parts.extend(explanation.spiffe_id.clone());
            parts.extend(explanation.api.clone());
            parts.push(explanation.permissions.join(" "));
            parts.extend(explanation.lifetime.map(lifetime));
        }
        Verdict::Deny => parts.extend(explanation.reason.clone()),
    }
    parts.extend(explanation.decision.clone());
    parts.retain(|part| !part.is_empty());
    let label = match explanation.verdict {
        Verdict::Allow => "allowed",
        Verdict::Deny => "denied",
    };
    labelled(label, &Inert(&parts.join("   ")).to_string())
}

/// How each mapping fared, a line for each clause that does not hold.
pub(crate) fn considered(considered: &[Considered]) -> Vec<String> {
    fared(considered, SHOWN)
}

fn fared(considered: &[Considered], most: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for mapping in considered.iter().take(most) {
        let mut name = Inert(&mapping.mapping).to_string();
        if let Some(provider) = &mapping.provider {
            name.push_str(&format!(" ({})", Inert(provider)));
        }
        if mapping.disabled {
            name.push_str(" (disabled)");
        }
        let held_against = |clause: &&Clause| clause.outcome != Outcome::Held;
        let fallen: Vec<_> = mapping.clauses.iter().filter(held_against).collect();
        match (mapping.matched, fallen.is_empty()) {
            (true, _) => lines.push(format!("{name}: matches{}", bound(mapping))),
            (false, true) => lines.push(format!("{name}: does not match")),
            (false, false) => lines.extend(fallen.into_iter().map(|fallen| format!("{name}: {}", clause(fallen)))),
        }
        for actor in &mapping.actors {
            let provider = Inert(&actor.provider);
            let fallen: Vec<_> = actor.clauses.iter().filter(held_against).collect();
            match (actor.matched, fallen.is_empty()) {
                (true, _) => lines.push(format!("{name}: actor of {provider}: may act")),
                (false, true) => lines.push(format!("{name}: actor of {provider}: is of another provider")),
                (false, false) => lines.extend(
                    fallen.into_iter().map(|fallen| format!("{name}: actor of {provider}: {}", clause(fallen))),
                ),
            }
        }
    }
    if considered.len() > most {
        lines.push(format!("{} more mappings, all of them with -o json", considered.len() - most));
    }
    lines
}

/// What its tokens must be bound to, which is no clause.
fn bound(mapping: &Considered) -> String {
    let kind = |bound: &str| match bound {
        "dpop" => "; its tokens must be bound to the key of a DPoP proof",
        "mtls" => "; its tokens must be bound to a client certificate",
        _ => "; its tokens must be bound, to the key of a DPoP proof or to a client certificate",
    };
    mapping.bound.as_deref().map(kind).unwrap_or_default().to_owned()
}

/// What an allowed name is pinned to, which nobody wrote down.
fn pinned(explanation: &Explanation) -> Vec<String> {
    let allowing =
        explanation.considered.iter().filter(|mapping| explanation.verdict == Verdict::Allow && mapping.matched);
    let pinned = allowing.flat_map(|mapping| mapping.clauses.iter().filter(|clause| clause.pinned));
    let line = |clause: &Clause| {
        let to = clause.expected.as_deref().unwrap_or_default();
        format!("`{}` is pinned to {} since its name was first used", Inert(&clause.clause), Inert(to))
    };
    pinned.map(line).collect()
}

/// One clause in words: seen, expected, and how near it was.
pub(super) fn clause(clause: &Clause) -> String {
    let Clause { clause, outcome, seen, expected, near, pinned } = clause;
    let name = Inert(clause);
    let seen = seen.as_deref().map(Inert);
    let expected = expected
        .as_deref()
        .map(|text| format!(", {} {}", if *pinned { "pinned to" } else { "expected" }, Inert(text)))
        .unwrap_or_default();
    let near = near.map(|near| format!(": {}", nearness(near))).unwrap_or_default();
    match (outcome, seen) {
        (Outcome::NotRecorded, _) => format!("`{name}` is not in the record{expected}"),
        (Outcome::Error, Some(seen)) => format!("`{name}` cannot be evaluated: {seen}"),
        (Outcome::Error, None) => format!("`{name}` cannot be evaluated"),
        (Outcome::Held, _) => format!("`{name}` holds"),
        (Outcome::Failed, Some(seen)) if expected.is_empty() => format!("`{name}` does not hold, saw {seen}{near}"),
        (Outcome::Failed, None) if expected.is_empty() => format!("`{name}` does not hold{near}"),
        (Outcome::Failed, Some(seen)) => format!("`{name}` is {seen}{expected}{near}"),
        (Outcome::Failed, None) => format!("`{name}` is absent{expected}{near}"),
    }
}

fn nearness(near: NearMiss) -> &'static str {
    match near {
        NearMiss::Case => "only case differs",
        NearMiss::SubjectFormat => "GitHub's classic and immutable subjects differ in form",
        NearMiss::TrailingSlash => "only a slash at the end differs",
        NearMiss::Type => "one is a number, the other a text",
        NearMiss::WhiteSpace => "only white space around it differs",
    }
}

fn asked(explanation: &Explanation) -> String {
    let Explanation { provider, service_account, api, cluster, at, sequence, .. } = explanation;
    let known = [("cluster", cluster), ("provider", provider), ("service account", service_account), ("api", api)];
    let mut parts: Vec<String> =
        known.into_iter().filter_map(|(label, name)| Some(format!("{label} {}", Inert(name.as_deref()?)))).collect();
    parts.push(Inert(at).to_string());
    parts.push(format!("sequence {sequence}"));
    parts.join("   ")
}

/// Who vouches for the claims.
fn standing(standing: &str) -> &str {
    match standing {
        "key-not-cached" => "key-not-cached: the provider's key is not at hand, nobody vouches for them",
        "typed-in" => "typed-in: nobody vouches for them",
        other => other,
    }
}

pub(super) fn lifetime(seconds: u64) -> String {
    Lifetime::from_secs(u32::try_from(seconds).unwrap_or(u32::MAX)).to_string()
}

/// A line behind a label of eight columns. Only what is put together here comes in; values are inert already.
pub(crate) fn labelled(label: &str, text: &str) -> String {
    format!("{}\n", format!("{label:<8} {text}").trim_end())
}

/// How many mappings are shown before the rest is only counted.
const SHOWN: usize = 20;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn denied() -> Explanation {
        let clause = |clause: &str, outcome, seen: Option<&str>, expected: Option<&str>, near| Clause {
            clause: clause.to_owned(),
            outcome,
            seen: seen.map(str::to_owned),
            expected: expected.map(str::to_owned),
            near,
            pinned: false,
        };
        let main = Considered {
            mapping: "ci/web-main".to_owned(),
            id: "map_x".to_owned(),
            provider: None,
            disabled: false,
            matched: false,
            clauses: vec![
                clause("repository_id", Outcome::Held, Some("123"), Some("123"), None),
                clause("ref", Outcome::Failed, Some("refs/heads/dev"), Some("refs/heads/main or refs/tags/v*"), None),
                clause("repository", Outcome::Failed, Some("Acme/web"), Some("acme/web"), Some(NearMiss::Case)),
                clause("environment", Outcome::Failed, None, Some("prod"), None),
                clause("assertion.n > 1", Outcome::Error, Some("division by zero"), None, None),
                clause("assertion.ok", Outcome::Failed, Some("false"), None, None),
                clause("actor", Outcome::NotRecorded, None, Some("ada"), None),
            ],
            bound: None,
            actors: Vec::new(),
        };
        let other = Considered {
            mapping: "ci/web-all".to_owned(),
            id: "map_y".to_owned(),
            provider: None,
            disabled: false,
            matched: true,
            clauses: Vec::new(),
            bound: None,
            actors: Vec::new(),
        };
        Explanation {
            decision: Some("dec_5f2c".to_owned()),
            verdict: Verdict::Deny,
            reason: Some("no-mapping-matched".to_owned()),
            summary: "no mapping of provider `github` matches".to_owned(),
            hint: Some("run from main".to_owned()),
            at: "2026-11-21T10:05:43Z".to_owned(),
            standing: "typed-in".to_owned(),
            provider: Some("github".to_owned()),
            service_account: Some("ci/web".to_owned()),
            api: None,
            permissions: Vec::new(),
            lifetime: None,
            claims: json!({"ref": "refs/heads/dev"}).as_object().cloned().unwrap_or_default(),
            sequence: 7,
            considered: vec![main, other],
            cluster: None,
            spiffe_id: None,
            identity: None,
            ranked: None,
            fix: Some("kind: Mapping\nname: ci/web-main\n".to_owned()),
            actor: None,
        }
    }

    #[test]
    fn a_denial_says_seen_expected_and_fix() {
        assert_eq!(
            explanation(&denied()),
            "\
denied   no-mapping-matched   dec_5f2c
         no mapping of provider `github` matches
         ci/web-main: `ref` is refs/heads/dev, expected refs/heads/main or refs/tags/v*
         ci/web-main: `repository` is Acme/web, expected acme/web: only case differs
         ci/web-main: `environment` is absent, expected prod
         ci/web-main: `assertion.n > 1` cannot be evaluated: division by zero
         ci/web-main: `assertion.ok` does not hold, saw false
         ci/web-main: `actor` is not in the record, expected ada
         ci/web-all: matches
         hint: run from main
fix:
  kind: Mapping
  name: ci/web-main
asked    provider github   service account ci/web   2026-11-21T10:05:43Z   sequence 7
claims   typed-in: nobody vouches for them
         ref: refs/heads/dev
"
        );
    }

    #[test]
    fn an_allow_says_what_is_allowed() {
        let allowed = Explanation {
            verdict: Verdict::Allow,
            reason: None,
            api: Some("shop/payments".to_owned()),
            permissions: vec!["payments.read".to_owned(), "payments.write".to_owned()],
            lifetime: Some(900),
            ..denied()
        };
        assert_eq!(
            headline(&allowed),
            "allowed  ci/web   shop/payments   payments.read payments.write   15m   dec_5f2c\n"
        );
    }

    /// L24: a claim cannot repaint the screen or forge a line of the explanation.
    #[test]
    fn claims_are_inert() {
        let mut nasty = denied();
        nasty.considered[0].clauses[1].seen = Some("x\nallowed  all\u{1b}[2J\u{202e}".to_owned());
        nasty.considered[0].clauses[3].clause = "y\nallowed  all".to_owned();
        nasty.considered[0].clauses[3].expected = Some("z\nallowed  all".to_owned());
        nasty.considered[1].mapping = "m\nallowed  all".to_owned();
        nasty.hint = Some("h\nallowed  all".to_owned());
        nasty.provider = Some("p\nallowed  all".to_owned());
        nasty.reason = Some("r\nallowed  all".to_owned());
        nasty.fix = Some("f\u{1b}[2J\n".to_owned());
        nasty.claims.insert("a\nb".to_owned(), json!("\u{1b}]0;x\u{7}\nallowed"));
        nasty.summary = "s\ns".to_owned();
        let text = explanation(&nasty);
        assert!(text.contains(r"`ref` is x\nallowed  all\u{1b}[2J\u{202e}, expected"), "{text}");
        assert!(!text.chars().any(|c| c != '\n' && accredit_id::shown::is_deceptive(c)), "{text}");
        assert!(!text.lines().any(|line| line.starts_with("allowed")), "{text}");
    }

    #[test]
    fn a_flood_of_mappings_is_counted() {
        let mapping = denied().considered.remove(1);
        let lines = considered(&vec![mapping; 25]);
        assert_eq!((lines.len(), lines[20].as_str()), (21, "5 more mappings, all of them with -o json"));
    }
}
