//! What the whole-product tests share: a server of their own, started and ended for real, an issuer that signs whatever
//! it is told to, and HTTP as bytes.
//!
//! The tests meet the product as anybody does: by its binary, its sockets, its files and its signals.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests fail by panicking, and skip aloud")]

pub mod admin;
pub mod balancer;
pub mod chaos;
pub mod claims;
pub mod collector;
pub mod command;
pub mod delivered;
pub mod http;
pub mod issuer;
pub mod jobs;
pub mod partner;
pub mod patience;
pub mod reader;
pub mod resources;
pub mod server;
pub mod several;
pub mod sink;
pub mod sts;
pub mod tokens;
pub mod transcript;
pub mod wire;

/// Says that a test, or a part of one, did not run. Where everything must be there (`CI=true`) it fails instead.
///
/// # Panics
/// With `CI=true`.
pub fn skip(what: &str, why: &str) {
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!in_ci, "{what} did not run: {why}");
    eprintln!("skipped: {what}: {why}");
}
