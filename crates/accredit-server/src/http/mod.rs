//! HTTP: listeners, connections, and the token endpoint in front of everything else.

mod admin;
mod body;
mod listen;
mod peer;
mod serve;
mod spiral;
mod token;

pub use serve::{Running, serve};
