//! Trace Context (W3C Recommendation, level 1): which trace a request belongs to, as its caller says and as is handed on.

use std::fmt;

use accredit_id::hex;
use http::{HeaderMap, HeaderName, HeaderValue};

/// A trace: 128 bits, never all zero. Where a caller named it, it is the caller's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceId([u8; 16]);

/// A span: 64 bits, never all zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpanId([u8; 8]);

/// What `traceparent` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Context {
    pub(super) trace: TraceId,
    pub(super) span: SpanId,
    /// Whether the span before this one is recorded.
    pub(super) sampled: bool,
}

/// The header. `tracestate` beside it is neither read nor handed on: it is free text of whoever calls.
pub(super) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

// === impl TraceId ===

impl TraceId {
    pub(super) fn new(random: [u8; 16]) -> Self {
        // The chance of zero is that of guessing a key; yet the format forbids it.
        Self(if random == [0; 16] { [1; 16] } else { random })
    }

    pub(super) fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(&self.0, f)
    }
}

// === impl SpanId ===

impl SpanId {
    pub(super) fn new(random: [u8; 16]) -> Self {
        let [first @ .., _, _, _, _, _, _, _, _] = random;
        Self(if first == [0; 8] { [1; 8] } else { first })
    }

    pub(super) fn bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(&self.0, f)
    }
}

// === impl Context ===

impl Context {
    /// What a request says. A header that is malformed or stands twice counts as none (section 4.3).
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(TRACEPARENT).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        Self::parse(value.as_bytes())
    }

    /// `00-TRACE-SPAN-FLAGS`; a later version may go on behind another `-`.
    fn parse(text: &[u8]) -> Option<Self> {
        let (head, rest) = text.split_at_checked(LENGTH)?;
        let [version] = hex::decode_exact(&head[..2]).ok()?;
        let is_whole = match version {
            0 => rest.is_empty(),
            0xff => false,
            _ => rest.is_empty() || rest.starts_with(b"-"),
        };
        if !is_whole || head[2] != b'-' || head[35] != b'-' || head[52] != b'-' {
            return None;
        }
        // Lower case digits alone (section 3.2.2).
        let trace = hex::decode_exact(&head[3..35]).ok()?;
        let span = hex::decode_exact(&head[36..52]).ok()?;
        let [flags] = hex::decode_exact(&head[53..]).ok()?;
        let sampled = flags & 1 == 1;
        (trace != [0; 16] && span != [0; 8]).then_some(Self { trace: TraceId(trace), span: SpanId(span), sampled })
    }

    /// The header for whoever is asked next.
    pub(super) fn header(&self) -> HeaderValue {
        let text = format!("00-{}-{}-{:02x}", self.trace, self.span, u8::from(self.sampled));
        // Digits, letters and dashes.
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
    }
}

const LENGTH: usize = 55;

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_callers_say_is_read_strictly() {
        let zero_trace = GOOD.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32));
        let zero_span = GOOD.replace("00f067aa0ba902b7", &"0".repeat(16));
        let cases: &[(&str, Option<bool>)] = &[
            (GOOD, Some(true)),
            (&GOOD.replace("-01", "-00"), Some(false)),
            (&GOOD.replace("-01", "-03"), Some(true)),
            (&GOOD.replace("00-4", "01-4"), Some(true)),
            (&format!("{}-more", GOOD.replace("00-4", "cc-4")), Some(true)),
            (&format!("{}more", GOOD.replace("00-4", "cc-4")), None),
            (&format!("{GOOD}-more"), None),
            (&GOOD.replace("00-4", "ff-4"), None),
            (&GOOD.replace("4bf9", "4BF9"), None),
            (&GOOD.replace("4bf9", "4bg9"), None),
            (&GOOD.replace("-01", "-1"), None),
            (&GOOD.replace('-', "_"), None),
            (&GOOD[1..], None),
            (&zero_trace, None),
            (&zero_span, None),
            ("", None),
            ("00-\u{e4}", None),
        ];
        for (text, expected) in cases {
            assert_eq!(Context::parse(text.as_bytes()).map(|context| context.sampled), *expected, "{text}");
        }
        assert_eq!(
            Context::parse(GOOD.as_bytes()).map(|context| context.header()),
            Some(HeaderValue::from_static(GOOD))
        );
    }

    #[test]
    fn two_headers_are_none() {
        let mut headers = HeaderMap::new();
        headers.append(TRACEPARENT, HeaderValue::from_static(GOOD));
        assert!(Context::of(&headers).is_some());
        headers.append(TRACEPARENT, HeaderValue::from_static(GOOD));
        assert!(Context::of(&headers).is_none());
    }

    #[test]
    fn ids_are_never_zero() {
        assert_ne!(TraceId::new([0; 16]).bytes(), &[0; 16]);
        assert_ne!(SpanId::new([0; 16]).bytes(), &[0; 8]);
    }
}
