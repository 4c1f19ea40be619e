//! A run's results for people, as an aligned table, and for programs, as JSON.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::issuer::Algorithm;
use crate::results::{Cell, Contestant, Holding, Results, grouped};
use crate::targets::{Sense, Verdict};

/// Writes the tables, then each promise with `kept` or `BROKEN` before it.
pub(crate) fn write_text(out: &mut impl Write, results: &Results, verdicts: &[Verdict]) -> io::Result<()> {
    let settings = &results.settings;
    writeln!(out, "{}", results.machine)?;
    writeln!(
        out,
        "server on core {}, generator on core {}; medians of {} interleaved rounds of {} s after {} s of warm-up",
        settings.server_core, settings.generator_core, settings.rounds, settings.window_s, settings.warm_up_s
    )?;
    for algorithm in Algorithm::ALL {
        writeln!(out, "\n{} to ES256", algorithm.name())?;
        let cells = || results.cells.iter().filter(|cell| cell.algorithm == algorithm);
        let mut rows = vec![EXCHANGES.map(str::to_owned).to_vec()];
        rows.extend(cells().map(|cell| exchange_row(results, cell)));
        write_table(out, &rows)?;
    }
    writeln!(out)?;
    let mut rows = vec![HOLDINGS.map(str::to_owned).to_vec()];
    rows.extend(results.holdings.iter().map(holding_row));
    write_table(out, &rows)?;
    writeln!(
        out,
        "\none fdatasync of 4 KiB where the store is: {:.0} us, median of {}",
        results.fsync_us, settings.fsyncs
    )?;
    if results.store_in_memory {
        writeln!(out, "the store was in memory: nothing was fsynced in earnest; name another --folder")?;
    }
    if let Some(share) = starved_ceiling(results) {
        let share = share * 100.0;
        writeln!(
            out,
            "the ceiling got {share:.0} % of its core though it never waits: something else ran, figures are noise"
        )?;
    }
    let busiest = results.cells.iter().map(|cell| cell.median(|figures| figures.generator_busy)).fold(0.0, f64::max);
    if busiest > 0.9 {
        writeln!(
            out,
            "the generator used {:.0} % of its core: rates and latencies are its own, CPU times stand",
            busiest * 100.0
        )?;
    }
    if settings.quick {
        writeln!(out, "a quick run: too short and too small for the verdicts below to be relied on")?;
    }
    writeln!(out)?;
    verdicts.iter().try_for_each(|verdict| write_verdict(out, verdict))
}

/// The least share of the core that the ceiling got with enough connections to fill it, when that is suspiciously little. It
/// waits for nothing but the core.
fn starved_ceiling(results: &Results) -> Option<f64> {
    let of_ceiling =
        |cell: &&Cell| cell.contestant == (Contestant::Ceiling { yields: false }) && cell.connections >= 16;
    let shares = results.cells.iter().filter(of_ceiling).map(|cell| cell.median(|figures| figures.server_busy));
    shares.reduce(f64::min).filter(|&share| share < 0.9)
}

/// Everything, unrounded: each round of each cell beside the medians.
pub(crate) fn to_json(results: &Results, verdicts: &[Verdict]) -> Value {
    json!({
        "machine": results.machine,
        "settings": results.settings,
        "exchange": results.cells.iter().map(|cell| exchange_json(results, cell)).collect::<Vec<_>>(),
        "fsync_us": results.fsync_us,
        "store_in_memory": results.store_in_memory,
        "servers": results.holdings.iter().map(holding_json).collect::<Vec<_>>(),
        "targets": verdicts,
    })
}

const EXCHANGES: [&str; 9] =
    ["server", "connections", "per second", "CPU us", "of ceiling", "of yielding", "p50 ms", "p99 ms", "core busy"];
const HOLDINGS: [&str; 8] =
    ["server", "resident MB", "peak MB", "applied MB", "apply peak MB", "apply s", "start ms", "restart ms"];

fn exchange_row(results: &Results, cell: &Cell) -> Vec<String> {
    let share = |yields| {
        let share = results.efficiency(cell, Contestant::Ceiling { yields });
        share.map_or(String::new(), |share| format!("{:.3}", share.median))
    };
    vec![
        cell.contestant.label(),
        cell.connections.to_string(),
        grouped(cell.median(|figures| figures.per_second).round() as usize),
        format!("{:.1}", cell.median(|figures| figures.cpu_us)),
        share(false),
        share(true),
        format!("{:.3}", cell.median(|figures| figures.p50_us) / 1e3),
        format!("{:.3}", cell.median(|figures| figures.p99_us) / 1e3),
        format!("{:.0} %", cell.median(|figures| figures.server_busy) * 100.0),
    ]
}

fn holding_row(holding: &Holding) -> Vec<String> {
    let megabytes = |bytes: u64| format!("{:.1}", bytes as f64 / 1e6);
    let time = |time: Option<f64>| time.map_or(String::new(), |time| format!("{time:.1}"));
    vec![
        holding.contestant.label(),
        megabytes(holding.after_run.resident),
        megabytes(holding.after_run.peak),
        holding.applied.map_or(String::new(), |memory| megabytes(memory.resident)),
        holding.applied.map_or(String::new(), |memory| megabytes(memory.peak)),
        time(holding.apply_s),
        time(holding.start_ms),
        time(holding.restart_ms),
    ]
}

pub(crate) fn write_verdict(out: &mut impl Write, verdict: &Verdict) -> io::Result<()> {
    let Verdict { subject, found, bound, sense, unit, kept } = verdict;
    let word = if *kept { "kept  " } else { "BROKEN" };
    let sense = match sense {
        Sense::Least => "at least",
        Sense::Most => "at most",
    };
    let (space, places) = if unit.is_empty() { ("", 3) } else { (" ", 1) };
    writeln!(out, "{word} {subject}: {found:.places$}{space}{unit}, promised {sense} {bound}{space}{unit}")
}

/// Writes columns two spaces apart, the first one to the left, the others to the right.
pub(crate) fn write_table(out: &mut impl Write, rows: &[Vec<String>]) -> io::Result<()> {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: Vec<_> = (0..columns).map(width).collect();
    for row in rows {
        let mut line = String::new();
        for (column, (text, &width)) in row.iter().zip(&widths).enumerate() {
            let cell = if column == 0 { format!("{text:<width$}") } else { format!("  {text:>width$}") };
            line.push_str(&cell);
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn exchange_json(results: &Results, cell: &Cell) -> Value {
    json!({
        "subject": cell.algorithm.name(),
        "minted": "ES256",
        "connections": cell.connections,
        "server": contestant_json(cell.contestant),
        "per_second": cell.median(|figures| figures.per_second),
        "cpu_us": cell.median(|figures| figures.cpu_us),
        "p50_us": cell.median(|figures| figures.p50_us),
        "p99_us": cell.median(|figures| figures.p99_us),
        "of_ceiling": results.efficiency(cell, Contestant::Ceiling { yields: false }),
        "of_yielding_ceiling": results.efficiency(cell, Contestant::Ceiling { yields: true }),
        "rounds": cell.rounds,
    })
}

fn holding_json(holding: &Holding) -> Value {
    json!({
        "server": contestant_json(holding.contestant),
        "resident_bytes": holding.after_run.resident,
        "peak_bytes": holding.after_run.peak,
        "applied_resident_bytes": holding.applied.map(|memory| memory.resident),
        "applied_peak_bytes": holding.applied.map(|memory| memory.peak),
        "apply_s": holding.apply_s,
        "start_ms": holding.start_ms,
        "restart_ms": holding.restart_ms,
    })
}

fn contestant_json(contestant: Contestant) -> Value {
    match contestant {
        Contestant::Ceiling { yields } => json!({"kind": "ceiling", "yields": yields}),
        Contestant::Product(cast) => {
            json!({"kind": "accredit", "mappings": cast.mappings, "providers": cast.providers})
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use crate::targets::{judge, tests::run};

    #[test]
    fn tables_are_aligned_and_promises_follow() {
        let results = run(62.5, 70.0, 35_000_000, 80.0);
        let mut text = Vec::new();
        write_text(&mut text, &results, &judge(&results)).unwrap();
        let text = String::from_utf8(text).unwrap();
        let row = text.lines().find(|line| line.starts_with("10 mappings, 1 provider  ")).unwrap();
        assert!(row.ends_with("62.5       0.800        0.720   0.001   0.002      100 %"), "{row}");
        let header = text.lines().find(|line| line.starts_with("server  ")).unwrap();
        assert_eq!(header.len(), row.len());
        assert!(text.contains("kept   RS256 to ES256, 64 connections, 10 mappings, 1 provider: share of the ceiling: 0.800, promised at least 0.75\n"), "{text}");
        assert!(text.contains("BROKEN RS256 to ES256, 64 connections, 100,000 mappings, 1 provider: cost above 10 mappings, 1 provider: 12.0 %, promised at most 5 %\n"), "{text}");
    }

    #[test]
    fn a_ceiling_that_shares_its_core_is_told() {
        let mut results = run(62.5, 70.0, 35_000_000, 80.0);
        assert_eq!(starved_ceiling(&results), None);
        results.cells[2].rounds[0].server_busy = 0.5;
        assert_eq!(starved_ceiling(&results), None, "the product waits for the disk");
        results.cells[0].rounds[0].server_busy = 0.5;
        assert_eq!(starved_ceiling(&results), Some(0.5));
    }

    #[test]
    fn json_has_every_round_and_verdict() {
        let results = run(62.5, 70.0, 35_000_000, 80.0);
        let json = to_json(&results, &judge(&results));
        assert_eq!(json["exchange"].as_array().unwrap().len(), 6);
        assert_eq!(json["exchange"][2]["of_ceiling"]["median"], 0.8);
        assert_eq!(json["exchange"][2]["rounds"][0]["cpu_us"], 62.5);
        assert_eq!(json["targets"].as_array().unwrap().len(), judge(&results).len());
        assert_eq!(json["targets"][1]["sense"], "most");
    }
}
