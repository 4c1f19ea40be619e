//! A server of the product with its resources, in a folder of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use accredit_test_postgres::Cluster;
use nix::unistd::Pid;

use crate::cast::Cast;
use crate::documents;
use crate::door::Door;
use crate::fault::{Because as _, Fault};
use crate::issuer::Issuer;
use crate::measure;
use crate::process::{self, Server};

/// A server with the mappings of a cast, and the issuers that those trust.
pub(crate) struct World {
    /// What exists in it.
    pub(crate) cast: Cast,
    /// The issuers, one for each provider.
    pub(crate) issuers: Vec<Issuer>,
    /// Where the server listens, and how one speaks to it.
    pub(crate) door: Door,
    /// How long `accredit apply` took.
    pub(crate) apply_took: Duration,
    binary: PathBuf,
    folder: PathBuf,
    core: usize,
    ready: SocketAddr,
    server: Server,
    /// The server's database, where it has one; it ends after the server.
    cluster: Option<Cluster>,
}

// === impl World ===

impl World {
    /// Makes issuers, starts the server `binary` on `core` with an empty store in `folder`, and applies the resources.
    pub(crate) fn make(
        binary: &Path,
        folder: PathBuf,
        cast: Cast,
        core: usize,
        cores: &[usize],
    ) -> Result<Self, Fault> {
        Self::of(binary, folder, cast, core, Issuer::generate(cast.providers, cores)?)
    }

    /// The same with issuers that are there already.
    pub(crate) fn of(
        binary: &Path,
        folder: PathBuf,
        cast: Cast,
        core: usize,
        issuers: Vec<Issuer>,
    ) -> Result<Self, Fault> {
        let (address, metrics) = (process::free_address()?, process::free_address()?);
        std::fs::create_dir_all(&folder).because(|| folder.display().to_string())?;
        let door = if cast.tls { Door::with_certificate(address, &folder)? } else { address.into() };
        let cluster = if cast.postgres { Some(start_postgres(core)?) } else { None };
        let store = match &cluster {
            Some(cluster) => cluster.database(),
            None => sqlite(&folder),
        };
        write(&folder.join("accredit.toml"), &config(cast, &folder, &store, address, metrics))?;
        // Who speaks TLS in public says in clear elsewhere that it is ready.
        let ready = if cast.tls { metrics } else { address };
        let server = start(binary, &folder, core, ready)?;
        let resources = write_resources(&folder, cast, &issuers)?;
        let begun = Instant::now();
        apply(binary, &resources, &socket(&folder))?;
        let apply_took = begun.elapsed();
        Ok(Self { cast, issuers, door, apply_took, binary: binary.to_owned(), folder, core, ready, server, cluster })
    }

    /// The server's process.
    pub(crate) fn pid(&self) -> Pid {
        self.server.pid()
    }

    /// Where the store is.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Stops the server, starts it again on the same store, and returns it with the time from its start until it was ready.
    pub(crate) fn restart(self) -> Result<(Self, Duration), Fault> {
        let Self { cast, issuers, door, apply_took, binary, folder, core, ready, server, cluster } = self;
        server.stop()?;
        let server = start(&binary, &folder, core, ready)?;
        let took = server.start;
        Ok((Self { cast, issuers, door, apply_took, binary, folder, core, ready, server, cluster }, took))
    }

    /// Its server alone.
    pub(crate) fn into_server(self) -> Server {
        self.server
    }

    /// Stops the server.
    pub(crate) fn stop(self) -> Result<(), Fault> {
        self.server.stop()
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> Result<u64, Fault> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH).because(|| "clock".to_owned())?.as_secs())
}

/// Starts the server `binary` on `core` with the configuration in `folder`.
pub(crate) fn start(binary: &Path, folder: &Path, core: usize, ready: SocketAddr) -> Result<Server, Fault> {
    let mut command = Command::new(binary);
    command.arg("server").arg("--config").arg(folder.join("accredit.toml"));
    Server::start(command, core, ready, &folder.join("server.log"))
}

/// Whether this machine has PostgreSQL.
pub(crate) fn has_postgres() -> bool {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    versions.into_iter().any(|version| version.path().join("bin/initdb").exists())
}

/// A database that writes in earnest, on the server's core: one machine does all the work.
fn start_postgres(core: usize) -> Result<Cluster, Fault> {
    let settings = ["fsync=on", "full_page_writes=on", "shared_buffers=128MB"];
    let start = || measure::pin(core).map(|()| Cluster::start(&settings));
    let started =
        thread::scope(|scope| scope.spawn(start).join()).map_err(|_| Fault::new("postgresql: not started"))?;
    started?.ok_or_else(|| Fault::new("postgresql: not installed"))
}

/// Writes the resources as files and returns their folder.
fn write_resources(folder: &Path, cast: Cast, issuers: &[Issuer]) -> Result<PathBuf, Fault> {
    let mut key_sets: Vec<_> = issuers.iter().map(Issuer::key_set).collect::<Result<_, Fault>>()?;
    // Whoever fetches keys is told of none.
    key_sets.resize(cast.providers, serde_json::Value::Null);
    let resources = folder.join("resources");
    std::fs::create_dir_all(&resources).because(|| resources.display().to_string())?;
    for (number, file) in documents::files(cast, &key_sets).iter().enumerate() {
        write(&resources.join(format!("{number:03}.yaml")), file)?;
    }
    Ok(resources)
}

fn apply(binary: &Path, resources: &Path, socket: &Path) -> Result<(), Fault> {
    let mut command = Command::new(binary);
    command.arg("apply").arg("-f").arg(resources).arg("--socket").arg(socket);
    process::run(command)
}

/// A store of its own in this folder.
pub(crate) fn sqlite(folder: &Path) -> String {
    format!("sqlite:{}/accredit.db", folder.display())
}

/// As a small installation is configured: SQLite, a key file, everything else as it comes.
pub(crate) fn config(cast: Cast, folder: &Path, store: &str, address: SocketAddr, metrics: SocketAddr) -> String {
    let socket = socket(folder);
    let fetch = if cast.published_at.is_some() { "[fetch]\nallow = [\"127.0.0.0/8\"]\n" } else { "" };
    let (scheme, tls, metrics) = match cast.tls {
        true => (
            "https",
            "tls = { certificate = \"chain.pem\", key = \"key.pem\" }\n",
            format!("[metrics]\nlisten = \"{metrics}\"\n"),
        ),
        false => ("http", "", String::new()),
    };
    format!(
        "public_url = \"{scheme}://{address}\"\n\
         [public]\n\
         listen = \"{address}\"\n\
         {tls}\
         [admin]\n\
         socket = {socket:?}\n\
         [store]\n\
         url = \"{store}\"\n\
         [keys]\n\
         encryption = {{ file = \"{folder}/key-encryption-key\" }}\n\
         {fetch}{metrics}",
        folder = folder.display(),
    )
}

/// Where its operator speaks to it.
pub(crate) fn socket(folder: &Path) -> PathBuf {
    folder.join("admin").join("admin.sock")
}

fn write(path: &Path, text: &str) -> Result<(), Fault> {
    std::fs::write(path, text).because(|| path.display().to_string())
}
