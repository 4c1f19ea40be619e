//! `application/x-www-form-urlencoded`, strictly. Written by hand because the usual parsers cost more than the rest of a
//! request together.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use super::RequestFault;
use super::params::Pair;

/// The pairs of a form body, in their order.
pub(super) fn pairs(body: &[u8]) -> Result<Vec<Pair<'_>>, RequestFault> {
    let mut pairs = Vec::with_capacity(8);
    let mut rest = body;
    while !rest.is_empty() {
        let end = memchr(b'&', rest).unwrap_or(rest.len());
        let (pair, left) = rest.split_at(end);
        rest = left.get(1..).unwrap_or_default();
        if pair.is_empty() {
            continue;
        }
        let split = memchr(b'=', pair).ok_or(NOT_A_FORM)?;
        pairs.push((decoded(&pair[..split])?, decoded(&pair[split + 1..])?));
        if pairs.len() > MAX_PAIRS {
            return Err(RequestFault::invalid("param-count", "the request has too many parameters"));
        }
    }
    Ok(pairs)
}

/// Percent-encoding alone (RFC 3986 section 2.1), where a plus sign is one.
pub(super) fn percent_decoded(raw: &[u8]) -> Result<Cow<'_, str>, RequestFault> {
    undone(raw, b'%')
}

fn decoded(raw: &[u8]) -> Result<Cow<'_, str>, RequestFault> {
    undone(raw, b'+')
}

/// Undoes percent-encoding; where `space` is a plus sign, one stands for a space.
fn undone(raw: &[u8], space: u8) -> Result<Cow<'_, str>, RequestFault> {
    if memchr2(b'%', space, raw).is_none() {
        return std::str::from_utf8(raw).map(Cow::Borrowed).map_err(|_| NOT_A_FORM);
    }
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(place) = memchr2(b'%', space, rest) {
        bytes.extend_from_slice(&rest[..place]);
        if rest[place] == b'+' {
            bytes.push(b' ');
            rest = &rest[place + 1..];
            continue;
        }
        let digits = rest.get(place + 1..place + 3).ok_or(NOT_A_FORM)?;
        bytes.push(digit(digits[0])? << 4 | digit(digits[1])?);
        rest = &rest[place + 3..];
    }
    bytes.extend_from_slice(rest);
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| NOT_A_FORM)
}

fn digit(letter: u8) -> Result<u8, RequestFault> {
    (letter as char).to_digit(16).map(|digit| digit as u8).ok_or(NOT_A_FORM)
}

/// More than any face reads; the count is checked again for all media types.
const MAX_PAIRS: usize = 128;
const NOT_A_FORM: RequestFault = RequestFault::invalid(
    "body-malformed",
    "the body is not a form: expected NAME=VALUE pairs in UTF-8, percent-encoded",
);

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_strictly() {
        let read = pairs(b"a=1&b=x%20y+z&&c=%C3%A9&d=a=b").unwrap();
        let read: Vec<(&str, &str)> = read.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(read, [("a", "1"), ("b", "x y z"), ("c", "é"), ("d", "a=b")]);
        for body in [&b"a"[..], b"a=%", b"a=%4", b"a=%zz", b"a=%ff", b"\xff=1", b"{}"] {
            assert!(pairs(body).is_err(), "{body:?}");
        }
    }
}
