//! Fetching, played against real servers on loopback.

mod fetching;
mod refreshing;
mod stand;
