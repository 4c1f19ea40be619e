//! The open loop: requests are due at moments of their own, whether or not those before them have been answered.
//!
//! A latency counts from when a request was due, not from when a connection was free to send it. A server that stalls is thus
//! charged for everybody who would have asked meanwhile, not for the few who did (coordinated omission).
//!
//! It runs on the calling thread and never sleeps: a timer of a millisecond would be a good part of what is measured.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::task::LocalSet;

use crate::fault::{Because as _, Fault};
use crate::generator::Connection;
use crate::histogram::Histogram;
use crate::request::Requests;

/// One kind of client.
pub(crate) struct Clients {
    /// Where they come from, all on loopback.
    pub(crate) sources: Vec<Ipv4Addr>,
    /// Connections from each source. They are kept, and opened anew when the server closes them.
    pub(crate) connections: usize,
    /// Requests due each second, from all of them together.
    pub(crate) per_second: f64,
    /// What they send.
    pub(crate) requests: Rc<Requests>,
}

/// What became of the requests of one kind of client.
pub(crate) struct Seen {
    /// Requests that were due.
    pub(crate) due: u64,
    /// Answers by status.
    pub(crate) answers: BTreeMap<u16, u64>,
    /// Requests on connections that ended without an answer.
    pub(crate) cut: u64,
    /// From when a request was due until its answer with status 200 was read.
    pub(crate) latency: Histogram,
}

/// What was seen of each kind, and how late the generator itself was.
pub(crate) struct Sample {
    /// In the order of the clients.
    pub(crate) seen: Vec<Seen>,
    /// From when a request was due until it was sent, of those for which a connection was free: the generator's own doing. Much of
    /// it, and latencies are the generator's.
    pub(crate) lateness: Histogram,
}

/// Lets the clients ask the server at `address` for as long as `window`. Then none is due any more, and those that were are
/// waited for, a while.
pub(crate) fn run(address: SocketAddr, clients: &[Clients], window: Duration) -> Result<Sample, Fault> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().event_interval(8).build().because(|| "generator".to_owned())?;
    LocalSet::new().block_on(&runtime, drive(address, clients, window))
}

/// Requests that are due, and who waits for them.
struct Line {
    due: RefCell<VecDeque<Due>>,
    arrived: Notify,
    /// Connections that are free.
    free: Cell<usize>,
    lateness: RefCell<Histogram>,
    is_over: Cell<bool>,
    requests: Rc<Requests>,
    seen: RefCell<Seen>,
}

/// One request that is due.
struct Due {
    at: Instant,
    /// Whether a connection was free for it.
    is_free: bool,
}

async fn drive(address: SocketAddr, clients: &[Clients], window: Duration) -> Result<Sample, Fault> {
    let mut lines = Vec::new();
    let mut workers = Vec::new();
    for clients in clients {
        let line = Rc::new(Line::new(&clients.requests));
        for _ in 0..clients.connections {
            for &source in &clients.sources {
                let connection = Connection::open_from(source, address).await?;
                workers.push(tokio::task::spawn_local(work(source, address, connection, Rc::clone(&line))));
            }
        }
        lines.push((line, Duration::from_secs_f64(1.0 / clients.per_second)));
    }
    let begun = Instant::now();
    let mut next: Vec<_> = lines.iter().map(|_| begun).collect();
    loop {
        let now = Instant::now();
        let end = now.min(begun + window);
        for ((line, interval), next) in lines.iter().zip(&mut next) {
            while *next < end {
                line.put(*next);
                *next += *interval;
            }
        }
        if now >= begun + window {
            break;
        }
        tokio::task::yield_now().await;
    }
    for (line, _) in &lines {
        line.is_over.set(true);
        line.arrived.notify_waiters();
    }
    let all = async {
        for worker in &mut workers {
            let _ = worker.await;
        }
    };
    // What has no answer by then has none.
    let _ = tokio::time::timeout(PATIENCE, all).await;
    workers.iter().for_each(|worker| worker.abort());
    let seen = lines.iter().map(|(line, _)| line.seen.replace(Seen::new())).collect();
    let mut lateness = Histogram::new();
    lines.iter().for_each(|(line, _)| lateness.add(&line.lateness.borrow()));
    Ok(Sample { seen, lateness })
}

/// One connection's share: sends what is due, one request after the other.
async fn work(source: Ipv4Addr, address: SocketAddr, connection: Connection, line: Rc<Line>) {
    let mut connection = Some(connection);
    loop {
        let Some(due) = line.take() else {
            if line.is_over.get() {
                return;
            }
            line.free.set(line.free.get() + 1);
            line.arrived.notified().await;
            line.free.set(line.free.get() - 1);
            continue;
        };
        let open = match connection.take() {
            Some(open) => Ok(open),
            None => Connection::open_from(source, address).await,
        };
        let Ok(mut open) = open else {
            line.seen.borrow_mut().cut += 1;
            continue;
        };
        let turned = open.turn(line.requests.next()).await;
        let mut seen = line.seen.borrow_mut();
        match turned.and_then(|()| open.answer()) {
            Ok(Some(answer)) => {
                *seen.answers.entry(answer.status).or_default() += 1;
                if answer.status == 200 {
                    seen.latency.record(due.elapsed());
                }
                let is_last = answer.is_last;
                if !is_last {
                    connection = Some(open);
                }
            }
            Ok(None) | Err(_) => seen.cut += 1,
        }
    }
}

// === impl Line ===

impl Line {
    fn new(requests: &Rc<Requests>) -> Self {
        Self {
            due: RefCell::default(),
            arrived: Notify::new(),
            free: Cell::new(0),
            lateness: RefCell::new(Histogram::new()),
            is_over: Cell::new(false),
            requests: Rc::clone(requests),
            seen: RefCell::new(Seen::new()),
        }
    }

    fn put(&self, at: Instant) {
        self.seen.borrow_mut().due += 1;
        let mut line = self.due.borrow_mut();
        let is_free = self.free.get() > line.len();
        line.push_back(Due { at, is_free });
        self.arrived.notify_one();
    }

    fn take(&self) -> Option<Instant> {
        let Due { at, is_free } = self.due.borrow_mut().pop_front()?;
        if is_free {
            self.lateness.borrow_mut().record(at.elapsed());
        }
        Some(at)
    }
}

// === impl Seen ===

impl Seen {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self { due: 0, answers: BTreeMap::new(), cut: 0, latency: Histogram::new() }
    }

    /// Adds what was seen in another window.
    pub(crate) fn add(&mut self, other: &Seen) {
        let Seen { due, answers, cut, latency } = other;
        self.due += due;
        self.cut += cut;
        self.latency.add(latency);
        for (status, count) in answers {
            *self.answers.entry(*status).or_default() += count;
        }
    }

    /// The share of those due that were answered with status 200.
    pub(crate) fn served(&self) -> f64 {
        self.answers.get(&200).copied().unwrap_or_default() as f64 / self.due.max(1) as f64
    }
}

/// How long after the window an answer still counts.
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// A server that answers one request at a time and stalls once: everybody who was due meanwhile has waited.
    #[test]
    fn a_stall_is_charged_for_every_request_that_was_due_in_it() {
        let sample = run(server(true), &[clients(1)], Duration::from_millis(600)).unwrap();
        let [seen] = sample.seen.as_slice() else { unreachable!("one kind of client") };
        assert_eq!((seen.due, seen.answers[&200], seen.cut), (120, 120, 0));
        assert!((seen.served() - 1.0).abs() < 1e-9);
        // 200 ms of 600 were a stall, so a third waited, half of these for more than 100 ms.
        assert!(seen.latency.percentile(0.9) > Duration::from_millis(80), "{:?}", seen.latency.percentile(0.9));
    }

    #[test]
    fn a_server_that_hangs_up_serves_nobody_and_ends_nothing() {
        let sample = run(server(false), &[clients(2)], Duration::from_millis(200)).unwrap();
        let mut seen = Seen::new();
        seen.add(&sample.seen[0]);
        assert!(seen.due == 40 && seen.cut > 0 && seen.served() < 1e-9, "{} due, {} cut", seen.due, seen.cut);
    }

    fn clients(connections: usize) -> Clients {
        let requests = Rc::new(Requests::of(vec![b"GET / HTTP/1.1\r\n\r\n".to_vec().into()]));
        Clients { sources: vec![Ipv4Addr::new(127, 0, 3, 7)], connections, per_second: 200.0, requests }
    }

    fn server(answers: bool) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                assert!(stream.peer_addr().unwrap().to_string().starts_with("127.0.3.7:"));
                let (mut request, mut count) = ([0; 4096], 0);
                while answers && matches!(stream.read(&mut request), Ok(1..)) {
                    count += 1;
                    if count == 20 {
                        thread::sleep(Duration::from_millis(200));
                    }
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").unwrap();
                }
            }
        });
        address
    }
}
