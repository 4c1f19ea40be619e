//! The client against peers that speak the wire well, badly, late or not at all.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod admin;
mod exchange;
mod peer;
mod verifier;
