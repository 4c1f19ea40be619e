//! How long to wait before a sink is tried again: twice as long each time, never in step with others, never less than it asks.

use std::time::Duration;

/// Failures in a row.
#[derive(Debug, Default)]
pub(super) struct Pause {
    failures: u32,
}

// === impl Pause ===

impl Pause {
    /// It worked.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// It failed again. `asked` is what the sink wants to be left alone for, `chance` any number.
    pub(super) fn next(&mut self, asked: Option<Duration>, chance: u64) -> Duration {
        let whole = FIRST.saturating_mul(1 << self.failures.min(8)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        // Half of it at least: many servers that a sink has failed together come back apart.
        let half = whole / 2;
        let spread = u64::try_from(half.as_millis()).unwrap_or(1).max(1);
        let own = half + Duration::from_millis(chance % spread);
        asked.map_or(own, |asked| own.max(asked.min(MOST_ASKED)))
    }
}

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(60);
/// A sink that asks for more is tried all the same.
const MOST_ASKED: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_is_spread_and_listens() {
        let mut pause = Pause::default();
        let mut last = Duration::ZERO;
        for round in 0..20_u64 {
            let (least, most) = (pause.failures, Pause { failures: pause.failures }.next(None, u64::MAX));
            let now = pause.next(None, round * 7919);
            assert!(now <= LONGEST && now >= FIRST / 2 && least == u32::try_from(round).unwrap_or_default());
            last = last.max(most);
        }
        assert!(last > LONGEST / 2);
        assert_eq!(pause.next(Some(Duration::from_secs(120)), 3), Duration::from_secs(120));
        assert_eq!(pause.next(Some(Duration::from_secs(1_000_000)), 3), MOST_ASKED);
        pause.reset();
        assert!(pause.next(None, 0) < Duration::from_secs(1));
    }
}
