//! HTTP/1.1 answers (RFC 9112), as much of them as a generator needs: status, `Content-Length`, body.

/// A complete answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer<'b> {
    /// The status code.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: &'b [u8],
    /// Whether the server says that it closes the connection.
    pub(crate) is_last: bool,
}

/// Reads the answer that `bytes` begin with; `None` while more of it must come.
///
/// # Errors
/// A sentence, when it is no answer, has no `Content-Length`, or is followed by something: nothing was sent that this could
/// answer.
pub(crate) fn read_answer(bytes: &[u8]) -> Result<Option<Answer<'_>>, &'static str> {
    let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else { return Ok(None) };
    let (head, body) = (&bytes[..end], &bytes[end + 4..]);
    let status = status(head).ok_or("answer without a status line")?;
    let is_last = header(head, b"connection:") == Some(b"close");
    let Some(length) = content_length(head) else {
        // Only those of others come in chunks (section 7.1). Their content is not looked at, so their end is enough.
        let is_chunked = header(head, b"transfer-encoding:") == Some(b"chunked");
        let end = is_chunked.then(|| body.ends_with(b"\r\n0\r\n\r\n")).ok_or("answer without content-length")?;
        return Ok(end.then_some(Answer { status, body, is_last }));
    };
    match body.len().cmp(&length) {
        std::cmp::Ordering::Less => Ok(None),
        std::cmp::Ordering::Equal => Ok(Some(Answer { status, body, is_last })),
        std::cmp::Ordering::Greater => Err("answer longer than its content-length"),
    }
}

fn status(head: &[u8]) -> Option<u16> {
    let digits = head.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn content_length(head: &[u8]) -> Option<usize> {
    std::str::from_utf8(header(head, b"content-length:")?).ok()?.parse().ok()
}

/// The value of the first line that begins with this name and colon.
pub(crate) fn header<'h>(head: &'h [u8], name: &[u8]) -> Option<&'h [u8]> {
    let mut rest = head;
    while let Some(end) = memchr::memchr(b'\n', rest) {
        rest = &rest[end + 1..];
        if rest.len() > name.len() && rest[..name.len()].eq_ignore_ascii_case(name) {
            let value = &rest[name.len()..];
            return Some(value[..memchr::memchr(b'\r', value).unwrap_or(value.len())].trim_ascii());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_when_they_are_complete() {
        let whole =
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nContent-Length:  4 \r\ndate: x\r\n\r\n{\"a\"";
        for cut in 0..whole.len() {
            assert_eq!(read_answer(&whole[..cut]), Ok(None), "{cut}");
        }
        assert_eq!(read_answer(whole), Ok(Some(Answer { status: 200, body: b"{\"a\"", is_last: false })));
        let last = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(read_answer(last), Ok(Some(Answer { status: 503, body: b"", is_last: true })));
    }

    #[test]
    fn chunks_are_read_to_their_end() {
        let whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
        for cut in 0..whole.len() {
            assert_eq!(read_answer(&whole[..cut]), Ok(None), "{cut}");
        }
        let body = b"2\r\n{}\r\n0\r\n\r\n";
        assert_eq!(read_answer(whole), Ok(Some(Answer { status: 200, body, is_last: false })));
    }

    #[test]
    fn what_cannot_be_measured_is_refused() {
        for bytes in [
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab",
            "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
            "HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
            "rubbish\r\n\r\n",
        ] {
            assert!(read_answer(bytes.as_bytes()).is_err(), "{bytes}");
        }
    }
}
