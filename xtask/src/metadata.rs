//! The workspace as cargo sees it: the part of `cargo metadata` that is used here.

use std::path::PathBuf;

use serde_json::Value;

use crate::checkout::Checkout;
use crate::fault::Fault;
use crate::run;

/// The members and where they are built.
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    /// The build folder, wherever the environment or a config file puts it.
    pub(crate) target: PathBuf,
}

/// A member.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
}

/// A direct dependency as written in the manifest.
pub(crate) struct Dependency {
    /// The package's own name, also where the manifest renames it.
    pub(crate) name: String,
    /// Used by tests and examples alone.
    pub(crate) only_for_tests: bool,
    /// A crate of this workspace.
    pub(crate) is_ours: bool,
}

/// Something that cargo builds from a member.
pub(crate) struct Target {
    pub(crate) name: String,
    /// `lib`, `bin`, `test`, ...
    pub(crate) kinds: Vec<String>,
}

impl Metadata {
    /// Asks cargo. Members alone, so that nothing is fetched.
    pub(crate) fn read(checkout: &Checkout) -> Result<Self, Fault> {
        let mut cargo = checkout.cargo();
        cargo.args(["metadata", "--format-version=1", "--no-deps"]);
        Self::parse(&run::stdout_of(&mut cargo)?)
    }

    /// Reads cargo's answer (`cargo metadata --format-version=1 --no-deps`).
    pub(crate) fn parse(json: &str) -> Result<Self, Fault> {
        let answer: Value =
            serde_json::from_str(json).map_err(|error| Fault::new(format!("cargo metadata: {error}")))?;
        let packages = list(&answer["packages"]).map(package).collect::<Vec<_>>();
        if packages.is_empty() {
            return Err(Fault::new("cargo metadata: no member in the answer"));
        }
        Ok(Self { packages, target: PathBuf::from(text(&answer["target_directory"])) })
    }
}

fn package(value: &Value) -> Package {
    Package {
        name: text(&value["name"]),
        manifest: PathBuf::from(text(&value["manifest_path"])),
        dependencies: list(&value["dependencies"]).map(dependency).collect(),
        targets: list(&value["targets"]).map(target).collect(),
    }
}

fn dependency(value: &Value) -> Dependency {
    Dependency {
        name: text(&value["name"]),
        only_for_tests: value["kind"] == "dev",
        is_ours: value["path"].is_string(),
    }
}

fn target(value: &Value) -> Target {
    Target { name: text(&value["name"]), kinds: list(&value["kind"]).map(text).collect() }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
