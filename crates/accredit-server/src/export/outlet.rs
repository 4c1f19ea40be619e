//! What a sink is to its courier: lines go in, and either they are there or it says why not.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use super::file::LogFile;
use super::http::Collector;
use crate::app::StartError;
use crate::config::{FetchConfig, SinkConfig, SinkKind};

/// A sink.
pub(super) enum Outlet {
    /// Something that is written to on a thread of its own: a pipe that nobody reads, or a disk that hangs, stops that thread
    /// and no other.
    Written(mpsc::Sender<Order>),
    /// Somebody else's server.
    Collector(Box<Collector>),
}

/// What the thread of a written sink is told.
pub(super) enum Order {
    Put(Vec<u8>, oneshot::Sender<io::Result<()>>),
    Reopen,
}

/// Why lines are not there.
#[derive(Debug)]
pub(super) enum Failure {
    /// It may work later.
    Away {
        /// What happened.
        why: String,
        /// How long it wants to be left alone.
        asked: Option<Duration>,
    },
    /// These lines will never be taken as they are.
    Refused {
        /// What it says.
        why: String,
    },
}

/// What lines are written to.
trait Target: Send {
    /// When it returns, they are where they should be.
    fn put(&mut self, lines: &[u8]) -> io::Result<()>;

    /// What it was may be called otherwise by now.
    fn reopen(&mut self) {}
}

// === impl Outlet ===

impl Outlet {
    pub(super) fn new(sink: &SinkConfig, fetch: &FetchConfig) -> Result<Self, StartError> {
        let refused = |message| StartError::Fetch { field: "audit.export", message };
        match sink.to {
            SinkKind::Stdout => {
                let target = io::stdout().as_fd().try_clone_to_owned().map(|own| Pipe(File::from(own)));
                let target = target.map_err(|error| refused(format!("standard output cannot be written: {error}")))?;
                written(sink, target)
            }
            SinkKind::File => {
                let path = sink.path.clone().unwrap_or_default();
                written(sink, LogFile::new(path, sink.rotate_mib.map(|size| size << 20), sink.keep))
            }
            SinkKind::Http => Ok(Self::Collector(Box::new(Collector::new(sink, fetch)?))),
        }
    }

    /// Delivers lines; when this returns well, they are confirmed.
    pub(super) async fn put(&self, lines: Vec<u8>) -> Result<(), Failure> {
        match self {
            Self::Collector(collector) => collector.put(lines).await,
            Self::Written(orders) => {
                let away = |why: String| Failure::Away { why, asked: None };
                let (done, answer) = oneshot::channel();
                orders.send(Order::Put(lines, done)).map_err(|_| away("its thread has ended".to_owned()))?;
                match answer.await {
                    Ok(written) => written.map_err(|error| away(error.to_string())),
                    Err(_) => Err(away("its thread has ended".to_owned())),
                }
            }
        }
    }

    pub(super) fn reopen(&self) {
        if let Self::Written(orders) = self {
            let _ = orders.send(Order::Reopen);
        }
    }
}

fn written(sink: &SinkConfig, mut target: impl Target + 'static) -> Result<Outlet, StartError> {
    let (orders, queue) = mpsc::channel();
    let work = move || {
        while let Ok(order) = queue.recv() {
            match order {
                Order::Put(lines, done) => drop(done.send(target.put(&lines))),
                Order::Reopen => target.reopen(),
            }
        }
    };
    // Not one of the runtime's threads: at its end the process waits for those.
    let thread = thread::Builder::new().name(format!("sink-{}", sink.called())).spawn(work);
    thread.map(|_| Outlet::Written(orders)).map_err(|error| StartError::Fetch {
        field: "audit.export",
        message: format!("no thread for sink `{}`: {error}", sink.called()),
    })
}

/// Standard output. What a pipe has taken is its reader's.
struct Pipe(File);

impl Target for Pipe {
    fn put(&mut self, lines: &[u8]) -> io::Result<()> {
        self.0.write_all(lines)
    }
}

impl Target for LogFile {
    fn put(&mut self, lines: &[u8]) -> io::Result<()> {
        self.append(lines)
    }

    fn reopen(&mut self) {
        self.close();
    }
}
