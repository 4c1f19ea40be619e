//! The one place that draws random numbers.

use std::cell::RefCell;

use aws_lc_rs::rand;

/// 128 random bits, from a buffer that the system's generator fills: one call of it costs as much as 64 cuts of the buffer.
#[expect(
    clippy::disallowed_methods,
    reason = "everybody else is given random bits by this room; going on without them is worse than ending"
)]
pub(crate) fn bits() -> [u8; 16] {
    BUFFER.with_borrow_mut(|buffer| {
        if buffer.used + 16 > SIZE {
            if rand::fill(&mut buffer.bytes).is_err() {
                // INVARIANT: no id is ever made from a generator that failed. Going on would make guessable ids.
                std::process::abort();
            }
            buffer.used = 0;
        }
        let mut bits = [0; 16];
        let cut = &mut buffer.bytes[buffer.used..buffer.used + 16];
        bits.copy_from_slice(cut);
        cut.fill(0);
        buffer.used += 16;
        bits
    })
}

struct Buffer {
    bytes: [u8; SIZE],
    used: usize,
}

const SIZE: usize = 1024;

thread_local! {
    static BUFFER: RefCell<Buffer> = const { RefCell::new(Buffer { bytes: [0; SIZE], used: SIZE }) };
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_two_are_alike() {
        let drawn: std::collections::BTreeSet<_> = (0..1000).map(|_| super::bits()).collect();
        assert_eq!(drawn.len(), 1000);
    }
}
