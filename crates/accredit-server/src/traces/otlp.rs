//! Spans as OTLP has them: `ExportTraceServiceRequest` in protobuf's binary form (opentelemetry-proto, `trace/v1`), and the
//! two fields of its answer that concern us.
//!
//! Written by hand: a dozen messages with fixed numbers do not pay for a code generator and its crates in every build.

use super::span::{Attribute, Span, Value};

/// What is said of this process once for all its spans.
#[derive(Debug, Clone, Default)]
pub(super) struct Resource {
    /// Names and values.
    pub(super) attributes: Vec<(String, String)>,
}

/// The body of a request that hands spans over.
pub(super) fn encode(resource: &Resource, spans: &[Span]) -> Vec<u8> {
    let mut request = Message::default();
    request.message(1, |resource_spans| {
        resource_spans.message(1, |message| {
            for (name, value) in &resource.attributes {
                message.message(1, |attribute| attribute.pair(name, &Value::Text(value.into())));
            }
        });
        resource_spans.message(2, |scope_spans| {
            scope_spans.message(1, |scope| {
                scope.text(1, env!("CARGO_PKG_NAME"));
                scope.text(2, env!("CARGO_PKG_VERSION"));
            });
            for span in spans {
                scope_spans.message(2, |message| message.span(span));
            }
        });
    });
    request.0
}

/// How many spans a collector says it did not take (`partial_success.rejected_spans`). What cannot be read counts as none: the
/// status said that all is well.
pub(super) fn rejected(answer: &[u8]) -> u64 {
    let partial = fields(answer).find_map(|(number, value)| match (number, value) {
        (1, Read::Bytes(partial)) => Some(partial),
        _ => None,
    });
    let rejected = partial.and_then(|partial| {
        fields(partial).find_map(|(number, value)| match (number, value) {
            (1, Read::Number(count)) => Some(count),
            _ => None,
        })
    });
    rejected.unwrap_or_default()
}

/// A message as it is written.
#[derive(Default)]
struct Message(Vec<u8>);

// === impl Message ===

impl Message {
    fn span(&mut self, span: &Span) {
        let Span { trace, id, parent, name, began, ended, attributes, failed } = span;
        self.bytes(1, trace.bytes());
        self.bytes(2, id.bytes());
        if let Some(parent) = parent {
            self.bytes(4, parent.bytes());
        }
        self.text(5, &name.text());
        self.number(6, name.kind());
        self.fixed(7, *began);
        self.fixed(8, *ended);
        if let Some((method, route)) = name.route() {
            for (name, value) in [("http.request.method", method), ("http.route", route)] {
                self.message(9, |message| message.pair(name, &Value::Text(value.into())));
            }
        }
        for attribute in attributes {
            let (name, value) = Attribute::told(attribute);
            self.message(9, |message| message.pair(name, &value));
        }
        if *failed {
            self.message(15, |status| status.number(3, 2));
        }
    }

    fn pair(&mut self, name: &str, value: &Value<'_>) {
        self.text(1, name);
        self.message(2, |any| match value {
            Value::Text(text) => any.text(1, text),
            // Zero is a value here, so it is written, too.
            Value::Number(number) => {
                any.tag(3, 0);
                any.varint(number.cast_unsigned());
            }
        });
    }

    fn text(&mut self, field: u64, text: &str) {
        self.bytes(field, text.as_bytes());
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.tag(field, 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn number(&mut self, field: u64, number: u64) {
        self.tag(field, 0);
        self.varint(number);
    }

    fn fixed(&mut self, field: u64, number: u64) {
        self.tag(field, 1);
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn message(&mut self, field: u64, write: impl FnOnce(&mut Message)) {
        let mut inner = Message::default();
        write(&mut inner);
        self.bytes(field, &inner.0);
    }

    fn tag(&mut self, field: u64, wire: u64) {
        self.varint(field << 3 | wire);
    }

    fn varint(&mut self, mut number: u64) {
        loop {
            let [low, ..] = (number & 0x7f).to_le_bytes();
            number >>= 7;
            if number == 0 {
                return self.0.push(low);
            }
            self.0.push(low | 0x80);
        }
    }
}

enum Read<'b> {
    Number(u64),
    Bytes(&'b [u8]),
    Other,
}

/// The fields of a message up to the first that cannot be read.
fn fields(mut bytes: &[u8]) -> impl Iterator<Item = (u64, Read<'_>)> {
    std::iter::from_fn(move || {
        let tag = take_varint(&mut bytes)?;
        let value = match tag & 7 {
            0 => Read::Number(take_varint(&mut bytes)?),
            1 => take(&mut bytes, 8).map(|_| Read::Other)?,
            2 => {
                let length = usize::try_from(take_varint(&mut bytes)?).ok()?;
                Read::Bytes(take(&mut bytes, length)?)
            }
            5 => take(&mut bytes, 4).map(|_| Read::Other)?,
            _ => return None,
        };
        Some((tag >> 3, value))
    })
}

fn take<'b>(bytes: &mut &'b [u8], count: usize) -> Option<&'b [u8]> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = *take(bytes, 1)?.first()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_collector_rejects_is_read_and_rubbish_is_not() {
        for (answer, expected) in [
            (&b""[..], 0),
            (b"\x0a\x00", 0),
            (b"\x0a\x02\x08\x07", 7),
            (b"\x12\x01x\x0a\x03\x08\x80\x01", 128),
            (b"\x0a\x0a\x12\x04full\x08\x03\x18\x01", 3),
            (b"\x0a\x7f\x08\x07", 0),
            (b"<html>", 0),
            (b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 0),
        ] {
            assert_eq!(rejected(answer), expected, "{answer:?}");
        }
    }

    #[test]
    fn numbers_are_written_as_varints() {
        let mut message = Message::default();
        message.number(1, 150);
        message.number(16, 0);
        message.fixed(7, 1);
        assert_eq!(message.0, [0x08, 0x96, 0x01, 0x80, 0x01, 0x00, 0x39, 1, 0, 0, 0, 0, 0, 0, 0]);
    }
}
