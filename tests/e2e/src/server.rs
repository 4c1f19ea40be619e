//! A server of a test's own: a folder with its configuration, and the process while it runs.

use std::ffi::OsStr;
use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Ran, accredit, binary, run};
use crate::http::{Answer, Connection};

/// Where a server lives: configuration, store, keys, admin socket, log. Removed at the end.
pub struct Home {
    folder: TempDir,
}

/// A server that runs; killed when dropped.
pub struct Server {
    /// Where it really listens.
    pub address: SocketAddr,
    /// Its admin socket.
    pub socket: PathBuf,
    child: Child,
    log: PathBuf,
}

/// The issuer of every server here. It resolves nowhere: clients connect to [`Server::address`].
pub const PUBLIC_URL: &str = "http://accredit.test";

/// How long a loaded machine may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

// === impl Home ===

impl Home {
    /// A folder with the usual configuration: loopback on any port, everything else inside the folder.
    ///
    /// # Panics
    /// The folder cannot be made.
    pub fn new() -> Self {
        let home = Self { folder: tempfile::Builder::new().prefix("accredit-e2e-").tempdir().unwrap() };
        home.write("accredit.toml", CONFIG);
        home
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A path in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, which only its owner can read.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// Replaces a part of the configuration.
    ///
    /// # Panics
    /// It does not stand there.
    pub fn configure(&self, old: &str, new: &str) {
        let text = fs::read_to_string(self.path("accredit.toml")).unwrap();
        assert!(text.contains(old), "`{old}` is no part of the configuration");
        self.write("accredit.toml", &text.replace(old, new));
    }

    /// Starts a server here and waits until it answers.
    ///
    /// # Panics
    /// It does not start.
    pub fn start(&self) -> Server {
        self.start_with(&[], [])
    }

    /// The same with further arguments and environment.
    ///
    /// # Panics
    /// It does not start.
    pub fn start_with<'e>(
        &self,
        arguments: &[&str],
        environment: impl IntoIterator<Item = (&'e str, &'e str)>,
    ) -> Server {
        self.try_start_with(arguments, environment).unwrap_or_else(|why| panic!("{why}"))
    }

    /// The same where it may not start.
    ///
    /// # Errors
    /// Why it ended, or did not get ready, and its log.
    pub fn try_start_with<'e>(
        &self,
        arguments: &[&str],
        environment: impl IntoIterator<Item = (&'e str, &'e str)>,
    ) -> Result<Server, String> {
        let before = self.logged();
        let mut server = self.begin(arguments, environment);
        server.address = server.await_ready(before)?;
        Ok(server)
    }

    /// The same after a line of shell, whose process the server takes over.
    ///
    /// # Panics
    /// It does not start.
    pub fn start_after(&self, shell: &str) -> Server {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("{shell}; exec \"$0\" \"$@\"")).arg(binary()).env_clear();
        let before = self.logged();
        let mut server = self.spawn(&mut command, &[]);
        server.address = server.await_ready(before).unwrap_or_else(|why| panic!("{why}"));
        server
    }

    /// Starts a server here and does not wait for anything, not even its address.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn begin<'e>(&self, arguments: &[&str], environment: impl IntoIterator<Item = (&'e str, &'e str)>) -> Server {
        self.spawn(accredit().envs(environment), arguments)
    }

    fn spawn(&self, command: &mut Command, arguments: &[&str]) -> Server {
        let log = self.path("log");
        let file = fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        command.args(["server", "--config"]).arg(self.path("accredit.toml")).args(arguments);
        command.env("HOME", self.folder()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
        let nowhere = ([127, 0, 0, 1], 0).into();
        Server { address: nowhere, socket: self.path("run/admin.sock"), child: command.spawn().unwrap(), log }
    }

    fn logged(&self) -> u64 {
        fs::metadata(self.path("log")).map_or(0, |log| log.len())
    }

    /// Runs the server where it is expected not to start.
    pub fn fail_to_start(&self) -> Ran {
        let mut command = accredit();
        command.args(["server", "--config"]).arg(self.path("accredit.toml")).env("HOME", self.folder());
        run(&mut command, "")
    }
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

// === impl Server ===

impl Server {
    /// Runs a verb against its admin socket.
    pub fn accredit<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Ran {
        self.accredit_with(arguments, "")
    }

    /// The same with something on its standard input.
    pub fn accredit_with<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>, stdin: &str) -> Ran {
        run(accredit().args(arguments).env("ACCREDIT_ADMIN_SOCKET", &self.socket), stdin)
    }

    /// Applies documents, which must succeed.
    ///
    /// # Panics
    /// They are refused.
    pub fn apply(&self, documents: &str) -> Ran {
        self.accredit_with(["apply", "-f", "-"], documents).ended(0)
    }

    /// A connection to its public listener.
    pub fn connect(&self) -> Connection {
        Connection::tcp(self.address)
    }

    /// Exchanges on a connection of its own.
    pub fn exchange(&self, subject_token: &str, more: &[(&str, &str)]) -> Answer {
        self.connect().exchange(subject_token, more)
    }

    /// Sends a form on a connection of its own, with further headers.
    pub fn form(&self, path: &str, headers: &[(&str, &str)], parameters: &[(&str, &str)]) -> Answer {
        self.connect().form(path, headers, parameters)
    }

    /// The same as the bearer of a token.
    pub fn form_as(&self, bearer: &str, path: &str, parameters: &[(&str, &str)]) -> Answer {
        self.form(path, &[("Authorization", &format!("Bearer {bearer}"))], parameters)
    }

    /// What the bearer of a token is told about another (RFC 7662).
    ///
    /// # Panics
    /// He is told nothing.
    pub fn introspected(&self, bearer: &str, token: &str) -> Value {
        let answer = self.form_as(bearer, "/oauth/introspect", &[("token", token)]);
        assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")), "{}", answer.text());
        answer.json()
    }

    /// Asks the admin API as JSON.
    ///
    /// # Panics
    /// The answer is no JSON.
    pub fn admin(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let answer = Connection::unix(&self.socket).json(method, path, body);
        (answer.status, answer.json())
    }

    /// What it has logged so far, of this and earlier processes in the same home.
    ///
    /// # Panics
    /// The log cannot be read.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Its process id.
    ///
    /// # Panics
    /// It is none of this operating system's.
    pub fn process(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }

    /// Limits one of its resources, in the words of `prlimit(1)`.
    ///
    /// # Panics
    /// There is no `prlimit`.
    pub fn limit(&self, what: &str) {
        run(Command::new("prlimit").args(["--pid", &self.process().to_string(), what]), "").ended(0);
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// The process is gone.
    pub fn signal(&self, signal: Signal) {
        kill(self.process(), signal).unwrap();
    }

    /// Waits until it has ended.
    ///
    /// # Panics
    /// It does not end.
    pub fn ended(mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < PATIENCE, "the server does not end:\n{}", self.log());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends it as its operator does.
    pub fn stop(self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.ended()
    }

    /// Ends it as a power cut does, as far as the operating system lives on.
    pub fn kill(self) {
        self.signal(Signal::SIGKILL);
        self.ended();
    }

    /// Whether its process lives.
    ///
    /// # Panics
    /// It is nobody's child any more.
    pub fn lives(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    fn await_ready(&mut self, from: u64) -> Result<SocketAddr, String> {
        let began = Instant::now();
        loop {
            let (mut file, mut log) = (fs::File::open(&self.log).unwrap(), String::new());
            file.seek(SeekFrom::Start(from)).unwrap();
            file.read_to_string(&mut log).unwrap();
            if let Some(address) = address(&log) {
                return Ok(address);
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                return Err(format!("the server ended with {status}:\n{}", self.log()));
            }
            if began.elapsed() > PATIENCE {
                return Err(format!("the server does not get ready:\n{log}"));
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What `server ready` says of its address, in a whole line.
fn address(log: &str) -> Option<SocketAddr> {
    let (ready, _) = log.split_once("server ready")?.1.split_once('\n')?;
    let address = ready.split_once("address=").or_else(|| ready.split_once(r#""address":""#))?.1;
    address.split([' ', '"']).next()?.parse().ok()
}

const CONFIG: &str = r#"public_url = "http://accredit.test"

[public]
listen = "127.0.0.1:0"

[admin]
socket = "run/admin.sock"

[store]
url = "sqlite:data/accredit.db"

[keys]
encryption = { file = "kek" }

[fetch]
allow = ["127.0.0.0/8"]
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_from_a_whole_line() {
        let line = "2026 INFO server ready public_url=http://a address=127.0.0.1:4711 socket=\"s\"";
        assert_eq!(address(line), None);
        assert_eq!(address(&format!("x\n{line}\n")), Some(([127, 0, 0, 1], 4711).into()));
        let json = "{\"message\":\"server ready\",\"address\":\"127.0.0.1:4711\"}\n";
        assert_eq!(address(json), Some(([127, 0, 0, 1], 4711).into()));
    }
}
