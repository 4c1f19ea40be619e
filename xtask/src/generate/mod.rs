//! Files that are written by the project and checked in, so that their changes are reviewed; nobody edits them.

mod mentions;
mod security_tests;
mod troubleshooting;

use std::fs;
use std::iter;
use std::process::{Command, ExitCode};

use crate::checkout::Checkout;
use crate::fault::Fault;
use crate::files;
use crate::house::bans;
use crate::metadata::Metadata;
use crate::run;
use crate::test::build;

/// A generated file: its path, relative to the checkout, and what gives its text.
struct Generated {
    path: &'static str,
    /// What the product itself knows (codes, commands, settings) is best had from the product:
    /// [`crate::test::build::binary`] builds it, [`crate::run::stdout_of`] asks it.
    text: fn(&Checkout) -> Result<String, Fault>,
}

/// Every generated file.
const REGISTRY: &[Generated] = &[
    Generated { path: "docs/reference/security-tests.md", text: security_tests::text },
    Generated { path: "docs/guides/troubleshooting.md", text: troubleshooting::text },
    Generated { path: "docs/reference/admin-openapi.json", text: openapi },
    Generated { path: "docs/reference/metrics.md", text: metrics },
    Generated { path: "clippy.toml", text: |_| Ok(bans::everywhere()) },
    Generated { path: "crates/accredit-id/clippy.toml", text: |_| Ok(bans::pure_room()) },
    Generated { path: "crates/accredit-core/clippy.toml", text: |_| Ok(bans::pure_room()) },
    Generated { path: "crates/accredit-store/clippy.toml", text: |_| Ok(bans::corridor()) },
    Generated { path: "crates/accredit-server/clippy.toml", text: |_| Ok(bans::corridor()) },
    Generated { path: "crates/accredit-client/clippy.toml", text: |_| Ok(bans::corridor()) },
];

/// The product prints it.
fn openapi(checkout: &Checkout) -> Result<String, Fault> {
    let binary = build::binary(checkout, &Metadata::read(checkout)?)?;
    run::stdout_of(Command::new(binary).arg("openapi"))
}

/// The product prints it.
fn metrics(checkout: &Checkout) -> Result<String, Fault> {
    let binary = build::binary(checkout, &Metadata::read(checkout)?)?;
    run::stdout_of(Command::new(binary).arg("metrics-reference"))
}

/// `cargo xtask gen [--check]`: writes every generated file, or fails and names those that are stale.
pub(crate) fn command(checkout: &Checkout, arguments: &[String]) -> Result<ExitCode, Fault> {
    let done = match arguments {
        [] => write(checkout),
        [only] if only == "--check" => check(checkout),
        _ => Err(Fault::new("gen takes `--check` or nothing")),
    };
    done.map(|()| ExitCode::SUCCESS)
}

fn write(checkout: &Checkout) -> Result<(), Fault> {
    for generated in REGISTRY {
        let path = checkout.root().join(generated.path);
        let text = (generated.text)(checkout)?;
        if files::text(&path).is_ok_and(|present| present == text) {
            continue;
        }
        let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
        folder
            .and_then(|()| fs::write(&path, text))
            .map_err(|error| Fault::new(format!("`{}` cannot be written: {error}", path.display())))?;
        println!("gen: wrote {}", generated.path);
    }
    Ok(())
}

/// Fails when a file is not what [`write`] would write, or when a case that is due has no test.
pub(crate) fn check(checkout: &Checkout) -> Result<(), Fault> {
    let mut stale = Vec::new();
    for generated in REGISTRY {
        let expected = (generated.text)(checkout)?;
        let present = files::text(&checkout.root().join(generated.path)).unwrap_or_default();
        if let Some(line) = first_difference(&present, &expected) {
            stale.push(format!("`{}` is stale from line {line}", generated.path));
        }
    }
    if !stale.is_empty() {
        return Err(Fault::new(stale.join("\n")).hint("run `cargo xtask gen`"));
    }
    security_tests::judge(checkout)
}

/// The first line, from 1, where two texts part.
fn first_difference(present: &str, expected: &str) -> Option<usize> {
    let common = iter::zip(present.split('\n'), expected.split('\n')).take_while(|(a, b)| a == b).count();
    (present != expected).then_some(common + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_file_is_told_by_its_first_line() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(first_difference("", "a\n"), Some(1));
        assert_eq!(first_difference("a\nb\n", "a\nc\n"), Some(2));
        assert_eq!(first_difference("a\n", "a\nb\n"), Some(2));
        assert_eq!(first_difference("a", "a\n"), Some(2));
    }
}
