//! Where the store is.

use std::fmt;
use std::path::Path;

use serde::Deserialize;

/// The store.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreConfig {
    /// `sqlite:PATH`, `sqlite::memory:`, or `postgres://USER:PASSWORD@HOST/DATABASE`.
    pub url: String,
    /// Whether a start brings its schema up to date.
    #[serde(default = "at_the_start")]
    pub migrate: bool,
}

// === impl StoreConfig ===

impl StoreConfig {
    /// The store at an address, all else as usual.
    pub fn at(url: String) -> Self {
        Self { url, migrate: at_the_start() }
    }

    /// The address as it may be shown: without who opens it and by which password.
    pub fn shown(&self) -> String {
        let Some((scheme, rest)) = self.url.split_once("://").filter(|(scheme, _)| *scheme != "sqlite") else {
            return self.url.clone();
        };
        // Cut at the last sign that may end a password, also where it should have been written otherwise.
        let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
        format!("{scheme}://{}", place.split_once('?').map_or(place, |(place, _)| place))
    }

    pub(super) fn relative_to(&mut self, folder: &Path) {
        if let Some(path) = self.url.strip_prefix("sqlite:").filter(|path| *path != ":memory:") {
            self.url = format!("sqlite:{}", folder.join(path).display());
        }
    }
}

impl fmt::Debug for StoreConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreConfig").field("url", &self.shown()).field("migrate", &self.migrate).finish()
    }
}

const fn at_the_start() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown() {
        for (url, shown) in [
            ("sqlite:/var/lib/a.db", "sqlite:/var/lib/a.db"),
            ("sqlite::memory:", "sqlite::memory:"),
            ("postgres://me:secret@one:1,two/store?sslmode=require", "postgres://one:1,two/store"),
            ("postgres://me:se/cr?et@host/store", "postgres://host/store"),
            ("postgres://me:se@cret@host/store", "postgres://host/store"),
            ("postgres:///store?host=/run/postgresql", "postgres:///store"),
        ] {
            let config = StoreConfig::at(url.to_owned());
            assert_eq!(config.shown(), shown);
            assert!(!format!("{config:?}").contains("cret"));
        }
    }
}
