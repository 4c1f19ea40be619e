//! Runs the vectors of the decisions: `vectors/exchange`, `vectors/replay`, `vectors/identities`, `vectors/resources`,
//! `vectors/lint`, `vectors/providers`, `vectors/template`, `vectors/issue`, `vectors/access`, `vectors/aws-request` and
//! `vectors/keyring`.
//!
//! A vector is data. What it means stands in the `README.md` beside it; the modules here build the world that it
//! speaks of, ask, and compare.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod access;
mod aws_request;
mod candidates;
mod exchange;
mod expansion;
mod foreign_provider;
mod identities;
mod issue;
mod keyring;
mod lint;
mod minted;
mod pages;
mod past;
mod providers;
mod random;
mod redaction;
mod replay;
mod resources;
mod stage;
mod starter;
mod template;

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

/// A file or folder of the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// The files of a folder under `/vectors` with this extension, by name; never none.
#[expect(clippy::disallowed_methods, reason = "vectors are files")]
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let folder = repository("vectors").join(folder);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|seen| seen == extension))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} holds no vectors", folder.display());
    files
}

/// Judges every vector of every file of a folder, and fails once, with everything that went wrong.
fn judge_all<F: DeserializeOwned, V>(
    folder: &str,
    vectors: impl Fn(&F) -> &[V],
    name_of: impl Fn(&V) -> &str,
    judge: impl Fn(&F, &V) -> Result<(), String>,
) {
    let mut count = 0;
    let mut failures = Vec::new();
    for path in files(folder, "toml") {
        let file: F = toml::from_str(&text(&path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for (place, vector) in vectors(&file).iter().enumerate() {
            count += 1;
            let title = || format!("{} #{place} {}", name(&path), name_of(vector));
            failures.extend(judge(&file, vector).err().map(|problem| format!("{}: {problem}", title())));
        }
    }
    settle(count, &failures);
}

#[expect(clippy::disallowed_methods, reason = "vectors are files")]
fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a file is called, without its folder.
fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Fails once, with everything that went wrong.
fn settle(count: usize, failures: &[String]) {
    assert!(count > 0, "nothing was checked");
    assert!(failures.is_empty(), "{} of {count} failed:\n\n{}", failures.len(), failures.join("\n\n"));
}
