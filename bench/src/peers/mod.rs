//! The race: other servers that trade somebody's token for one of their own, with the same tokens in the same run.

mod accredit;
mod dex;
mod hydra;
mod keycloak;
mod outcome;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;

use crate::arguments::Common;
use crate::cast::Cast;
use crate::contest::progress;
use crate::fault::{Because as _, Fault};
use crate::generator::{self, Load};
use crate::issuer::{self, Algorithm, Issuer};
use crate::process::Server;
use crate::publisher::Publisher;
use crate::request::Requests;
use crate::results::Figures;
use crate::{measure, world};
use outcome::{Lane, Outcome};

/// `accredit-bench peers`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    common: Common,
    /// Race this program of Dex's
    #[arg(long, value_name = "PATH")]
    dex: Option<PathBuf>,
    /// Race this program of Ory Hydra's
    #[arg(long, value_name = "PATH")]
    hydra: Option<PathBuf>,
    /// Race the Keycloak in this folder, built for its database in a file
    #[arg(long, value_name = "FOLDER")]
    keycloak: Option<PathBuf>,
}

/// How a run measures.
#[derive(Clone, Serialize)]
pub(crate) struct Settings {
    pub(crate) quick: bool,
    pub(crate) server_core: usize,
    pub(crate) generator_core: usize,
    pub(crate) rounds: usize,
    pub(crate) window_s: f64,
}

/// One who races, in one configuration. What is not in [`RACERS`] does not exist.
pub(crate) struct Racer {
    /// The product's own name; several configurations share it.
    pub(crate) name: &'static str,
    /// What is particular about this configuration; empty where it is the product as it comes.
    pub(crate) manner: &'static str,
    /// What it signs.
    pub(crate) mints: &'static str,
    /// Whether it refuses a token that it has seen.
    pub(crate) is_once: bool,
    /// Connections that ask it at a time.
    pub(crate) connections: usize,
    /// Seconds of load before anything counts: what compiles itself while it runs needs them.
    warm_up_s: f64,
    start: fn(&Place<'_>) -> Result<Started, Fault>,
}

/// Where a racer is started, and with whose tokens.
struct Place<'p> {
    /// The racer's own program, or the folder that it is in.
    program: &'p Path,
    /// A folder of its own.
    folder: PathBuf,
    core: usize,
    cast: Cast,
    issuer: &'p Issuer,
    tokens: &'p [String],
}

/// A racer that answered that it is ready.
struct Started {
    server: Server,
    address: SocketAddr,
    requests: Requests,
}

/// Everybody, in the order of racing.
const RACERS: &[Racer] =
    &[accredit::PLAIN, accredit::RS256, accredit::RS256_ONCE, dex::PLAIN, hydra::PLAIN, hydra::RS256, keycloak::PLAIN];

/// Races, prints the report, and judges it.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Fault> {
    let cores = measure::cores()?;
    let (server_core, generator_core) = measure::two_of(&cores)?;
    measure::pin(generator_core)?;
    let Common { quick, rounds, seconds, .. } = arguments.common;
    let settings = Settings {
        quick,
        server_core,
        generator_core,
        rounds: rounds.unwrap_or(if quick { 2 } else { 5 }).max(1),
        window_s: seconds.unwrap_or(if quick { 1.0 } else { 3.0 }).max(0.1),
    };
    let binary = arguments.common.binary()?;
    let folder = arguments.common.make_folder()?;
    let racers = arguments.racers(&binary)?;
    let outcome = race(&racers, settings, &cores, folder.path())?;
    let verdicts = outcome.judge();
    arguments.common.write_json(|| outcome.to_json(&verdicts))?;
    outcome.write_text(&mut std::io::stdout().lock(), &verdicts).because(|| "report".to_owned())?;
    Ok(arguments.common.exit_code(&verdicts))
}

impl Arguments {
    /// Everybody whose program is named, with it.
    fn racers(&self, accredit: &Path) -> Result<Vec<(&'static Racer, PathBuf)>, Fault> {
        let program = |racer: &Racer| match racer.name {
            "accredit" => Some(accredit),
            "dex" => self.dex.as_deref(),
            "hydra" => self.hydra.as_deref(),
            _ => self.keycloak.as_deref(),
        };
        let named = RACERS.iter().filter_map(|racer| Some((racer, program(racer)?)));
        named.map(|(racer, path)| Ok((racer, path.canonicalize().because(|| path.display().to_string())?))).collect()
    }
}

fn race(
    racers: &[(&'static Racer, PathBuf)],
    settings: Settings,
    cores: &[usize],
    folder: &Path,
) -> Result<Outcome, Fault> {
    let publisher = Publisher::start()?;
    let cast = Cast { published_at: Some(publisher.address), ..Cast::plain(SUBJECTS, 1) };
    let issuer = Issuer::generate(1, cores)?.remove(0);
    publisher.publish(&issuer.key_set()?);
    let seconds = WARM_UP_S + settings.rounds as f64 * (TURN_WARM_UP_S + settings.window_s);
    // Who takes a token once must not run out of them. Signing one with RSA is most of an exchange, so this is enough.
    let count = ((seconds * MOST_ONCE_PER_SECOND) as usize).next_multiple_of(SUBJECTS);
    progress(&format!("signing {count} tokens"));
    let tokens =
        issuer::sign_tokens(cast, std::slice::from_ref(&issuer), Algorithm::Rs256, count, world::now()?, cores)?;

    let signature_us = issuer.signature_us(Algorithm::Rs256)?;

    let mut lanes = Vec::new();
    for (number, (racer, program)) in racers.iter().enumerate() {
        progress(&format!("starting {}", racer.label()));
        let folder = folder.join(number.to_string());
        std::fs::create_dir_all(&folder).because(|| folder.display().to_string())?;
        let place = Place { program, folder, core: settings.server_core, cast, issuer: &issuer, tokens: &tokens };
        let Started { server, address, requests } = (racer.start)(&place)?;
        let requests = Rc::new(requests);
        generator::try_once(&racer.label(), &address.into(), &requests)?;
        let load =
            Load { connections: racer.connections, warm_up: Duration::ZERO, window: seconds_of(racer.warm_up_s) };
        measure_one(racer, &server, address, &requests, load)?;
        lanes.push((Lane::new(racer, server.start), server, address, requests));
    }
    for round in 0..settings.rounds {
        progress(&format!("round {} of {}", round + 1, settings.rounds));
        let turn = |lane: usize| if round % 2 == 0 { lane } else { racers.len() - 1 - lane };
        for place in (0..racers.len()).map(turn) {
            let (lane, server, address, requests) = &mut lanes[place];
            let load = Load {
                connections: lane.racer.connections,
                warm_up: seconds_of(TURN_WARM_UP_S),
                window: seconds_of(settings.window_s),
            };
            lane.rounds.push(measure_one(lane.racer, server, *address, requests, load)?);
        }
    }
    let mut finished = Vec::new();
    for (mut lane, server, ..) in lanes {
        lane.memory = measure::memory_of_tree(server.pid())?;
        server.stop()?;
        finished.push(lane);
    }
    Ok(Outcome { machine: measure::machine(), settings, signature_us, lanes: finished })
}

fn measure_one(
    racer: &Racer,
    server: &Server,
    address: SocketAddr,
    requests: &Rc<Requests>,
    load: Load,
) -> Result<Figures, Fault> {
    let cpu = || measure::cpu_time_of_tree(server.pid());
    let sample = generator::run(&address.into(), requests, load, cpu).because(|| racer.label())?;
    if let Some(first) = sample.first_error {
        let errors = sample.errors;
        return Err(Fault::new(format!(
            "{}: {errors} exchanges failed, the run is void; the first: {first}",
            racer.label()
        )));
    }
    Figures::of(&sample).ok_or_else(|| Fault::new(format!("{}: no answer within the window", racer.label())))
}

fn seconds_of(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

impl Racer {
    /// As a table names it.
    pub(crate) fn label(&self) -> String {
        if self.manner.is_empty() { self.name.to_owned() } else { format!("{}, {}", self.name, self.manner) }
    }
}

/// Connections that ask a racer at a time, where it stands them.
const CONNECTIONS: usize = 64;
/// Subjects of the tokens; each is a mapping here and a client there.
const SUBJECTS: usize = 10;
/// Before each measurement of a round.
const TURN_WARM_UP_S: f64 = 0.3;
/// The longest that anybody who takes a token once warms up, but for Keycloak, which is slow enough.
const WARM_UP_S: f64 = 3.0;
/// More exchanges than anybody makes who signs with RSA on one core.
const MOST_ONCE_PER_SECOND: f64 = 2_500.0;
