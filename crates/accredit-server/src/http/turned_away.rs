//! The answer to a connection for which there is no place. It is written without reading what was asked.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::budget::NoSeat;

/// Says so and closes. At most [`MOST`] connections are told at a time, others are closed without a word: who is turned away
/// must not cost what a place costs.
pub(super) async fn turn_away(stream: TcpStream, why: NoSeat) {
    let Ok(_turn) = TURNS.try_acquire() else { return };
    let answer = match why {
        NoSeat::Full => FULL,
        NoSeat::Source => SOURCE,
    };
    let _ = tokio::time::timeout(PATIENCE, tell(stream, answer)).await;
}

async fn tell(stream: TcpStream, answer: &[u8]) -> std::io::Result<()> {
    stream.writable().await?;
    // A fresh socket's buffer holds it, or the peer is not worth more.
    if stream.try_write(answer)? < answer.len() {
        return Ok(());
    }
    let stream = stream.into_std()?;
    stream.shutdown(std::net::Shutdown::Write)?;
    let stream = TcpStream::from_std(stream)?;
    // Closing over bytes that were not read would reset the connection, and the answer might be lost with it.
    let mut unread = [0; 1024];
    loop {
        stream.readable().await?;
        match stream.try_read(&mut unread) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(fault) if fault.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(fault) => return Err(fault),
        }
    }
}

static TURNS: Semaphore = Semaphore::const_new(MOST);
const MOST: usize = 64;
const PATIENCE: Duration = Duration::from_secs(1);

const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncache-control: no-store\r\n\
    retry-after: 1\r\nconnection: close\r\ncontent-length: 108\r\n\r\n\
    {\"error\":\"temporarily_unavailable\",\"error_description\":\"the server has as many connections as it can serve\"}";
const SOURCE: &[u8] =
    b"HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\ncache-control: no-store\r\n\
    retry-after: 1\r\nconnection: close\r\ncontent-length: 95\r\n\r\n\
    {\"error\":\"slow_down\",\"error_description\":\"this address has as many connections as it may have\"}";

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_answers_are_as_long_as_they_say() {
        for answer in [FULL, SOURCE] {
            let (head, body) = std::str::from_utf8(answer).unwrap().split_once("\r\n\r\n").unwrap();
            assert!(head.ends_with(&format!("content-length: {}", body.len())), "{head}: {}", body.len());
            assert!(serde_json::from_str::<serde_json::Value>(body).is_ok());
        }
    }
}
