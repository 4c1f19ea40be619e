//! `cargo xtask test`: everything that must hold, in one order, ending with one line of counts.
//!
//! A part that cannot be had on this machine is skipped aloud, and fails when `CI=true`. What takes long to install is
//! begun first and waited for when its turn comes.

mod background;
pub(crate) mod build;
mod deny;
mod fuzz;
mod interop;
mod postgres;
mod report;
mod rust_tests;

use std::path::PathBuf;
use std::process::ExitCode;

use crate::checkout::{self, Checkout};
use crate::fault::Fault;
use crate::metadata::Metadata;
use crate::{generate, house, run};
use report::{Outcome, Report};

/// What can be asked for by name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Lint,
    Unit,
    E2e,
    Fuzz,
    Interop,
}

const PARTS: &[(&str, Part)] =
    &[("lint", Part::Lint), ("unit", Part::Unit), ("e2e", Part::E2e), ("fuzz", Part::Fuzz), ("interop", Part::Interop)];

/// `cargo xtask test [PART]...`: the named parts, or all of them.
pub(crate) fn command(checkout: &Checkout, arguments: &[String]) -> Result<ExitCode, Fault> {
    let parts = if arguments.is_empty() {
        PARTS.iter().map(|(_, part)| *part).collect()
    } else {
        arguments.iter().map(|name| part(name)).collect::<Result<Vec<_>, _>>()?
    };
    let mut report = Report::begin();
    steps(checkout, &parts, &mut report)?;
    Ok(report.end(checkout::in_ci()))
}

fn part(name: &str) -> Result<Part, Fault> {
    let found = PARTS.iter().find(|(known, _)| *known == name);
    found.map(|(_, part)| *part).ok_or_else(|| {
        let known: Vec<_> = PARTS.iter().map(|(name, _)| *name).collect();
        Fault::new(format!("test has no part `{name}`, only {}", known.join(", ")))
    })
}

fn steps(checkout: &Checkout, parts: &[Part], report: &mut Report) -> Result<(), Fault> {
    let wants = |part| parts.contains(&part);
    let metadata = Metadata::read(checkout)?;
    let scratch = scratch(&metadata)?;
    let cache = checkout::cache_folder()?;

    let deny = wants(Part::Lint).then(|| deny::begin(checkout, &cache, &scratch));
    let wants_postgres = wants(Part::Unit) || wants(Part::E2e);
    let postgres = wants_postgres.then(|| postgres::begin(&scratch));
    let interop = wants(Part::Interop).then(|| interop::begin(checkout, &cache, &scratch));
    if wants(Part::Lint) {
        report.step("format", || cargo(checkout, &["fmt", "--all", "--check"]));
        report.step("house", || house::check(checkout).map(|()| Outcome::holds()));
        report.step("clippy", || {
            cargo(checkout, &["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"])
        });
    }
    if let Some(deny) = deny {
        report.step("deny", || deny::run(checkout, &cache, deny?));
    }
    let mut binary = None;
    if wants(Part::Unit) || wants(Part::E2e) {
        report.step("build", || Ok(Outcome::built(build::everything(checkout, &metadata)?, &mut binary)));
    } else if wants(Part::Interop) {
        report.step("build", || Ok(Outcome::built(build::binary(checkout, &metadata)?, &mut binary)));
    }
    if wants(Part::Lint) {
        report.step("generated", || generate::check(checkout).map(|()| Outcome::holds()));
    }
    if let Some(postgres) = postgres {
        report.step("postgres", || postgres::finish(postgres?));
    }
    if wants(Part::Unit) {
        report.step("unit", || rust_tests::unit(checkout, &metadata));
    }
    if wants(Part::E2e) {
        report.step("e2e", || rust_tests::whole_product(checkout, &metadata, binary.as_deref().ok_or_else(unbuilt)?));
    }
    if wants(Part::Fuzz) {
        report.step("fuzz", || fuzz::run(checkout));
    }
    if let Some(interop) = interop {
        report.step("interop", || {
            interop::run(checkout, &cache, &scratch, interop?, binary.as_deref().ok_or_else(unbuilt)?)
        });
    }
    Ok(())
}

fn cargo(checkout: &Checkout, arguments: &[&str]) -> Result<Outcome, Fault> {
    run::aloud(checkout.cargo().args(arguments)).map(|()| Outcome::holds())
}

fn unbuilt() -> Fault {
    Fault::new("binary was not built")
}

/// Where logs and results of a run are left.
fn scratch(metadata: &Metadata) -> Result<PathBuf, Fault> {
    let folder = metadata.target.join("xtask");
    std::fs::create_dir_all(&folder)
        .map_err(|error| Fault::new(format!("`{}` cannot be made: {error}", folder.display())))?;
    Ok(folder)
}
