//! The wire of Accredit's own HTTP: serde types and nothing else.
//!
//! Both ends (server and client, command line and later the console) read and write these structs, so that a member
//! cannot be spelt in two ways. Law: no behaviour, no I/O; a type here never decides anything.

pub mod admin;
#[cfg(feature = "openapi")]
pub mod openapi;
pub mod problem;
pub mod svid;
pub mod token;
