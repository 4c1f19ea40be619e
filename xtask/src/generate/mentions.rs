//! Where the catalogue's cases are covered: in `case` fields of vectors, and anywhere in a test.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalogue;
use crate::checkout::Checkout;
use crate::fault::Fault;
use crate::files;
use crate::rust_files;
use crate::source::Source;

/// From a case's id to the files that cover it, relative to the checkout.
pub(super) type Mentions = BTreeMap<&'static str, BTreeSet<String>>;

/// Kinds of test files beside Rust.
const SCRIPTS: &[&str] = &["js", "json", "mjs", "py", "sh", "toml", "ts"];

/// Looks through vectors and tests. A vector whose `case` begins with an id that the catalogue lacks is a fault.
pub(super) fn read(checkout: &Checkout) -> Result<Mentions, Fault> {
    let mut mentions = Mentions::new();
    let mut covered = |file: &str, ids: Vec<String>| {
        for case in ids.iter().filter_map(|id| catalogue::case(id)) {
            mentions.entry(case.id).or_default().insert(file.to_owned());
        }
    };
    for path in files::under(&checkout.root().join("vectors"))? {
        let name = files::relative(checkout.root(), &path);
        let text = files::text(&path)?;
        for value in text.lines().filter_map(case_field) {
            let ids = ids(value);
            let unknown = ids.iter().find(|id| value.starts_with(id.as_str()) && catalogue::case(id).is_none());
            if let Some(id) = unknown {
                return Err(Fault::new(format!("`{name}`: the catalogue has no case `{id}`")));
            }
            covered(&name, ids);
        }
    }
    for file in rust_files::read(checkout, &["crates", "tests"])? {
        let source = Source::read(&file.text);
        let test_lines = source.lines.iter().filter(|line| file.is_test || line.is_test);
        covered(&file.name, test_lines.flat_map(|line| ids(line.text)).collect());
    }
    // A fuzz target is a test wherever it stands.
    for file in rust_files::read(checkout, &["fuzz"])? {
        covered(&file.name, ids(&file.text));
    }
    for path in files::under(&checkout.root().join("tests"))? {
        if path.extension().is_some_and(|extension| SCRIPTS.iter().any(|script| extension == *script)) {
            covered(&files::relative(checkout.root(), &path), ids(&files::text(&path)?));
        }
    }
    Ok(mentions)
}

/// The value of a `case` or `cases` field in a line of TOML, JSON, YAML, or of a comment in a transcript.
fn case_field(line: &str) -> Option<&str> {
    let (at, key) = ["cases", "case"].into_iter().find_map(|key| line.find(key).map(|at| (at, key)))?;
    let is_key = !line[..at].ends_with(|before: char| before.is_alphanumeric() || "_-.".contains(before));
    let after = line[at + key.len()..].trim_start_matches('"').trim_start();
    let value = after.strip_prefix(['=', ':']).filter(|_| is_key)?.trim_start();
    let (open, close) = match value.chars().next()? {
        '[' => (1, ']'),
        quote @ ('"' | '\'') => (1, quote),
        _ => (0, '\n'),
    };
    let inside = &value[open..];
    Some(&inside[..inside.find(close).unwrap_or(inside.len())])
}

/// Ids in a text: `A09` on its own, or `a09` as a part of a name (`a09_refuses_...`).
fn ids(text: &str) -> Vec<String> {
    let bytes = text.as_bytes();
    let windows = bytes.windows(3).enumerate().filter(|(at, window)| {
        let before = at.checked_sub(1).map_or(b' ', |before| bytes[before]);
        let after = bytes.get(at + 3).copied().unwrap_or(b' ');
        let is_part_of_name = before == b'_' || after == b'_';
        let is_letter = matches!(window[0], b'A'..=b'L') || is_part_of_name && matches!(window[0], b'a'..=b'l');
        let is_alone = !before.is_ascii_alphanumeric() && !after.is_ascii_alphanumeric();
        is_letter && is_alone && window[1].is_ascii_digit() && window[2].is_ascii_digit()
    });
    windows.map(|(_, window)| String::from_utf8_lossy(window).to_ascii_uppercase()).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::{env, fs, process};

    use super::*;

    #[test]
    fn ids_stand_alone_or_in_a_name() {
        assert_eq!(ids("/// A09, A10: repeated (L27)"), ["A09", "A10", "L27"]);
        assert_eq!(ids("fn a09_repeated_members_and_b02() {}"), ["A09", "B02"]);
        assert_eq!(ids("fn refuses_a09() {}"), ["A09"]);
        assert_eq!(ids("0xA09F sA09 M01 A9 A0 a09 A091"), [""; 0]);
        assert_eq!(ids("ä A09 é"), ["A09"]);
    }

    #[test]
    fn case_fields_of_every_format_are_read() {
        assert_eq!(case_field("case = \"A09 twice\"  # B01"), Some("A09 twice"));
        assert_eq!(case_field("  {\"case\": \"A09\", \"token\": \"B01\"}"), Some("A09"));
        assert_eq!(case_field("cases = ['A09', 'A10'] # B01"), Some("'A09', 'A10'"));
        assert_eq!(case_field("# case: H01 twice"), Some("H01 twice"));
        assert_eq!(case_field("lowercase = \"A09\""), None);
        assert_eq!(case_field("in case of A09"), None);
        assert_eq!(case_field("case"), None);
    }

    #[test]
    fn vectors_tests_and_test_modules_count_and_code_does_not() {
        let files = [
            ("vectors/jwt/reject.toml", "case = \"A01 two segments\"\nwhy = \"A02\"\n"),
            ("crates/a/src/lib.rs", "/// A03\nfn a() {}\n#[cfg(test)]\nmod tests {\n    /// A04\n    fn b() {}\n}\n"),
            ("crates/a/tests/wire.rs", "fn a05_spaces() {}\n"),
            ("tests/interop/refusals.py", "# A06\n"),
            ("fuzz/src/tokens.rs", "/// A07\npub(crate) fn compact() {}\n"),
        ];
        let mentions = mentions_of("covered", &files).unwrap();
        let seen: Vec<_> = mentions.iter().map(|(id, files)| (*id, files.first().unwrap().as_str())).collect();
        let expected =
            [("A01", files[0].0), ("A04", files[1].0), ("A05", files[2].0), ("A06", files[3].0), ("A07", files[4].0)];
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_vector_for_no_case_is_a_fault() {
        let fault = mentions_of("unknown", &[("vectors/jwt/reject.toml", "case = \"A99\"\n")]).unwrap_err();
        assert_eq!(fault.to_string(), "`vectors/jwt/reject.toml`: the catalogue has no case `A99`");
    }

    fn mentions_of(name: &str, files: &[(&str, &str)]) -> Result<Mentions, Fault> {
        let root = env::temp_dir().join(format!("xtask-mentions-{name}-{}", process::id()));
        for (path, text) in files {
            fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            fs::write(root.join(path), text).unwrap();
        }
        let mentions = read(&Checkout::at(&root));
        fs::remove_dir_all(&root).unwrap();
        mentions
    }
}
