//! A07: a token that is too large costs nothing but the look at its length.
//!
//! Alone in its program, because it watches the program's memory.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests fail by panicking, and this one reads /proc"
)]
#![cfg(target_os = "linux")]

use accredit_id::verify::{Buffer, read};

#[test]
fn size_is_judged_before_anything_else() {
    // Built in place at their full size, so that the peak before is no higher than what they take.
    let tokens = [".".repeat(10_000_000), "a".repeat(8 << 20), "eyJ.".repeat(2_000_000)];
    let mut buffer = Buffer::new();
    let before = peak_kilobytes();
    for token in &tokens {
        assert_eq!(read(token, &mut buffer).unwrap_err().code(), "token-too-large");
    }
    let grown = peak_kilobytes() - before;
    assert!(grown < 512, "peak memory grew by {grown} KiB");
}

/// The most memory that this program ever held.
fn peak_kilobytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
