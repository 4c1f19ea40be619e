//! A connection that does not wait for ever, neither for a head nor for its peer to take an answer.
//!
//! Time between two requests is hyper's to measure; it knows no difference between an idle connection and one that sends its
//! head a byte now and then. Here the clock of a head starts with its first byte, or with the connection.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// The stream of one connection, held to its pace.
pub(super) struct Paced<S> {
    stream: S,
    pace: Arc<Pace>,
    patience: Patience,
    head_since: Instant,
    /// Runs while a head is waited for.
    head: Option<Pin<Box<Sleep>>>,
    /// Runs while the peer takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
}

/// How long a peer is waited for.
#[derive(Clone, Copy)]
struct Patience {
    /// From the first byte of a head to its last.
    head: Duration,
    /// While it takes nothing of an answer.
    answer: Duration,
}

/// What a connection is at: told by whoever answers its requests, read by its stream.
pub(super) struct Pace(AtomicU8);

// === impl Pace ===

impl Pace {
    /// A connection that is to send its first head.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU8::new(HEAD)))
    }

    /// A head is there.
    pub(super) fn asked(&self) {
        self.0.store(BUSY, Relaxed);
    }

    /// Its answer is given.
    pub(super) fn answered(&self) {
        self.0.store(IDLE, Relaxed);
    }
}

// === impl Paced ===

impl<S> Paced<S> {
    pub(super) fn new(stream: S, pace: Arc<Pace>) -> Self {
        Self { stream, pace, patience: PATIENCE, head_since: Instant::now(), head: None, stalled: None }
    }

    /// What is done when the peer does not take what it is sent.
    fn unless_stalled<T>(&mut self, cx: &mut Context<'_>, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if done.is_ready() {
            self.stalled = None;
            return done;
        }
        let patience = self.patience.answer;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        stalled.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        match self.pace.0.load(Relaxed) {
            HEAD if read.is_pending() => {
                let until = self.head_since + self.patience.head;
                let head = self.head.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
                return head.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()));
            }
            IDLE if buffer.filled().len() > before => {
                self.pace.0.store(HEAD, Relaxed);
                self.head_since = Instant::now();
                self.head = None;
            }
            _ => {}
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.unless_stalled(cx, done)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.stream).poll_flush(cx);
        self.unless_stalled(cx, done)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.unless_stalled(cx, done)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.unless_stalled(cx, done)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

const HEAD: u8 = 0;
const BUSY: u8 = 1;
const IDLE: u8 = 2;
const PATIENCE: Patience = Patience { head: Duration::from_secs(10), answer: Duration::from_secs(10) };

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::future::poll_fn;

    use tokio::net::UnixStream;

    use super::*;

    fn pair(pace: &Arc<Pace>) -> (UnixStream, Paced<UnixStream>) {
        let (client, server) = UnixStream::pair().unwrap();
        let mut server = Paced::new(server, Arc::clone(pace));
        server.patience = Patience { head: Duration::from_millis(200), answer: Duration::from_millis(200) };
        (client, server)
    }

    async fn read(server: &mut Paced<UnixStream>) -> io::Result<usize> {
        let (mut bytes, milliseconds) = ([0; 64], 600);
        let mut buffer = ReadBuf::new(&mut bytes);
        let read = poll_fn(|cx| Pin::new(&mut *server).poll_read(cx, &mut buffer));
        match tokio::time::timeout(Duration::from_millis(milliseconds), read).await {
            Ok(read) => read.map(|()| buffer.filled().len()),
            Err(_) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// H02: a head has its time from the first byte, however it trickles; between two requests nothing is measured.
    #[tokio::test]
    async fn a_head_has_its_time_and_idleness_is_none_of_it() {
        let pace = Pace::new();
        let (client, mut server) = pair(&pace);
        client.try_write(b"GET").unwrap();
        assert_eq!(read(&mut server).await.unwrap(), 3);
        pace.asked();
        assert_eq!(read(&mut server).await.unwrap_err().kind(), io::ErrorKind::WouldBlock);
        pace.answered();
        assert_eq!(read(&mut server).await.unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let begun = Instant::now();
        for _ in 0..3 {
            client.try_write(b"x").unwrap();
            assert_eq!(read(&mut server).await.unwrap(), 1);
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
        assert_eq!(read(&mut server).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() < Duration::from_millis(400));
    }

    /// H02: a connection that never says anything is one whose first head is late.
    #[tokio::test]
    async fn silence_from_the_beginning_ends() {
        let (_client, mut server) = pair(&Pace::new());
        assert_eq!(read(&mut server).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    /// H02: whoever asks and does not read is left, whoever reads slowly is not.
    #[tokio::test]
    async fn an_answer_that_nobody_takes_ends() {
        let (client, mut server) = pair(&Pace::new());
        let (chunk, mut taken) = (vec![0; 65_536], vec![0; 65_536]);
        let until_full = async |server: &mut Paced<UnixStream>| loop {
            let write = poll_fn(|cx| Pin::new(&mut *server).poll_write(cx, &chunk));
            match tokio::time::timeout(Duration::from_millis(150), write).await {
                Ok(Ok(_)) => {}
                Ok(Err(fault)) => return fault.kind(),
                Err(_) => return io::ErrorKind::WouldBlock,
            }
        };
        for _ in 0..4 {
            assert_eq!(until_full(&mut server).await, io::ErrorKind::WouldBlock);
            while client.try_read(&mut taken).is_ok_and(|some| some > 0) {}
        }
        assert_eq!(until_full(&mut server).await, io::ErrorKind::WouldBlock);
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(until_full(&mut server).await, io::ErrorKind::TimedOut);
    }
}
