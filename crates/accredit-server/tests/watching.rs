//! What is shipped for whoever watches servers, against the page that lists what they say.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests fail by panicking and read files"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use regex::Regex;
use serde_json::Value;

/// Every metric that the rules and the dashboard name is on the page, and every label that they choose by is one of it.
#[test]
fn rules_and_dashboard_name_what_there_is() {
    let page = metrics();
    let rules = read("deploy/prometheus/accredit-rules.yaml");
    let tests = read("deploy/prometheus/accredit-rules-test.yaml");
    let dashboard = expressions(&dashboard()).join("\n");
    let named = Regex::new(r"\b((?:accredit|process)_[a-z_]+)(\{[^{}]*\})?").unwrap();
    let chosen = Regex::new(r#"([a-z_]+)(?:=~|!=|!~|=)""#).unwrap();
    for (file, text) in [("rules", rules), ("tests of the rules", tests), ("dashboard", dashboard)] {
        let mut count = 0;
        for found in named.captures_iter(&text) {
            let labels = labels_of(&page, &found[1]);
            let labels =
                labels.unwrap_or_else(|| panic!("{file}: `{}` is not in docs/reference/metrics.md", &found[1]));
            count += 1;
            for label in chosen.captures_iter(found.get(2).map_or("", |found| found.as_str())) {
                let is_known = matches!(&label[1], "job" | "instance" | "le") || labels.contains(&label[1]);
                assert!(is_known, "{file}: `{}` has no label `{}`", &found[1], &label[1]);
            }
        }
        assert!(count > 20, "{file}: only {count} metrics were found");
    }
}

/// Each alert has a row on the page that tells what to do, a test, and the two texts that it is shown with.
#[test]
fn every_alert_is_told_of_and_tested() {
    let (rules, tests) =
        (read("deploy/prometheus/accredit-rules.yaml"), read("deploy/prometheus/accredit-rules-test.yaml"));
    let told = read("docs/operations/metrics.md");
    let alerts: BTreeSet<_> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() > 15, "{alerts:?}");
    for alert in &alerts {
        assert!(told.contains(&format!("| `{alert}` |")), "`{alert}` is not in docs/operations/metrics.md");
        assert!(tests.contains(alert), "`{alert}` has no test");
    }
    for what in ["summary: ", "description: ", "{severity: "] {
        assert_eq!(rules.matches(what).count(), alerts.len(), "{what}");
    }
    let rows = told.lines().filter_map(|line| line.strip_prefix("| `Accredit")?.split('`').next());
    for row in rows {
        assert!(alerts.contains(format!("Accredit{row}").as_str()), "`Accredit{row}` is told of and not there");
    }
}

/// Each code of the store and of backups has a row on the page that tells what to do, and each row is of a code.
#[test]
fn every_code_is_told_of() {
    let sources = [
        "crates/accredit-store/src/error.rs",
        "crates/accredit-store/src/archive/fault.rs",
        "crates/accredit-server/src/moving.rs",
        "crates/accredit-server/src/backup.rs",
    ];
    let (page, code) =
        (read("docs/operations/failures.md"), Regex::new(r#"=> (?:Some\()?"((?:store|backup)-[a-z-]+)""#).unwrap());
    let there: BTreeSet<_> = sources
        .iter()
        .flat_map(|source| code.captures_iter(&read(source)).map(|found| found[1].to_owned()).collect::<Vec<_>>())
        .collect();
    assert!(there.len() > 25, "{there:?}");
    let cell = Regex::new(r"`((?:store|backup)-[a-z-]+)`").unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `")).filter_map(|line| line.split('|').nth(1));
    let told: BTreeSet<_> =
        rows.flat_map(|row| cell.captures_iter(row).map(|found| found[1].to_owned()).collect::<Vec<_>>()).collect();
    assert_eq!(there, told);
}

/// What Grafana would stumble over when it loads the dashboard: ids that stand twice, panels over one another or beyond the
/// grid, queries without a source or with the same name, variables that nothing defines.
#[test]
fn the_dashboard_is_one() {
    let dashboard = dashboard();
    assert_eq!((&dashboard["uid"], &dashboard["title"]), (&Value::from("accredit"), &Value::from("Accredit")));
    assert!(dashboard["id"].is_null() && dashboard["schemaVersion"].as_u64() >= Some(36));
    let variables: BTreeSet<_> =
        dashboard["templating"]["list"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    let used = Regex::new(r"\$\{?([a-z_]+)").unwrap();
    for found in used.captures_iter(&dashboard.to_string()) {
        assert!(variables.contains(&found[1]) || found[1].starts_with("__"), "nothing defines `${}`", &found[1]);
    }
    let (mut ids, mut cells, mut titles) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let panels = dashboard["panels"].as_array().unwrap();
    assert!(panels.len() > 20);
    for panel in panels {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()) && titles.insert(title), "{title} stands twice");
        let kind = panel["type"].as_str().unwrap();
        assert!(["row", "stat", "table", "timeseries"].contains(&kind), "{title}: {kind}");
        let place = |side: &str| panel["gridPos"][side].as_u64().unwrap();
        assert!(place("x") + place("w") <= 24 && place("h") > 0, "{title} is beyond the grid");
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(cells.insert((x, y)), "{title} lies over another panel");
            }
        }
        if kind == "row" {
            continue;
        }
        assert!(!panel["description"].as_str().unwrap().is_empty(), "{title}");
        let mut names = BTreeSet::new();
        for target in panel["targets"].as_array().unwrap() {
            assert!(names.insert(target["refId"].as_str().unwrap()), "{title}");
            for datasource in [&panel["datasource"], &target["datasource"]] {
                assert_eq!(datasource["uid"], "${datasource}", "{title}");
            }
        }
        assert!(!names.is_empty(), "{title} asks nothing");
    }
}

/// The labels of a metric, or of one of the series of a histogram.
fn labels_of<'p>(page: &'p BTreeMap<String, (String, BTreeSet<String>)>, name: &str) -> Option<&'p BTreeSet<String>> {
    let of_histogram = || {
        let name = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix))?;
        page.get(name).filter(|(shape, _)| shape == "histogram")
    };
    page.get(name).or_else(of_histogram).map(|(_, labels)| labels)
}

/// Metrics on the reference page: kind and labels by name.
fn metrics() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let page = read("docs/reference/metrics.md");
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<_> = line.strip_prefix("| `")?.split('|').map(str::trim).collect();
        let [name, shape, labels, ..] = cells.as_slice() else { return None };
        let labels = labels.split(',').map(|label| label.trim().trim_matches('`').to_owned());
        Some((name.trim_end_matches('`').to_owned(), ((*shape).to_owned(), labels.collect())))
    });
    rows.collect()
}

fn expressions(dashboard: &Value) -> Vec<String> {
    let targets = dashboard["panels"].as_array().unwrap().iter().flat_map(|panel| panel["targets"].as_array());
    let asked = targets.flatten().map(|target| target["expr"].as_str().unwrap().to_owned());
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    asked.chain(variables.iter().filter_map(|one| one["query"]["query"].as_str().map(str::to_owned))).collect()
}

fn dashboard() -> Value {
    serde_json::from_str(&read("deploy/grafana/accredit.json")).unwrap()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)).unwrap()
}
