//! A backup, read from the front in little memory. Whether it is whole is known at its end, and not before.

use std::io::Read;

use accredit_id::digest::Running;
use accredit_id::mac::MacKey;

use super::fault::ArchiveFault;
use super::frame::{self, END, HEADER, MAGIC, MAX_PAYLOAD, ROW, TABLE, Value};
use super::tables::Table;
use crate::migrations;

/// What a backup says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// When it was made, Unix seconds.
    pub made_at: i64,
    /// The last step of its schema.
    pub schema: i64,
    /// How far the store had come ([`Head::sequence`](crate::Head::sequence)).
    pub sequence: i64,
    /// The sequence of its newest change that took something away from somebody.
    pub revocation: i64,
    /// The version of the program that made it.
    pub version: String,
    /// The URL of the server that made it.
    pub public_url: String,
}

/// What a whole backup is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// SHA-256 of everything but its last frame.
    pub sha256: [u8; 32],
    /// The tag over that, where the store's rows were sealed.
    pub tag: Option<Vec<u8>>,
}

impl Digest {
    /// Whether the backup was made by a store whose rows this key seals, and not altered since.
    #[must_use]
    pub fn is_of(&self, key: &MacKey) -> bool {
        self.tag.as_ref().is_some_and(|tag| key.holds(&tagged(&self.sha256), tag))
    }
}

/// The tag of a backup of this digest.
pub(crate) fn tag(key: &MacKey, digest: &[u8; 32]) -> [u8; 32] {
    key.tag(&tagged(digest))
}

fn tagged(digest: &[u8; 32]) -> Vec<u8> {
    [TAG, digest].concat()
}

const TAG: &[u8] = b"accredit backup digest 1\0";

/// The next piece of a backup.
pub(crate) enum Piece {
    Row(&'static Table, Vec<Value>),
    End(Digest),
}

/// A backup that is being read.
pub struct Archive<R> {
    from: R,
    about: About,
    digest: Running,
    table: Option<&'static Table>,
    rows: i64,
}

// === impl Archive ===

impl<R: Read> Archive<R> {
    /// Begins to read.
    ///
    /// # Errors
    /// [`ArchiveFault`], also for one whose schema is not this program's.
    pub fn open(mut from: R) -> Result<Self, ArchiveFault> {
        let mut magic = [0; MAGIC.len()];
        from.read_exact(&mut magic).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => ArchiveFault::Foreign,
            _ => error.into(),
        })?;
        if magic != MAGIC {
            return Err(ArchiveFault::Foreign);
        }
        let mut digest = Running::default();
        digest.read(&magic);
        let (tag, head, payload) = frame(&mut from)?;
        if tag != HEADER {
            return Err(ArchiveFault::malformed("expected its header"));
        }
        digest.read(&head);
        digest.read(&payload);
        let values = frame::read(&payload)?;
        let [
            Value::Int(made_at),
            Value::Int(schema),
            Value::Int(sequence),
            Value::Int(revocation),
            Value::Text(version),
            Value::Text(public_url),
        ] = values.as_slice()
        else {
            return Err(ArchiveFault::malformed("its header"));
        };
        let about = About {
            made_at: *made_at,
            schema: *schema,
            sequence: *sequence,
            revocation: *revocation,
            version: version.clone(),
            public_url: public_url.clone(),
        };
        let known = migrations::known();
        if about.schema != known {
            return Err(ArchiveFault::Schema { found: about.schema, known, version: about.version });
        }
        Ok(Self { from, about, digest, table: None, rows: 0 })
    }

    /// What it says of itself.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// The next row, or the end.
    pub(crate) fn next(&mut self) -> Result<Piece, ArchiveFault> {
        loop {
            let (tag, head, payload) = frame(&mut self.from)?;
            let values = frame::read(&payload)?;
            if tag == END {
                return self.end(&values);
            }
            self.digest.read(&head);
            self.digest.read(&payload);
            match (tag, values.as_slice(), self.table) {
                (TABLE, [Value::Text(name), Value::Text(columns)], _) => {
                    let known = Table::named(name).filter(|table| table.column_list() == *columns);
                    let unknown = || ArchiveFault::malformed(format!("table `{}`", name.escape_debug()));
                    self.table = Some(known.ok_or_else(unknown)?);
                }
                (ROW, row, Some(table)) if fits(table, row) => {
                    self.rows += 1;
                    return Ok(Piece::Row(table, values));
                }
                _ => return Err(ArchiveFault::malformed("a row that is none")),
            }
        }
    }

    fn end(&mut self, values: &[Value]) -> Result<Piece, ArchiveFault> {
        let (rows, digest, tag) = match values {
            [Value::Int(rows), Value::Bytes(digest), Value::Null] => (*rows, digest, None),
            [Value::Int(rows), Value::Bytes(digest), Value::Bytes(tag)] => (*rows, digest, Some(tag.clone())),
            _ => return Err(ArchiveFault::malformed("its end")),
        };
        let sha256 = self.digest.clone().finish();
        if *digest != sha256 || rows != self.rows {
            return Err(ArchiveFault::Altered);
        }
        if self.from.read(&mut [0])? != 0 {
            return Err(ArchiveFault::malformed("something stands behind its end"));
        }
        Ok(Piece::End(Digest { sha256, tag }))
    }
}

fn fits(table: &Table, row: &[Value]) -> bool {
    row.len() == table.columns.len() && row.iter().zip(table.columns).all(|(value, (_, kind))| value.is_a(*kind))
}

/// A frame's tag, its first five bytes, its payload.
fn frame(from: &mut impl Read) -> Result<(u8, [u8; 5], Vec<u8>), ArchiveFault> {
    let mut head = [0; 5];
    from.read_exact(&mut head)?;
    let [tag, length @ ..] = head;
    let length = u32::from_be_bytes(length) as usize;
    if length > MAX_PAYLOAD {
        return Err(ArchiveFault::malformed(format!("a frame of {length} bytes")));
    }
    // Not reserved at once: the length is a claim.
    let mut payload = Vec::new();
    if from.take(length as u64).read_to_end(&mut payload)? < length {
        return Err(ArchiveFault::Truncated);
    }
    Ok((tag, head, payload))
}
