//! Reading a request's body within its limits.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use crate::faces::{Cause, RequestFault};

/// Reads a body of at most 64 KiB within ten seconds.
pub(super) async fn read(body: Incoming) -> Result<Bytes, RequestFault> {
    read_at_most(body, MAX_BYTES, TOO_LARGE).await
}

/// The same of at most `most` bytes; what has more is refused with `too_large`.
pub(super) async fn read_at_most(body: Incoming, most: usize, too_large: RequestFault) -> Result<Bytes, RequestFault> {
    if body.size_hint().lower() > most as u64 {
        return Err(too_large);
    }
    match tokio::time::timeout(PATIENCE, collect(body, most, too_large)).await {
        Ok(read) => read,
        Err(_) => Err(RequestFault::new(Cause::RequestTimeout, "body-slow", "the body took longer than ten seconds")),
    }
}

async fn collect(mut body: Incoming, most: usize, too_large: RequestFault) -> Result<Bytes, RequestFault> {
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| RequestFault::invalid("body-broken", "the body ended before its length"))?;
        let Ok(data) = frame.into_data() else { continue };
        // Nearly every body is one frame, which needs no copy.
        match (&first, rest.is_empty()) {
            (None, true) => first = Some(data),
            (Some(before), true) => {
                rest.extend_from_slice(before);
                rest.extend_from_slice(&data);
            }
            _ => rest.extend_from_slice(&data),
        }
        if rest.len().max(first.as_ref().map_or(0, Bytes::len)) > most {
            return Err(too_large);
        }
    }
    Ok(if rest.is_empty() { first.unwrap_or_default() } else { rest.freeze() })
}

/// A subject token of 16 KiB, every byte of it percent-encoded, and the other parameters.
const MAX_BYTES: usize = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(10);
const TOO_LARGE: RequestFault =
    RequestFault::new(Cause::RequestTooLarge, "body-too-large", "the body has more than 64 KiB");
