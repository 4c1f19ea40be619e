//! Ids: 128 random bits behind a prefix that says what they name.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use accredit_id::hex;

use super::Kind;

/// The id of a resource, e.g. `map_01h8x2...`: the kind's prefix and 26 characters of Crockford's base32.
///
/// Ids never change and are never used again. They are not secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    kind: Kind,
    bits: [u8; 16],
}

/// The id of a decision, e.g. `dec_5f2c...`: 128 random bits in lower-case hexadecimal. Also the `jti` of the token.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DecisionId([u8; 16]);

/// Why a text is no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an id, expected {expected}")]
pub struct IdFault {
    text: String,
    expected: String,
}

// === impl Id ===

impl Id {
    /// Makes an id of a kind from 128 random bits.
    pub fn new(kind: Kind, random: [u8; 16]) -> Self {
        Self { kind, bits: random }
    }

    /// The kind of resource that it names.
    pub fn kind(self) -> Kind {
        self.kind
    }

    /// The random bits.
    pub fn bits(&self) -> &[u8; 16] {
        &self.bits
    }
}

impl Hash for Id {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // The bits are random; the kind would add nothing but time.
        state.write_u128(u128::from_ne_bytes(self.bits));
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0u8; ENCODED];
        let mut rest = u128::from_be_bytes(self.bits);
        for place in text.iter_mut().rev() {
            *place = ALPHABET[(rest & 31) as usize];
            rest >>= 5;
        }
        f.write_str(self.kind.prefix())?;
        f.write_str("_")?;
        text.iter().try_for_each(|&byte| fmt::Write::write_char(f, byte as char))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Id {
    type Err = IdFault;

    fn from_str(text: &str) -> Result<Self, IdFault> {
        parse_id(text).ok_or_else(|| IdFault {
            text: text.chars().take(64).collect(),
            expected: "a prefix such as `map_` and 26 characters of lower-case base32".to_owned(),
        })
    }
}

fn parse_id(text: &str) -> Option<Id> {
    let (prefix, encoded) = text.split_once('_')?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.prefix() == prefix)?;
    if encoded.len() != ENCODED {
        return None;
    }
    let mut bits: u128 = 0;
    for (place, byte) in encoded.bytes().enumerate() {
        let digit = DIGITS[usize::from(byte)];
        if digit == NO_DIGIT || (place == 0 && digit > 7) {
            return None;
        }
        bits = (bits << 5) | u128::from(digit);
    }
    Some(Id::new(kind, bits.to_be_bytes()))
}

// === impl DecisionId ===

impl DecisionId {
    /// Makes a decision id from 128 random bits.
    pub fn new(random: [u8; 16]) -> Self {
        Self(random)
    }

    /// The random bits.
    pub fn bits(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0u8; 36];
        text[..4].copy_from_slice(b"dec_");
        hex::encode_over(&self.0, &mut text[4..]);
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for DecisionId {
    type Err = IdFault;

    fn from_str(text: &str) -> Result<Self, IdFault> {
        let bits = text.strip_prefix("dec_").and_then(|digits| hex::decode_exact(digits.as_bytes()).ok());
        bits.map(Self).ok_or_else(|| IdFault {
            text: text.chars().take(64).collect(),
            expected: "`dec_` and 32 lower-case hexadecimal digits".to_owned(),
        })
    }
}

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// The alphabet backwards: a digit for each byte.
const DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut digit = 0;
    while digit < ALPHABET.len() {
        digits[ALPHABET[digit] as usize] = digit as u8;
        digit += 1;
    }
    digits
};
const NO_DIGIT: u8 = u8::MAX;
/// 128 bits in base32, rounded up.
const ENCODED: usize = 26;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_as_written() {
        for random in [[0u8; 16], [0xff; 16], [7; 16]] {
            for kind in Kind::ALL {
                let id = Id::new(kind, random);
                assert_eq!(id.to_string().parse::<Id>().unwrap(), id);
            }
            let decision = DecisionId::new(random);
            assert_eq!(decision.to_string().parse::<DecisionId>().unwrap(), decision);
        }
    }

    #[test]
    fn other_texts_are_no_ids() {
        for text in [
            "",
            "map_",
            "map",
            "dec_5f2c",
            "map_0000000000000000000000000",
            "map_80000000000000000000000000",
            "map_0000000000000000000000000U",
            "foo_00000000000000000000000000",
            "map_0000000000000000000000000é",
        ] {
            assert!(text.parse::<Id>().is_err(), "{text}");
            assert!(text.parse::<DecisionId>().is_err(), "{text}");
        }
        assert!("dec_5F2C5F2C5F2C5F2C5F2C5F2C5F2C5F2C".parse::<DecisionId>().is_err());
    }
}
