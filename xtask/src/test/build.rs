//! Building what is tested.
//!
//! Every cargo call of a run selects the whole workspace: cargo unites features over what is selected, so another
//! selection would compile the dependencies a second time.

use std::path::PathBuf;

use crate::checkout::Checkout;
use crate::fault::Fault;
use crate::metadata::Metadata;
use crate::run;

/// Builds the binary and every test, and returns where the binary is.
pub(super) fn everything(checkout: &Checkout, metadata: &Metadata) -> Result<PathBuf, Fault> {
    run::aloud(checkout.cargo().args(["build", "--workspace", "--bins", "--tests"]))?;
    Ok(path(metadata))
}

/// Builds the binary alone, and returns where it is.
pub(crate) fn binary(checkout: &Checkout, metadata: &Metadata) -> Result<PathBuf, Fault> {
    run::aloud(checkout.cargo().args(["build", "--workspace", "--bin", "accredit"]))?;
    Ok(path(metadata))
}

fn path(metadata: &Metadata) -> PathBuf {
    metadata.target.join("debug/accredit")
}
