//! The dependency law: one row a crate, checked against the manifests.
//!
//! It concerns direct dependencies. What the whole tree may hold (who may bring SQL, CEL or cryptography in at all) is
//! `deny.toml`'s part.

use crate::metadata::{Dependency, Package};

/// What one crate may lean on.
struct Row {
    name: &'static str,
    /// Crates of ours that it may use, in tests too: arrows only point down.
    ours: Ours,
    others: Others,
    /// Why, printed with each violation.
    sentence: &'static str,
}

enum Ours {
    Any,
    Only(&'static [&'static str]),
}

/// Crates that others wrote. Tests may use what they need.
enum Others {
    AnyBut(&'static [&'static [&'static str]]),
    Only(&'static [&'static str]),
}

const TABLE: &[Row] = &[
    Row {
        name: "accredit-id",
        ours: Ours::Only(&[]),
        others: Others::AnyBut(&[RUNTIME, HTTP, TLS, SQL, CEL, CHANCE, CLOCK]),
        sentence: "names and proofs lean on nothing of ours and neither wait, dial, evaluate nor know the time",
    },
    Row {
        name: "accredit-core",
        ours: Ours::Only(&["accredit-id"]),
        others: Others::AnyBut(&[RUNTIME, HTTP, TLS, SQL, CHANCE, CLOCK, CRYPTO]),
        sentence: "decisions are pure: values in, values out, with time and chance as arguments",
    },
    Row {
        name: "accredit-api",
        ours: Ours::Only(&["accredit-id"]),
        others: Others::Only(&["serde", "serde_json", "utoipa"]),
        sentence: "the wire is names and serde types, so that both ends can afford it",
    },
    Row {
        name: "accredit-store",
        ours: Ours::Only(&["accredit-id", "accredit-core", "accredit-test-postgres"]),
        others: Others::AnyBut(&[HTTP, TLS, CEL, CRYPTO]),
        sentence: "the memory keeps deeds; it neither speaks HTTP nor signs nor evaluates",
    },
    Row {
        name: "accredit-server",
        ours: Ours::Only(&["accredit-id", "accredit-core", "accredit-api", "accredit-store"]),
        others: Others::AnyBut(&[SQL, CEL]),
        sentence: "the service asks the store for deeds and the core for decisions; SQL and CEL stay behind them",
    },
    Row {
        name: "accredit-client",
        ours: Ours::Only(&["accredit-id", "accredit-api"]),
        others: Others::AnyBut(&[SQL, CEL, CRYPTO]),
        sentence: "a workload's SDK carries neither policy nor a database, and verifies through accredit-id",
    },
    Row {
        name: "accredit",
        ours: Ours::Any,
        others: Others::AnyBut(&[SQL, CEL, CRYPTO]),
        sentence: "the binary joins crates and renders answers; logic lives below it",
    },
    Row {
        name: "accredit-e2e",
        ours: Ours::Only(&["accredit-id", "accredit-api", "accredit-client", "accredit-test-postgres"]),
        others: Others::AnyBut(&[CEL]),
        sentence: "whole-product tests meet the binary through its sockets and files, like anybody else",
    },
    Row {
        name: "accredit-test-postgres",
        ours: Ours::Only(&[]),
        others: Others::Only(&["nix", "tempfile"]),
        sentence: "a database for tests is a process and a folder, and knows nothing of what is tested",
    },
    Row {
        name: "accredit-bench",
        ours: Ours::Any,
        others: Others::AnyBut(&[]),
        sentence: "the bench may measure everything",
    },
    Row {
        name: "accredit-fuzz",
        ours: Ours::Any,
        others: Others::AnyBut(&[]),
        sentence: "fuzz targets may reach every parser",
    },
    Row {
        name: "xtask",
        ours: Ours::Only(&[]),
        others: Others::Only(&["serde_json"]),
        sentence: "the tool must build within seconds, also when the house does not build at all",
    },
];

const RUNTIME: &[&str] = &["tokio", "tokio-util", "async-std", "smol"];
const HTTP: &[&str] =
    &["axum", "http", "http-body-util", "hyper", "hyper-util", "reqwest", "tonic", "tower", "tower-http", "ureq"];
const TLS: &[&str] = &["rustls", "tokio-rustls"];
const SQL: &[&str] =
    &["diesel", "libsqlite3-sys", "redb", "rusqlite", "sea-orm", "sqlx", "sqlx-core", "tokio-postgres"];
const CEL: &[&str] = &["cel", "cel-interpreter", "cel-parser"];
const CHANCE: &[&str] = &["fastrand", "getrandom", "rand", "uuid"];
const CLOCK: &[&str] = &["chrono", "jiff", "time"];
const CRYPTO: &[&str] = &["aws-lc-rs", "aws-lc-sys", "ring", "rustls-webpki"];

/// Every direct dependency that the table does not allow, and every member that has no row.
pub(super) fn violations(packages: &[Package]) -> Vec<String> {
    packages
        .iter()
        .flat_map(|package| match TABLE.iter().find(|row| row.name == package.name) {
            Some(row) => broken(row, &package.dependencies),
            None => vec![format!("`{}` has no row in the law; add one to xtask/src/house/law.rs", package.name)],
        })
        .collect()
}

fn broken(row: &Row, dependencies: &[Dependency]) -> Vec<String> {
    dependencies
        .iter()
        .filter(|dependency| !row.allows(dependency))
        .map(|dependency| format!("`{}` must not use `{}`: {}", row.name, dependency.name, row.sentence))
        .collect()
}

// === impl Row ===

impl Row {
    fn allows(&self, dependency: &Dependency) -> bool {
        let name = dependency.name.as_str();
        match (dependency.is_ours, &self.ours, &self.others) {
            (true, Ours::Any, _) => true,
            (true, Ours::Only(allowed), _) => allowed.contains(&name),
            (false, ..) if dependency.only_for_tests => true,
            (false, _, Others::AnyBut(groups)) => !groups.iter().any(|group| group.contains(&name)),
            (false, _, Others::Only(allowed)) => allowed.contains(&name),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::metadata::Metadata;

    /// The violations of a workspace with one member that has one dependency.
    fn judged(package: &str, dependency: &serde_json::Value) -> Vec<String> {
        let made_up = json!({
            "target_directory": "/nowhere",
            "packages": [{"name": package, "manifest_path": "/nowhere/Cargo.toml", "dependencies": [dependency]}],
        });
        violations(&Metadata::parse(&made_up.to_string()).unwrap().packages)
    }

    #[test]
    fn every_row_refuses_what_its_crate_must_not_have() {
        let refused = [
            ("accredit-id", "tokio hyper reqwest cel sqlx axum chrono rand rustls"),
            ("accredit-core", "tokio hyper reqwest axum sqlx rand aws-lc-rs time"),
            ("accredit-api", "tokio thiserror base64 http"),
            ("accredit-store", "hyper reqwest axum cel rustls aws-lc-rs"),
            ("accredit-server", "sqlx sqlx-core libsqlite3-sys cel"),
            ("accredit-client", "sqlx cel aws-lc-rs"),
            ("accredit", "sqlx cel aws-lc-rs"),
            ("accredit-e2e", "cel"),
            ("accredit-test-postgres", "sqlx tokio tokio-postgres"),
            ("xtask", "clap serde toml"),
        ];
        for (package, dependencies) in refused {
            let row = TABLE.iter().find(|row| row.name == package).unwrap();
            for name in dependencies.split(' ') {
                let expected = [format!("`{package}` must not use `{name}`: {}", row.sentence)];
                assert_eq!(judged(package, &json!({"name": name, "kind": null})), expected);
                assert_eq!(judged(package, &json!({"name": name, "kind": "build"})), expected);
                assert_eq!(judged(package, &json!({"name": name, "kind": null, "rename": "other"})), expected);
                assert_eq!(judged(package, &json!({"name": name, "kind": "dev"})), [""; 0], "{package} tests {name}");
            }
        }
    }

    #[test]
    fn arrows_only_point_down() {
        let house = ["accredit-id", "accredit-core", "accredit-api", "accredit-store", "accredit-server"];
        let house = house.into_iter().chain(["accredit-client", "accredit"]).collect::<Vec<_>>();
        let allowed = [
            ("accredit-id", ""),
            ("accredit-core", "accredit-id"),
            ("accredit-api", "accredit-id"),
            ("accredit-store", "accredit-id accredit-core"),
            ("accredit-server", "accredit-id accredit-core accredit-api accredit-store"),
            ("accredit-client", "accredit-id accredit-api"),
            ("accredit-e2e", "accredit-id accredit-api accredit-client"),
            ("xtask", ""),
        ];
        for (package, below) in allowed {
            for name in &house {
                for kind in [json!(null), json!("dev")] {
                    let seen = judged(package, &json!({"name": name, "kind": kind, "path": "/nowhere"}));
                    assert_eq!(seen.is_empty(), below.split(' ').any(|b| b == *name), "{package} uses {name}");
                }
            }
        }
    }

    #[test]
    fn a_member_without_a_row_is_a_violation() {
        let seen = judged("accredit-shed", &json!({"name": "serde", "kind": null}));
        assert_eq!(seen, ["`accredit-shed` has no row in the law; add one to xtask/src/house/law.rs"]);
    }
}
