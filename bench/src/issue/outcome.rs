//! What a race of issuance came to: table, promises.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::Entrant;
use super::accredit::Wish;
use crate::measure::Memory;
use crate::peers::Settings;
use crate::report;
use crate::results::{Figures, Spread, grouped, median};
use crate::targets::{Sense, Verdict};

/// Everything that a run found.
pub(crate) struct Outcome {
    pub(crate) machine: String,
    pub(crate) settings: Settings,
    /// In the order of racing.
    pub(crate) lanes: Vec<Lane>,
    /// What the product's server holds after the run.
    pub(crate) accredit: Memory,
    /// What SPIRE's holds, where it raced.
    pub(crate) spire: Option<Memory>,
}

/// One entrant's figures, of requests.
pub(crate) struct Lane {
    pub(crate) entrant: Entrant,
    pub(crate) rounds: Vec<Figures>,
}

/// SVIDs in a second of processor time, as a multiple of another entrant's.
struct Promise {
    what: &'static str,
    own: Wish,
    beside: Entrant,
    least: f64,
    unit: &'static str,
}

const PROMISES: &[Promise] = &[
    Promise {
        what: "JWT-SVIDs in bulk: share of bare signing",
        own: Wish::JwtBulk,
        beside: Entrant::Signing,
        least: 0.6,
        unit: "",
    },
    Promise {
        what: "JWT-SVIDs one a request, beside SPIRE's MintJWTSVID",
        own: Wish::Jwt,
        beside: Entrant::Spire("jwt"),
        least: 4.0,
        unit: "times",
    },
    Promise {
        what: "JWT-SVIDs in bulk, beside SPIRE's MintJWTSVID",
        own: Wish::JwtBulk,
        beside: Entrant::Spire("jwt"),
        least: 8.0,
        unit: "times",
    },
];

// === impl Lane ===

impl Lane {
    pub(crate) fn new(entrant: Entrant) -> Self {
        Self { entrant, rounds: Vec::new() }
    }

    fn svids(&self) -> f64 {
        self.entrant.svids() as f64
    }

    /// How many SVIDs it makes in a second of processor time beside another: of each round by itself.
    fn beside(&self, other: &Lane) -> f64 {
        let cost = |lane: &Lane, figures: &Figures| figures.cpu_us / lane.svids();
        let ratios = self.rounds.iter().zip(&other.rounds).map(|(own, others)| cost(other, others) / cost(self, own));
        Spread::of(ratios).map_or(0.0, |spread| spread.median)
    }

    fn median(&self, figure: impl Fn(&Figures) -> f64) -> f64 {
        median(self.rounds.iter().map(figure))
    }
}

// === impl Outcome ===

impl Outcome {
    /// Judges every promise that the run had something to say about.
    pub(crate) fn judge(&self) -> Vec<Verdict> {
        let judged = PROMISES.iter().filter_map(|promise| {
            let own = self.lane(Entrant::Accredit(promise.own))?;
            let found = own.beside(self.lane(promise.beside)?);
            Some(Verdict::new(promise.what.to_owned(), found, Sense::Least, promise.least, promise.unit))
        });
        judged.collect()
    }

    /// Writes the table, then each promise with `kept` or `BROKEN` before it.
    pub(crate) fn write_text(&self, out: &mut impl Write, verdicts: &[Verdict]) -> io::Result<()> {
        let settings = &self.settings;
        writeln!(out, "{}", self.machine)?;
        writeln!(
            out,
            "servers on core {}, generator on core {}; medians of {} interleaved rounds of {} s; all sign ES256\n",
            settings.server_core, settings.generator_core, settings.rounds, settings.window_s
        )?;
        let mut rows = vec![COLUMNS.map(str::to_owned).to_vec()];
        rows.extend(self.lanes.iter().map(|lane| self.row(lane)));
        report::write_table(out, &rows)?;
        write!(out, "\nresident after the run: accredit {:.1} MB", self.accredit.resident as f64 / 1e6)?;
        match self.spire {
            Some(memory) => writeln!(out, ", spire {:.1} MB", memory.resident as f64 / 1e6)?,
            None => writeln!(out, "; spire is left out")?,
        }
        if settings.quick {
            writeln!(out, "a quick run: too short for the verdicts below to be relied on")?;
        }
        writeln!(out)?;
        verdicts.iter().try_for_each(|verdict| report::write_verdict(out, verdict))
    }

    /// Everything, unrounded.
    pub(crate) fn to_json(&self, verdicts: &[Verdict]) -> Value {
        let lane = |lane: &Lane| {
            json!({
                "server": lane.entrant.label(),
                "svids_per_request": lane.entrant.svids(),
                "connections": lane.entrant.connections(),
                "rounds": lane.rounds,
            })
        };
        json!({
            "machine": self.machine,
            "settings": self.settings,
            "servers": self.lanes.iter().map(lane).collect::<Vec<_>>(),
            "resident_bytes": {"accredit": self.accredit.resident, "spire": self.spire.map(|memory| memory.resident)},
            "targets": verdicts,
        })
    }

    fn lane(&self, entrant: Entrant) -> Option<&Lane> {
        self.lanes.iter().find(|lane| lane.entrant == entrant)
    }

    fn row(&self, lane: &Lane) -> Vec<String> {
        let beside = |other: Entrant| self.lane(other).map(|other| lane.beside(other));
        vec![
            lane.entrant.label().to_owned(),
            lane.entrant.svids().to_string(),
            lane.entrant.connections().to_string(),
            grouped((lane.median(|figures| figures.per_second) * lane.svids()).round() as usize),
            format!("{:.1}", lane.median(|figures| figures.cpu_us) / lane.svids()),
            beside(Entrant::Signing).map_or(String::new(), |share| format!("{share:.2}")),
            beside(Entrant::Spire("jwt")).map_or(String::new(), |ratio| format!("{ratio:.1}")),
            format!("{:.1}", lane.median(|figures| figures.p99_us) / 1e3),
            format!("{:.0} %", lane.median(|figures| figures.server_busy) * 100.0),
        ]
    }
}

// === impl Entrant ===

impl Entrant {
    fn label(self) -> &'static str {
        match self {
            Entrant::Signing => "bare ES256",
            Entrant::Accredit(Wish::Jwt) => "accredit, JWT-SVID",
            Entrant::Accredit(Wish::JwtBulk) => "accredit, JWT-SVIDs in bulk",
            Entrant::Accredit(Wish::X509) => "accredit, X509-SVID",
            Entrant::Spire("x509") => "spire, MintX509SVID",
            Entrant::Spire(_) => "spire, MintJWTSVID",
        }
    }
}

const COLUMNS: [&str; 9] = [
    "server",
    "a request",
    "connections",
    "SVIDs per second",
    "CPU us per SVID",
    "of bare signing",
    "beside MintJWTSVID",
    "p99 ms",
    "core busy",
];

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::super::ENTRANTS;
    use super::*;

    /// A run in which a request takes so many microseconds of processor time, in the order of [`ENTRANTS`].
    fn run(cpu_us: &[f64]) -> Outcome {
        let figures = |cpu_us: f64| Figures {
            per_second: 1e6 / cpu_us,
            cpu_us,
            p50_us: 1.0,
            p99_us: 2.0,
            server_busy: 1.0,
            generator_busy: 0.3,
        };
        let lane = |(&entrant, &cpu_us): (&Entrant, &f64)| Lane { entrant, rounds: vec![figures(cpu_us)] };
        Outcome {
            machine: String::new(),
            settings: Settings { quick: false, server_core: 0, generator_core: 1, rounds: 1, window_s: 1.0 },
            lanes: ENTRANTS.iter().zip(cpu_us).map(lane).collect(),
            accredit: Memory { resident: 1, peak: 1 },
            spire: None,
        }
    }

    #[test]
    fn promises_are_kept_at_their_bounds() {
        let bulk = 64.0 * 50.0;
        let verdicts = run(&[30.0, 100.0, bulk, 1.0, 400.0, 1.0]).judge();
        assert_eq!(verdicts.len(), PROMISES.len());
        assert!(verdicts.iter().all(|verdict| verdict.kept), "{verdicts:?}");
        let verdicts = run(&[29.9, 100.1, bulk, 1.0, 399.0, 1.0]).judge();
        assert!(verdicts.iter().all(|verdict| !verdict.kept), "{verdicts:?}");
    }

    #[test]
    fn without_spire_nothing_is_said_beside_it() {
        let outcome = run(&[30.0, 100.0, 64.0, 1.0]);
        let verdicts = outcome.judge();
        assert_eq!(verdicts.len(), 1);
        let mut text = Vec::new();
        outcome.write_text(&mut text, &verdicts).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("spire is left out") && !text.contains("\nspire,"), "{text}");
    }
}
