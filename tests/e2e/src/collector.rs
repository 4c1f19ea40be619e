//! A collector of traces: takes what OTLP/HTTP sends (opentelemetry-proto, `collector/trace/v1`), reads it by its field
//! numbers, and answers as it is told to.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use accredit_id::hex;

/// A collector behind a loopback socket, for as long as the process lives.
pub struct Collector {
    /// Where it listens.
    pub address: SocketAddr,
    seen: Arc<Seen>,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The path.
    pub path: String,
    /// Headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

/// A span as it was told of.
#[derive(Clone, Debug, Default)]
pub struct Span {
    /// Its trace, in hexadecimal digits.
    pub trace: String,
    /// Its own id.
    pub id: String,
    /// The id of the span that it is a part of; empty where there is none.
    pub parent: String,
    /// Its name.
    pub name: String,
    /// 1 internal, 2 server, 3 client.
    pub kind: u64,
    /// Nanoseconds since 1970.
    pub began: u64,
    /// Nanoseconds since 1970.
    pub ended: u64,
    /// Attributes, numbers in digits.
    pub attributes: BTreeMap<String, String>,
    /// 2 where it failed.
    pub status: u64,
}

#[derive(Default)]
struct Seen {
    deliveries: Mutex<Vec<Delivery>>,
    answer: Mutex<Option<String>>,
    hangs: AtomicBool,
}

// === impl Collector ===

impl Collector {
    /// Begins to listen.
    ///
    /// # Panics
    /// It cannot.
    pub fn serve() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, seen) = (listener.local_addr().unwrap(), Arc::new(Seen::default()));
        let shared = Arc::clone(&seen);
        thread::spawn(move || {
            let mut silent = Vec::new();
            for stream in listener.incoming().map_while(Result::ok) {
                if shared.hangs.load(Ordering::Relaxed) {
                    // Open, and never answered.
                    silent.push(stream);
                    continue;
                }
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.take(stream));
            }
        });
        Self { address, seen }
    }

    /// Lets it take connections and say nothing.
    pub fn hang(&self) {
        self.seen.hangs.store(true, Ordering::Relaxed);
    }

    /// Lets it answer so, from the status line on, instead of 200.
    pub fn answer(&self, answer: &str) {
        *self.seen.answer.lock().unwrap() = Some(answer.to_owned());
    }

    /// Everything that came so far.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.seen.deliveries.lock().unwrap().clone()
    }

    /// The spans that came so far.
    pub fn spans(&self) -> Vec<Span> {
        self.deliveries().iter().flat_map(|delivery| spans(&delivery.body)).collect()
    }

    /// Waits until a span of that name has come that `wanted` takes, and returns all of its trace.
    ///
    /// # Panics
    /// It does not come.
    pub fn trace(&self, name: &str, wanted: impl Fn(&Span) -> bool) -> Vec<Span> {
        let begun = Instant::now();
        loop {
            let all = self.spans();
            if let Some(found) = all.iter().find(|span| span.name == name && wanted(span)) {
                let trace = found.trace.clone();
                return all.into_iter().filter(|span| span.trace == trace).collect();
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "no span `{name}` among {all:#?}");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Seen {
    fn take(&self, stream: TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let path = line.split(' ').nth(1)?.to_owned();
        let mut headers = BTreeMap::new();
        loop {
            line.clear();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
        reader.read_exact(&mut body).ok()?;
        let answer = self.answer.lock().unwrap().clone();
        self.deliveries.lock().unwrap().push(Delivery { path, headers, body });
        let answer = answer.unwrap_or_else(|| "200 OK\r\ncontent-length: 0\r\n\r\n".to_owned());
        reader.get_mut().write_all(format!("HTTP/1.1 {answer}").as_bytes()).ok()
    }
}

/// The spans of an `ExportTraceServiceRequest`.
///
/// # Panics
/// It is none.
pub fn spans(request: &[u8]) -> Vec<Span> {
    let mut all = Vec::new();
    for resource in within(request, 1) {
        for scope in within(resource, 2) {
            all.extend(within(scope, 2).into_iter().map(span));
        }
    }
    all
}

/// The attributes of the first resource.
pub fn resource(request: &[u8]) -> BTreeMap<String, String> {
    let resource = within(request, 1)[0];
    within(within(resource, 1)[0], 1).into_iter().map(pair).collect()
}

enum Value<'b> {
    Number(u64),
    Bytes(&'b [u8]),
}

fn span(message: &[u8]) -> Span {
    let mut span = Span::default();
    for (number, value) in fields(message) {
        match (number, value) {
            (1, Value::Bytes(id)) => span.trace = hex::encode(id),
            (2, Value::Bytes(id)) => span.id = hex::encode(id),
            (4, Value::Bytes(id)) => span.parent = hex::encode(id),
            (5, Value::Bytes(name)) => span.name = String::from_utf8(name.to_vec()).unwrap(),
            (6, Value::Number(kind)) => span.kind = kind,
            (7, Value::Number(time)) => span.began = time,
            (8, Value::Number(time)) => span.ended = time,
            (9, Value::Bytes(attribute)) => span.attributes.extend([pair(attribute)]),
            (15, Value::Bytes(status)) => {
                let code = fields(status).into_iter().find(|(number, _)| *number == 3);
                span.status = match code {
                    Some((_, Value::Number(code))) => code,
                    _ => 0,
                };
            }
            (other, _) => panic!("a span has no field {other}"),
        }
    }
    span
}

fn pair(message: &[u8]) -> (String, String) {
    let name = String::from_utf8(within(message, 1)[0].to_vec()).unwrap();
    let value = match fields(within(message, 2)[0]).pop() {
        Some((1, Value::Bytes(text))) => String::from_utf8(text.to_vec()).unwrap(),
        Some((3, Value::Number(number))) => number.to_string(),
        _ => panic!("`{name}` has a value of another kind"),
    };
    (name, value)
}

fn within(message: &[u8], wanted: u64) -> Vec<&[u8]> {
    let bytes = |(number, value)| match value {
        Value::Bytes(bytes) if number == wanted => Some(bytes),
        _ => None,
    };
    fields(message).into_iter().filter_map(bytes).collect()
}

fn fields(mut message: &[u8]) -> Vec<(u64, Value<'_>)> {
    let mut all = Vec::new();
    while !message.is_empty() {
        let tag = varint(&mut message);
        let value = match tag & 7 {
            0 => Value::Number(varint(&mut message)),
            1 => Value::Number(u64::from_le_bytes(cut(&mut message, 8).try_into().unwrap())),
            2 => {
                let length = usize::try_from(varint(&mut message)).unwrap();
                Value::Bytes(cut(&mut message, length))
            }
            other => panic!("wire type {other}"),
        };
        all.push((tag >> 3, value));
    }
    all
}

fn cut<'b>(message: &mut &'b [u8], length: usize) -> &'b [u8] {
    let (taken, rest) = message.split_at(length);
    *message = rest;
    taken
}

fn varint(message: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = cut(message, 1)[0];
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    number
}
