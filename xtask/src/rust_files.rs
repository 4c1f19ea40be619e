//! The Rust files of the checkout, and which of them exist for tests alone.

use std::path::{Path, PathBuf};

use crate::checkout::Checkout;
use crate::fault::Fault;
use crate::files;
use crate::source::Source;

/// A Rust file.
pub(crate) struct RustFile {
    /// Relative to the checkout, with `/`.
    pub(crate) name: String,
    pub(crate) text: String,
    /// In a `tests` folder, or a module that is declared under `#[cfg(test)]`.
    pub(crate) is_test: bool,
}

/// Every Rust file under the folders named, sorted.
pub(crate) fn read(checkout: &Checkout, folders: &[&str]) -> Result<Vec<RustFile>, Fault> {
    let mut found = Vec::new();
    let mut test_modules = Vec::new();
    for folder in folders {
        for path in files::under(&checkout.root().join(folder))? {
            if path.extension().is_some_and(|extension| extension == "rs") {
                let text = files::text(&path)?;
                test_modules.extend(Source::read(&text).test_modules.iter().map(|name| children(&path).join(name)));
                found.push((path, text));
            }
        }
    }
    let in_test_module =
        |path: &Path| test_modules.iter().any(|module| path.with_extension("") == *module || path.starts_with(module));
    Ok(found
        .into_iter()
        .map(|(path, text)| {
            let name = files::relative(checkout.root(), &path);
            let is_test = name.split('/').any(|part| part == "tests") || in_test_module(&path);
            RustFile { name, text, is_test }
        })
        .collect())
}

/// The folder in which a file's modules are: its own for a root, else the one named like it.
fn children(path: &Path) -> PathBuf {
    let is_root = path.file_stem().is_some_and(|stem| ["lib", "main", "mod"].iter().any(|root| stem == *root));
    if is_root { path.parent().map(Path::to_owned).unwrap_or_default() } else { path.with_extension("") }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::{env, fs, process};

    use super::*;

    #[test]
    fn files_of_tests_are_told_apart() {
        let root = env::temp_dir().join(format!("xtask-rust-files-{}", process::id()));
        let files = [
            ("crates/a/src/lib.rs", "mod jose;\n#[cfg(test)]\nmod samples;\n", false),
            ("crates/a/src/jose/jws.rs", "#[cfg(test)]\nmod reject;\n", false),
            ("crates/a/src/jose/jws/reject.rs", "", true),
            ("crates/a/src/jose/reject.rs", "", false),
            ("crates/a/src/samples/mod.rs", "", true),
            ("crates/a/src/samples/keys.rs", "", true),
            ("crates/a/tests/vectors.rs", "", true),
            ("tests/e2e/src/lib.rs", "", true),
        ];
        for (name, text, _) in files {
            fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            fs::write(root.join(name), text).unwrap();
        }
        let found = read(&Checkout::at(&root), &["crates", "tests"]);
        fs::remove_dir_all(&root).unwrap();
        let mut seen: Vec<_> = found.unwrap().into_iter().map(|file| (file.name, file.is_test)).collect();
        let mut expected: Vec<_> = files.iter().map(|(name, _, is_test)| ((*name).to_owned(), *is_test)).collect();
        seen.sort();
        expected.sort();
        assert_eq!(seen, expected);
    }
}
