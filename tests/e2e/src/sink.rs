//! A collector of the log behind a loopback socket: it takes NDJSON, or does whatever else collectors do.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Takes what comes.
    Takes,
    /// Takes what comes, and needs a moment for it.
    TakesSlowly,
    /// Reads and never answers.
    Stalls,
    /// Takes what comes and hangs up without saying so.
    HangsUp,
    /// This status, perhaps with a `Retry-After` in seconds.
    Answers(u16, Option<u32>),
    /// This status, in other words each time.
    Complains(u16),
    /// Takes small bodies alone.
    TakesOneByOne,
}

/// A collector, for as long as the process lives.
pub struct Collector {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    manner: Mutex<Manner>,
    events: Mutex<Vec<Value>>,
    /// When each request came, and its head.
    requests: Mutex<Vec<(Instant, String)>>,
}

impl Collector {
    /// Takes what comes, with TLS where it is given a configuration.
    ///
    /// # Panics
    /// No port is free.
    pub fn new(tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            manner: Mutex::new(Manner::Takes),
            events: Mutex::default(),
            requests: Mutex::default(),
        });
        let (of_all, tls) = (Arc::clone(&shared), tls.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (shared, tls) = (Arc::clone(&of_all), tls.clone());
                thread::spawn(move || {
                    let _ = stream.set_read_timeout(Some(Duration::from_secs(60)));
                    match tls {
                        None => drop(shared.serve(stream)),
                        Some(config) => {
                            let connection = ServerConnection::new(config).unwrap();
                            drop(shared.serve(StreamOwned::new(connection, stream)));
                        }
                    }
                });
            }
        });
        Self { address, shared }
    }

    /// Changes how it answers.
    pub fn is(&self, manner: Manner) {
        *held(&self.shared.manner) = manner;
    }

    /// What it has got, each time it came.
    pub fn events(&self) -> Vec<Value> {
        held(&self.shared.events).clone()
    }

    /// When each request came, and its head.
    pub fn requests(&self) -> Vec<(Instant, String)> {
        held(&self.shared.requests).clone()
    }
}

impl Shared {
    /// One request on one connection.
    fn serve<S: Read + Write>(&self, stream: S) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream);
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        held(&self.requests).push((Instant::now(), head));
        let manner = *held(&self.manner);
        let lines: Vec<Value> = body
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect();
        let (status, pause) = match manner {
            Manner::Takes => (200, None),
            Manner::TakesSlowly => {
                thread::sleep(Duration::from_millis(20));
                (200, None)
            }
            Manner::TakesOneByOne if lines.len() == 1 => (200, None),
            Manner::TakesOneByOne => (413, None),
            Manner::Answers(status, pause) => (status, pause),
            Manner::Complains(status) => (status, None),
            Manner::HangsUp => {
                held(&self.events).extend(lines);
                return Ok(());
            }
            Manner::Stalls => {
                // Until it is no more asked to.
                while *held(&self.manner) == Manner::Stalls {
                    thread::sleep(Duration::from_millis(20));
                }
                return Ok(());
            }
        };
        if status == 200 {
            held(&self.events).extend(lines);
        }
        let pause = pause.map_or_else(String::new, |seconds| format!("Retry-After: {seconds}\r\n"));
        let words = match manner {
            Manner::Complains(_) => format!("no (request {})", held(&self.requests).len()),
            _ => String::new(),
        };
        let length = words.len();
        let answer = format!(
            "HTTP/1.1 {status} Whatever\r\n{pause}Content-Length: {length}\r\nConnection: close\r\n\r\n{words}"
        );
        reader.get_mut().write_all(answer.as_bytes())?;
        reader.get_mut().flush()
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
