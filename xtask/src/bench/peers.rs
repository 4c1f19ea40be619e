//! The servers that are raced, installed by pinned version into the cache folder: most built of their published Go modules, one
//! taken from Maven's registry.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::checkout::{self, Checkout};
use crate::fault::Fault;
use crate::files;
use crate::run;

/// One server. What is not in [`PEERS`] does not exist.
struct Peer {
    /// Where it races.
    race: &'static str,
    name: &'static str,
    version: &'static str,
    /// What it is installed from: files under `bench/peers`, a change of which installs it anew.
    asked: &'static [&'static str],
    /// Puts it into an empty folder.
    install: fn(&Checkout, &Path) -> Result<(), Fault>,
    /// What the bench is told of in the folder.
    program: &'static str,
}

const PEERS: &[Peer] = &[
    Peer {
        race: "peers",
        name: "dex",
        version: "2.45.1",
        asked: &["dex/go.mod", "dex/go.sum"],
        install: |checkout, folder| {
            go(checkout, "bench/peers/dex", &folder.join("dex"), &["github.com/dexidp/dex/cmd/dex"])
        },
        program: "dex",
    },
    Peer {
        race: "peers",
        name: "hydra",
        version: "2.3.0",
        asked: &["hydra/go.mod", "hydra/go.sum"],
        install: |checkout, folder| {
            go(checkout, "bench/peers/hydra", &folder.join("hydra"), &["-tags=sqlite", "github.com/ory/hydra/v2"])
        },
        program: "hydra",
    },
    Peer {
        race: "peers",
        name: "keycloak",
        version: "26.7.0",
        asked: &[],
        install: |_, folder| keycloak(folder, "26.7.0"),
        program: "keycloak-26.7.0",
    },
    Peer {
        race: "issue",
        name: "spire",
        version: "1.13.0",
        asked: &[
            "../../tests/interop/go/spire/go.mod",
            "../../tests/interop/go/spire/go.sum",
            "../../tests/interop/go/spire/trim/main.go",
            "spire/go.mod",
            "spire/go.sum",
            "spire/main.go",
        ],
        install: |checkout, folder| {
            let server = &["github.com/spiffe/spire/cmd/spire-server"];
            go(checkout, "tests/interop/go/spire", &folder.join("spire-server"), server)?;
            go(checkout, "bench/peers/spire", &folder.join("spire-load"), &["."])
        },
        program: ".",
    },
];

/// Installs those of a race that `only` names, or all, as far as they are not installed yet, and returns the arguments that tell
/// the bench where. One that cannot be had is left out aloud; with `CI=true` that is a fault.
pub(super) fn install(checkout: &Checkout, cache: &Path, race: &str, only: Option<&str>) -> Result<Vec<String>, Fault> {
    let racing: Vec<_> = PEERS.iter().filter(|peer| peer.race == race).collect();
    let wanted: Vec<_> = only.into_iter().flat_map(|only| only.split(',')).collect();
    if let Some(unknown) = wanted.iter().find(|name| racing.iter().all(|peer| peer.name != **name)) {
        let known: Vec<_> = racing.iter().map(|peer| peer.name).collect();
        return Err(Fault::new(format!("peer `{unknown}` is not known, expected of {}", known.join(", "))));
    }
    let mut arguments = Vec::new();
    for peer in racing.into_iter().filter(|peer| wanted.is_empty() || wanted.contains(&peer.name)) {
        match installed(peer, checkout, cache) {
            Ok(program) => arguments.push(format!("--{}={}", peer.name, program.display())),
            Err(fault) if checkout::in_ci() => return Err(fault),
            Err(fault) => println!("{} {} is left out: {fault}", peer.name, peer.version),
        }
    }
    Ok(arguments)
}

fn installed(peer: &Peer, checkout: &Checkout, cache: &Path) -> Result<PathBuf, Fault> {
    let folder = cache.join("bench").join(format!("{}-{}", peer.name, peer.version));
    let sources = checkout.root().join("bench/peers");
    let asked = peer.asked.iter().map(|file| files::text(&sources.join(file))).collect::<Result<String, Fault>>()?;
    let complete = folder.join(".complete");
    if fs::read_to_string(&complete).is_ok_and(|installed| installed == asked) {
        return Ok(folder.join(peer.program));
    }
    println!("install {} {}, once", peer.name, peer.version);
    let _ = fs::remove_dir_all(&folder);
    let unwritable = |error| Fault::new(format!("`{}` cannot be written: {error}", folder.display()));
    fs::create_dir_all(&folder).map_err(unwritable)?;
    (peer.install)(checkout, &folder)?;
    fs::write(&complete, asked).map_err(unwritable)?;
    Ok(folder.join(peer.program))
}

/// Builds with C: the servers keep what they know in SQLite. A module that has a `trim` says by it what of a server is left out.
fn go(checkout: &Checkout, module: &str, program: &Path, what: &[&str]) -> Result<(), Fault> {
    let module = checkout.root().join(module);
    let command = |verb: &str| {
        let mut go = Command::new("go");
        go.current_dir(&module).arg(verb).env("CGO_ENABLED", "1").env("GOTOOLCHAIN", "local").env("GOWORK", "off");
        if env::var_os("GOFLAGS").is_none() {
            go.env("GOFLAGS", "");
        }
        go
    };
    let mut build = command("build");
    build.args(["-mod=readonly", "-buildvcs=false", "-trimpath", "-ldflags=-s -w", "-o"]).arg(program);
    let trimmed = program.with_extension("trimmed");
    if module.join("trim").is_dir() {
        run::aloud(command("run").arg("./trim").arg(&trimmed))?;
        build.arg(format!("-modfile={}", trimmed.join("go.mod").display()));
    }
    let built = run::aloud(build.args(what));
    let _ = fs::remove_dir_all(&trimmed);
    built
}

/// The distribution, unpacked and prepared for its database in a file, as its own guide asks before `start --optimized`.
fn keycloak(folder: &Path, version: &str) -> Result<(), Fault> {
    let mut maven = Command::new("mvn");
    // `-C`: what the registry says of its checksum must hold.
    maven
        .args(["--quiet", "--batch-mode", "-C", "org.apache.maven.plugins:maven-dependency-plugin:2.8:unpack"])
        .arg(format!("-Dartifact=org.keycloak:keycloak-quarkus-dist:{version}:zip"))
        .arg(format!("-DoutputDirectory={}", folder.display()))
        .current_dir(folder)
        .stdin(Stdio::null());
    run::aloud(&mut maven)?;
    // Where the plugin would put notes beside a project.
    let _ = fs::remove_dir_all(folder.join("${project.basedir}"));
    let mut build = Command::new(folder.join(format!("keycloak-{version}/bin/kc.sh")));
    build.args(["build", "--db=dev-file"]).stdin(Stdio::null()).stdout(Stdio::null());
    run::aloud(&mut build)
}
