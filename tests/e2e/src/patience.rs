//! Waiting for what comes by itself.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::server::PATIENCE;

/// Waits until it is so, as long as a loaded machine may take.
///
/// # Panics
/// It never came to be.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "{what}: it never came to be");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until it is so within the second that is promised; what a loaded machine takes to ask is not counted.
///
/// # Panics
/// It was not.
pub fn within_a_second(what: &str, is_so: impl FnMut() -> bool) {
    within(Duration::from_secs(1), what, is_so);
}

/// The same within the time that is promised of something else.
///
/// # Panics
/// It was not.
pub fn within(limit: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    loop {
        let asked = began.elapsed();
        if is_so() {
            return;
        }
        assert!(asked < limit, "{what}: not in force after {asked:?}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Sets a flag when it is dropped, also by a panic: whoever goes on until the flag is set would go on for ever, and a scope of
/// threads waits for them.
pub struct Ends<'f>(pub &'f AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
