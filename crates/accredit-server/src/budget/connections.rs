//! How many connections there are, of each listener and to each source.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use super::network;
use crate::config::LimitsConfig;
use crate::descriptors;

/// The connections of one TCP listener. Memory is bounded by how many may be open.
#[derive(Debug)]
pub(crate) struct Connections {
    /// What the listener is called in metrics.
    pub(crate) listener: &'static str,
    most: usize,
    most_per_source: usize,
    open: AtomicUsize,
    sources: Mutex<HashMap<IpAddr, usize>>,
    /// How many were let in.
    pub(crate) accepted: AtomicU64,
    /// How many were turned away because all places were taken.
    pub(crate) refused_full: AtomicU64,
    /// How many were turned away because their source had its share.
    pub(crate) refused_source: AtomicU64,
    /// How many were closed because they may not speak here, or did not finish their handshake.
    pub(crate) refused_peer: AtomicU64,
}

/// Those of each listener.
pub(crate) struct OfListeners {
    pub(crate) public: Arc<Connections>,
    pub(crate) admin: Arc<Connections>,
    pub(crate) metrics: Arc<Connections>,
}

/// A place among the connections; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Seat {
    connections: Arc<Connections>,
    source: Option<IpAddr>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoSeat {
    /// All are taken.
    Full,
    /// This source has its share.
    Source,
}

// === impl OfListeners ===

impl OfListeners {
    /// `descriptors` is how many files the process may have open, of which each connection is one.
    pub(crate) fn new(limits: &LimitsConfig, descriptors: u64) -> Self {
        let LimitsConfig { connections, connections_per_source, .. } = *limits;
        let public = descriptors::connections(connections, descriptors, 6);
        if public < connections {
            tracing::warn!(
                event = "connections-limited",
                "limits.connections is {connections}, but there are {descriptors} file descriptors: {public} are let in"
            );
        }
        let few = descriptors::connections(connections.min(FEW), descriptors, 1);
        Self {
            public: Connections::new("public", public, connections_per_source),
            admin: Connections::new("admin", few, connections_per_source.min(FEW)),
            metrics: Connections::new("metrics", few, connections_per_source.min(FEW)),
        }
    }
}

// === impl Connections ===

impl Connections {
    pub(crate) fn new(listener: &'static str, most: usize, most_per_source: usize) -> Arc<Self> {
        Arc::new(Self {
            listener,
            most,
            most_per_source,
            open: AtomicUsize::new(0),
            sources: Mutex::default(),
            accepted: AtomicU64::new(0),
            refused_full: AtomicU64::new(0),
            refused_source: AtomicU64::new(0),
            refused_peer: AtomicU64::new(0),
        })
    }

    /// How many are open.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Relaxed)
    }

    /// Takes a place for a peer; one that speaks for many (`is_proxy`) has no share of its own.
    pub(crate) fn enter(self: &Arc<Self>, peer: IpAddr, is_proxy: bool) -> Result<Seat, NoSeat> {
        if self.open.fetch_add(1, Relaxed) >= self.most {
            self.open.fetch_sub(1, Relaxed);
            self.refused_full.fetch_add(1, Relaxed);
            return Err(NoSeat::Full);
        }
        let mut seat = Seat { connections: Arc::clone(self), source: None };
        if !is_proxy {
            let source = network(peer);
            let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
            let taken = sources.entry(source).or_default();
            if *taken >= self.most_per_source {
                drop(sources);
                self.refused_source.fetch_add(1, Relaxed);
                return Err(NoSeat::Source);
            }
            *taken += 1;
            drop(sources);
            seat.source = Some(source);
        }
        self.accepted.fetch_add(1, Relaxed);
        Ok(seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.connections.open.fetch_sub(1, Relaxed);
        let Some(source) = self.source else { return };
        let mut sources = self.connections.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = sources.get_mut(&source) {
            *taken -= 1;
            if *taken == 0 {
                sources.remove(&source);
            }
        }
    }
}

/// Administrators and whoever watches are not many, and have none of the public's places.
const FEW: usize = 512;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    /// A source has its share, a proxy has none, and all together have an end; places come back.
    #[test]
    fn places_are_taken_and_given_back() {
        let connections = Connections::new("public", 6, 2);
        let [one, other, proxy] = [1, 2, 3].map(|last| IpAddr::from([192, 0, 2, last]));
        let mut seats: Vec<_> = (0..2).map(|_| connections.enter(one, false).unwrap()).collect();
        assert_eq!(connections.enter(one, false).unwrap_err(), NoSeat::Source);
        seats.push(connections.enter(other, false).unwrap());
        seats.extend((0..3).map(|_| connections.enter(proxy, true).unwrap()));
        assert_eq!(connections.enter(other, false).unwrap_err(), NoSeat::Full);
        assert_eq!(connections.open(), 6);
        seats.swap_remove(0);
        assert!(connections.enter(one, false).is_ok());
        seats.clear();
        assert_eq!(connections.open(), 0);
        assert!(connections.sources.lock().unwrap().is_empty());
    }

    /// An IPv6 host chooses its lower 64 bits as it likes.
    #[test]
    fn one_network_of_64_bits_is_one_source() {
        let connections = Connections::new("public", 100, 3);
        let enter = |last: u16| connections.enter(IpAddr::from([0x2001, 0xdb8, 0, 0, 9, 9, 9, last]), false);
        let seats: Vec<_> = (0..10).filter_map(|last| enter(last).ok()).collect();
        assert_eq!(seats.len(), 3);
    }
}
