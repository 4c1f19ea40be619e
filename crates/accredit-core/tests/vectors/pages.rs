//! Pages that repeat what the code says: the kinds of providers and the rules of the linter.

use accredit_core::decide::access::{InRealm, Rights, Subject, Verb};
use accredit_core::lint::{RULES, Severity};
use accredit_core::model::{AdminRole, Id, Kind, Realm, yaml};
use accredit_core::providers::{KINDS, ProviderKind, SHARED_ISSUERS, SharedIssuer, Standing};

use crate::stage::{Stage, told};

#[test]
fn every_kind_has_a_page_that_says_the_same() {
    let mut failures = Vec::new();
    for kind in KINDS {
        let page = crate::text(&crate::repository(&format!("docs/providers/{}.md", kind.name)));
        failures.extend(
            about_the_kind(kind, &page)
                .into_iter()
                .map(|problem| format!("docs/providers/{}.md: {problem}", kind.name)),
        );
        failures.extend(examples(&page).err().map(|problem| format!("docs/providers/{}.md: {problem}", kind.name)));
    }
    crate::settle(KINDS.len(), &failures);
}

/// The public issuers that the generic kind knows to be shared.
#[test]
fn shared_issuers_stand_on_the_page_of_their_kind() {
    let page = crate::text(&crate::repository("docs/providers/oidc.md"));
    let rows = section(&page, "Tenancy");
    let claims =
        |shared: &SharedIssuer| shared.tenancy.iter().map(|claim| format!("`{claim}`")).collect::<Vec<_>>().join(", ");
    let row = |shared: &SharedIssuer| vec![format!("`{}`", shared.issuer), shared.platform.to_owned(), claims(shared)];
    assert_eq!(rows, SHARED_ISSUERS.iter().map(row).collect::<Vec<_>>());
}

#[test]
fn every_rule_stands_in_the_reference() {
    let page = crate::text(&crate::repository("docs/reference/lint-rules.md"));
    let rows = rows(&page);
    let mut expected = Vec::new();
    for rule in RULES {
        let severity = match rule.severity {
            Severity::Error => "error",
            Severity::Note => "note",
            Severity::Warning => "warning",
        };
        let first = rule.sentence[..1].to_uppercase() + &rule.sentence[1..];
        let section = format!("## `{}`\n\n{first}.\n", rule.id);
        assert!(page.contains(&section), "page lacks the section\n{section}");
        expected.push(vec![format!("[`{}`](#{})", rule.id, rule.id), severity.to_owned(), rule.sentence.to_owned()]);
    }
    assert_eq!(rows, expected);
    assert_eq!(page.matches("\n## `").count(), RULES.len(), "page describes a rule that does not exist");
    examples(&page).unwrap_or_else(|problem| panic!("{problem}"));
}

/// The roles as the guide tells them, against what the decision says of each.
#[test]
fn the_guide_tells_the_rights_that_there_are() {
    let guide = crate::text(&crate::repository("docs/guides/administration.md"));
    let rows = section(&guide, "Roles");
    let mut expected = Vec::new();
    for kind in Kind::ALL {
        let noun = kind.noun();
        let (projects, realms) = ([Whose::Project(1), Whose::Project(2)], [Whose::Realm(1), Whose::Realm(2)]);
        let mut row = |name: String, owners: &[Whose]| {
            let cells = AdminRole::ALL.map(|role| right(role, kind, owners));
            expected.push([vec![name], cells.to_vec()].concat());
        };
        match kind {
            Kind::Provider => {
                row(format!("`{noun}` of the server"), &[Whose::Server]);
                row(format!("`{noun}` of a project"), &projects);
            }
            Kind::Federation | Kind::CiCdProfile => row(format!("`{noun}`"), &[Whose::Server]),
            Kind::TrustDomain | Kind::Cluster => row(format!("`{noun}`"), &realms),
            Kind::Administrator => row(format!("`{noun}`"), &[projects, realms].concat()),
            _ => row(format!("`{noun}`"), &projects),
        }
    }
    let mint = |role: AdminRole| {
        let may = |whose: &Whose| may(role, Verb::Mint, Kind::Cluster, *whose);
        match [Whose::Realm(1), Whose::Realm(2)].each_ref().map(may) {
            [true, true] => "mints",
            [true, _] => "mints in its own",
            _ => "",
        }
        .to_owned()
    };
    expected.push([vec!["SVIDs in a `cluster`".to_owned()], AdminRole::ALL.map(mint).to_vec()].concat());
    assert_eq!(rows, expected);
}

/// Whose a resource is: the server's, a project's, or a realm's. The first of each is one's own.
#[derive(Clone, Copy)]
enum Whose {
    Server,
    Project(u8),
    Realm(u8),
}

fn subject(kind: Kind, whose: Whose) -> Subject<'static> {
    match whose {
        Whose::Server => Subject::new(kind, None),
        Whose::Project(number) => Subject::new(kind, Some(project(number))),
        Whose::Realm(number) => {
            let realm = Some(InRealm { trust_domain: domain(number), name: "pay" });
            Subject { realm, id: (kind == Kind::TrustDomain).then(|| domain(number)), ..Subject::new(kind, None) }
        }
    }
}

fn project(number: u8) -> Id {
    Id::new(Kind::Project, [number; 16])
}

fn domain(number: u8) -> Id {
    Id::new(Kind::TrustDomain, [number; 16])
}

/// Whether a role, in project or realm 1 if it has one, allows something.
fn may(role: AdminRole, verb: Verb, kind: Kind, whose: Whose) -> bool {
    let realm = Realm { trust_domain: domain(1), name: "pay".into() };
    let rights = Rights::of(role, role.is_of_project().then(|| project(1)), Some(realm).filter(|_| role.is_of_realm()));
    rights.may(verb, &subject(kind, whose)).is_ok()
}

/// What a role may do with a kind's resources of these owners: its own and another's.
fn right(role: AdminRole, kind: Kind, owners: &[Whose]) -> String {
    let all = |verb| owners.iter().all(|owner| may(role, verb, kind, *owner));
    let any = |verb| owners.iter().any(|owner| may(role, verb, kind, *owner));
    match (all(Verb::Write), any(Verb::Write), all(Verb::Read), any(Verb::Read)) {
        (true, ..) => "writes",
        (_, true, ..) => "writes its own",
        (_, _, true, _) => "reads",
        (_, _, _, true) => "reads its own",
        _ => "",
    }
    .to_owned()
}

fn about_the_kind(kind: &ProviderKind, page: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let mut must_say = |sentence: String| {
        if !page.contains(&sentence) {
            problems.push(format!("does not say: {sentence}"));
        }
    };
    must_say(format!("# `{}`: {}\n", kind.name, kind.sentence));
    for section in ["## Claims", "## Tenancy", "## Subjects", "## Dangers", "## Starter", "## Examples"] {
        must_say(format!("\n{section}\n"));
    }
    kind.dangers.iter().for_each(|danger| must_say(format!("- {danger}\n")));
    kind.subject.formats.iter().for_each(|format| must_say(format!("| {} |", format.name)));
    let tenancy: Vec<_> = kind.tenancy.iter().map(|claim| format!("`{claim}`")).collect();
    if !tenancy.is_empty() {
        must_say(format!("one of {}", tenancy.join(", ")));
    }
    if let Some(issuer) = kind.default_issuer {
        must_say(format!("`{issuer}`"));
    }
    kind.default_audiences.iter().for_each(|audience| must_say(format!("`{audience}`")));
    let attributes: Vec<Vec<String>> = kind
        .attributes
        .iter()
        .map(|fact| {
            vec![format!("`x.{}`", fact.name), standing(fact.standing).to_owned(), format!("`{}`", fact.expression)]
        })
        .collect();
    if section(page, "Attributes") != attributes {
        problems.push(format!("table of attributes is not {attributes:?}"));
    }
    let claims: Vec<Vec<String>> = kind
        .claims
        .iter()
        .map(|fact| {
            vec![format!("`{}`", fact.name), standing(fact.standing).to_owned(), recorded(fact.audited).to_owned()]
        })
        .collect();
    let table = section(page, "Claims");
    let table: Vec<Vec<String>> = table.into_iter().map(|row| row.into_iter().take(3).collect()).collect();
    for claim in claims.iter().filter(|claim| !table.contains(claim)) {
        problems.push(format!("table of claims lacks {claim:?}"));
    }
    for row in table.iter().filter(|row| !claims.contains(row)) {
        problems.push(format!("table of claims has {row:?}, which the code does not"));
    }
    problems
}

const fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Chosen => "chosen",
        Standing::Circumstance => "circumstance",
        Standing::Permanent => "permanent",
        Standing::Reassignable => "reassignable",
    }
}

const fn recorded(audited: bool) -> &'static str {
    if audited { "yes" } else { "no" }
}

/// The rows of a section's tables.
fn section(page: &str, title: &str) -> Vec<Vec<String>> {
    page.split("\n## ").find(|section| section.starts_with(&format!("{title}\n"))).map(rows).unwrap_or_default()
}

/// The cells of the rows of a page's tables, headings left out.
fn rows(text: &str) -> Vec<Vec<String>> {
    let lines: Vec<&str> = text.lines().collect();
    let is_row = |line: &str| line.starts_with('|');
    let is_body = |place: &usize| {
        is_row(lines[*place])
            && !lines[*place].contains("---")
            && !lines.get(place + 1).is_some_and(|next| next.contains("|---"))
    };
    let cells = |line: &str| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
    (0..lines.len()).filter(is_body).map(|place| cells(lines[place])).collect()
}

/// Whoever copies the examples of a page, one after the other, gets what works.
fn examples(page: &str) -> Result<(), String> {
    let blocks: Vec<&str> = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("\n```").next()).collect();
    if blocks.is_empty() {
        return Err("has no example".to_owned());
    }
    let mut stage = Stage::empty(1);
    for block in blocks {
        let located = yaml::parse("example", block).map_err(|faults| format!("{faults:?} in\n{block}"))?;
        let documents: Vec<_> = located.into_iter().map(|located| located.document).collect();
        let plan = stage.plan(&documents, false).map_err(|faults| format!("{} in\n{block}", told(&faults.0)))?;
        stage.world = plan.next;
    }
    Ok(())
}
