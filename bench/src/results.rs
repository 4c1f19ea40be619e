//! What a run found, before anybody rounds it or judges it.

use serde::Serialize;

use crate::cast::Cast;
use crate::generator::Sample;
use crate::issuer::Algorithm;
use crate::measure::Memory;

/// Everything that a run found.
pub(crate) struct Results {
    /// The processor's name and the kernel's release.
    pub(crate) machine: String,
    /// How it was measured.
    pub(crate) settings: Settings,
    /// Each (subject algorithm, connections, contestant), in the order of measuring.
    pub(crate) cells: Vec<Cell>,
    /// Median of [`Settings::fsyncs`] calls in the store's folder, in microseconds.
    pub(crate) fsync_us: f64,
    /// Whether the store's folder is in memory: then nothing was fsynced in earnest.
    pub(crate) store_in_memory: bool,
    /// What each contestant holds and how fast it starts, in the order of measuring.
    pub(crate) holdings: Vec<Holding>,
}

/// How a run measures.
#[derive(Clone, Serialize)]
pub(crate) struct Settings {
    /// Whether rounds and worlds are too small for a verdict to rely on.
    pub(crate) quick: bool,
    /// Core of the server.
    pub(crate) server_core: usize,
    /// Core of the generator.
    pub(crate) generator_core: usize,
    /// Rounds; every contestant is measured once in each, in turn.
    pub(crate) rounds: usize,
    /// Seconds that count in each measurement.
    pub(crate) window_s: f64,
    /// Seconds before them that do not.
    pub(crate) warm_up_s: f64,
    /// Numbers of connections.
    pub(crate) connections: Vec<usize>,
    /// Mappings of a small world.
    pub(crate) few: usize,
    /// Mappings of a large one.
    pub(crate) many: usize,
    /// Providers over which a large world's mappings are spread.
    pub(crate) spread: usize,
    /// Distinct subject tokens of each world at least; a world of more mappings has one for each.
    pub(crate) tokens: usize,
    /// Starts of which the median is taken.
    pub(crate) starts: usize,
    /// Calls of `fdatasync` of which the median is taken.
    pub(crate) fsyncs: usize,
}

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contestant {
    /// The bare server; with `yields` it lets other requests be computed before it writes an answer.
    Ceiling {
        /// Whether it yields.
        yields: bool,
    },
    /// The product.
    Product(Cast),
}

/// One contestant under one load.
pub(crate) struct Cell {
    /// Algorithm of the subject tokens. What is minted is ES256.
    pub(crate) algorithm: Algorithm,
    /// Connections.
    pub(crate) connections: usize,
    /// Who.
    pub(crate) contestant: Contestant,
    /// One for each round.
    pub(crate) rounds: Vec<Figures>,
}

/// One measurement.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Figures {
    /// Exchanges per second.
    pub(crate) per_second: f64,
    /// Processor time of the server per exchange, in microseconds, user and kernel.
    pub(crate) cpu_us: f64,
    /// Latency that half of the exchanges do not exceed, in microseconds.
    pub(crate) p50_us: f64,
    /// Latency that 99 of 100 exchanges do not exceed, in microseconds.
    pub(crate) p99_us: f64,
    /// Share of its core that the server used, 0 to 1.
    pub(crate) server_busy: f64,
    /// Share of its core that the generator used, 0 to 1. Near 1, rate and latency are the generator's.
    pub(crate) generator_busy: f64,
}

/// What one contestant holds in memory, and how fast it starts.
pub(crate) struct Holding {
    /// Who.
    pub(crate) contestant: Contestant,
    /// After all rounds, in the process that was measured.
    pub(crate) after_run: Memory,
    /// Some seconds after its resources were applied, in the process that they were applied to; the product only.
    pub(crate) applied: Option<Memory>,
    /// How long it took to apply its resources to an empty store, in seconds; the product only.
    pub(crate) apply_s: Option<f64>,
    /// From its start until it was ready, before the run, in milliseconds; the small product on one provider only.
    pub(crate) start_ms: Option<f64>,
    /// The same on the store that the run left; the product only.
    pub(crate) restart_ms: Option<f64>,
}

/// A median of rounds, and how far they lay apart.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Spread {
    /// The median.
    pub(crate) median: f64,
    /// The least.
    pub(crate) least: f64,
    /// The most.
    pub(crate) most: f64,
}

// === impl Results ===

impl Results {
    /// The cell of a contestant under a load.
    pub(crate) fn cell(&self, algorithm: Algorithm, connections: usize, contestant: Contestant) -> Option<&Cell> {
        self.cells.iter().find(|cell| {
            cell.algorithm == algorithm && cell.connections == connections && cell.contestant == contestant
        })
    }

    /// How many exchanges a contestant does in a second of its processor time, as a share of what another does under the same
    /// load: of each round by itself, since the machine's speed drifts between rounds.
    pub(crate) fn efficiency(&self, cell: &Cell, other: Contestant) -> Option<Spread> {
        let other = self.cell(cell.algorithm, cell.connections, other)?;
        let ratios = cell.rounds.iter().zip(&other.rounds).map(|(own, other)| other.cpu_us / own.cpu_us);
        Spread::of(ratios)
    }
}

impl Settings {
    /// The small world whose mappings are of one provider: the product's plain case.
    pub(crate) fn few_together(&self) -> Cast {
        Cast::plain(self.few, 1)
    }

    /// The small world with as many providers as mappings.
    pub(crate) fn few_spread(&self) -> Cast {
        Cast::plain(self.few, self.few.min(self.spread))
    }

    /// More exchanges than one contestant makes under one load, all rounds together: as many tokens or proofs are enough that
    /// count once each.
    pub(crate) fn at_most(&self) -> usize {
        (self.rounds as f64 * (self.warm_up_s + self.window_s) * MOST_PER_SECOND) as usize + 100
    }

    /// The plain case in each of the other manners: a token counts once, requests prove a key, requests come over TLS, the
    /// store is PostgreSQL.
    pub(crate) fn manners(&self) -> [Cast; 4] {
        let plain = self.few_together();
        [
            Cast { once: true, ..plain },
            Cast { proves: true, ..plain },
            Cast { tls: true, ..plain },
            Cast { postgres: true, ..plain },
        ]
    }

    /// The large world whose mappings are of one provider.
    pub(crate) fn many_together(&self) -> Cast {
        Cast::plain(self.many, 1)
    }

    /// The large world whose mappings are of many providers.
    pub(crate) fn many_spread(&self) -> Cast {
        Cast::plain(self.many, self.spread)
    }
}

impl Contestant {
    /// Whether the product is measured in a manner that costs more by nature.
    pub(crate) fn is_manner(self) -> bool {
        matches!(self, Contestant::Product(cast) if !cast.is_plain())
    }

    /// Whether its requests prove a key.
    pub(crate) fn is_proving(self) -> bool {
        matches!(self, Contestant::Product(Cast { proves: true, .. }))
    }

    /// How many providers' tokens it takes.
    pub(crate) fn providers(self) -> usize {
        match self {
            Contestant::Ceiling { .. } => 1,
            Contestant::Product(cast) => cast.providers,
        }
    }

    /// As a table names it.
    pub(crate) fn label(self) -> String {
        match self {
            Contestant::Ceiling { yields: false } => "ceiling".to_owned(),
            Contestant::Ceiling { yields: true } => "ceiling, yield".to_owned(),
            Contestant::Product(Cast { mappings, providers, once, proves, tls, postgres, .. }) => {
                let plural = if providers == 1 { "" } else { "s" };
                let manners = [(once, ", once"), (proves, ", DPoP"), (tls, ", TLS"), (postgres, ", PostgreSQL")];
                let manners: String = manners.iter().filter(|(is_so, _)| *is_so).map(|(_, name)| *name).collect();
                format!("{} mappings, {} provider{plural}{manners}", grouped(mappings), grouped(providers))
            }
        }
    }
}

impl Cell {
    /// The median over the rounds of one figure.
    pub(crate) fn median(&self, figure: impl Fn(&Figures) -> f64) -> f64 {
        median(self.rounds.iter().map(figure))
    }
}

impl Figures {
    /// The figures of a sample; `None` when it has no answer.
    pub(crate) fn of(sample: &Sample) -> Option<Self> {
        let answers = sample.answers as f64;
        let window = sample.window.as_secs_f64();
        (sample.answers > 0).then(|| Self {
            per_second: answers / window,
            cpu_us: sample.cpu.as_secs_f64() * 1e6 / answers,
            p50_us: sample.latency.percentile(0.50).as_secs_f64() * 1e6,
            p99_us: sample.latency.percentile(0.99).as_secs_f64() * 1e6,
            server_busy: sample.cpu.as_secs_f64() / window,
            generator_busy: sample.generator_cpu.as_secs_f64() / window,
        })
    }
}

impl Spread {
    /// Of these values; `None` when there is none.
    pub(crate) fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let values: Vec<_> = values.collect();
        let least = values.iter().copied().reduce(f64::min)?;
        let most = values.iter().copied().reduce(f64::max)?;
        Some(Self { median: median(values.into_iter()), least, most })
    }
}

/// The value in the middle, or half-way between the two that are; 0 when there is none.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    match (values.len(), values.len() / 2) {
        (0, _) => 0.0,
        (count, middle) if count % 2 == 1 => values[middle],
        (_, middle) => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// `100,000` for 100000.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// More exchanges than one core makes.
const MOST_PER_SECOND: f64 = 20_000.0;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn medians_and_spreads() {
        for (values, expected) in
            [(vec![], 0.0), (vec![3.0], 3.0), (vec![9.0, 1.0, 2.0], 2.0), (vec![4.0, 1.0, 2.0, 9.0], 3.0)]
        {
            assert_eq!(median(values.into_iter()), expected);
        }
        assert!(Spread::of(std::iter::empty()).is_none());
        let spread = Spread::of([3.0, 1.0, 2.0].into_iter()).unwrap();
        assert_eq!((spread.least, spread.median, spread.most), (1.0, 2.0, 3.0));
    }

    #[test]
    fn thousands_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (100_000, "100,000"), (1_234_567, "1,234,567")]
        {
            assert_eq!(grouped(number), text);
        }
    }
}
