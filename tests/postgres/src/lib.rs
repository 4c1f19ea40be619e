//! PostgreSQL servers of a test's own: each in a temporary folder, on a free port of loopback, and ended with the process
//! that started it, whatever becomes of that.
//!
//! PostgreSQL is what the machine has (`apt-get install postgresql`). Where it has none, tests are skipped aloud; with
//! `CI=true` they fail.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "tests fail by panicking, and skip aloud"
)]

mod programs;

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use programs::Programs;

/// A PostgreSQL server. Dropped, it is ended at once and its folder removed.
pub struct Cluster {
    programs: Programs,
    folder: PathBuf,
    port: u16,
    /// A shell that waits for the end of its standard input, which is held here: it ends the server, also when this process
    /// is killed.
    keeper: Child,
    databases: AtomicU32,
}

/// The password of every database here, so that a test can look for it where it must not be.
pub const PASSWORD: &str = "never-to-be-logged-4711";

/// How long a loaded machine may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The server that all tests of a process share, each with databases of its own. `None` where there is no PostgreSQL, which
/// has been said then.
///
/// # Panics
/// It does not start; or there is none, with `CI=true`.
pub fn shared() -> Option<&'static Cluster> {
    static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
    SHARED.get_or_init(|| Cluster::start(&[])).as_ref()
}

// === impl Cluster ===

impl Cluster {
    /// Makes and starts a server; `settings` are such as `max_connections=50`. `None` where there is no PostgreSQL, which has
    /// been said then.
    ///
    /// # Panics
    /// It does not start; or there is none, with `CI=true`.
    pub fn start(settings: &[&str]) -> Option<Self> {
        let programs = Programs::find()?;
        let folder = programs.folder();
        Some(Self::make(programs, folder, settings))
    }

    /// The same, where it speaks TLS with a certificate and its key (PEM).
    ///
    /// # Panics
    /// It does not start; or there is none, with `CI=true`.
    pub fn start_with_tls(certificate: &str, key: &str) -> Option<Self> {
        let programs = Programs::find()?;
        let folder = programs.folder();
        let mut settings = vec!["ssl=on".to_owned()];
        for (setting, name, pem) in [("ssl_cert_file", "leaf.pem", certificate), ("ssl_key_file", "leaf.key", key)] {
            let path = folder.join(name);
            fs::write(&path, pem).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            programs.own(&path);
            settings.push(format!("{setting}={}", text(&path)));
        }
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        Some(Self::make(programs, folder, &settings))
    }

    fn make(programs: Programs, folder: PathBuf, settings: &[&str]) -> Self {
        let password = folder.join("password");
        fs::write(&password, PASSWORD).unwrap();
        programs.own(&password);
        let data = folder.join("data");
        let made =
            ["--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8", "--no-sync", "-U", USER, "-D"];
        programs.run("initdb", made.iter().copied().chain([text(&data), "--pwfile", text(&password)]));
        Self::run(programs, folder, settings)
    }

    /// A standby of this server, as far as it has come; commits here wait for it from now on.
    ///
    /// # Panics
    /// It does not start.
    pub fn start_standby(&self) -> Self {
        let programs = self.programs.clone();
        let folder = programs.folder();
        let data = folder.join("data");
        let port = self.port.to_string();
        let from = ["-h", text(&self.folder), "-p", &port, "-U", USER, "-D", text(&data)];
        programs.run("pg_basebackup", from.into_iter().chain(["-R", "-X", "stream", "-c", "fast", "--no-sync"]));
        let standby = Self::run(programs, folder, &[]);
        self.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'");
        self.sql("postgres", "SELECT pg_reload_conf()");
        let began = Instant::now();
        while self.sql("postgres", "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") != "1" {
            assert!(began.elapsed() < PATIENCE, "the standby does not follow");
            thread::sleep(Duration::from_millis(50));
        }
        standby
    }

    /// Makes this standby take writes.
    pub fn promote(&self) {
        self.sql("postgres", "SELECT pg_promote(true, 60)");
        // It waits for nobody.
        self.sql("postgres", "ALTER SYSTEM RESET synchronous_standby_names");
        self.sql("postgres", "SELECT pg_reload_conf()");
    }

    /// A new and empty database; gives its address.
    pub fn database(&self) -> String {
        self.database_like("template1")
    }

    /// A new database with what another one holds, to which nobody may be connected; gives its address.
    pub fn database_like(&self, template: &str) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        // What is copied by file is not written twice.
        self.sql("postgres", &format!("CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy"));
        self.url(&name)
    }

    /// The address of a database.
    pub fn url(&self, database: &str) -> String {
        self.url_through(self.port, database)
    }

    /// The same, where another port of loopback leads to this server.
    pub fn url_through(&self, port: u16, database: &str) -> String {
        format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{port}/{database}")
    }

    /// Where it listens, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Runs a statement as the server's owner; gives the rows as text, columns between bars.
    ///
    /// # Panics
    /// It fails.
    pub fn sql(&self, database: &str, statement: &str) -> String {
        let port = self.port.to_string();
        let there = ["-h", text(&self.folder), "-p", &port, "-U", USER, "-d", database];
        let how = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement];
        self.programs.run("psql", there.into_iter().chain(how)).trim().to_owned()
    }

    /// Ends the server as a power cut does, as far as the operating system lives on. It can be started again.
    ///
    /// # Panics
    /// It does not end.
    pub fn kill(&self) {
        let first = process(&self.folder).unwrap();
        let tasks = tasks(first);
        self.end(Signal::SIGKILL);
        // They would end by themselves, but perhaps not before somebody starts the server again.
        for task in tasks {
            let _ = kill(task, Signal::SIGKILL);
        }
    }

    /// Ends the server as its operator does who does not wait for clients. It can be started again.
    ///
    /// # Panics
    /// It does not end.
    pub fn stop(&self) {
        self.end(Signal::SIGINT);
    }

    /// Holds up all of its processes, until [`Cluster::go_on`].
    ///
    /// # Panics
    /// It does not run.
    pub fn pause(&self) {
        self.signal_all(Signal::SIGSTOP);
    }

    /// Lets its processes go on.
    ///
    /// # Panics
    /// It does not run.
    pub fn go_on(&self) {
        self.signal_all(Signal::SIGCONT);
    }

    /// The first process, and those that it has started for its clients.
    fn signal_all(&self, signal: Signal) {
        let first = process(&self.folder).unwrap();
        let _ = kill(Pid::from_raw(first), signal);
        for task in tasks(first) {
            // It may have ended just now.
            let _ = kill(task, signal);
        }
    }

    /// Starts the server again, on the same port.
    ///
    /// # Panics
    /// It does not start.
    pub fn start_again(&mut self) {
        let mut left = 50;
        loop {
            self.keeper = keep(&self.programs, &self.folder, self.port, &[]);
            if await_ready(&self.folder, &mut self.keeper) {
                return;
            }
            left -= 1;
            assert!(left > 0, "PostgreSQL does not start again:\n{}", log(&self.folder));
            // What the one before used is not free yet.
            thread::sleep(Duration::from_millis(100));
        }
    }

    fn run(programs: Programs, folder: PathBuf, settings: &[&str]) -> Self {
        let mut left = 5;
        loop {
            let port = free_port();
            let mut keeper = keep(&programs, &folder, port, settings);
            if await_ready(&folder, &mut keeper) {
                return Self { programs, folder, port, keeper, databases: AtomicU32::new(0) };
            }
            // Somebody else took the port in between.
            left -= 1;
            assert!(left > 0, "PostgreSQL does not start:\n{}", log(&folder));
        }
    }

    fn end(&self, signal: Signal) {
        let process = Pid::from_raw(process(&self.folder).unwrap());
        kill(process, signal).unwrap();
        let began = Instant::now();
        while kill(process, None).is_ok() {
            assert!(began.elapsed() < PATIENCE, "PostgreSQL does not end");
            thread::sleep(Duration::from_millis(10));
        }
        // What a kill leaves behind would be taken for a server that runs.
        let _ = fs::remove_file(self.folder.join("data/postmaster.pid"));
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Starts a server under a shell that ends it when nobody holds the shell's standard input any more.
fn keep(programs: &Programs, folder: &Path, port: u16, settings: &[&str]) -> Child {
    let log = fs::File::options().create(true).append(true).open(folder.join("log")).unwrap();
    let mut shell = programs.as_owner("sh");
    shell.arg("-c").arg(KEEPER).arg(programs.path("postgres"));
    shell.arg("-D").arg(folder.join("data")).args(["-p", &port.to_string()]).arg("-k").arg(folder);
    for setting in SETTINGS.iter().chain(settings) {
        shell.args(["-c", setting]);
    }
    shell.stdin(Stdio::piped()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
}

/// False when it ended instead.
fn await_ready(folder: &Path, keeper: &mut Child) -> bool {
    let began = Instant::now();
    loop {
        // The last line that the server writes there (storage.sgml, "postmaster.pid").
        let said = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap_or_default();
        let state = said.lines().nth(7).unwrap_or_default().trim_end();
        if (state == "ready" || state == "standby") && keeper.try_wait().unwrap().is_none() {
            return true;
        }
        if keeper.try_wait().unwrap().is_some() {
            return false;
        }
        assert!(began.elapsed() < PATIENCE, "PostgreSQL does not get ready:\n{}", log(folder));
        thread::sleep(Duration::from_millis(10));
    }
}

fn process(folder: &Path) -> Option<i32> {
    fs::read_to_string(folder.join("data/postmaster.pid")).ok()?.lines().next()?.parse().ok()
}

/// What a process has started, and what runs.
fn tasks(process: i32) -> Vec<Pid> {
    let said = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    said.split_whitespace().filter_map(|task| task.parse().ok()).map(Pid::from_raw).collect()
}

fn log(folder: &Path) -> String {
    fs::read_to_string(folder.join("log")).unwrap_or_default()
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

const USER: &str = "accredit";

/// The server runs behind; when it ends by itself, so does the shell. `-QUIT` ends it at once and leaves nothing running.
const KEEPER: &str = r#"
exec 3<&0
"$0" "$@" < /dev/null 3<&- & server=$!
( cat <&3 > /dev/null; kill -QUIT $server ) 2> /dev/null & watch=$!
wait $server
kill $watch 2> /dev/null
"#;

/// Tests kill processes, not machines: nothing has to reach the disk.
const SETTINGS: &[&str] = &[
    "fsync=off",
    "full_page_writes=off",
    "listen_addresses=127.0.0.1",
    "log_min_messages=warning",
    "max_connections=100",
    "shared_buffers=16MB",
    "wal_level=replica",
    "wal_retrieve_retry_interval=500ms",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_made_survives_a_kill_and_ends_with_its_test() {
        let Some(mut cluster) = Cluster::start(&[]) else { return };
        let url = cluster.database();
        assert!(url.ends_with("/test0"));
        cluster.sql("test0", "CREATE TABLE thing (name text)");
        cluster.sql("test0", "INSERT INTO thing VALUES ('kept')");
        cluster.kill();
        cluster.start_again();
        assert_eq!(cluster.sql("test0", "SELECT name, 1 FROM thing"), "kept|1");
        let (folder, process) = (cluster.folder.clone(), Pid::from_raw(process(&cluster.folder).unwrap()));
        drop(cluster);
        assert!(!folder.exists() && kill(process, None).is_err());
    }
}
