//! Each line of the log has a name, and the page that lists them has each name.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests fail by panicking and read files"
)]

use std::collections::BTreeSet;
use std::path::Path;

use regex::Regex;

#[test]
fn every_line_is_named_and_told_of() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut sources = Vec::new();
    for name in ["accredit", "accredit-server", "accredit-store"] {
        collect(&crates.join(name).join("src"), &mut sources);
    }
    let line = Regex::new(r#"tracing::(info|warn|error|debug|trace)!\(\s*(?:event = "([a-z-]+)")?"#).unwrap();
    let mut written = BTreeSet::new();
    for source in sources {
        for found in line.captures_iter(&std::fs::read_to_string(&source).unwrap()) {
            let shown = source.display();
            let name = found.get(2).unwrap_or_else(|| panic!("{shown}: a line does not begin with `event = \"NAME\"`"));
            written.insert((name.as_str().to_owned(), found[1].to_owned()));
        }
    }
    let page = std::fs::read_to_string(crates.join("../docs/operations/logs.md")).unwrap();
    let rows = page.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
        let level = rest.split(' ').next().filter(|level| ["info", "warn", "error", "debug"].contains(level))?;
        Some((name.to_owned(), level.to_owned()))
    });
    let told: Vec<_> = rows.collect();
    assert!(told.is_sorted(), "rows of docs/operations/logs.md are sorted by name");
    let told = BTreeSet::from_iter(told);
    assert!(written.len() > 30);
    assert_eq!(
        written.difference(&told).collect::<Vec<_>>(),
        Vec::<&_>::new(),
        "lines without a row in docs/operations/logs.md"
    );
    assert_eq!(
        told.difference(&written).collect::<Vec<_>>(),
        Vec::<&_>::new(),
        "rows in docs/operations/logs.md without a line"
    );
}

fn collect(folder: &Path, sources: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        match path.is_dir() {
            true => collect(&path, sources),
            false if path.extension().is_some_and(|extension| extension == "rs") => sources.push(path),
            false => {}
        }
    }
}
