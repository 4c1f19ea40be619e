//! The law of the house: which crate may lean on which, and what every file keeps to.

pub(crate) mod bans;
mod hygiene;
mod law;

use std::process::ExitCode;

use crate::checkout::Checkout;
use crate::fault::Fault;
use crate::metadata::Metadata;

/// `cargo xtask house`.
pub(crate) fn command(checkout: &Checkout, _arguments: &[String]) -> Result<ExitCode, Fault> {
    check(checkout).map(|()| ExitCode::SUCCESS)
}

/// Fails with every violation.
pub(crate) fn check(checkout: &Checkout) -> Result<(), Fault> {
    let metadata = Metadata::read(checkout)?;
    let mut violations = law::violations(&metadata.packages);
    violations.extend(hygiene::violations(checkout, &metadata.packages)?);
    if violations.is_empty() {
        return Ok(());
    }
    Err(Fault::new(format!("the house has violations: {}\n{}", violations.len(), violations.join("\n"))))
}
