//! The issuer as a web server: its discovery document and its keys, and how often somebody fetched them.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use crate::fault::{Because as _, Fault};

/// Publishes one issuer's keys as long as the program runs.
pub(crate) struct Publisher {
    /// Where, on loopback.
    pub(crate) address: SocketAddr,
    shelf: Arc<Shelf>,
}

#[derive(Default)]
struct Shelf {
    key_set: OnceLock<String>,
    fetches: AtomicU64,
}

// === impl Publisher ===

impl Publisher {
    /// Listens on a free port, on a thread of its own. Until [`Publisher::publish`] it has no keys.
    pub(crate) fn start() -> Result<Self, Fault> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).because(|| "issuer".to_owned())?;
        let address = listener.local_addr().because(|| "issuer".to_owned())?;
        let shelf = Arc::new(Shelf::default());
        let shared = Arc::clone(&shelf);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shelf = Arc::clone(&shared);
                // Clients keep connections open beside each other. Who hangs up in between is his own loss.
                thread::spawn(move || _ = serve(stream, address, &shelf));
            }
        });
        Ok(Self { address, shelf })
    }

    /// Puts the key set out. The first one stays.
    pub(crate) fn publish(&self, key_set: &serde_json::Value) {
        self.shelf.key_set.get_or_init(|| key_set.to_string());
    }

    /// How often the key set was fetched.
    pub(crate) fn fetches(&self) -> u64 {
        self.shelf.fetches.load(Relaxed)
    }
}

fn serve(mut stream: TcpStream, address: SocketAddr, shelf: &Shelf) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut head = Vec::new();
    let mut byte = [0];
    while stream.read(&mut byte)? == 1 {
        head.push(byte[0]);
        if head.ends_with(b"\r\n\r\n") {
            let answer = answer(&head, address, shelf);
            stream.write_all(answer.as_bytes())?;
            head.clear();
        }
    }
    Ok(())
}

fn answer(head: &[u8], address: SocketAddr, shelf: &Shelf) -> String {
    let body = if head.starts_with(b"GET /.well-known/openid-configuration ") {
        discovery(address).to_string()
    } else if head.starts_with(b"GET /keys ") {
        shelf.fetches.fetch_add(1, Relaxed);
        shelf.key_set.get().cloned().unwrap_or_default()
    } else {
        return "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned();
    };
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncache-control: max-age=3600\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// What OpenID Connect Discovery 1.0 section 3 requires, though nobody logs in here: some insist on it.
fn discovery(address: SocketAddr) -> serde_json::Value {
    serde_json::json!({
        "issuer": format!("http://{address}"),
        "jwks_uri": format!("http://{address}/keys"),
        "authorization_endpoint": format!("http://{address}/authorize"),
        "token_endpoint": format!("http://{address}/token"),
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn key_sets_that_are_fetched_are_counted_and_nothing_else() {
        let publisher = Publisher::start().unwrap();
        publisher.publish(&serde_json::json!({"keys": []}));
        let ask = |path: &str| {
            let mut stream = TcpStream::connect(publisher.address).unwrap();
            write!(stream, "GET {path} HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        };
        assert!(ask("/.well-known/openid-configuration").contains("/keys\""));
        assert!(ask("/nothing").starts_with("HTTP/1.1 404"));
        assert_eq!(publisher.fetches(), 0);
        assert!(ask("/keys").ends_with("\r\n\r\n{\"keys\":[]}"));
        assert_eq!(publisher.fetches(), 1);
    }
}
