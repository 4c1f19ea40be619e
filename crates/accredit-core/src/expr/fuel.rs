//! How much one evaluation may take.

use super::outcome::EvalFault;

/// Steps that one evaluation may take: a node, an element, or 32 bytes of text are one each.
/// INVARIANT: a budget is spent in about one millisecond of a release build at the most, in about ten by hostile patterns
/// (see `pattern`); conditions run on the threads that answer requests.
pub(super) const STEPS: u32 = 10_000;

/// The largest text or bytes value that a program may make.
pub(super) const MAX_TEXT_BYTES: usize = 16 * 1024;

/// The longest list that a program may make.
pub(super) const MAX_LIST_ITEMS: usize = 1_000;

const BYTES_A_STEP: usize = 32;

/// What is left of the steps. Once too many were asked for, there are none for ever: an operator that absorbs errors
/// must not turn exhaustion into an answer.
#[derive(Debug)]
pub(super) struct Fuel {
    left: u32,
    exhausted: bool,
}

impl Fuel {
    pub(super) const fn new(steps: u32) -> Self {
        Self { left: steps, exhausted: false }
    }

    /// Takes `steps`.
    #[inline]
    pub(super) fn spend(&mut self, steps: usize) -> Result<(), EvalFault> {
        match u32::try_from(steps).ok().and_then(|steps| self.left.checked_sub(steps)) {
            Some(left) if !self.exhausted => {
                self.left = left;
                Ok(())
            }
            _ => {
                self.exhausted = true;
                Err(EvalFault::FuelExhausted)
            }
        }
    }

    /// Takes one step, and one more for each 32 bytes that are read.
    #[inline]
    pub(super) fn spend_bytes(&mut self, bytes: usize) -> Result<(), EvalFault> {
        self.spend(1 + bytes / BYTES_A_STEP)
    }
}

/// Refuses a text of `bytes` that `operation` would make.
pub(super) const fn check_text(operation: &'static str, bytes: usize) -> Result<(), EvalFault> {
    if bytes > MAX_TEXT_BYTES { Err(EvalFault::ValueTooLarge { operation }) } else { Ok(()) }
}

/// Refuses a list of `items` that `operation` would make.
pub(super) const fn check_list(operation: &'static str, items: usize) -> Result<(), EvalFault> {
    if items > MAX_LIST_ITEMS { Err(EvalFault::ValueTooLarge { operation }) } else { Ok(()) }
}
