//! Runs the vectors of this crate's subjects: `vectors/jwt`, `vectors/jwks`, `vectors/dpop`, `vectors/bundle`,
//! `vectors/spiffe-id` and `vectors/svid`.
//!
//! A vector is data. What it means stands in the `README.md` beside it; what it is checked against is in the modules
//! here.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod bundle;
mod cross_check;
mod dpop;
mod expansion;
mod jwks;
mod jwt;
mod jwt_vector;
mod signing;
mod spiffe_id;
mod svid;

use std::path::{Path, PathBuf};

/// A folder or file under `/vectors`.
fn vectors(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors").join(path)
}

/// The files of a folder of vectors, by name; never none.
#[expect(clippy::disallowed_methods, reason = "vectors are files")]
fn files(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(vectors(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{folder} holds no vectors");
    files
}

#[expect(clippy::disallowed_methods, reason = "vectors are files")]
fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Runs `check` on each item and fails once, with everything that went wrong.
fn all<T>(items: impl IntoIterator<Item = T>, mut check: impl FnMut(&T) -> Result<(), String>) {
    let mut failures = Vec::new();
    let mut count = 0;
    for item in items {
        count += 1;
        failures.extend(check(&item).err());
    }
    assert!(count > 0, "nothing was checked");
    assert!(failures.is_empty(), "{} of {count} failed:\n{}", failures.len(), failures.join("\n"));
}
