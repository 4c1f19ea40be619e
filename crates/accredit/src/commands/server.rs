//! `accredit server`: runs the service until it is told to stop.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use accredit_server::Config;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::migrate;
use crate::cli::Common;
use crate::exit::{Exit, Failure};
use crate::paths;
use crate::terminal::Terminal;

/// Run the server: on loopback when told nothing, in earnest with --config
///
/// Without a configuration it listens on 127.0.0.1:7070, keeps its store below `$XDG_DATA_HOME/accredit` (or
/// `~/.local/share/accredit`) and its key-encryption key below `$XDG_CONFIG_HOME/accredit` (or `~/.config/accredit`).
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub(crate) struct Args {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Loopback address and port, when there is no configuration file
    #[arg(long, value_name = "ADDRESS", conflicts_with = "config", default_value = "127.0.0.1:7070")]
    listen: SocketAddr,
    /// Trust the rows of a store that has no seals yet, as they are now, and seal them; once, after an upgrade
    #[arg(long)]
    seal_store: bool,
    /// Trust the clock though it is behind what the store has seen; once, after a clock that ran ahead was put right
    #[arg(long)]
    trust_clock: bool,
    /// How the log is written: text or json
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    log: String,
    #[command(subcommand)]
    verb: Option<Verb>,
}

/// What is done to the server's store instead of running it.
#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Bring the store's schema up to date, or say what would be done
    Migrate(migrate::Args),
}

/// Runs until SIGTERM or SIGINT.
pub(crate) async fn run(common: &Common, args: &Args, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    log_to_stderr(&args.log);
    if let Some(Verb::Migrate(args)) = &args.verb {
        return migrate::run(common, args, terminal).await;
    }
    let mut config = match &args.config {
        Some(path) => read(path)?,
        None => laptop(common, args.listen)?,
    };
    config.heed_environment(|name| std::env::var(name).ok());
    (config.seal_store, config.trust_clock) = (args.seal_store, args.trust_clock);
    let running = accredit_server::serve(&config).await.map_err(|fault| {
        let failure = Failure::named(&fault, fault.code());
        match fault.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })?;
    let socket = config.admin.socket.display().to_string();
    // Before anybody is told that it is ready: whoever hears that may stop it at once.
    let (mut stopped, mut hung_up) = (Signals::new(), signal(SignalKind::hangup()).ok());
    if let Some(metrics_address) = running.metrics_address {
        tracing::info!(event = "metrics-served", address = %metrics_address, "metrics are served");
    }
    if let Some(admin_address) = running.admin_address {
        tracing::info!(event = "administrators-served", address = %admin_address, "administrators elsewhere are served");
    }
    tracing::info!(event = "server-ready", public_url = %config.public_url, address = %running.address, socket, "server ready");
    if args.config.is_none() {
        terminal.say(&next_steps(&config, common));
    }
    let name = loop {
        tokio::select! {
            name = stopped.next() => break name,
            () = next(&mut hung_up) => running.reload(),
        }
    };
    tracing::info!(event = "server-stopping", signal = name, "server stopping");
    // Told twice, it does not wait for those who lead clients here.
    running.stop(async move { _ = stopped.next().await }).await;
    Ok(Exit::Done)
}

/// The configuration of the server whose store is meant, when it does not run: of this file, or of one that was told nothing.
pub(crate) fn config_or_laptop(common: &Common, config: Option<&Path>) -> Result<Config, Failure> {
    match config {
        Some(path) => read(path),
        None => laptop(common, (Ipv4Addr::LOCALHOST, 7070).into()),
    }
}

fn read(path: &Path) -> Result<Config, Failure> {
    Config::read(path).map_err(|fault| Failure::misused(fault.to_string()))
}

fn laptop(common: &Common, listen: SocketAddr) -> Result<Config, Failure> {
    if !listen.ip().is_loopback() {
        return Err(Failure::misused(format!(
            "address `{}` is not loopback, expected one such as {}:7070",
            listen,
            Ipv4Addr::LOCALHOST
        ))
        .hint("other addresses need a configuration with certificates: --config FILE"));
    }
    let homeless =
        || Failure::misused("no folder for the store: `HOME` is not set").hint("set it, or use --config FILE");
    let data = paths::data_folder().ok_or_else(homeless)?;
    let key_file = paths::config_folder().ok_or_else(homeless)?.join("key-encryption-key");
    Ok(Config::laptop(with_port(listen)?, &data, &key_file, &common.socket()?))
}

/// The public URL names the port, so port 0 becomes a free one before anything else.
fn with_port(listen: SocketAddr) -> Result<SocketAddr, Failure> {
    if listen.port() != 0 {
        return Ok(listen);
    }
    let free = std::net::TcpListener::bind(listen).and_then(|listener| listener.local_addr());
    free.map_err(|error| Failure::failed(format!("no free port on {}: {error}", listen.ip())))
}

fn next_steps(config: &Config, common: &Common) -> String {
    let socket = match common.socket.as_deref().map(Path::display) {
        Some(socket) => format!(" --socket {socket}"),
        None => String::new(),
    };
    format!(
        "\nserver   {url}\nstore    {store}\nadmin    {admin}\n\n\
         next     accredit{socket} status\n\
         \x20        accredit init github --repository YOU/REPO --ref main --api https://api.example.org --permission read > web.yaml\n\
         \x20        accredit{socket} apply -f web.yaml\n\
         stop     Ctrl-C\n",
        url = config.public_url,
        store = config.store.shown(),
        admin = config.admin.socket.display(),
    )
}

/// Log lines go to standard error; `RUST_LOG` filters them.
fn log_to_stderr(format: &str) {
    let filter = std::env::var("RUST_LOG").ok().and_then(|asked| filter(&asked)).or_else(|| filter("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_default())
        .with_writer(std::io::stderr)
        .with_target(false);
    // Where the log cannot be written, saying so there would end whoever tried.
    let builder = builder.log_internal_errors(false);
    let _ = match format {
        // Where a line comes from is for machines; the span that it was written in bears the trace.
        "json" => builder.json().with_target(true).with_span_list(false).try_init(),
        _ => builder.with_ansi(false).try_init(),
    };
}

/// What PostgreSQL tells whoever is connected, such as that it shuts down, the SQL library logs without a word of whose it is. What
/// follows of it is a line of our own.
fn filter(asked: &str) -> Option<tracing_subscriber::EnvFilter> {
    let quiet = if asked.contains("sqlx") { "" } else { ",sqlx=error" };
    tracing_subscriber::EnvFilter::try_new(format!("{asked}{quiet}")).ok()
}

/// SIGTERM and SIGINT, listened for since it was made.
pub(crate) struct Signals {
    terminate: Option<Signal>,
    interrupt: Option<Signal>,
}

// === impl Signals ===

impl Signals {
    pub(crate) fn new() -> Self {
        Self { terminate: signal(SignalKind::terminate()).ok(), interrupt: signal(SignalKind::interrupt()).ok() }
    }

    /// Waits for the next of them.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            () = next(&mut self.terminate) => "SIGTERM",
            () = next(&mut self.interrupt) => "SIGINT",
        }
    }
}

/// A signal that cannot be listened for never comes.
async fn next(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}
