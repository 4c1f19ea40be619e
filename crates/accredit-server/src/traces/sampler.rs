//! Which requests are traced.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::context::{Context, TraceId};

/// Chooses. A caller's word is heeded as far as the allowance of a second goes: whoever marks each of his requests as sampled
/// fills no collector.
#[derive(Debug)]
pub(super) struct Sampler {
    /// Of 2^64 traces, so many.
    share: u128,
    heed_callers: bool,
    per_second: u32,
    second: Mutex<(Option<Instant>, u32)>,
}

// === impl Sampler ===

impl Sampler {
    /// `ratio` is between 0 and 1.
    pub(super) fn new(ratio: f64, heed_callers: bool, per_second: u32) -> Self {
        // A ratio is no exact number anyway.
        let share = (ratio.clamp(0.0, 1.0) * EVERY as f64) as u128;
        Self { share, heed_callers, per_second, second: Mutex::default() }
    }

    /// Whether a request is traced, after its caller's word or by its trace's id, so that servers which see the same trace choose
    /// alike. A caller who is not heeded does not choose by the id that he names either: lots are drawn by `fresh` bits.
    pub(super) fn takes(&self, caller: Option<&Context>, trace: &TraceId, fresh: impl FnOnce() -> [u8; 16]) -> bool {
        let is_chosen = match caller {
            Some(caller) if self.heed_callers => caller.sampled,
            Some(_) => self.is_lucky(&fresh()),
            None => self.is_lucky(trace.bytes()),
        };
        is_chosen && self.has_room(Instant::now())
    }

    fn is_lucky(&self, bits: &[u8; 16]) -> bool {
        let [.., a, b, c, d, e, f, g, h] = *bits;
        u128::from(u64::from_be_bytes([a, b, c, d, e, f, g, h])) < self.share
    }

    /// Whether one more fits into the allowance of this second.
    pub(super) fn has_room(&self, now: Instant) -> bool {
        let mut second = self.second.lock().unwrap_or_else(PoisonError::into_inner);
        let (began, taken) = &mut *second;
        if began.is_none_or(|began| now.saturating_duration_since(began) >= SECOND) {
            (*began, *taken) = (Some(now), 0);
        }
        *taken += 1;
        *taken <= self.per_second
    }
}

const EVERY: u128 = 1 << 64;
const SECOND: Duration = Duration::from_secs(1);

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::super::context::TRACEPARENT;
    use super::*;

    fn caller(sampled: bool) -> Context {
        let mut headers = HeaderMap::new();
        let text = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0{}", u8::from(sampled));
        headers.insert(TRACEPARENT, HeaderValue::from_str(&text).unwrap());
        Context::of(&headers).unwrap()
    }

    #[test]
    fn callers_are_heeded_where_that_is_said() {
        let trace = TraceId::new([7; 16]);
        for (ratio, heed, caller, expected) in [
            (1.0, true, None, true),
            (0.0, true, None, false),
            (0.0, true, Some(caller(true)), true),
            (1.0, true, Some(caller(false)), false),
            (0.0, false, Some(caller(true)), false),
            (1.0, false, Some(caller(false)), true),
        ] {
            assert_eq!(
                Sampler::new(ratio, heed, 10).takes(caller.as_ref(), &trace, || [7; 16]),
                expected,
                "{ratio} {heed} {caller:?}"
            );
        }
    }

    /// A caller who is not heeded names a trace that the share would always take, or never; it does not matter.
    #[test]
    fn nobody_is_taken_for_the_id_that_he_names() {
        let sampler = Sampler::new(0.5, false, u32::MAX);
        for (named, drawn, expected) in [(0, 0, true), (0, 0xff, false), (0xff, 0, true), (0xff, 0xff, false)] {
            let trace = TraceId::new([[1; 8], [named; 8]].concat().try_into().unwrap());
            let taken = sampler.takes(Some(&caller(true)), &trace, || [drawn; 16]);
            assert_eq!(taken, expected, "{named} {drawn}");
        }
    }

    #[test]
    fn the_share_is_of_traces() {
        let sampler = Sampler::new(0.25, true, u32::MAX);
        let id = |first: u8| TraceId::new([0, 0, 0, 0, 0, 0, 0, 0, first, 9, 9, 9, 9, 9, 9, 9]);
        let taken: Vec<_> = (0..=255).filter(|first| sampler.takes(None, &id(*first), || [0; 16])).collect();
        assert_eq!(taken, (0..64).collect::<Vec<_>>());
    }

    #[test]
    fn nobody_fills_the_collector() {
        let (sampler, begun) = (Sampler::new(1.0, true, 3), Instant::now());
        let taken = |at: Duration| (0..10).filter(|_| sampler.has_room(begun + at)).count();
        assert_eq!((taken(Duration::ZERO), taken(Duration::from_millis(900)), taken(SECOND)), (3, 0, 3));
    }
}
