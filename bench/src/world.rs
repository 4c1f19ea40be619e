//! A server of the product with its resources, in a folder of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::unistd::Pid;

use crate::cast::Cast;
use crate::documents;
use crate::fault::{Because as _, Fault};
use crate::issuer::Issuer;
use crate::process::{self, Server};

/// A server with the mappings of a cast, and the issuers that those trust.
pub(crate) struct World {
    /// What exists in it.
    pub(crate) cast: Cast,
    /// The issuers, one for each provider.
    pub(crate) issuers: Vec<Issuer>,
    /// Where the server listens.
    pub(crate) address: SocketAddr,
    /// How long `accredit apply` took.
    pub(crate) apply_took: Duration,
    binary: PathBuf,
    folder: PathBuf,
    core: usize,
    server: Server,
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
        let issuers = Issuer::generate(cast.providers, cores)?;
        let address = process::free_address()?;
        std::fs::create_dir_all(&folder).because(|| folder.display().to_string())?;
        write(&folder.join("accredit.toml"), &config(&folder, address))?;
        let server = start(binary, &folder, core, address)?;
        let resources = write_resources(&folder, cast, &issuers)?;
        let begun = Instant::now();
        apply(binary, &resources, &socket(&folder))?;
        let apply_took = begun.elapsed();
        Ok(Self { cast, issuers, address, apply_took, binary: binary.to_owned(), folder, core, server })
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
        let Self { cast, issuers, address, apply_took, binary, folder, core, server } = self;
        server.stop()?;
        let server = start(&binary, &folder, core, address)?;
        let took = server.start;
        Ok((Self { cast, issuers, address, apply_took, binary, folder, core, server }, took))
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

fn start(binary: &Path, folder: &Path, core: usize, address: SocketAddr) -> Result<Server, Fault> {
    let mut command = Command::new(binary);
    command.arg("server").arg("--config").arg(folder.join("accredit.toml"));
    Server::start(command, core, address, &folder.join("server.log"))
}

/// Writes the resources as files and returns their folder.
fn write_resources(folder: &Path, cast: Cast, issuers: &[Issuer]) -> Result<PathBuf, Fault> {
    let key_sets: Vec<_> = issuers.iter().map(Issuer::key_set).collect::<Result<_, Fault>>()?;
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

/// As a small installation is configured: SQLite, a key file, everything else as it comes.
fn config(folder: &Path, address: SocketAddr) -> String {
    let socket = socket(folder);
    format!(
        "public_url = \"http://{address}\"\n\
         [public]\n\
         listen = \"{address}\"\n\
         [admin]\n\
         socket = {socket:?}\n\
         [store]\n\
         url = \"sqlite:{folder}/accredit.db\"\n\
         [keys]\n\
         encryption = {{ file = \"{folder}/key-encryption-key\" }}\n",
        folder = folder.display(),
    )
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("admin").join("admin.sock")
}

fn write(path: &Path, text: &str) -> Result<(), Fault> {
    std::fs::write(path, text).because(|| path.display().to_string())
}
