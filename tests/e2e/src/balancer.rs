//! A load balancer that gives each request to the next server in turn, whichever connection it came on.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::http::{Answer, Connection};
use crate::server::PATIENCE;

/// A port of loopback behind which servers take turns.
pub struct Balancer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    turns: Mutex<Turns>,
    ended: AtomicBool,
}

#[derive(Default)]
struct Turns {
    servers: Vec<SocketAddr>,
    /// How many requests each was given.
    given: Vec<usize>,
    next: usize,
}

// === impl Balancer ===

impl Balancer {
    /// One that leads nowhere yet, so that its address can be known before there are servers.
    ///
    /// # Panics
    /// No port is free.
    pub fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (address, shared) = (listener.local_addr().unwrap(), Arc::<Shared>::default());
        let balancer = Self { address, shared: Arc::clone(&shared) };
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if shared.ended.load(Ordering::Relaxed) {
                    return;
                }
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.serve(&stream));
            }
        });
        balancer
    }

    /// Its URL, without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A connection to it.
    pub fn connect(&self) -> Connection {
        Connection::tcp(self.address)
    }

    /// Leads to these servers from now on, the first one first.
    pub fn lead_to(&self, servers: Vec<SocketAddr>) {
        let given = vec![0; servers.len()];
        *self.shared.turns() = Turns { servers, given, next: 0 };
    }

    /// How many requests each server was given since.
    pub fn given(&self) -> Vec<usize> {
        self.shared.turns().given.clone()
    }
}

impl Default for Balancer {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        // The thread that accepts is waiting for somebody.
        let _ = TcpStream::connect(self.address);
    }
}

// === impl Shared ===

impl Shared {
    fn turns(&self) -> std::sync::MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, client: &TcpStream) {
        let (mut from, mut into) = (BufReader::new(client), client);
        while let Some(request) = request(&mut from) {
            let Some(answer) = self.server().and_then(|server| carry(server, &request)) else { return };
            if into.write_all(&bytes(&answer)).is_err() {
                return;
            }
        }
    }

    fn server(&self) -> Option<SocketAddr> {
        let mut turns = self.turns();
        let turn = turns.next.checked_rem(turns.servers.len())?;
        turns.next += 1;
        turns.given[turn] += 1;
        Some(turns.servers[turn])
    }
}

/// One request, with a body of a known length.
fn request(from: &mut BufReader<&TcpStream>) -> Option<Vec<u8>> {
    let (mut request, mut length) = (Vec::new(), 0);
    loop {
        let start = request.len();
        if from.read_until(b'\n', &mut request).ok()? == 0 {
            return None;
        }
        let line = String::from_utf8_lossy(&request[start..]).to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line == "\r\n" {
            break;
        }
    }
    let head = request.len();
    request.resize(head + length, 0);
    from.read_exact(&mut request[head..]).ok()?;
    Some(request)
}

fn carry(server: SocketAddr, request: &[u8]) -> Option<Answer> {
    let mut connection = Connection::try_tcp(server, PATIENCE).ok()?;
    connection.send(request).ok()?;
    connection.answer().ok()?
}

fn bytes(answer: &Answer) -> Vec<u8> {
    let mut head = format!("{}\r\n", answer.status_line);
    let is_of_the_hop = |name: &str| {
        ["connection", "content-length", "transfer-encoding"].iter().any(|other| name.eq_ignore_ascii_case(other))
    };
    for (name, value) in answer.headers.iter().filter(|(name, _)| !is_of_the_hop(name)) {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if answer.status != 204 {
        head.push_str(&format!("content-length: {}\r\n", answer.body.len()));
    }
    [head.as_bytes(), b"\r\n", &answer.body].concat()
}
