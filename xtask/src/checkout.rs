//! Where things are: the checkout's root, its build folder, and the cache outside it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fault::Fault;

/// The checkout that the tool was started from.
pub(crate) struct Checkout {
    root: PathBuf,
}

impl Checkout {
    /// Finds the root as the folder above this package, where cargo says that the package is.
    pub(crate) fn find() -> Result<Self, Fault> {
        let package = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let root = package.as_deref().and_then(Path::parent);
        root.map(|root| Self { root: root.to_owned() })
            .ok_or_else(|| Fault::new("checkout not found").hint("start the tool with `cargo xtask`"))
    }

    #[cfg(test)]
    pub(crate) fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A cargo that works in the root, the same one that started the tool.
    pub(crate) fn cargo(&self) -> Command {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(&self.root);
        cargo
    }
}

/// The folder for what tests install: `$ACCREDIT_CACHE`, else `$XDG_CACHE_HOME/accredit`, else `$HOME/.cache/accredit`.
/// It outlives checkouts, so everything in it is named by its version.
pub(crate) fn cache_folder() -> Result<PathBuf, Fault> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("ACCREDIT_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|folder| folder.join("accredit")))
        .or_else(|| set("HOME").map(|folder| folder.join(".cache/accredit")))
        .ok_or_else(|| Fault::new("no folder to cache test parts in").hint("set ACCREDIT_CACHE"))
}

/// Whether this run must not leave anything out (`CI=true`).
pub(crate) fn in_ci() -> bool {
    env::var_os("CI").is_some_and(|value| value == "true")
}
