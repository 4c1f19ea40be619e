//! The closed loop: so many connections, each of which sends its next request when it has its answer.
//!
//! It runs on the calling thread and shall cost a small part of what it measures: ready-made requests, one write and one read
//! a turn, an answer looked at no closer than its status and length.

use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::net::{TcpSocket, TcpStream};
use tokio::task::LocalSet;

use crate::answer::{Answer, header, read_answer};
use crate::door::{Door, Stream};
use crate::fault::{Because as _, Fault};
use crate::histogram::Histogram;
use crate::measure;
use crate::request::Requests;

/// How hard and how long.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    /// Connections, opened before the clock starts and kept.
    pub(crate) connections: usize,
    /// How long to run before anything counts.
    pub(crate) warm_up: Duration,
    /// How long to count.
    pub(crate) window: Duration,
}

/// What was seen within the window.
pub(crate) struct Sample {
    /// Answers.
    pub(crate) answers: u64,
    /// Answers, warm-up included, whose status was not 200.
    pub(crate) errors: u64,
    /// The first such answer.
    pub(crate) first_error: Option<String>,
    /// Length of the window as it was.
    pub(crate) window: Duration,
    /// Processor time of the server within the window.
    pub(crate) cpu: Duration,
    /// Processor time of the generator's own thread within the window.
    pub(crate) generator_cpu: Duration,
    /// From before a request was written until its answer was read.
    pub(crate) latency: Histogram,
}

/// Runs a load against a server; `server_cpu` tells the processor time that it has used so far.
pub(crate) fn run(
    door: &Door,
    requests: &Rc<Requests>,
    load: Load,
    server_cpu: impl Fn() -> Result<Duration, Fault>,
) -> Result<Sample, Fault> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().because(|| "generator".to_owned())?;
    LocalSet::new().block_on(&runtime, drive(door, requests, load, server_cpu))
}

/// Sends one request on a connection of its own and returns the answer's status and body.
pub(crate) fn send_one(door: &Door, request: &[u8]) -> Result<(u16, String), Fault> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().because(|| "generator".to_owned())?;
    runtime.block_on(async {
        let mut connection = Connection::open(door).await?;
        connection.turn(request).await?;
        let answer =
            connection.answer()?.ok_or_else(|| Fault::new(format!("{}: answer without an end", door.address)))?;
        Ok((answer.status, String::from_utf8_lossy(answer.body).into_owned()))
    })
}

/// Sends one request on a connection of its own and returns the value of a header of the answer.
pub(crate) fn ask_for(door: &Door, request: &[u8], name: &[u8]) -> Result<Option<String>, Fault> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().because(|| "generator".to_owned())?;
    runtime.block_on(async {
        let mut connection = Connection::open(door).await?;
        connection.turn(request).await?;
        Ok(header(&connection.read, name).map(|value| String::from_utf8_lossy(value).into_owned()))
    })
}

/// One exchange whose answer is looked at: a run of fast refusals, or of answers without a token, would measure nothing.
pub(crate) fn try_once(who: &str, door: &Door, requests: &Requests) -> Result<(), Fault> {
    let (status, body) = send_one(door, requests.next())?;
    let answer: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
    let is_token = answer["access_token"].as_str().is_some_and(|token| token.len() > 40);
    if status == 200 && is_token {
        return Ok(());
    }
    Err(Fault::new(format!("{who}: first exchange failed, status {status}: {body}")))
}

struct Tally {
    phase: Cell<Phase>,
    errors: Cell<u64>,
    first_error: RefCell<Option<String>>,
    latency: RefCell<Histogram>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    WarmUp,
    Window,
    Over,
}

async fn drive(
    door: &Door,
    requests: &Rc<Requests>,
    load: Load,
    server_cpu: impl Fn() -> Result<Duration, Fault>,
) -> Result<Sample, Fault> {
    let tally = Rc::new(Tally::new());
    let mut loops = Vec::with_capacity(load.connections);
    for _ in 0..load.connections {
        let connection = Connection::open(door).await?;
        loops.push(tokio::task::spawn_local(turn_until_over(connection, Rc::clone(requests), Rc::clone(&tally))));
    }
    tokio::time::sleep(load.warm_up).await;

    let (cpu, generator_cpu, begun) = (server_cpu()?, measure::own_cpu_time()?, Instant::now());
    tally.phase.set(Phase::Window);
    tokio::time::sleep(load.window).await;
    tally.phase.set(Phase::Over);
    let (window, cpu, generator_cpu) =
        (begun.elapsed(), server_cpu()?.saturating_sub(cpu), measure::own_cpu_time()?.saturating_sub(generator_cpu));

    for turns in loops {
        turns.await.because(|| "generator".to_owned())??;
    }
    let latency = tally.latency.borrow().clone();
    Ok(Sample {
        answers: latency.total(),
        errors: tally.errors.get(),
        first_error: tally.first_error.take(),
        window,
        cpu,
        generator_cpu,
        latency,
    })
}

async fn turn_until_over(mut connection: Connection, requests: Rc<Requests>, tally: Rc<Tally>) -> Result<(), Fault> {
    while tally.phase.get() != Phase::Over {
        let begun = Instant::now();
        connection.turn(requests.next()).await?;
        tally.count(begun.elapsed(), &connection)?;
    }
    Ok(())
}

// === impl Tally ===

impl Tally {
    fn new() -> Self {
        Self {
            phase: Cell::new(Phase::WarmUp),
            errors: Cell::new(0),
            first_error: RefCell::new(None),
            latency: RefCell::new(Histogram::new()),
        }
    }

    fn count(&self, latency: Duration, connection: &Connection) -> Result<(), Fault> {
        if self.phase.get() == Phase::Window {
            self.latency.borrow_mut().record(latency);
        }
        match connection.answer()? {
            Some(Answer { status: 200, .. }) => {}
            Some(Answer { status, body, .. }) => {
                self.errors.set(self.errors.get() + 1);
                let body = String::from_utf8_lossy(body);
                self.first_error.borrow_mut().get_or_insert_with(|| format!("status {status}: {body}"));
            }
            None => return Err(Fault::new("answer without an end")),
        }
        Ok(())
    }
}

/// One kept connection and the answer that it read last.
pub(crate) struct Connection {
    address: SocketAddr,
    stream: Stream,
    read: Vec<u8>,
}

// === impl Connection ===

impl Connection {
    async fn open(door: &Door) -> Result<Self, Fault> {
        let address = door.address;
        let plain = TcpStream::connect(address).await.because(|| format!("{address}: connect"))?;
        plain.set_nodelay(true).because(|| format!("{address}: no delay"))?;
        let stream = door.enter(plain).await.because(|| format!("{address}: handshake"))?;
        Ok(Self { address, stream, read: Vec::with_capacity(8 * 1024) })
    }

    /// Opens one that comes from this address.
    pub(crate) async fn open_from(source: Ipv4Addr, address: SocketAddr) -> Result<Self, Fault> {
        let connect = || -> std::io::Result<_> {
            let socket = TcpSocket::new_v4()?;
            socket.bind((source, 0).into())?;
            Ok(socket.connect(address))
        };
        let connecting = connect().because(|| format!("{source}: bind"))?;
        let plain = connecting.await.because(|| format!("{address}: connect"))?;
        plain.set_nodelay(true).because(|| format!("{address}: no delay"))?;
        Ok(Self { address, stream: Stream::Plain(plain), read: Vec::with_capacity(8 * 1024) })
    }

    /// Sends a request and reads until its answer is complete.
    pub(crate) async fn turn(&mut self, request: &[u8]) -> Result<(), Fault> {
        self.read.clear();
        self.stream.send(request).await.because(|| format!("{}: write", self.address))?;
        while self.answer()?.is_none() {
            let more = self.stream.read(&mut self.read).await.because(|| format!("{}: read", self.address))?;
            if more == 0 {
                return Err(Fault::new(format!("{}: connection closed in an answer", self.address)));
            }
        }
        Ok(())
    }

    /// The answer that was read, once it is complete.
    pub(crate) fn answer(&self) -> Result<Option<Answer<'_>>, Fault> {
        read_answer(&self.read).map_err(|fault| Fault::new(format!("{}: {fault}", self.address)))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;

    use super::*;
    use crate::cast::Cast;

    #[test]
    fn every_answer_in_the_window_counts_and_each_refusal_is_an_error() {
        for (answer, refused) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", false),
            ("HTTP/1.1 400 Bad Request\r\ncontent-length: 4\r\n\r\nno\r\n", true),
        ] {
            let sample = run(&server(answer).into(), &requests(), load(), || Ok(Duration::ZERO)).unwrap();
            assert!(sample.answers > 10 && sample.window >= load().window);
            assert_eq!(sample.errors >= sample.answers, refused);
            assert_eq!(sample.first_error.as_deref(), refused.then_some("status 400: no\r\n"));
        }
    }

    #[test]
    fn a_server_that_hangs_up_or_babbles_voids_the_run() {
        for answer in ["", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nmore"] {
            assert!(run(&server(answer).into(), &requests(), load(), || Ok(Duration::ZERO)).is_err(), "{answer:?}");
        }
    }

    fn load() -> Load {
        Load { connections: 3, warm_up: Duration::from_millis(10), window: Duration::from_millis(100) }
    }

    fn requests() -> Rc<Requests> {
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        Rc::new(Requests::exchanges(Cast::plain(2, 1), address, &["a".to_owned(), "b".to_owned()]))
    }

    /// Answers whatever comes with these bytes; with none of them it hangs up.
    fn server(answer: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || answer_all(stream, answer));
            }
        });
        address
    }

    fn answer_all(mut stream: std::net::TcpStream, answer: &str) {
        let mut request = [0; 4096];
        while matches!(stream.read(&mut request), Ok(1..)) && !answer.is_empty() {
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }
}
