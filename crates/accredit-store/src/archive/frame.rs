//! The form of a backup: a line that says what it is, then frames. Big-endian, no padding.
//!
//! ```text
//! accredit backup 1\n
//! frame:  tag (1 byte)  length (4 bytes)  payload
//!   H     when it was made, schema, sequence, revocation, version, public URL      first, once
//!   T     name of a table, its columns with commas between them                    before its rows
//!   R     a row of that table, its values in that order
//!   E     rows in all, SHA-256 of everything before this frame, its tag or null    last, once
//! value:  0 null   1 integer (8 bytes)   2 text   3 bytes (length in 4 bytes each)   4 false   5 true
//! ```

use super::fault::ArchiveFault;
use super::tables::Type;
use crate::backend;

/// The first line.
pub(crate) const MAGIC: &[u8] = b"accredit backup 1\n";

pub(crate) const HEADER: u8 = b'H';
pub(crate) const TABLE: u8 = b'T';
pub(crate) const ROW: u8 = b'R';
pub(crate) const END: u8 = b'E';

/// The most bytes of a payload: a resource may have as many as a request.
pub(crate) const MAX_PAYLOAD: usize = 80 * 1024 * 1024;

/// One value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
    Bool(bool),
}

// === impl Value ===

impl Value {
    /// Whether a column of that type may hold it.
    pub(crate) fn is_a(&self, kind: Type) -> bool {
        matches!(
            (self, kind),
            (Self::Null, _)
                | (Self::Int(_), Type::Int)
                | (Self::Text(_), Type::Text)
                | (Self::Bytes(_), Type::Bytes)
                | (Self::Bool(_), Type::Bool)
        )
    }

    /// As a database takes it, for a column of that type.
    pub(super) fn stored(self, kind: Type) -> backend::Value {
        match (self, kind) {
            (Self::Int(number), _) => number.into(),
            (Self::Text(text), _) => text.into(),
            (Self::Bytes(bytes), _) => bytes.into(),
            (Self::Bool(yes), _) => yes.into(),
            (Self::Null, Type::Int) => backend::Value::Integer(None),
            (Self::Null, Type::Text) => backend::Value::Text(None),
            (Self::Null, Type::Bytes) => backend::Value::Bytes(None),
            (Self::Null, Type::Bool) => backend::Value::Flag(None),
        }
    }

    fn push(&self, out: &mut Vec<u8>) {
        let mut long = |tag: u8, bytes: &[u8]| {
            out.push(tag);
            out.extend_from_slice(&length(bytes.len()));
            out.extend_from_slice(bytes);
        };
        match self {
            Self::Null => out.push(0),
            Self::Int(number) => {
                out.push(1);
                out.extend_from_slice(&number.to_be_bytes());
            }
            Self::Text(text) => long(2, text.as_bytes()),
            Self::Bytes(bytes) => long(3, bytes),
            Self::Bool(false) => out.push(4),
            Self::Bool(true) => out.push(5),
        }
    }

    pub(crate) fn int(&self) -> Option<i64> {
        if let Self::Int(number) = self { Some(*number) } else { None }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }
}

impl From<backend::Value> for Value {
    fn from(value: backend::Value) -> Self {
        let value = match value {
            backend::Value::Integer(value) => value.map(Self::Int),
            backend::Value::Text(value) => value.map(Self::Text),
            backend::Value::Bytes(value) => value.map(Self::Bytes),
            backend::Value::Flag(value) => value.map(Self::Bool),
        };
        value.unwrap_or(Self::Null)
    }
}

/// Appends a frame of these values.
pub(crate) fn push(out: &mut Vec<u8>, tag: u8, values: &[Value]) {
    out.push(tag);
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    values.iter().for_each(|value| value.push(out));
    let bytes = length(out.len() - at - 4);
    out[at..at + 4].copy_from_slice(&bytes);
}

/// The values of a payload.
pub(crate) fn read(mut payload: &[u8]) -> Result<Vec<Value>, ArchiveFault> {
    let mut values = Vec::new();
    while let Some((tag, rest)) = payload.split_first() {
        let (value, rest) = match tag {
            0 => (Value::Null, rest),
            1 => {
                let (number, rest) = rest.split_first_chunk().ok_or(ArchiveFault::MALFORMED)?;
                (Value::Int(i64::from_be_bytes(*number)), rest)
            }
            2 | 3 => {
                let (length, rest) = rest.split_first_chunk().ok_or(ArchiveFault::MALFORMED)?;
                let length = u32::from_be_bytes(*length) as usize;
                let (bytes, rest) = rest.split_at_checked(length).ok_or(ArchiveFault::MALFORMED)?;
                let value = match tag {
                    2 => Value::Text(String::from_utf8(bytes.to_vec()).map_err(|_| ArchiveFault::MALFORMED)?),
                    _ => Value::Bytes(bytes.to_vec()),
                };
                (value, rest)
            }
            4 => (Value::Bool(false), rest),
            5 => (Value::Bool(true), rest),
            _ => return Err(ArchiveFault::MALFORMED),
        };
        values.push(value);
        payload = rest;
    }
    Ok(values)
}

/// A length; nothing that a store holds comes near four gibibytes.
fn length(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_back() {
        let values = [
            Value::Null,
            Value::Int(i64::MIN),
            Value::Text("gr\u{fc}n".to_owned()),
            Value::Text(String::new()),
            Value::Bytes(vec![0, 255]),
            Value::Bool(true),
            Value::Bool(false),
        ];
        let mut out = Vec::new();
        push(&mut out, ROW, &values);
        assert_eq!((out[0], u32::from_be_bytes(out[1..5].try_into().unwrap()) as usize), (ROW, out.len() - 5));
        assert_eq!(read(&out[5..]).unwrap(), values);
        for end in 6..out.len() {
            // Cut anywhere, it is either fewer values or none.
            assert!(read(&out[5..end]).is_err() || read(&out[5..end]).unwrap().len() < values.len());
        }
        for bad in [&[6][..], &[1, 0], &[2, 0, 0, 0, 9, b'a'], &[2, 0, 0, 0, 1, 0xff], &[3, 255, 255, 255, 255]] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }
}
