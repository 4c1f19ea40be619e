//! The bench, built as it is shipped.

use std::process::ExitCode;

use crate::checkout::Checkout;
use crate::fault::Fault;
use crate::run;

/// `cargo xtask bench ...`: hands its arguments to the bench, built with the `dist` profile.
pub(crate) fn command(checkout: &Checkout, arguments: &[String]) -> Result<ExitCode, Fault> {
    let mut server = checkout.cargo();
    server.args(["build", "--quiet", "--profile", "dist", "--package", "accredit"]);
    run::aloud(&mut server)?;
    let mut cargo = checkout.cargo();
    cargo.args(["run", "--quiet", "--profile", "dist", "--package", "accredit-bench", "--"]).args(arguments);
    run::aloud(&mut cargo).map(|()| ExitCode::SUCCESS)
}
