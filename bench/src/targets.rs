//! What the product promises of its speed and size, and whether a run kept it.

use serde::Serialize;

use crate::issuer::Algorithm;
use crate::results::{Contestant, Holding, Results, grouped};

/// One promise, and what a run found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Verdict {
    /// What was promised of, e.g. `RS256, 64 connections, 10 mappings, 1 provider: share of the ceiling`.
    pub(crate) subject: String,
    /// What was found, in `unit`.
    pub(crate) found: f64,
    /// What was promised, in `unit`.
    pub(crate) bound: f64,
    /// Whether `bound` is the least or the most.
    pub(crate) sense: Sense,
    /// The unit of both; empty for a share.
    pub(crate) unit: &'static str,
    /// Whether it was kept.
    pub(crate) kept: bool,
}

/// Which side of the bound is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Sense {
    /// As much or more.
    Least,
    /// As much or less.
    Most,
}

/// Judges every promise that the run had something to say about.
pub(crate) fn judge(results: &Results) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for algorithm in Algorithm::ALL {
        verdicts.extend(share_of_ceiling(results, algorithm));
        verdicts.extend(cost_of_many(results, algorithm));
    }
    verdicts.extend(results.holdings.iter().flat_map(|holding| memory(results, holding)));
    verdicts.extend(results.holdings.iter().flat_map(|holding| start(results, holding)));
    verdicts
}

/// The full server does at least three quarters of what the bare one does in a second of processor time.
fn share_of_ceiling(results: &Results, algorithm: Algorithm) -> Option<Verdict> {
    let contestant = Contestant::Product(results.settings.few_together());
    let cell = results.cell(algorithm, CONNECTIONS, contestant)?;
    let share = results.efficiency(cell, Contestant::Ceiling { yields: false })?.median;
    let subject = format!(
        "{} to ES256, {CONNECTIONS} connections, {}: share of the ceiling",
        algorithm.name(),
        contestant.label()
    );
    Some(Verdict::new(subject, share, Sense::Least, 0.75, ""))
}

/// Many mappings cost at most five per cent more processor time than few, on one provider and on many.
fn cost_of_many(results: &Results, algorithm: Algorithm) -> Vec<Verdict> {
    let settings = &results.settings;
    let pairs = [(settings.many_together(), settings.few_together()), (settings.many_spread(), settings.few_spread())];
    let judge_pair = |(many, few)| {
        let (many, few) = (Contestant::Product(many), Contestant::Product(few));
        let share = results.efficiency(results.cell(algorithm, CONNECTIONS, many)?, few)?.median;
        let (many, few) = (many.label(), few.label());
        let subject = format!("{} to ES256, {CONNECTIONS} connections, {many}: cost above {few}", algorithm.name());
        Some(Verdict::new(subject, (1.0 / share - 1.0) * 100.0, Sense::Most, 5.0, "%"))
    };
    pairs.into_iter().filter_map(judge_pair).collect()
}

/// Resident memory is at most 40 MB with few mappings and 200 MB with many, in the process that they were applied to and in the one
/// that ran.
fn memory(results: &Results, holding: &Holding) -> Option<Verdict> {
    let Contestant::Product(cast) = holding.contestant else { return None };
    if holding.contestant.is_manner() {
        return None;
    }
    let bound = if cast.mappings <= results.settings.few { 40.0 } else { 200.0 };
    let subject = format!("{}: resident memory after the apply and after the run", holding.contestant.label());
    let most = holding.applied.map_or(0, |memory| memory.resident).max(holding.after_run.resident);
    Some(Verdict::new(subject, most as f64 / 1e6, Sense::Most, bound, "MB"))
}

/// A server with few mappings is ready within 100 ms, also on the store that a run has filled.
fn start(results: &Results, holding: &Holding) -> Vec<Verdict> {
    if holding.contestant != Contestant::Product(results.settings.few_together()) {
        return Vec::new();
    }
    let few = grouped(results.settings.few);
    let fresh = holding.start_ms.map(|start| (format!("{few} mappings: start to ready"), start));
    let filled = holding.restart_ms.map(|start| (format!("{few} mappings: start to ready on the run's store"), start));
    [fresh, filled]
        .into_iter()
        .flatten()
        .map(|(subject, start)| Verdict::new(subject, start, Sense::Most, 100.0, "ms"))
        .collect()
}

// === impl Verdict ===

impl Verdict {
    /// Judges what was found.
    pub(crate) fn new(subject: String, found: f64, sense: Sense, bound: f64, unit: &'static str) -> Self {
        let kept = match sense {
            Sense::Least => found >= bound,
            Sense::Most => found <= bound,
        };
        Self { subject, found, bound, sense, unit, kept }
    }
}

/// The load under which the promises hold.
const CONNECTIONS: usize = 64;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::measure::Memory;
    use crate::results::{Cell, Figures, Settings};

    /// A run of one round in which the ceiling takes 50 us, the product `few` and `many` us an exchange.
    pub(crate) fn run(few: f64, many: f64, resident: u64, start_ms: f64) -> Results {
        let settings = Settings {
            quick: false,
            server_core: 0,
            generator_core: 1,
            rounds: 1,
            window_s: 1.0,
            warm_up_s: 0.0,
            connections: vec![64],
            few: 10,
            many: 100_000,
            spread: 1_000,
            tokens: 1,
            starts: 1,
            fsyncs: 1,
        };
        let contestants = [
            (Contestant::Ceiling { yields: false }, 50.0),
            (Contestant::Ceiling { yields: true }, 45.0),
            (Contestant::Product(settings.few_together()), few),
            (Contestant::Product(settings.few_spread()), few),
            (Contestant::Product(settings.many_together()), many),
            (Contestant::Product(settings.many_spread()), many),
        ];
        let figures = |cpu_us: f64| Figures {
            per_second: 1e6 / cpu_us,
            cpu_us,
            p50_us: 1.0,
            p99_us: 2.0,
            server_busy: 1.0,
            generator_busy: 0.3,
        };
        let cells = contestants.map(|(contestant, cpu_us)| Cell {
            algorithm: Algorithm::Rs256,
            connections: 64,
            contestant,
            rounds: vec![figures(cpu_us)],
        });
        let holdings = contestants.map(|(contestant, _)| Holding {
            contestant,
            after_run: Memory { resident, peak: resident },
            applied: None,
            apply_s: None,
            start_ms: Some(start_ms),
            restart_ms: None,
        });
        Results {
            machine: String::new(),
            settings,
            cells: cells.into(),
            fsync_us: 1.0,
            store_in_memory: false,
            holdings: holdings.into(),
        }
    }

    fn broken(results: &Results) -> Vec<String> {
        judge(results).into_iter().filter(|verdict| !verdict.kept).map(|verdict| verdict.subject).collect()
    }

    #[test]
    fn a_run_at_every_bound_keeps_every_promise() {
        let results = run(50.0 / 0.75, 50.0 / 0.75 * 1.0499, 40_000_000, 100.0);
        assert_eq!(judge(&results).len(), 1 + 2 + 4 + 1);
        assert_eq!(broken(&results), [""; 0]);
    }

    #[test]
    fn each_promise_can_be_broken() {
        for (results, count, word) in [
            (run(67.0, 67.0, 1, 1.0), 1, "share of the ceiling"),
            (run(60.0, 63.1, 1, 1.0), 2, "cost above"),
            (run(60.0, 60.0, 40_000_001, 1.0), 2, "10 mappings"),
            (run(60.0, 60.0, 200_000_001, 1.0), 4, "resident memory"),
            (run(60.0, 60.0, 1, 100.1), 1, "start to ready"),
        ] {
            let broken = broken(&results);
            assert_eq!(broken.len(), count, "{broken:?}");
            assert!(broken.iter().all(|subject| subject.contains(word)), "{broken:?}");
        }
    }
}
