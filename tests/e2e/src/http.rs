//! HTTP/1.1 as bytes (RFC 9112): what was sent is what was written, what came back is what is shown.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

/// An answer as it came.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The first line, without its end.
    pub status_line: String,
    /// Its status.
    pub status: u16,
    /// Headers in their order, as written.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// A connection, kept open as long as the server does.
pub struct Connection {
    stream: BufReader<Box<dyn Stream>>,
    host: String,
}

/// Anything that a server can be reached by.
pub trait Stream: Read + Write + Send {
    /// A second handle, to write while the other reads.
    ///
    /// # Errors
    /// As the operating system says.
    fn second(&self) -> io::Result<Box<dyn Stream>>;
}

impl Stream for TcpStream {
    fn second(&self) -> io::Result<Box<dyn Stream>> {
        Ok(Box::new(self.try_clone()?))
    }
}

impl Stream for UnixStream {
    fn second(&self) -> io::Result<Box<dyn Stream>> {
        Ok(Box::new(self.try_clone()?))
    }
}

// === impl Connection ===

impl Connection {
    /// Connects to an address.
    ///
    /// # Panics
    /// Nobody listens there.
    pub fn tcp(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(SILENCE)).unwrap();
        Self { stream: BufReader::new(Box::new(stream)), host: address.to_string() }
    }

    /// Connects to a unix socket.
    ///
    /// # Panics
    /// Nobody listens there.
    pub fn unix(path: &Path) -> Self {
        let stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(SILENCE)).unwrap();
        Self { stream: BufReader::new(Box::new(stream)), host: "localhost".to_owned() }
    }

    /// The same, where it may well be that nobody listens; waits for an answer no longer than `silence`.
    ///
    /// # Errors
    /// Nobody listens there.
    pub fn try_tcp(address: SocketAddr, silence: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, silence)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(silence))?;
        stream.set_write_timeout(Some(silence))?;
        Ok(Self { stream: BufReader::new(Box::new(stream)), host: address.to_string() })
    }

    /// The same to a unix socket.
    ///
    /// # Errors
    /// Nobody listens there.
    pub fn try_unix(path: &Path, silence: Duration) -> io::Result<Self> {
        let stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(silence))?;
        stream.set_write_timeout(Some(silence))?;
        Ok(Self { stream: BufReader::new(Box::new(stream)), host: "localhost".to_owned() })
    }

    /// Sends bytes.
    ///
    /// # Errors
    /// The other side has closed.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)?;
        self.stream.get_mut().flush()
    }

    /// A second handle, to write while this one reads.
    ///
    /// # Panics
    /// Out of file descriptors.
    pub fn writer(&self) -> Box<dyn Stream> {
        self.stream.get_ref().second().unwrap()
    }

    /// Reads one answer; `None` when the other side closed instead.
    ///
    /// # Errors
    /// It broke off in the middle, is no HTTP, or did not come in time.
    pub fn answer(&mut self) -> io::Result<Option<Answer>> {
        let Some(mut answer) = self.head_alone()? else { return Ok(None) };
        answer.body = match answer.header("transfer-encoding") {
            Some(_) => self.chunks()?,
            None if matches!(answer.status, 100..=199 | 204 | 304) => Vec::new(),
            None => {
                let length = answer.header("content-length").and_then(|text| text.parse().ok());
                let mut body = vec![0; length.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no length"))?];
                self.stream.read_exact(&mut body)?;
                body
            }
        };
        Ok(Some(answer))
    }

    /// Reads the answer to a `HEAD` request, which has no body.
    ///
    /// # Errors
    /// As [`Connection::answer`].
    pub fn head_alone(&mut self) -> io::Result<Option<Answer>> {
        let malformed = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        let Some(status_line) = self.line()? else { return Ok(None) };
        let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| malformed(&status_line))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?.ok_or_else(|| malformed("the head breaks off"))?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| malformed(&line))?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        Ok(Some(Answer { status_line, status, headers, body: Vec::new() }))
    }

    /// Sends a request and reads its answer.
    ///
    /// # Panics
    /// There is none.
    pub fn ask(&mut self, request: &[u8]) -> Answer {
        self.send(request).unwrap();
        self.answer().unwrap().unwrap()
    }

    /// `GET` of a path.
    pub fn get(&mut self, path: &str) -> Answer {
        let request = self.get_request(path);
        self.ask(&request)
    }

    /// The bytes of that request.
    pub fn get_request(&self, path: &str) -> Vec<u8> {
        format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host).into_bytes()
    }

    /// A form to the token endpoint: token exchange (RFC 8693) of a JWT, with further parameters.
    pub fn exchange(&mut self, subject_token: &str, more: &[(&str, &str)]) -> Answer {
        let request = self.exchange_request(subject_token, more);
        self.ask(&request)
    }

    /// The bytes of that request.
    pub fn exchange_request(&self, subject_token: &str, more: &[(&str, &str)]) -> Vec<u8> {
        let mut body = format!("grant_type={GRANT}&subject_token_type={JWT}&subject_token={}", encoded(subject_token));
        for (name, value) in more {
            body.push_str(&format!("&{name}={}", encoded(value)));
        }
        self.form_request("/oauth/token", "", &body)
    }

    /// A form, with further headers.
    pub fn form(&mut self, path: &str, headers: &[(&str, &str)], parameters: &[(&str, &str)]) -> Answer {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let body: Vec<_> = parameters.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let request = self.form_request(path, &headers, &body.join("&"));
        self.ask(&request)
    }

    /// The bytes of a request with a form, and of further headers, each with its end of line.
    pub fn form_request(&self, path: &str, headers: &str, body: &str) -> Vec<u8> {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n{headers}",
            self.host
        );
        format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    }

    /// A request with a JSON body, none where it is null.
    pub fn json(&mut self, method: &str, path: &str, body: &Value) -> Answer {
        let request = self.json_request(method, path, body);
        self.ask(&request)
    }

    /// The bytes of that request.
    pub fn json_request(&self, method: &str, path: &str, body: &Value) -> Vec<u8> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n", self.host);
        format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    }

    fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        let text = String::from_utf8(line).map_err(|fault| io::Error::new(io::ErrorKind::InvalidData, fault))?;
        match text.strip_suffix("\r\n") {
            Some(text) => Ok(Some(text.to_owned())),
            None => Err(io::Error::new(io::ErrorKind::InvalidData, format!("line without its end: {text}"))),
        }
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?.unwrap_or_default();
            let size =
                usize::from_str_radix(&line, 16).map_err(|fault| io::Error::new(io::ErrorKind::InvalidData, fault))?;
            let mut chunk = vec![0; size + 2];
            self.stream.read_exact(&mut chunk)?;
            if size == 0 {
                return Ok(body);
            }
            body.extend_from_slice(&chunk[..size]);
        }
    }
}

// === impl Answer ===

impl Answer {
    /// The first header of a name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    ///
    /// # Panics
    /// It is not UTF-8.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// It is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|fault| panic!("{fault} in {self:?}"))
    }

    /// A member of the body that is a text.
    ///
    /// # Panics
    /// It is none.
    pub fn member(&self, name: &str) -> String {
        let body = self.json();
        body.get(name).and_then(Value::as_str).unwrap_or_else(|| panic!("no text `{name}` in {body}")).to_owned()
    }

    /// The access token of an allowed exchange.
    ///
    /// # Panics
    /// It was refused.
    pub fn access_token(&self) -> String {
        assert_eq!(self.status, 200, "{}", self.text());
        self.member("access_token")
    }

    /// The id of the decision, from the header.
    ///
    /// # Panics
    /// It is not there.
    pub fn decision(&self) -> String {
        self.header("x-request-id").unwrap().to_owned()
    }
}

/// A form's value (WHATWG URL, `application/x-www-form-urlencoded`).
pub fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
/// Longer than any limit of the server's own.
const SILENCE: Duration = Duration::from_secs(25);
