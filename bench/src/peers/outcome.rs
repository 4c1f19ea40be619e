//! What a race came to: tables, promises.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Value, json};

use super::{Racer, Settings};
use crate::measure::Memory;
use crate::report;
use crate::results::{Figures, Spread, grouped, median};
use crate::targets::{Sense, Verdict};

/// Everything that a run found.
pub(crate) struct Outcome {
    pub(crate) machine: String,
    pub(crate) settings: Settings,
    /// Processor time of one RS256 signature with 2048 bits, in microseconds, by the product's library.
    pub(crate) signature_us: f64,
    /// In the order of racing; the product as it comes is the first.
    pub(crate) lanes: Vec<Lane>,
}

/// One racer's figures.
pub(crate) struct Lane {
    pub(crate) racer: &'static Racer,
    pub(crate) rounds: Vec<Figures>,
    /// After the run, of all its processes.
    pub(crate) memory: Memory,
    start: Duration,
}

/// Promised exchanges a second of processor time, beside those of each peer.
struct Promise {
    peer: &'static str,
    /// Each as it comes.
    at_defaults: f64,
    /// Both verify and sign RS256.
    same_algorithms: f64,
}

const PROMISES: &[Promise] = &[
    Promise { peer: "dex", at_defaults: 20.0, same_algorithms: 5.0 },
    Promise { peer: "hydra", at_defaults: 20.0, same_algorithms: 5.0 },
    Promise { peer: "keycloak", at_defaults: 40.0, same_algorithms: 5.0 },
];

impl Lane {
    pub(crate) fn new(racer: &'static Racer, start: Duration) -> Self {
        Self { racer, rounds: Vec::new(), memory: Memory { resident: 0, peak: 0 }, start }
    }

    /// How many exchanges it makes in a second of processor time beside another: of each round by itself.
    fn beside(&self, other: &Lane) -> f64 {
        let ratios = self.rounds.iter().zip(&other.rounds).map(|(own, other)| other.cpu_us / own.cpu_us);
        Spread::of(ratios).map_or(0.0, |spread| spread.median)
    }

    fn median(&self, figure: impl Fn(&Figures) -> f64) -> f64 {
        median(self.rounds.iter().map(figure))
    }
}

impl Outcome {
    /// Judges every promise that the run had something to say about.
    pub(crate) fn judge(&self) -> Vec<Verdict> {
        let own = |mints: &str, is_once: bool| {
            self.lanes.iter().find(|lane| {
                lane.racer.name == "accredit" && lane.racer.mints == mints && lane.racer.is_once == is_once
            })
        };
        let mut verdicts = Vec::new();
        let mut judge = |own: Option<&Lane>, peer: Option<&Lane>, bound: f64| {
            let (Some(own), Some(peer)) = (own, peer) else { return };
            let subject =
                format!("{} beside {}: exchanges in a second of processor time", own.racer.label(), peer.racer.label());
            verdicts.push(Verdict::new(subject, own.beside(peer), Sense::Least, bound, "times"));
        };
        for promise in PROMISES {
            let of_peer = |right: &dyn Fn(&Racer) -> bool| {
                self.lanes.iter().find(|lane| lane.racer.name == promise.peer && right(lane.racer))
            };
            judge(own("ES256", false), of_peer(&|racer| racer.manner.is_empty()), promise.at_defaults);
            judge(own("RS256", false), of_peer(&|racer| racer.mints == "RS256"), promise.same_algorithms);
            judge(
                own("RS256", true),
                of_peer(&|racer| racer.mints == "RS256" && racer.is_once),
                promise.same_algorithms,
            );
        }
        verdicts
    }

    /// Writes the table, then each promise with `kept` or `BROKEN` before it.
    pub(crate) fn write_text(&self, out: &mut impl Write, verdicts: &[Verdict]) -> io::Result<()> {
        let settings = &self.settings;
        writeln!(out, "{}", self.machine)?;
        writeln!(
            out,
            "servers on core {}, generator on core {}; medians of {} interleaved rounds of {} s; RS256 subject tokens\n",
            settings.server_core, settings.generator_core, settings.rounds, settings.window_s
        )?;
        let mut rows = vec![COLUMNS.map(str::to_owned).to_vec()];
        let first = self.lanes.first();
        rows.extend(self.lanes.iter().map(|lane| row(lane, first)));
        report::write_table(out, &rows)?;
        writeln!(out, "\none RS256 signature takes {:.0} us: who signs so pays no less", self.signature_us)?;
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
                "server": lane.racer.name,
                "manner": lane.racer.manner,
                "mints": lane.racer.mints,
                "once": lane.racer.is_once,
                "connections": lane.racer.connections,
                "rounds": lane.rounds,
                "resident_bytes": lane.memory.resident,
                "peak_bytes": lane.memory.peak,
                "start_ms": lane.start.as_secs_f64() * 1e3,
            })
        };
        json!({
            "machine": self.machine,
            "settings": self.settings,
            "rs256_signature_us": self.signature_us,
            "servers": self.lanes.iter().map(lane).collect::<Vec<_>>(),
            "targets": verdicts,
        })
    }
}

const COLUMNS: [&str; 10] = [
    "server",
    "mints",
    "replay",
    "connections",
    "per second",
    "CPU us",
    "CPU beside the first",
    "p99 ms",
    "resident MB",
    "start ms",
];

fn row(lane: &Lane, first: Option<&Lane>) -> Vec<String> {
    vec![
        lane.racer.label(),
        lane.racer.mints.to_owned(),
        if lane.racer.is_once { "refused" } else { "not looked at" }.to_owned(),
        lane.racer.connections.to_string(),
        grouped(lane.median(|figures| figures.per_second).round() as usize),
        format!("{:.0}", lane.median(|figures| figures.cpu_us)),
        first.map_or(String::new(), |first| format!("{:.1}", first.beside(lane))),
        format!("{:.1}", lane.median(|figures| figures.p99_us) / 1e3),
        format!("{:.1}", lane.memory.resident as f64 / 1e6),
        format!("{:.0}", lane.start.as_secs_f64() * 1e3),
    ]
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::super::RACERS;
    use super::*;

    /// A run in which everybody takes so many microseconds of processor time, in the order of [`RACERS`].
    fn run(cpu_us: [f64; 7], left_out: &[&str]) -> Outcome {
        let figures = |cpu_us: f64| Figures {
            per_second: 1e6 / cpu_us,
            cpu_us,
            p50_us: 1.0,
            p99_us: 2.0,
            server_busy: 1.0,
            generator_busy: 0.3,
        };
        let racers = RACERS.iter().zip(cpu_us).filter(|(racer, _)| !left_out.contains(&racer.name));
        let lanes =
            racers.map(|(racer, cpu_us)| Lane { rounds: vec![figures(cpu_us)], ..Lane::new(racer, Duration::ZERO) });
        let settings = Settings { quick: false, server_core: 0, generator_core: 1, rounds: 1, window_s: 1.0 };
        Outcome { machine: String::new(), settings, signature_us: 1.0, lanes: lanes.collect() }
    }

    #[test]
    fn promises_are_kept_at_their_bounds() {
        let verdicts = run([100.0, 400.0, 400.0, 2_000.0, 2_000.0, 2_000.0, 4_000.0], &[]).judge();
        assert_eq!(verdicts.len(), 2 + 3 + 3);
        assert!(verdicts.iter().all(|verdict| verdict.kept));
        let verdicts = run([101.0, 401.0, 401.0, 2_000.0, 2_000.0, 2_000.0, 2_000.0], &[]).judge();
        assert!(verdicts.iter().all(|verdict| !verdict.kept));
    }

    #[test]
    fn who_is_left_out_is_not_judged() {
        let outcome = run([1.0; 7], &["dex", "keycloak"]);
        let verdicts = outcome.judge();
        assert_eq!(verdicts.len(), 3);
        assert!(verdicts.iter().all(|verdict| verdict.subject.contains("beside hydra")));
        let mut text = Vec::new();
        outcome.write_text(&mut text, &verdicts).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("\nhydra, RS256") && !text.contains("dex"), "{text}");
    }
}
