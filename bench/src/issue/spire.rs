//! SPIRE's server, asked to mint over its administrators' socket, by a program in its own language.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use nix::unistd::Pid;
use serde::Deserialize;

use super::TRUST_DOMAIN;
use crate::fault::{Because as _, Fault};
use crate::generator::Load;
use crate::measure;
use crate::process::{self, Server};
use crate::results::Figures;

/// A server that is ready, and who asks it, on the calling thread's core.
pub(crate) struct Spire {
    server: Server,
    asker: Asker,
}

/// The program that asks; it ends when its standard input does.
struct Asker {
    child: Child,
    orders: ChildStdin,
    said: BufReader<ChildStdout>,
}

/// What came of a load.
#[derive(Deserialize)]
struct Sample {
    answers: u64,
    p50_us: f64,
    p99_us: f64,
    error: String,
}

// === impl Spire ===

impl Spire {
    /// Starts the programs of the folder `programs`: the server on `core` with an empty store in `folder`.
    pub(crate) fn start(programs: &Path, folder: &Path, core: usize) -> Result<Self, Fault> {
        std::fs::create_dir_all(folder).because(|| folder.display().to_string())?;
        let (address, health) = (process::free_address()?, process::free_address()?);
        let socket = folder.join("server.sock");
        let config = folder.join("server.conf");
        let text = format!(
            r#"server {{
    trust_domain = "{TRUST_DOMAIN}"
    bind_address = "127.0.0.1"
    bind_port = "{}"
    socket_path = "{}"
    data_dir = "{}"
    log_level = "WARN"
}}
plugins {{
    DataStore "sql" {{ plugin_data {{ database_type = "sqlite3" connection_string = "{}/datastore.sqlite3" }} }}
    KeyManager "memory" {{ plugin_data {{}} }}
    NodeAttestor "join_token" {{ plugin_data {{}} }}
}}
health_checks {{ listener_enabled = true bind_address = "127.0.0.1" bind_port = "{}" ready_path = "/readyz" }}
"#,
            address.port(),
            socket.display(),
            folder.display(),
            folder.display(),
            health.port(),
        );
        std::fs::write(&config, text).because(|| config.display().to_string())?;
        let mut command = Command::new(programs.join("spire-server"));
        command.args(["run", "-config"]).arg(&config).current_dir(folder);
        let server = Server::start(command, core, health, &folder.join("server.log"))?;
        Ok(Self { server, asker: Asker::start(&programs.join("spire-load"), &socket)? })
    }

    /// Has it mint `what`, `jwt` or `x509`, one a request.
    pub(crate) fn measure(&mut self, what: &str, load: Load) -> Result<Figures, Fault> {
        let pid = self.pid();
        let who = || format!("spire, {what}");
        let asker = Pid::from_raw(self.asker.child.id().cast_signed());
        let order = serde_json::json!({
            "mints": what,
            "connections": load.connections,
            "warm_up_s": load.warm_up.as_secs_f64(),
            "window_s": load.window.as_secs_f64(),
        });
        self.asker.order(&order)?;
        let first = self.asker.line()?;
        let begun = std::time::Instant::now();
        let (cpu, asker_cpu) = (measure::cpu_time(pid)?, measure::cpu_time(asker)?);
        // A load that fails at once says so without having begun.
        let line = if first.contains("begun") { self.asker.line()? } else { first };
        let (window, cpu, asker_cpu) =
            (begun.elapsed().as_secs_f64(), measure::cpu_time(pid)? - cpu, measure::cpu_time(asker)? - asker_cpu);
        let sample: Sample = serde_json::from_str(&line).because(|| format!("{}: `{line}`", who()))?;
        if !sample.error.is_empty() {
            return Err(Fault::new(format!("{}: a request failed, the run is void: {}", who(), sample.error)));
        }
        let answers = sample.answers as f64;
        Ok(Figures {
            per_second: answers / window,
            cpu_us: cpu.as_secs_f64() * 1e6 / answers,
            p50_us: sample.p50_us,
            p99_us: sample.p99_us,
            server_busy: cpu.as_secs_f64() / window,
            generator_busy: asker_cpu.as_secs_f64() / window,
        })
    }

    /// The server's process.
    pub(crate) fn pid(&self) -> Pid {
        self.server.pid()
    }

    /// Ends both.
    pub(crate) fn stop(self) -> Result<(), Fault> {
        let Self { server, asker } = self;
        drop(asker);
        server.stop()
    }
}

// === impl Asker ===

impl Asker {
    fn start(program: &PathBuf, socket: &Path) -> Result<Self, Fault> {
        let who = || program.display().to_string();
        let mut child = Command::new(program)
            .arg(socket)
            .arg(TRUST_DOMAIN)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .because(who)?;
        let (Some(orders), Some(said)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Fault::new(format!("{}: no pipe to it", who())));
        };
        Ok(Self { child, orders, said: BufReader::new(said) })
    }

    fn order(&mut self, order: &serde_json::Value) -> Result<(), Fault> {
        writeln!(self.orders, "{order}").because(|| "spire-load".to_owned())
    }

    fn line(&mut self) -> Result<String, Fault> {
        let mut line = String::new();
        match self.said.read_line(&mut line).because(|| "spire-load".to_owned())? {
            0 => Err(Fault::new("spire-load: it ended")),
            _ => Ok(line),
        }
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
