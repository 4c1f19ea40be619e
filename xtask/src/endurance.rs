//! Tests that last as long as one likes: chaos and soak. The test command runs a short one of each.

use std::process::ExitCode;

use crate::checkout::Checkout;
use crate::fault::Fault;
use crate::metadata::Metadata;
use crate::run;
use crate::test::build;

/// An option, and the variable by which the test is told.
struct Told {
    option: &'static str,
    variable: &'static str,
    /// Seconds, or whatever else it counts in.
    unit: u64,
}

const CHAOS: &[Told] = &[
    Told { option: "--seconds", variable: "ACCREDIT_CHAOS_SECONDS", unit: 1 },
    Told { option: "--seed", variable: "ACCREDIT_CHAOS_SEED", unit: 1 },
];
const SOAK: &[Told] = &[Told { option: "--minutes", variable: "ACCREDIT_SOAK_SECONDS", unit: 60 }];

/// `cargo xtask chaos`: five minutes on each store, or one of them, by a chance of its own unless a seed is named.
pub(crate) fn chaos(checkout: &Checkout, arguments: &[String]) -> Result<ExitCode, Fault> {
    let (only, options) = match arguments.split_first() {
        Some((word, rest)) if !word.starts_with("--") => (word.as_str(), rest),
        _ => ("", arguments),
    };
    if !["", "sqlite", "postgres"].contains(&only) {
        return Err(Fault::new(format!("chaos has no part `{only}`, only sqlite, postgres")));
    }
    endure(checkout, "chaos", only, &read(CHAOS, &["--seconds".to_owned(), "300".to_owned()], options)?)
}

/// `cargo xtask soak`: ten minutes.
pub(crate) fn soak(checkout: &Checkout, arguments: &[String]) -> Result<ExitCode, Fault> {
    endure(checkout, "soak", "", &read(SOAK, &["--minutes".to_owned(), "10".to_owned()], arguments)?)
}

fn endure(checkout: &Checkout, test: &str, only: &str, variables: &[(&'static str, u64)]) -> Result<ExitCode, Fault> {
    let binary = build::binary(checkout, &Metadata::read(checkout)?)?;
    let mut cargo = checkout.cargo();
    cargo.args(["test", "--workspace", "--test", test, "--", "--nocapture", only]).env("ACCREDIT_BINARY", binary);
    cargo.envs(variables.iter().map(|(variable, value)| (*variable, value.to_string())));
    run::aloud(&mut cargo).map(|()| ExitCode::SUCCESS)
}

/// Reads options with a number each; the last of a name counts.
fn read(known: &[Told], usual: &[String], arguments: &[String]) -> Result<Vec<(&'static str, u64)>, Fault> {
    let words = [usual, arguments].concat();
    words
        .chunks(2)
        .map(|pair| {
            let told = known.iter().find(|told| told.option == pair[0]);
            let told = told.ok_or_else(|| Fault::new(format!("option `{}` is not known here", pair[0])))?;
            let value = pair.get(1).and_then(|value| value.parse::<u64>().ok()).and_then(|n| n.checked_mul(told.unit));
            let value = value.ok_or_else(|| Fault::new(format!("option `{}` wants a number", told.option)))?;
            Ok((told.variable, value))
        })
        .collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn options_are_numbers() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let read = |text: &str| read(CHAOS, &words("--seconds 300"), &words(text));
        assert_eq!(read("").unwrap(), [("ACCREDIT_CHAOS_SECONDS", 300)]);
        let both = [("ACCREDIT_CHAOS_SECONDS", 300), ("ACCREDIT_CHAOS_SEED", 7), ("ACCREDIT_CHAOS_SECONDS", 9)];
        assert_eq!(read("--seed 7 --seconds 9").unwrap(), both);
        for (text, fault) in [
            ("--seed", "option `--seed` wants a number"),
            ("--seed x", "option `--seed` wants a number"),
            ("--sead 1", "option `--sead` is not known here"),
        ] {
            assert_eq!(read(text).unwrap_err().to_string(), fault);
        }
    }
}
