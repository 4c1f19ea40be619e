//! The seal of one row.

use accredit_id::mac::MacKey;

/// A table whose rows are sealed. INVARIANT: the order is that of the ledger's sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Set {
    Resource,
    SigningKey,
    NamePin,
    RevokedToken,
    Bundle,
}

/// A value of a row.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cell<'r> {
    Null,
    Int(i64),
    Text(&'r str),
    Bytes(&'r [u8]),
}

// === impl Set ===

impl Set {
    pub(crate) const ALL: [Self; 5] =
        [Self::Resource, Self::SigningKey, Self::NamePin, Self::RevokedToken, Self::Bundle];

    pub(crate) fn table(self) -> &'static str {
        match self {
            Self::Resource => "resource",
            Self::SigningKey => "signing_key",
            Self::NamePin => "name_pin",
            Self::RevokedToken => "revoked_token",
            Self::Bundle => "bundle",
        }
    }

    /// The seal of a row that was written at `stamp`.
    pub(crate) fn seal(self, key: &MacKey, stamp: i64, cells: &[Cell<'_>]) -> Vec<u8> {
        let mut seal = stamp.to_be_bytes().to_vec();
        seal.extend_from_slice(&key.tag(&self.text(ROW, stamp, cells)));
        seal
    }

    /// The stamp of a seal that holds.
    pub(crate) fn check(self, key: &MacKey, seal: Option<&[u8]>, cells: &[Cell<'_>]) -> Option<i64> {
        let seal = seal?;
        let stamp = stamp(seal)?;
        key.holds(&self.text(ROW, stamp, cells), seal.get(8..)?).then_some(stamp)
    }

    /// What a row adds to the ledger: nobody who does not have the key knows it, nor another one that adds as much.
    pub(crate) fn member(self, key: &MacKey, stamp: i64, name: &[Cell<'_>]) -> [u8; 32] {
        key.tag(&self.text(MEMBER, stamp, name))
    }

    fn text(self, domain: &[u8], stamp: i64, cells: &[Cell<'_>]) -> Vec<u8> {
        text(domain, self.table(), stamp, cells)
    }
}

/// What is sealed of a row.
pub(super) fn text(domain: &[u8], table: &str, stamp: i64, cells: &[Cell<'_>]) -> Vec<u8> {
    let mut text = domain.to_vec();
    text.extend_from_slice(table.as_bytes());
    text.push(0);
    text.extend_from_slice(&stamp.to_be_bytes());
    for cell in cells {
        let (tag, bytes): (u8, &[u8]) = match cell {
            Cell::Null => (0, &[]),
            Cell::Int(number) => {
                text.push(1);
                text.extend_from_slice(&number.to_be_bytes());
                continue;
            }
            Cell::Text(value) => (2, value.as_bytes()),
            Cell::Bytes(value) => (3, value),
        };
        text.push(tag);
        text.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        text.extend_from_slice(bytes);
    }
    text
}

impl<'r> From<Option<&'r str>> for Cell<'r> {
    fn from(text: Option<&'r str>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }
}

impl From<Option<i64>> for Cell<'_> {
    fn from(number: Option<i64>) -> Self {
        number.map_or(Self::Null, Self::Int)
    }
}

/// The sequence that a seal says its row was written at.
pub(crate) fn stamp(seal: &[u8]) -> Option<i64> {
    seal.first_chunk().map(|stamp| i64::from_be_bytes(*stamp))
}

const ROW: &[u8] = b"accredit sealed row 1\0";
const MEMBER: &[u8] = b"accredit sealed member 1\0";

#[cfg(test)]
mod tests {
    use accredit_id::secret::Secret;

    use super::*;

    #[test]
    fn a_seal_holds_for_its_own_row_alone() {
        let key = MacKey::new(&Secret::new([1; 32]));
        let row = [Cell::Text("a"), Cell::Null, Cell::Int(1)];
        let seal = Set::Resource.seal(&key, 7, &row);
        assert_eq!(Set::Resource.check(&key, Some(&seal), &row), Some(7));
        let other = MacKey::new(&Secret::new([2; 32]));
        let mut later = seal.clone();
        later[7] = 8;
        for (set, key, seal, row) in [
            (Set::NamePin, &key, Some(&seal[..]), &row[..]),
            (Set::Resource, &other, Some(&seal), &row),
            (Set::Resource, &key, Some(&later), &row),
            (Set::Resource, &key, Some(&seal[..39]), &row),
            (Set::Resource, &key, Some(&[]), &row),
            (Set::Resource, &key, None, &row),
            (Set::Resource, &key, Some(&seal), &[Cell::Text("a"), Cell::Text(""), Cell::Int(1)]),
            (Set::Resource, &key, Some(&seal), &[Cell::Text("a"), Cell::Int(1)]),
            (Set::Resource, &key, Some(&seal), &[Cell::Bytes(b"a"), Cell::Null, Cell::Int(1)]),
        ] {
            assert_eq!(set.check(key, seal, row), None, "{set:?} {row:?}");
        }
    }
}
