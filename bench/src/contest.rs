//! The contest: who runs, in which order, under which loads.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use nix::unistd::Pid;

use crate::arguments::Common;
use crate::cast::Cast;
use crate::door::Door;
use crate::fault::{Because as _, Fault};
use crate::generator::{self, Load};
use crate::issuer::{self, Algorithm, Issuer};
use crate::measure::Memory;
use crate::process::{self, Server};
use crate::request::Requests;
use crate::results::{Cell, Contestant, Figures, Holding, Results, Settings, median};
use crate::world::{self, World};
use crate::{measure, proofs, report, targets};

/// `accredit-bench exchange`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    common: Common,
    /// Measure the ceiling alone
    #[arg(long, conflicts_with = "binary")]
    ceiling_only: bool,
    /// Numbers of connections [default: 1,16,64]
    #[arg(long, value_delimiter = ',')]
    connections: Option<Vec<usize>>,
    /// Mappings of the large worlds [default: 100000]
    #[arg(long)]
    many: Option<usize>,
    /// Providers over which a large world is spread [default: 1000]
    #[arg(long)]
    spread: Option<usize>,
}

/// Measures, prints the report, and judges it.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Fault> {
    let cores = measure::cores()?;
    let settings = settings(arguments, &cores)?;
    measure::pin(settings.generator_core)?;
    let binary = if arguments.ceiling_only { None } else { Some(arguments.common.binary()?) };
    let folder = arguments.common.make_folder()?;
    let results = Contest { settings, cores, folder: folder.path(), binary: binary.as_deref() }.hold()?;

    let verdicts = targets::judge(&results);
    arguments.common.write_json(|| report::to_json(&results, &verdicts))?;
    report::write_text(&mut std::io::stdout().lock(), &results, &verdicts).because(|| "report".to_owned())?;
    Ok(arguments.common.exit_code(&verdicts))
}

fn settings(arguments: &Arguments, cores: &[usize]) -> Result<Settings, Fault> {
    let (server_core, generator_core) = measure::two_of(cores)?;
    let Common { quick, rounds, seconds, .. } = arguments.common;
    let settings = Settings {
        quick,
        server_core,
        generator_core,
        rounds: rounds.unwrap_or(if quick { 3 } else { 5 }),
        window_s: seconds.unwrap_or(if quick { 0.5 } else { 2.0 }),
        warm_up_s: if quick { 0.2 } else { 0.5 },
        connections: arguments.connections.clone().unwrap_or(if quick { vec![64] } else { vec![1, 16, 64] }),
        few: 10,
        many: arguments.many.unwrap_or(if quick { 5_000 } else { 100_000 }),
        spread: arguments.spread.unwrap_or(if quick { 50 } else { 1_000 }),
        tokens: if quick { 2_000 } else { 20_000 },
        starts: 5,
        fsyncs: 50,
    };
    let counts = [settings.rounds, settings.spread, settings.connections.len()];
    let right = counts.iter().chain(&settings.connections).all(|&count| count > 0)
        && settings.window_s > 0.0
        && settings.many > settings.few
        && settings.many.is_multiple_of(settings.spread);
    right.then_some(settings).ok_or_else(|| {
        Fault::new("settings: expected counts above 0, more than 10 mappings, and as many for each provider")
    })
}

/// What a run needs to know.
struct Contest<'a> {
    settings: Settings,
    cores: Vec<usize>,
    folder: &'a Path,
    binary: Option<&'a Path>,
}

/// One who runs.
#[derive(Clone)]
struct Runner {
    contestant: Contestant,
    door: Door,
    pid: Pid,
}

/// The bare servers, and the world whose tokens they take.
struct Ceilings {
    cast: Cast,
    servers: Vec<(Runner, Server)>,
}

// === impl Contest ===

impl Contest<'_> {
    fn hold(self) -> Result<Results, Fault> {
        let (worlds, applied) = self.settled(self.worlds()?)?;
        let (worlds, start_ms) = self.started_anew(worlds)?;
        let home;
        let issuers = match worlds.first() {
            Some(world) => &world.issuers,
            None => {
                home = Issuer::generate(1, &self.cores)?;
                &home
            }
        };
        let ceilings = self.ceilings(&issuers[0])?;
        let fsyncs = measure::fsyncs(worlds.first().map_or(self.folder, World::folder), self.settings.fsyncs)?;

        let mut cells = Vec::new();
        for algorithm in Algorithm::ALL {
            cells.extend(self.rounds(algorithm, &ceilings, issuers, &worlds)?);
        }

        let mut holdings = Vec::new();
        for (runner, server) in ceilings.servers {
            holdings.push(Holding {
                contestant: runner.contestant,
                after_run: measure::memory(runner.pid)?,
                applied: None,
                apply_s: None,
                start_ms: None,
                restart_ms: None,
            });
            server.stop()?;
        }
        for (world, applied) in worlds.into_iter().zip(applied) {
            holdings.push(self.retire(world, applied, start_ms)?);
        }
        Ok(Results {
            machine: measure::machine(),
            store_in_memory: measure::in_memory(self.folder)?,
            settings: self.settings,
            cells,
            fsync_us: median(fsyncs.iter().map(|took| took.as_secs_f64() * 1e6)),
            holdings,
        })
    }

    /// The product's worlds, small before large; none when the ceiling runs alone.
    fn worlds(&self) -> Result<Vec<World>, Fault> {
        let Some(binary) = self.binary else { return Ok(Vec::new()) };
        let settings = &self.settings;
        let (few, many) =
            ([settings.few_together(), settings.few_spread()], [settings.many_together(), settings.many_spread()]);
        let can_be_made = |cast: &Cast| {
            let can = !cast.postgres || world::has_postgres();
            if !can {
                progress(&format!("{} is left out: no PostgreSQL here", Contestant::Product(*cast).label()));
            }
            can
        };
        let casts = few.into_iter().chain(settings.manners()).chain(many).filter(can_be_made);
        let make = |(number, cast): (usize, Cast)| {
            progress(&format!("making {}", Contestant::Product(cast).label()));
            World::make(binary, self.folder.join(number.to_string()), cast, settings.server_core, &self.cores)
        };
        casts.enumerate().map(make).collect()
    }

    /// What each world holds when what its apply needed has been given back.
    fn settled(&self, worlds: Vec<World>) -> Result<(Vec<World>, Vec<Memory>), Fault> {
        if !worlds.is_empty() {
            thread::sleep(SETTLING);
        }
        let applied = worlds.iter().map(|world| measure::memory(world.pid())).collect::<Result<_, Fault>>()?;
        Ok((worlds, applied))
    }

    /// Starts every world's server anew, so that all have come to what they hold in the same way; with the median time until the
    /// first was ready, in milliseconds.
    fn started_anew(&self, worlds: Vec<World>) -> Result<(Vec<World>, Option<f64>), Fault> {
        let mut start_ms = None;
        let mut started = Vec::new();
        for world in worlds {
            let world = match start_ms {
                Some(_) => world.restart()?.0,
                None => {
                    let (world, took) = self.restarts(world)?;
                    start_ms = Some(took);
                    world
                }
            };
            started.push(world);
        }
        Ok((started, start_ms))
    }

    fn restarts(&self, mut world: World) -> Result<(World, f64), Fault> {
        let mut times = Vec::new();
        for _ in 0..self.settings.starts {
            let took;
            (world, took) = world.restart()?;
            times.push(took.as_secs_f64() * 1e3);
        }
        Ok((world, median(times.into_iter())))
    }

    fn ceilings(&self, issuer: &Issuer) -> Result<Ceilings, Fault> {
        let cast = self.settings.few_together();
        let jwks = self.folder.join("ceiling.jwks");
        std::fs::write(&jwks, issuer.key_set()?.to_string()).because(|| jwks.display().to_string())?;
        let program = std::env::current_exe().because(|| "this program".to_owned())?;
        let start = |yields: bool| {
            let address = process::free_address()?;
            let mut command = Command::new(&program);
            command
                .args(["ceiling", "--listen", &address.to_string(), "--issuer", &cast.issuer(0), "--jwks"])
                .arg(&jwks);
            if yields {
                command.arg("--yield");
            }
            let log = self.folder.join(format!("ceiling-{yields}.log"));
            let server = Server::start(command, self.settings.server_core, address, &log)?;
            let door = address.into();
            Ok((Runner { contestant: Contestant::Ceiling { yields }, door, pid: server.pid() }, server))
        };
        Ok(Ceilings { cast, servers: [false, true].into_iter().map(start).collect::<Result<_, Fault>>()? })
    }

    /// All rounds with subject tokens of one algorithm.
    fn rounds(
        &self,
        algorithm: Algorithm,
        ceilings: &Ceilings,
        issuers: &[Issuer],
        worlds: &[World],
    ) -> Result<Vec<Cell>, Fault> {
        let lanes = self.lanes(algorithm, ceilings, issuers, worlds)?;
        let mut cells: Vec<Cell> = Vec::new();
        for &connections in &self.settings.connections {
            let runners = lanes.iter().filter(|(runner, _)| self.stands(runner.contestant, connections));
            cells.extend(runners.map(|(runner, _)| Cell {
                algorithm,
                connections,
                contestant: runner.contestant,
                rounds: Vec::new(),
            }));
        }
        for round in 0..self.settings.rounds {
            progress(&format!("{}, round {} of {}", algorithm.name(), round + 1, self.settings.rounds));
            for &connections in &self.settings.connections {
                // There and back, so that a machine that grows slower favours nobody.
                let turn = |lane: usize| if round % 2 == 0 { lane } else { lanes.len() - 1 - lane };
                for lane in (0..lanes.len()).map(turn) {
                    let (runner, requests) = &lanes[lane];
                    let right =
                        |cell: &&mut Cell| cell.connections == connections && cell.contestant == runner.contestant;
                    if let Some(cell) = cells.iter_mut().find(right) {
                        cell.rounds.push(self.measure(runner, requests, connections)?);
                    }
                }
            }
        }
        Ok(cells)
    }

    /// Who runs with which requests; each has answered one of every provider.
    fn lanes(
        &self,
        algorithm: Algorithm,
        ceilings: &Ceilings,
        issuers: &[Issuer],
        worlds: &[World],
    ) -> Result<Vec<(Runner, Rc<Requests>)>, Fault> {
        progress(&format!("signing {} tokens", algorithm.name()));
        let requests = |cast: Cast, issuers: &[Issuer], address: SocketAddr| {
            let count = if cast.once { self.settings.at_most() } else { self.settings.tokens }.max(cast.mappings);
            let tokens = issuer::sign_tokens(cast, issuers, algorithm, count, world::now()?, &self.cores)?;
            Ok::<_, Fault>(Rc::new(Requests::exchanges(cast, address, &tokens)))
        };
        let mut lanes = Vec::new();
        let shared = requests(ceilings.cast, issuers, ceilings.servers[0].0.door.address)?;
        for (runner, _) in &ceilings.servers {
            lanes.push((runner.clone(), Rc::clone(&shared)));
        }
        for world in worlds {
            let contestant = Contestant::Product(world.cast);
            if !self.takes(contestant, algorithm) {
                continue;
            }
            let requests = requests(world.cast, &world.issuers, world.door.address)?;
            lanes.push((Runner { contestant, door: world.door.clone(), pid: world.pid() }, requests));
        }
        for (runner, requests) in &lanes {
            // A provider's first token costs once what later ones do not: what is learned of it is written down. The order of
            // the requests is such that twice as many as there are providers meet each.
            if runner.contestant.is_proving() {
                continue;
            }
            for _ in 0..2 * runner.contestant.providers() {
                generator::try_once(&runner.contestant.label(), &runner.door, requests)?;
            }
        }
        Ok(lanes)
    }

    fn measure(&self, runner: &Runner, requests: &Rc<Requests>, connections: usize) -> Result<Figures, Fault> {
        let seconds = Duration::from_secs_f64;
        let load =
            Load { connections, warm_up: seconds(self.settings.warm_up_s), window: seconds(self.settings.window_s) };
        let who = || format!("{}, {connections} connections", runner.contestant.label());
        let requests = match runner.contestant.is_proving() {
            true => {
                // A proof counts once, and not for long.
                let count = self.settings.at_most() / self.settings.rounds;
                Rc::new(requests.proved(&proofs::make(&runner.door, requests, count, &self.cores)?))
            }
            false => Rc::clone(requests),
        };
        let sample = generator::run(&runner.door, &requests, load, || measure::cpu_time(runner.pid)).because(who)?;
        if let Some(first) = sample.first_error {
            let errors = sample.errors;
            return Err(Fault::new(format!(
                "{}: {errors} exchanges failed, the run is void; the first: {first}",
                who()
            )));
        }
        Figures::of(&sample).ok_or_else(|| Fault::new(format!("{}: no answer within the window", who())))
    }

    /// Whether it meets tokens of this algorithm: the other manners cost the same beside one as beside the other, and tokens that
    /// count once are made many and quickly with ES256.
    fn takes(&self, contestant: Contestant, algorithm: Algorithm) -> bool {
        !contestant.is_manner() || algorithm == Algorithm::Es256
    }

    /// Whether it is measured under this load: the other manners under the greatest alone.
    fn stands(&self, contestant: Contestant, connections: usize) -> bool {
        !contestant.is_manner() || self.settings.connections.iter().max() == Some(&connections)
    }

    /// Takes what is left to learn from a world and ends it.
    fn retire(&self, world: World, applied: Memory, start_ms: Option<f64>) -> Result<Holding, Fault> {
        let contestant = Contestant::Product(world.cast);
        let start_ms = start_ms.filter(|_| world.cast == self.settings.few_together());
        let apply_s = Some(world.apply_took.as_secs_f64());
        let after_run = measure::memory(world.pid())?;
        let (world, restart_ms) = self.restarts(world)?;
        world.stop()?;
        Ok(Holding { contestant, after_run, applied: Some(applied), apply_s, start_ms, restart_ms: Some(restart_ms) })
    }
}

/// Says what takes time. The report is on standard output, this is not.
pub(crate) fn progress(text: &str) {
    // A run without standard error is a run all the same.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// How long after an apply its memory is looked at: the allocator gives back after a second, when it is used again.
const SETTLING: Duration = Duration::from_secs(10);
