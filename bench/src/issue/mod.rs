//! The race of issuance: SVIDs by `/v1/svid`, one a request and in bulk, beside bare signatures, and beside SPIRE's server.

mod accredit;
mod outcome;
mod signing;
mod spire;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use crate::arguments::Common;
use crate::contest::progress;
use crate::fault::{Because as _, Fault};
use crate::generator::Load;
use crate::measure;
use crate::peers::Settings;
use crate::results::Figures;
use accredit::{Accredit, Wish};
use outcome::{Lane, Outcome};
use spire::Spire;

/// `accredit-bench issue`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    common: Common,
    /// Race the SPIRE in this folder: `spire-server`, and `spire-load` that asks it
    #[arg(long, value_name = "FOLDER")]
    spire: Option<PathBuf>,
}

/// What is measured, once in each round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entrant {
    /// Signatures and nothing else.
    Signing,
    /// The product.
    Accredit(Wish),
    /// SPIRE, minting `jwt` or `x509`.
    Spire(&'static str),
}

/// Everybody, in the order of racing.
const ENTRANTS: &[Entrant] = &[
    Entrant::Signing,
    Entrant::Accredit(Wish::Jwt),
    Entrant::Accredit(Wish::JwtBulk),
    Entrant::Accredit(Wish::X509),
    Entrant::Spire("jwt"),
    Entrant::Spire("x509"),
];

/// Races, prints the report, and judges it.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Fault> {
    let cores = measure::cores()?;
    let (server_core, generator_core) = measure::two_of(&cores)?;
    measure::pin(generator_core)?;
    let common = &arguments.common;
    let settings = Settings {
        quick: common.quick,
        server_core,
        generator_core,
        rounds: common.rounds.unwrap_or(if common.quick { 2 } else { 7 }).max(1),
        window_s: common.seconds.unwrap_or(if common.quick { 0.5 } else { 3.0 }).max(0.1),
    };
    let binary = common.binary()?;
    let folder = common.make_folder()?;
    let spire = arguments.spire.as_deref().map(|path| path.canonicalize().because(|| path.display().to_string()));
    let outcome = race(&binary, spire.transpose()?.as_deref(), settings, &cores, folder.path())?;
    let verdicts = outcome.judge();
    common.write_json(|| outcome.to_json(&verdicts))?;
    outcome.write_text(&mut std::io::stdout().lock(), &verdicts).because(|| "report".to_owned())?;
    Ok(common.exit_code(&verdicts))
}

fn race(
    binary: &Path,
    spire: Option<&Path>,
    settings: Settings,
    cores: &[usize],
    folder: &Path,
) -> Result<Outcome, Fault> {
    progress("starting accredit");
    let accredit = Accredit::start(binary, &folder.join("accredit"), settings.server_core, cores)?;
    let mut spire = match spire {
        Some(programs) => {
            progress("starting spire");
            Some(Spire::start(programs, &folder.join("spire"), settings.server_core)?)
        }
        None => None,
    };
    let here = ENTRANTS.iter().filter(|entrant| spire.is_some() || !matches!(entrant, Entrant::Spire(_)));
    let mut lanes: Vec<Lane> = here.copied().map(Lane::new).collect();
    let mut measure_one = |entrant: Entrant, warm_up: f64| -> Result<Figures, Fault> {
        let seconds = Duration::from_secs_f64;
        let load =
            Load { connections: entrant.connections(), warm_up: seconds(warm_up), window: seconds(settings.window_s) };
        match (entrant, &mut spire) {
            (Entrant::Signing, _) => signing::measure(settings.server_core, load),
            (Entrant::Accredit(wish), _) => accredit.measure(wish, load),
            (Entrant::Spire(what), Some(spire)) => spire.measure(what, load),
            (Entrant::Spire(_), None) => Err(Fault::new("spire: not here")),
        }
    };
    for round in 0..settings.rounds {
        progress(&format!("round {} of {}", round + 1, settings.rounds));
        // There and back, so that a machine that grows slower favours nobody.
        let count = lanes.len();
        for place in (0..count).map(|lane| if round % 2 == 0 { lane } else { count - 1 - lane }) {
            let lane = &mut lanes[place];
            lane.rounds.push(measure_one(lane.entrant, if round == 0 { FIRST_WARM_UP_S } else { WARM_UP_S })?);
        }
    }
    let memory = |pid| measure::memory(pid);
    let (own, others) = (memory(accredit.pid())?, spire.as_ref().map(|spire| memory(spire.pid())).transpose()?);
    accredit.stop()?;
    spire.map_or(Ok(()), Spire::stop)?;
    Ok(Outcome { machine: measure::machine(), settings, lanes, accredit: own, spire: others })
}

// === impl Entrant ===

impl Entrant {
    /// SVIDs, or signatures, that come of a request.
    pub(crate) fn svids(self) -> usize {
        match self {
            Entrant::Accredit(wish) => wish.svids(),
            Entrant::Signing | Entrant::Spire(_) => 1,
        }
    }

    /// Connections that ask at a time: enough to fill a core.
    pub(crate) fn connections(self) -> usize {
        match self {
            Entrant::Signing => 1,
            Entrant::Accredit(Wish::JwtBulk) => 8,
            Entrant::Accredit(Wish::Jwt | Wish::X509) | Entrant::Spire(_) => 64,
        }
    }
}

/// The trust domain of both.
const TRUST_DOMAIN: &str = "bench.example.org";
/// Before each measurement.
const WARM_UP_S: f64 = 0.5;
/// Before the first.
const FIRST_WARM_UP_S: f64 = 2.0;
