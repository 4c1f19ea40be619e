//! What an attack came to: tables, promises.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Value, json};

use super::Settings;
use crate::histogram::Histogram;
use crate::measure::Memory;
use crate::open_loop::Seen;
use crate::report;
use crate::results::{grouped, median};
use crate::targets::{Sense, Verdict};

/// Everything that a run found.
pub(crate) struct Outcome {
    pub(crate) machine: String,
    pub(crate) settings: Settings,
    /// Without a flood first, then with each.
    pub(crate) loads: Vec<Load>,
    /// How often the issuer's keys were fetched.
    pub(crate) fetches: u64,
    /// From the first exchange to the last.
    pub(crate) lasted: Duration,
    /// The server's, at the end.
    pub(crate) memory: Memory,
}

/// One load, all its windows together.
pub(crate) struct Load {
    /// Addresses that the flood comes from; `None` without one.
    pub(crate) sources: Option<usize>,
    good: Seen,
    bad: Seen,
    lateness: Histogram,
    busy: Vec<f64>,
    /// The good requests' p99 in each window, in milliseconds.
    p99_ms: Vec<f64>,
}

impl Load {
    pub(crate) fn new(sources: Option<usize>) -> Self {
        let (good, bad, lateness) = (Seen::new(), Seen::new(), Histogram::new());
        Self { sources, good, bad, lateness, busy: Vec::new(), p99_ms: Vec::new() }
    }

    /// Adds one window: what became of good and bad requests, the share of its core that the server used, and how late the
    /// generator was.
    pub(crate) fn add(&mut self, [good, bad]: [Seen; 2], busy: f64, lateness: &Histogram) {
        self.p99_ms.push(milliseconds(&good.latency, 0.99));
        self.good.add(&good);
        self.bad.add(&bad);
        self.busy.push(busy);
        self.lateness.add(lateness);
    }

    fn label(&self) -> String {
        match self.sources {
            None => "no flood".to_owned(),
            Some(1) => "flood from 1 source".to_owned(),
            Some(count) => format!("flood from {} sources", grouped(count)),
        }
    }
}

impl Outcome {
    /// At least 80 of 100 good requests are served, at under twice their p99 without a flood; keys are fetched at most once a
    /// cool-down.
    pub(crate) fn judge(&self) -> Vec<Verdict> {
        let Some((quiet, floods)) = self.loads.split_first() else { return Vec::new() };
        let p99 = milliseconds(&quiet.good.latency, 0.99).max(f64::MIN_POSITIVE);
        let mut verdicts = Vec::new();
        for load in floods {
            let (label, share) = (load.label(), load.good.served() * 100.0);
            verdicts.push(Verdict::new(format!("{label}: good requests served"), share, Sense::Least, 80.0, "%"));
            let ratio = milliseconds(&load.good.latency, 0.99) / p99;
            let subject = format!("{label}: p99 of good requests beside that without");
            verdicts.push(Verdict::new(subject, ratio, Sense::Most, 2.0, "times"));
        }
        let subject = format!("key fetches in {:.0} s", self.lasted.as_secs_f64());
        verdicts.push(Verdict::new(subject, self.fetches as f64, Sense::Most, self.allowed_fetches(), ""));
        verdicts
    }

    /// The first, and one more for each cool-down that has passed.
    fn allowed_fetches(&self) -> f64 {
        (self.lasted.as_secs() / COOL_DOWN_S + 1) as f64
    }

    /// Writes the tables, then each promise with `kept` or `BROKEN` before it.
    pub(crate) fn write_text(&self, out: &mut impl Write, verdicts: &[Verdict]) -> io::Result<()> {
        let settings = &self.settings;
        writeln!(out, "{}", self.machine)?;
        writeln!(
            out,
            "server on core {}, generator on core {}; {} interleaved rounds of {} s; {} good requests a second, beside {} bad ones",
            settings.server_core,
            settings.generator_core,
            settings.rounds,
            settings.window_s,
            grouped(settings.good_per_second as usize),
            grouped(settings.bad_per_second as usize),
        )?;
        writeln!(
            out,
            "bad: signature, unknown `kid`, oversized, expired, a quarter each; answers beside them, by status\n"
        )?;
        let mut rows = vec![COLUMNS.map(str::to_owned).to_vec()];
        rows.extend(self.loads.iter().map(row));
        report::write_table(out, &rows)?;
        writeln!(
            out,
            "\nkeys fetched {} times in {:.0} s, at most {} are allowed at one in {COOL_DOWN_S} s",
            self.fetches,
            self.lasted.as_secs_f64(),
            self.allowed_fetches()
        )?;
        writeln!(
            out,
            "resident {:.1} MB after the run, {:.1} MB at its peak",
            self.memory.resident as f64 / 1e6,
            self.memory.peak as f64 / 1e6
        )?;
        let lateness = self.loads.iter().map(|load| milliseconds(&load.lateness, 0.99)).fold(0.0, f64::max);
        if lateness > 1.0 {
            writeln!(
                out,
                "the generator was late by {lateness:.1} ms (p99): latencies are its own, something else ran on its core"
            )?;
        }
        if settings.quick {
            writeln!(out, "a quick run: too short for the verdicts below to be relied on")?;
        }
        writeln!(out)?;
        verdicts.iter().try_for_each(|verdict| report::write_verdict(out, verdict))
    }

    /// Everything, unrounded.
    pub(crate) fn to_json(&self, verdicts: &[Verdict]) -> Value {
        let seen = |seen: &Seen| {
            let answers: BTreeMap<_, _> =
                seen.answers.iter().map(|(status, count)| (status.to_string(), count)).collect();
            json!({"due": seen.due, "answers": answers, "cut": seen.cut})
        };
        let load = |load: &Load| {
            json!({
                "sources": load.sources,
                "good": seen(&load.good),
                "bad": seen(&load.bad),
                "p50_ms": milliseconds(&load.good.latency, 0.5),
                "p99_ms": milliseconds(&load.good.latency, 0.99),
                "p99_ms_by_window": load.p99_ms,
                "busy": load.busy,
                "generator_late_ms_p99": milliseconds(&load.lateness, 0.99),
            })
        };
        json!({
            "machine": self.machine,
            "settings": self.settings,
            "loads": self.loads.iter().map(load).collect::<Vec<_>>(),
            "key_fetches": self.fetches,
            "lasted_s": self.lasted.as_secs_f64(),
            "resident_bytes": self.memory.resident,
            "peak_bytes": self.memory.peak,
            "targets": verdicts,
        })
    }
}

const COLUMNS: [&str; 9] =
    ["load", "good", "served", "p50 ms", "p99 ms", "p99 by window", "bad", "core busy", "answers to bad"];

fn row(load: &Load) -> Vec<String> {
    let mut answers: Vec<_> =
        load.bad.answers.iter().map(|(status, count)| format!("{status}: {}", grouped(*count as usize))).collect();
    if load.bad.cut > 0 {
        answers.push(format!("cut: {}", grouped(load.bad.cut as usize)));
    }
    let least = load.p99_ms.iter().copied().fold(f64::INFINITY, f64::min);
    let most = load.p99_ms.iter().copied().fold(0.0, f64::max);
    vec![
        load.label(),
        grouped(load.good.due as usize),
        format!("{:.2} %", load.good.served() * 100.0),
        format!("{:.2}", milliseconds(&load.good.latency, 0.5)),
        format!("{:.2}", milliseconds(&load.good.latency, 0.99)),
        format!("{least:.1} to {most:.1}"),
        grouped(load.bad.due as usize),
        format!("{:.0} %", median(load.busy.iter().copied()) * 100.0),
        answers.join(", "),
    ]
}

fn milliseconds(histogram: &Histogram, share: f64) -> f64 {
    histogram.percentile(share).as_secs_f64() * 1e3
}

/// Seconds between the beginnings of two fetches of one provider's keys: `COOL_DOWN` of the server's `gather/provider_keys.rs`.
const COOL_DOWN_S: u64 = 30;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    /// A run whose good requests took so long without and with a flood, that served so many of 100, and fetched so often.
    fn run(quiet_ms: u64, flooded_ms: u64, served: u64, fetches: u64) -> Outcome {
        let seen = |due, served, took| {
            let mut seen = Seen { due, answers: BTreeMap::from([(200, served), (429, due - served)]), ..Seen::new() };
            (0..served).for_each(|_| seen.latency.record(Duration::from_millis(took)));
            seen
        };
        let mut loads = [Load::new(None), Load::new(Some(16))];
        loads[0].add([seen(100, 100, quiet_ms), Seen::new()], 0.1, &Histogram::new());
        loads[1].add([seen(100, served, flooded_ms), seen(1_000, 0, 1)], 0.5, &Histogram::new());
        let settings = Settings {
            quick: false,
            server_core: 0,
            generator_core: 1,
            rounds: 1,
            window_s: 8.0,
            good_per_second: 1e3,
            bad_per_second: 1e4,
            sources: vec![16],
        };
        let memory = Memory { resident: 1, peak: 2 };
        Outcome {
            machine: String::new(),
            settings,
            loads: loads.into(),
            fetches,
            lasted: Duration::from_secs(59),
            memory,
        }
    }

    #[test]
    fn each_promise_is_kept_at_its_bound_and_can_be_broken() {
        for (outcome, broken) in [
            (run(10, 19, 80, 2), ""),
            (run(10, 10, 79, 2), "flood from 16 sources: good requests served"),
            (run(10, 22, 100, 2), "flood from 16 sources: p99 of good requests beside that without"),
            (run(10, 10, 100, 3), "key fetches in 59 s"),
        ] {
            let verdicts = outcome.judge();
            let found: Vec<_> =
                verdicts.iter().filter(|verdict| !verdict.kept).map(|verdict| &verdict.subject[..]).collect();
            assert_eq!(found.join(", "), broken);
            assert_eq!(verdicts.len(), 3);
        }
    }

    #[test]
    fn the_report_has_a_row_for_each_load_and_a_line_for_each_promise() {
        let outcome = run(10, 25, 90, 1);
        let verdicts = outcome.judge();
        let mut text = Vec::new();
        outcome.write_text(&mut text, &verdicts).unwrap();
        let text = String::from_utf8(text).unwrap();
        for part in
            ["no flood ", "flood from 16 sources ", "90.00 %", "429: 1,000", "BROKEN flood from 16 sources: p99"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(outcome.to_json(&verdicts)["loads"][1]["good"]["answers"]["200"], 90);
    }
}
