//! Server processes: started on one core, awaited until ready, stopped by their id.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::fault::{Because as _, Fault};
use crate::measure;

/// A server that answered that it is ready. Dropping it kills it.
pub(crate) struct Server {
    child: Child,
    /// From just before it was started until it was ready.
    pub(crate) start: Duration,
}

// === impl Server ===

impl Server {
    /// Starts `command` on `core` alone and waits until `GET /readyz` at `address` answers 200. What it prints goes to the
    /// file `log`.
    pub(crate) fn start(command: Command, core: usize, address: SocketAddr, log: &Path) -> Result<Self, Fault> {
        Self::start_until(command, core, (address, "/readyz"), log)
    }

    /// The same with a server that says at another path that it is ready.
    pub(crate) fn start_until(
        mut command: Command,
        core: usize,
        (address, path): (SocketAddr, &str),
        log: &Path,
    ) -> Result<Self, Fault> {
        let output = File::create(log).because(|| log.display().to_string())?;
        let errors = output.try_clone().because(|| log.display().to_string())?;
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let begun = Instant::now();
        let mut server = Self { child: spawn_on(core, &mut command)?, start: Duration::ZERO };
        while !is_ready(address, path) {
            let ended = server.child.try_wait().because(|| "server".to_owned())?;
            if ended.is_some() || begun.elapsed() > PATIENCE {
                let what =
                    ended.map_or("not ready after three minutes".to_owned(), |status| format!("ended, {status}"));
                return Err(Fault::new(format!("server: {what}; it printed:\n{}", tail(log))));
            }
            thread::sleep(Duration::from_millis(1));
        }
        server.start = begun.elapsed();
        Ok(server)
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// Asks it to end and waits until it has.
    pub(crate) fn stop(mut self) -> Result<(), Fault> {
        kill(self.pid(), Signal::SIGTERM).because(|| "server".to_owned())?;
        let begun = Instant::now();
        while self.child.try_wait().because(|| "server".to_owned())?.is_none() {
            if begun.elapsed() > PATIENCE {
                return Err(Fault::new("server: still there three minutes after SIGTERM"));
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `command` to its end.
///
/// # Errors
/// When it fails, what it printed to standard error.
pub(crate) fn run(mut command: Command) -> Result<(), Fault> {
    let name = PathBuf::from(command.get_program()).display().to_string();
    let output = command.stdin(Stdio::null()).stdout(Stdio::null()).output().because(|| name.clone())?;
    if output.status.success() {
        return Ok(());
    }
    let printed = String::from_utf8_lossy(&output.stderr);
    Err(Fault::new(format!("{name}: {}; it printed:\n{}", output.status, last_lines(&printed))))
}

/// A loopback address that nobody listens on now.
pub(crate) fn free_address() -> Result<SocketAddr, Fault> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).because(|| "loopback".to_owned())?;
    listener.local_addr().because(|| "loopback".to_owned())
}

/// A child runs on the cores of the thread that starts it.
fn spawn_on(core: usize, command: &mut Command) -> Result<Child, Fault> {
    thread::scope(|scope| {
        let starter = scope.spawn(|| {
            measure::pin(core)?;
            command.spawn().because(|| PathBuf::from(command.get_program()).display().to_string())
        });
        starter.join().map_err(|_| Fault::new("thread: panicked"))?
    })
}

fn is_ready(address: SocketAddr, path: &str) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
        let mut status_line = [0; 12];
        stream.read_exact(&mut status_line)?;
        Ok(&status_line == b"HTTP/1.1 200")
    };
    ask().unwrap_or(false)
}

fn tail(log: &Path) -> String {
    last_lines(&std::fs::read_to_string(log).unwrap_or_default())
}

fn last_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// A Java server on one core that does other things too.
const PATIENCE: Duration = Duration::from_secs(180);
