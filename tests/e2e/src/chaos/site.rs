//! One server of the field: started, ended, held up and started again, always in the same home.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::weather::{Sky, Weather};
use crate::http::Connection;
use crate::server::{Home, Server};

/// A server and where it lives.
pub(super) struct Site {
    /// Its name in what is printed.
    pub(super) name: String,
    /// Its folder.
    pub(super) home: Home,
    weather: Weather,
    /// How often it is started before it is said not to start: more than once where it needs others to be there.
    attempts: usize,
    running: Mutex<Option<Server>>,
    /// Where it listens, while it is not known to be down.
    address: RwLock<Option<SocketAddr>>,
}

// === impl Site ===

impl Site {
    /// A site in this home, with nothing running yet.
    ///
    /// # Errors
    /// There can be no weather here.
    pub(super) fn new(name: String, home: Home, attempts: usize) -> Result<Self, String> {
        let weather = Weather::fine(home.folder())?;
        Ok(Self { name, home, weather, attempts, running: Mutex::new(None), address: RwLock::new(None) })
    }

    /// Starts its server, and says how long that took.
    ///
    /// # Errors
    /// It did not start.
    pub(super) fn start(&self) -> Result<Duration, String> {
        let begun = Instant::now();
        let mut left = self.attempts;
        let server = loop {
            left -= 1;
            match self.home.try_start_with(&[], self.weather.environment()) {
                Ok(server) => break server,
                Err(why) if left == 0 => return Err(self.says(&why)),
                Err(_) => {}
            }
        };
        *self.address.write().unwrap_or_else(PoisonError::into_inner) = Some(server.address);
        *self.running() = Some(server);
        Ok(begun.elapsed())
    }

    /// Begins to start its server and kills it after a while, wherever it is by then.
    pub(super) fn start_in_vain(&self, after: Duration) {
        let server = self.home.begin(&[], self.weather.environment());
        thread::sleep(after);
        server.kill();
    }

    /// Kill -9.
    pub(super) fn kill(&self) {
        self.forget_address();
        if let Some(server) = self.running().take() {
            server.kill();
        }
    }

    /// Ends it as its operator does.
    ///
    /// # Errors
    /// It did not end well.
    pub(super) fn stop(&self) -> Result<(), String> {
        let Some(server) = self.running().take() else { return Ok(()) };
        let status = server.stop();
        self.forget_address();
        if status.success() { Ok(()) } else { Err(self.says(&format!("ended with {status} on SIGTERM"))) }
    }

    /// Sends a signal.
    pub(super) fn signal(&self, signal: Signal) {
        if let Some(server) = self.running().as_ref() {
            server.signal(signal);
        }
    }

    /// Changes the weather above it.
    pub(super) fn weather(&self, change: impl FnOnce(&mut Sky)) {
        self.weather.turn(change);
    }

    /// Limits one of its resources, in the words of `prlimit(1)`.
    ///
    /// # Panics
    /// There is no `prlimit`.
    pub(super) fn limit(&self, what: &str) {
        if let Some(server) = self.running().as_ref() {
            server.limit(what);
        }
    }

    /// How many files it has open.
    pub(super) fn open_files(&self) -> usize {
        let folder = self.running().as_ref().map(|server| format!("/proc/{}/fd", server.process()));
        folder.and_then(|folder| std::fs::read_dir(folder).ok()).map_or(0, Iterator::count)
    }

    /// Whether its server runs, or is not meant to.
    pub(super) fn is_as_it_should_be(&self) -> bool {
        self.running().as_mut().is_none_or(Server::lives)
    }

    /// Where it listens; `None` while it is down.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        *self.address.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its admin socket.
    pub(super) fn socket(&self) -> PathBuf {
        self.home.path("run/admin.sock")
    }

    /// A connection to its admin socket.
    ///
    /// # Errors
    /// Nobody listens there.
    pub(super) fn admin(&self, silence: Duration) -> std::io::Result<Connection> {
        Connection::try_unix(&self.socket(), silence)
    }

    /// Everything that it has logged.
    ///
    /// # Panics
    /// The log cannot be read.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.home.path("log")).unwrap()
    }

    fn says(&self, what: &str) -> String {
        format!("{}: {what}", self.name)
    }

    fn forget_address(&self) {
        *self.address.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Option<Server>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
