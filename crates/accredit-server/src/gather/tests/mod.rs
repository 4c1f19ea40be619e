//! Fetching, played against real servers on loopback.

mod crowd;
mod egress;
mod fetching;
mod health;
mod refreshing;
mod stand;
