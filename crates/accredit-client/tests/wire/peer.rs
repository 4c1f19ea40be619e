//! A peer that reads one request a connection and answers with the bytes that the test hands it: the wire, right or wrong.

use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};

/// A listening peer; it ends with the test's runtime.
pub(crate) struct Peer {
    /// `http://127.0.0.1:PORT`, or the socket's path.
    pub(crate) address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Peer {
    /// Answers over TCP on a free port of this machine. The answerer is told the peer's own address and the request.
    pub(crate) async fn tcp(answer: impl Fn(&str, &str) -> Vec<u8> + Send + Sync + 'static) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}", listener.local_addr()?);
        let (peer, answer) = (Self::at(&address), Arc::new(answer));
        let requests = Arc::clone(&peer.requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (address, answer, requests) = (address.clone(), Arc::clone(&answer), Arc::clone(&requests));
                tokio::spawn(serve(stream, requests, move |request| answer(&address, request)));
            }
        });
        Ok(peer)
    }

    /// Answers over a unix socket.
    pub(crate) async fn unix(
        path: &Path,
        answer: impl Fn(&str, &str) -> Vec<u8> + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let listener = UnixListener::bind(path)?;
        let address = path.display().to_string();
        let (peer, answer) = (Self::at(&address), Arc::new(answer));
        let requests = Arc::clone(&peer.requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (address, answer, requests) = (address.clone(), Arc::clone(&answer), Arc::clone(&requests));
                tokio::spawn(serve(stream, requests, move |request| answer(&address, request)));
            }
        });
        Ok(peer)
    }

    /// Every request so far, head and body.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().map(|requests| requests.clone()).unwrap_or_default()
    }

    fn at(address: &str) -> Self {
        Self { address: address.to_owned(), requests: Arc::default() }
    }
}

/// A whole answer with a body.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}").into_bytes()
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    requests: Arc<Mutex<Vec<String>>>,
    answer: impl Fn(&str) -> Vec<u8>,
) {
    let mut bytes = Vec::new();
    while !is_whole(&bytes) {
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(read) => bytes.extend_from_slice(&chunk[..read]),
        }
    }
    let request = String::from_utf8_lossy(&bytes).into_owned();
    let answer = answer(&request);
    if let Ok(mut requests) = requests.lock() {
        requests.push(request);
    }
    if answer.is_empty() {
        // Says nothing and stays, as a server that hangs does.
        std::future::pending::<()>().await;
    }
    // The other side may have heard enough.
    let _ = stream.write_all(&answer).await;
    let _ = stream.shutdown().await;
}

fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}
