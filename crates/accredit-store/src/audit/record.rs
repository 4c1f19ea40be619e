//! What one record is, and how records lie in a batch.
//!
//! A record is opaque here: an id, bytes that stay for ever, and perhaps a value that may be erased later. The chain
//! covers a salted commitment to the value, not the value, so that erasing it breaks nothing and leaves nothing to guess.

use super::digest::{VALUE_TAG, sha256};

/// The most bytes that one record may have, its erasable value included. 1 MiB.
pub const MAX_RECORD_BYTES: usize = 1024 * 1024;

/// A record to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecord {
    /// 128 random bits: the decision id, or an id of its own for what is not a decision.
    pub id: [u8; 16],
    /// What the record says.
    pub content: Content,
}

/// What a record says: bytes for ever, and perhaps a value that may be erased.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// Kept as long as the log; at most [`MAX_RECORD_BYTES`].
    pub bytes: Vec<u8>,
    /// What [`Store::erase_values`](crate::Store::erase_values) may take away later.
    pub erasable: Option<Erasable>,
}

/// A value that can be erased without breaking the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasable {
    /// 128 random bits, never used twice: without them a short value could be guessed from its commitment.
    pub salt: [u8; 16],
    /// The value.
    pub bytes: Vec<u8>,
}

/// A record as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The id that it was written under.
    pub id: [u8; 16],
    /// The bytes that stay.
    pub bytes: Vec<u8>,
    /// What became of its erasable value.
    pub value: Value,
}

/// What became of a record's erasable value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// The value was erased; its commitment is still covered by the chain.
    Erased,
    /// The record never had one.
    None,
    /// The value is there.
    Present(Vec<u8>),
}

/// A batch's bytes cannot be read as records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

/// Some records laid end to end.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    pub(crate) records: i64,
    pub(crate) body: Vec<u8>,
    pub(crate) erasable: Vec<u8>,
    pub(crate) summary: Vec<u8>,
}

/// A record as it lies in a batch, borrowed from it.
pub(crate) struct Framed<'b> {
    pub(crate) id: [u8; 16],
    bytes: &'b [u8],
    commitment: Option<[u8; 32]>,
    value: Option<Salted<'b>>,
}

#[derive(Clone, Copy)]
struct Salted<'b> {
    salt: &'b [u8],
    bytes: &'b [u8],
}

// === impl Content ===

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, erasable: None }
    }
}

impl Content {
    /// How many bytes it takes of [`MAX_RECORD_BYTES`].
    pub fn size(&self) -> usize {
        self.bytes.len() + self.erasable.as_ref().map_or(0, |value| value.bytes.len())
    }
}

// === impl Frames ===

impl Frames {
    /// Lays one more record behind the others: id, length, bytes, and a commitment or the mark that there is none.
    pub(crate) fn push(&mut self, id: &[u8; 16], content: &Content) {
        self.body.extend_from_slice(id);
        self.body.extend_from_slice(&length(&content.bytes));
        self.body.extend_from_slice(&content.bytes);
        match &content.erasable {
            None => self.body.push(NO_VALUE),
            Some(value) => {
                self.body.push(SALTED_VALUE);
                self.body.extend_from_slice(&commitment(id, &value.salt, &value.bytes));
                // The place is narrower than the count, which a batch's limits keep far below 2^32.
                self.erasable.extend_from_slice(&(self.records as u32).to_be_bytes());
                self.erasable.extend_from_slice(&value.salt);
                self.erasable.extend_from_slice(&length(&value.bytes));
                self.erasable.extend_from_slice(&value.bytes);
            }
        }
        self.summary.extend_from_slice(prefix(id));
        self.records += 1;
    }
}

// === impl Framed ===

impl Framed<'_> {
    /// Whether it had a value that is there no more.
    pub(crate) fn is_erased(&self) -> bool {
        self.commitment.is_some() && self.value.is_none()
    }

    /// Whether the value, where it is still there, is the one that the record was written with.
    pub(crate) fn value_holds(&self) -> bool {
        match (self.commitment, self.value) {
            (Some(expected), Some(value)) => commitment(&self.id, value.salt, value.bytes) == expected,
            (Some(_), None) | (None, None) => true,
            (None, Some(_)) => false,
        }
    }

    pub(crate) fn to_record(&self) -> Record {
        let value = match (self.commitment, self.value) {
            (_, Some(value)) => Value::Present(value.bytes.to_vec()),
            (Some(_), None) => Value::Erased,
            (None, None) => Value::None,
        };
        Record { id: self.id, bytes: self.bytes.to_vec(), value }
    }
}

/// The part of an id that a batch's summary keeps.
pub(crate) fn prefix(id: &[u8; 16]) -> &[u8] {
    &id[..SUMMARY_BYTES]
}

/// Reads a batch's body, and its erasable values where they are still there, back into records.
pub(crate) fn read<'b>(body: &'b [u8], erasable: Option<&'b [u8]>) -> Result<Vec<Framed<'b>>, Unreadable> {
    let mut framed = Vec::new();
    let mut rest = body;
    while !rest.is_empty() {
        let id = array(&mut rest)?;
        let bytes = sized(&mut rest)?;
        let commitment = match take(&mut rest, 1)? {
            [NO_VALUE] => None,
            [SALTED_VALUE] => Some(array(&mut rest)?),
            _ => return Err(Unreadable),
        };
        framed.push(Framed { id, bytes, commitment, value: None });
    }
    let mut rest = erasable.unwrap_or_default();
    while !rest.is_empty() {
        let place = u32::from_be_bytes(array(&mut rest)?) as usize;
        let salt = take(&mut rest, 16)?;
        let bytes = sized(&mut rest)?;
        framed.get_mut(place).ok_or(Unreadable)?.value = Some(Salted { salt, bytes });
    }
    Ok(framed)
}

/// The erasable values of a batch without those at `places`; nothing where none is left.
pub(crate) fn keep_values(erasable: &[u8], places: &[i64]) -> Result<Option<Vec<u8>>, Unreadable> {
    let mut kept = Vec::with_capacity(erasable.len());
    let mut rest = erasable;
    while !rest.is_empty() {
        let whole = rest;
        let place = u32::from_be_bytes(array(&mut rest)?);
        take(&mut rest, 16)?;
        sized(&mut rest)?;
        if !places.contains(&i64::from(place)) {
            kept.extend_from_slice(&whole[..whole.len() - rest.len()]);
        }
    }
    Ok((!kept.is_empty()).then_some(kept))
}

/// How many bytes of each id a summary keeps. INVARIANT: what is searched for (`Store::find_record`) is cut to the same
/// length; if they part, records are not found.
const SUMMARY_BYTES: usize = 4;
const NO_VALUE: u8 = 0;
const SALTED_VALUE: u8 = 1;

fn commitment(id: &[u8; 16], salt: &[u8], value: &[u8]) -> [u8; 32] {
    sha256(&[VALUE_TAG, id, salt, value].concat())
}

fn length(bytes: &[u8]) -> [u8; 4] {
    // Records are refused long before 4 GiB: see MAX_RECORD_BYTES.
    (bytes.len() as u32).to_be_bytes()
}

fn sized<'b>(rest: &mut &'b [u8]) -> Result<&'b [u8], Unreadable> {
    let length = u32::from_be_bytes(array(rest)?) as usize;
    take(rest, length)
}

fn array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Unreadable> {
    take(rest, N)?.try_into().map_err(|_| Unreadable)
}

fn take<'b>(rest: &mut &'b [u8], count: usize) -> Result<&'b [u8], Unreadable> {
    let (taken, left) = rest.split_at_checked(count).ok_or(Unreadable)?;
    *rest = left;
    Ok(taken)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn contents() -> Vec<([u8; 16], Content)> {
        vec![
            ([1; 16], Content::default()),
            ([2; 16], b"plain".to_vec().into()),
            (
                [3; 16],
                Content { bytes: vec![0; 300], erasable: Some(Erasable { salt: [9; 16], bytes: b"name".to_vec() }) },
            ),
            ([4; 16], Content { bytes: vec![], erasable: Some(Erasable { salt: [8; 16], bytes: vec![] }) }),
        ]
    }

    fn frames() -> Frames {
        let mut frames = Frames::default();
        for (id, content) in contents() {
            frames.push(&id, &content);
        }
        frames
    }

    #[test]
    fn what_is_written_is_read_back() {
        let frames = frames();
        let read = read(&frames.body, Some(&frames.erasable)).unwrap();
        assert_eq!(read.len(), 4);
        assert_eq!(frames.records, 4);
        assert_eq!(frames.summary, [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4]);
        for (framed, (id, content)) in read.iter().zip(contents()) {
            let value = content.erasable.map_or(Value::None, |value| Value::Present(value.bytes));
            assert_eq!(framed.to_record(), Record { id, bytes: content.bytes, value });
            assert!(framed.value_holds());
        }
    }

    #[test]
    fn an_erased_value_is_told_from_none() {
        let frames = frames();
        let values: Vec<_> = read(&frames.body, None).unwrap().iter().map(|one| one.to_record().value).collect();
        assert_eq!(values, [Value::None, Value::None, Value::Erased, Value::Erased]);
    }

    #[test]
    fn one_value_goes_and_the_others_stay() {
        let frames = frames();
        for (places, expected) in [(&[2_i64][..], [true, false]), (&[3], [false, true]), (&[], [false, false])] {
            let kept = keep_values(&frames.erasable, places).unwrap();
            let read = read(&frames.body, kept.as_deref()).unwrap();
            assert_eq!([read[2].is_erased(), read[3].is_erased()], expected, "{places:?}");
            assert!(!read[0].is_erased() && read.iter().all(Framed::value_holds));
        }
        assert_eq!(keep_values(&frames.erasable, &[2, 3]).unwrap(), None);
        assert_eq!(keep_values(&frames.erasable[1..], &[]), Err(Unreadable));
    }

    #[test]
    fn another_value_or_salt_does_not_hold() {
        let frames = frames();
        for place in 4..frames.erasable.len() {
            let mut erasable = frames.erasable.clone();
            erasable[place] ^= 1;
            let holds = read(&frames.body, Some(&erasable)).is_ok_and(|all| all.iter().all(Framed::value_holds));
            assert!(!holds, "byte {place} changed and nobody saw it");
        }
    }

    #[test]
    fn a_value_beside_a_record_that_has_none_does_not_hold() {
        let mut frames = frames();
        frames.erasable[3] = 0;
        assert!(!read(&frames.body, Some(&frames.erasable)).unwrap()[0].value_holds());
    }

    #[test]
    fn a_cut_body_is_unreadable() {
        let frames = frames();
        let whole = [0, 21, 47, 47 + 353, frames.body.len()];
        for end in 0..=frames.body.len() {
            assert_eq!(read(&frames.body[..end], None).is_ok(), whole.contains(&end), "cut at {end}");
        }
    }
}
