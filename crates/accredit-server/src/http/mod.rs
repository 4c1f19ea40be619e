//! HTTP: listeners, connections, and the token endpoint in front of everything else.

mod body;
mod listen;
mod serve;
mod token;

pub use serve::{Running, serve};
