//! What every file and member keeps to, as far as it can be seen cheaply.

use std::collections::BTreeSet;

use crate::checkout::Checkout;
use crate::fault::Fault;
use crate::files;
use crate::metadata::Package;
use crate::rust_files::{self, RustFile};
use crate::source::Source;

/// Lines of code in a file, tests, comments and blank lines not counted. A file that needs more holds two ideas.
const MOST_LINES: usize = 400;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] =
    &["common", "commons", "helper", "helpers", "manager", "managers", "misc", "util", "utils", "utility"];

/// Folders whose Rust is held to the limit, and whose names are looked at.
const ROOMS: &[&str] = &["crates", "bench", "fuzz", "xtask"];

pub(super) fn violations(checkout: &Checkout, packages: &[Package]) -> Result<Vec<String>, Fault> {
    let mut found = Vec::new();
    found.extend(rust_files::read(checkout, ROOMS)?.iter().filter_map(too_long));
    let mut names = BTreeSet::new();
    for folder in ROOMS.iter().chain(&["tests"]) {
        for path in files::under(&checkout.root().join(folder))? {
            names.extend(empty_name(&files::relative(checkout.root(), &path)));
        }
    }
    found.extend(names.into_iter().map(|name| format!("`{name}` says nothing about what is inside; name the idea")));
    for package in packages {
        if !inherits_lints(&files::text(&package.manifest)?) {
            found.push(format!("`{}` leaves the workspace's lints; add `[lints] workspace = true`", package.name));
        }
    }
    if !forbids_unsafe(&files::text(&checkout.root().join("Cargo.toml"))?) {
        found.push("Cargo.toml does not say `unsafe_code = \"forbid\"` for the workspace".to_owned());
    }
    Ok(found)
}

fn too_long(file: &RustFile) -> Option<String> {
    let lines = if file.is_test { 0 } else { Source::read(&file.text).code_lines() };
    let say = || format!("`{}` has {lines} lines of code, at most {MOST_LINES}: it holds two ideas", file.name);
    (lines > MOST_LINES).then(say)
}

/// The path up to and with the first part whose name is empty of meaning.
fn empty_name(path: &str) -> Option<String> {
    let mut end = 0;
    for part in path.split('/') {
        end += part.len();
        let stem = part.split('.').next().unwrap_or(part);
        if EMPTY_NAMES.contains(&stem.to_ascii_lowercase().as_str()) {
            return Some(path[..end].to_owned());
        }
        end += 1;
    }
    None
}

fn inherits_lints(manifest: &str) -> bool {
    says(manifest, "[lints]", "workspace = true")
}

fn forbids_unsafe(manifest: &str) -> bool {
    says(manifest, "[workspace.lints.rust]", "unsafe_code = \"forbid\"")
}

/// Whether the table holds the line, spaces aside.
fn says(manifest: &str, table: &str, line: &str) -> bool {
    let wanted = line.replace(' ', "");
    manifest
        .lines()
        .skip_while(|line| line.trim() != table)
        .skip(1)
        .take_while(|line| !line.trim_start().starts_with('['))
        .any(|line| line.split('#').next().unwrap_or(line).replace(' ', "").trim() == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_over_the_limit_is_named_tests_aside() {
        let file = |text: String, is_test| RustFile { name: "crates/a/src/b.rs".to_owned(), text, is_test };
        let code = |lines: usize| "fn a() {}\n".repeat(lines);
        assert_eq!(too_long(&file(code(400), false)), None);
        let said = "`crates/a/src/b.rs` has 401 lines of code, at most 400: it holds two ideas";
        assert_eq!(too_long(&file(code(401), false)).as_deref(), Some(said));
        assert_eq!(too_long(&file(code(401), true)), None);
        let half = format!("{}// why\n\n#[cfg(test)]\nmod tests {{\n{}}}\n", code(399), code(300));
        assert_eq!(too_long(&file(half, false)), None);
    }

    #[test]
    fn names_without_meaning_are_found_in_folders_and_files() {
        assert_eq!(empty_name("crates/a/src/util/time.rs").as_deref(), Some("crates/a/src/util"));
        assert_eq!(empty_name("crates/a/src/helpers.rs").as_deref(), Some("crates/a/src/helpers.rs"));
        assert_eq!(empty_name("tests/interop/Common.py").as_deref(), Some("tests/interop/Common.py"));
        assert_eq!(empty_name("crates/a/src/utilization.rs"), None);
    }

    #[test]
    fn lints_must_be_inherited_and_unsafe_code_forbidden() {
        assert!(inherits_lints("[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n"));
        assert!(!inherits_lints("[dependencies]\nworkspace = true\n[lints]\n[features]\nworkspace = true\n"));
        assert!(!inherits_lints("[lints]\n# workspace = true\n"));
        assert!(forbids_unsafe("[workspace.lints.rust]\nunsafe_code = \"forbid\" # always\n"));
        assert!(!forbids_unsafe("[workspace.lints.rust]\nunsafe_code = \"deny\"\n"));
    }
}
