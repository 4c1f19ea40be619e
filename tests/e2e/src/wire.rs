//! A wire between a server and what it depends on, which can be cut, and laid again.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// A port of loopback that leads to another one.
pub struct Wire {
    /// Where it begins.
    pub port: u16,
    shared: Arc<Shared>,
}

/// How a wire is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// What goes in comes out.
    Whole = 0,
    /// Connections end, and new ones are refused.
    Cut = 1,
    /// Nothing comes out and nobody is told, as behind a firewall that drops packets.
    Silent = 2,
}

struct Shared {
    to: AtomicU16,
    state: AtomicU8,
    ended: AtomicBool,
    streams: Mutex<Vec<TcpStream>>,
}

// === impl Wire ===

impl Wire {
    /// Lays a wire to a port of 127.0.0.1.
    ///
    /// # Panics
    /// No port is free.
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let shared = Arc::new(Shared {
            to: AtomicU16::new(port),
            state: AtomicU8::new(State::Whole as u8),
            ended: AtomicBool::new(false),
            streams: Mutex::default(),
        });
        let wire = Self { port: listener.local_addr().unwrap().port(), shared: Arc::clone(&shared) };
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if shared.ended.load(Ordering::Relaxed) {
                    return;
                }
                shared.join(stream);
            }
        });
        wire
    }

    /// Changes how it is.
    pub fn be(&self, state: State) {
        self.shared.state.store(state as u8, Ordering::SeqCst);
        if state == State::Cut {
            self.shared.cut();
        }
    }

    /// Leads to another port from now on; what is connected stays.
    pub fn lead_to(&self, port: u16) {
        self.shared.to.store(port, Ordering::SeqCst);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        self.shared.state.store(State::Cut as u8, Ordering::SeqCst);
        self.shared.cut();
        // The thread that accepts is waiting for somebody.
        let _ = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)));
    }
}

// === impl Shared ===

impl Shared {
    fn join(self: &Arc<Self>, near: TcpStream) {
        if self.is(State::Cut) {
            return;
        }
        let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.to.load(Ordering::SeqCst))) else { return };
        for (from, into) in [(&near, &far), (&far, &near)] {
            let (Ok(from), Ok(into), Ok(kept)) = (from.try_clone(), into.try_clone(), from.try_clone()) else { return };
            self.streams.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
            let shared = Arc::clone(self);
            thread::spawn(move || shared.carry(from, into));
        }
    }

    fn carry(&self, mut from: TcpStream, mut into: TcpStream) {
        let mut bytes = [0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            while self.is(State::Silent) {
                thread::sleep(Duration::from_millis(5));
            }
            if self.is(State::Cut) || into.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ = into.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    }

    fn cut(&self) {
        for stream in self.streams.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn is(&self, state: State) -> bool {
        self.state.load(Ordering::SeqCst) == state as u8
    }
}
