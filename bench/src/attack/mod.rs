//! The attack: a flood of bad tokens beside good ones, and what is left for these.

mod flood;
mod outcome;

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::arguments::Common;
use crate::cast::Cast;
use crate::contest::progress;
use crate::fault::{Because as _, Fault};
use crate::issuer::{self, Algorithm, Issuer};
use crate::open_loop::{self, Clients, Seen};
use crate::publisher::Publisher;
use crate::request::Requests;
use crate::world::{self, World};
use crate::{generator, measure};
use outcome::{Load, Outcome};

/// `accredit-bench attack`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    common: Common,
    /// Good requests a second
    #[arg(long, default_value_t = 1_000.0)]
    good: f64,
    /// Bad requests a second
    #[arg(long, default_value_t = 10_000.0)]
    bad: f64,
    /// Numbers of addresses that a flood comes from: one is found out soon, each of many spends less than it may
    #[arg(long, value_delimiter = ',', default_value = "16,2000")]
    sources: Vec<usize>,
}

/// How a run measures.
#[derive(Clone, Serialize)]
pub(crate) struct Settings {
    pub(crate) quick: bool,
    pub(crate) server_core: usize,
    pub(crate) generator_core: usize,
    pub(crate) rounds: usize,
    pub(crate) window_s: f64,
    pub(crate) good_per_second: f64,
    pub(crate) bad_per_second: f64,
    pub(crate) sources: Vec<usize>,
}

/// Measures, prints the report, and judges it.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Fault> {
    let cores = measure::cores()?;
    let settings = settings(arguments, &cores)?;
    measure::pin(settings.generator_core)?;
    let binary = arguments.common.binary()?;
    let folder = arguments.common.make_folder()?;
    let outcome = Attack { settings, cores }.make(&binary, folder.path())?;
    let verdicts = outcome.judge();
    arguments.common.write_json(|| outcome.to_json(&verdicts))?;
    outcome.write_text(&mut std::io::stdout().lock(), &verdicts).because(|| "report".to_owned())?;
    Ok(arguments.common.exit_code(&verdicts))
}

fn settings(arguments: &Arguments, cores: &[usize]) -> Result<Settings, Fault> {
    let (server_core, generator_core) = measure::two_of(cores)?;
    let Common { quick, rounds, seconds, .. } = arguments.common;
    let settings = Settings {
        quick,
        server_core,
        generator_core,
        rounds: rounds.unwrap_or(if quick { 2 } else { 5 }),
        window_s: seconds.unwrap_or(if quick { 3.0 } else { 8.0 }),
        good_per_second: arguments.good,
        bad_per_second: arguments.bad,
        sources: arguments.sources.clone(),
    };
    let rates = [settings.window_s, settings.good_per_second, settings.bad_per_second];
    let right = rates.iter().all(|&rate| rate > 0.0)
        && settings.rounds > 0
        && settings.sources.iter().all(|count| (1..=MOST_SOURCES).contains(count));
    right.then_some(settings).ok_or_else(|| {
        Fault::new(format!("settings: expected rates, times and rounds above 0, and 1 to {MOST_SOURCES} sources"))
    })
}

struct Attack {
    settings: Settings,
    cores: Vec<usize>,
}

impl Attack {
    fn make(self, binary: &Path, folder: &Path) -> Result<Outcome, Fault> {
        let publisher = Publisher::start()?;
        let cast = Cast { published_at: Some(publisher.address), ..Cast::plain(10, 1) };
        let issuers = Issuer::generate(1, &self.cores)?;
        publisher.publish(&issuers[0].key_set()?);
        progress("starting the server and signing tokens");
        let world = World::of(binary, folder.join("0"), cast, self.settings.server_core, issuers)?;
        let now = world::now()?;
        let tokens = issuer::sign_tokens(cast, &world.issuers, Algorithm::Rs256, GOOD_TOKENS, now, &self.cores)?;
        let good = Rc::new(Requests::exchanges(cast, world.door.address, &tokens));
        let bad = flood::requests(cast, world.door.address, &world.issuers, now, &self.cores)?;
        generator::try_once("accredit", &world.door, &good)?;
        let begun = Instant::now();

        let settings = &self.settings;
        let mut loads = vec![Load::new(None)];
        loads.extend(settings.sources.iter().map(|&count| Load::new(Some(count))));
        for round in 0..settings.rounds {
            progress(&format!("round {} of {}", round + 1, settings.rounds));
            let floods = 1..loads.len();
            let turn: Vec<_> = if round % 2 == 0 { floods.collect() } else { floods.rev().collect() };
            for flood in turn {
                // Without a flood before each with one: what is compared lies beside each other.
                for place in [0, flood] {
                    let (seen, busy, lateness) = self.window(&world, loads[place].sources, &good, &bad)?;
                    loads[place].add(seen, busy, &lateness);
                }
            }
        }
        let lasted = begun.elapsed();
        let memory = measure::memory(world.pid())?;
        let fetches = publisher.fetches();
        world.stop()?;
        Ok(Outcome { machine: measure::machine(), settings: self.settings, loads, fetches, lasted, memory })
    }

    /// One window; what became of good and bad requests, and the share of its core that the server used.
    fn window(
        &self,
        world: &World,
        sources: Option<usize>,
        good: &Rc<Requests>,
        bad: &Rc<Requests>,
    ) -> Result<([Seen; 2], f64, crate::histogram::Histogram), Fault> {
        let mut clients = vec![Clients {
            sources: vec![Ipv4Addr::LOCALHOST],
            connections: GOOD_CONNECTIONS,
            per_second: self.settings.good_per_second,
            requests: Rc::clone(good),
        }];
        clients.extend(sources.map(|count| Clients {
            sources: flood::sources(count),
            connections: BAD_CONNECTIONS.div_ceil(count),
            per_second: self.settings.bad_per_second,
            requests: Rc::clone(bad),
        }));
        let (cpu, begun) = (measure::cpu_time(world.pid())?, Instant::now());
        let sample = open_loop::run(world.door.address, &clients, Duration::from_secs_f64(self.settings.window_s))?;
        let busy = (measure::cpu_time(world.pid())? - cpu).as_secs_f64() / begun.elapsed().as_secs_f64();
        let mut seen = sample.seen.into_iter();
        let mut next = || seen.next().unwrap_or_else(Seen::new);
        let both = [next(), next()];
        // What a window leaves behind is none of the next one's.
        std::thread::sleep(PAUSE);
        Ok((both, busy, sample.lateness))
    }
}

/// Subject tokens, used again and again: a mapping of the plain case does not care.
const GOOD_TOKENS: usize = 2_000;
const GOOD_CONNECTIONS: usize = 64;
/// Of a flood, at least; one from each source at least.
const BAD_CONNECTIONS: usize = 256;
/// As many loopback addresses as connections that a server keeps open in its plain configuration, less the good ones'.
const MOST_SOURCES: usize = 8_000;
const PAUSE: Duration = Duration::from_millis(500);
