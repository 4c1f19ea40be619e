//! Walks through a whole backup without any store: its digest, its log, and what is in it.

use std::collections::HashMap;
use std::io::Read;

use super::fault::ArchiveFault;
use super::frame::Value;
use super::read::{About, Archive, Digest, Piece};
use super::tables::TABLES;
use crate::audit::{
    Batch, ChainId, Checkpoint, Head, Link, Origin, SignedCheckpoint, SignedHead, Verification, Verifier,
};
use crate::key::{KeyLife, SigningKey};

/// What is in a backup that is whole.
#[derive(Clone, Debug)]
pub struct Inspected {
    /// What it says of itself.
    pub about: About,
    /// What it is known by.
    pub digest: Digest,
    /// How many rows each table has.
    pub rows: Vec<(&'static str, u64)>,
    /// The signing keys, their private halves sealed.
    pub keys: Vec<SigningKey>,
    /// The key of its seals, encrypted, and by which key.
    pub key_of_seals: Option<(Vec<u8>, String)>,
    /// What walking its log found.
    pub audit: Verification,
    /// How often its store had been restored.
    pub epoch: i64,
}

/// Everything that stands before the log's batches.
#[derive(Default)]
struct Before {
    rows: HashMap<&'static str, u64>,
    keys: Vec<SigningKey>,
    origins: Vec<(i64, Origin)>,
    heads: Vec<SignedHead>,
    checkpoints: Vec<SignedCheckpoint>,
    key_of_seals: Option<(Vec<u8>, String)>,
    epoch: i64,
}

/// What stopped the first walk: the first batch, or the end.
type Stopped = Option<(i64, Batch)>;

impl<R: Read> Archive<R> {
    /// Walks through everything. `verify_signature` says whether a head's signature by one of the keys holds; `outside` are
    /// heads that were kept elsewhere.
    ///
    /// # Errors
    /// [`ArchiveFault`]. A log that was tampered with is no error but in [`Inspected::audit`].
    pub fn inspect(
        mut self,
        outside: &[SignedHead],
        mut verify_signature: impl FnMut(&[SigningKey], &SignedHead) -> bool,
    ) -> Result<Inspected, ArchiveFault> {
        let mut before = Before::default();
        let mut digest = None;
        let first = self.read_before(&mut before, &mut digest)?;
        let Before { mut rows, keys, origins, mut heads, checkpoints, key_of_seals, epoch } = before;
        let ordinals: HashMap<i64, ChainId> =
            origins.iter().map(|(ordinal, origin)| (*ordinal, origin.chain)).collect();
        heads.extend(outside.iter().cloned());
        let origins = origins.into_iter().map(|(_, origin)| origin).collect();
        let mut verifier = Verifier::new(origins, &heads, |head| verify_signature(&keys, head));
        let mut chain = next_chain(&mut verifier, &checkpoints);
        let mut next = first;
        while let Some((ordinal, mut batch)) = next {
            let unknown = || ArchiveFault::malformed("a batch of no chain");
            batch.chain = *ordinals.get(&ordinal).ok_or_else(unknown)?;
            while chain.is_some_and(|chain| chain != batch.chain) {
                chain = next_chain(&mut verifier, &checkpoints);
            }
            verifier.batch(&batch);
            *rows.entry("audit_batch").or_default() += 1;
            next = match self.next()? {
                Piece::Row(_, values) => Some(self::batch(&values)?),
                Piece::End(end) => {
                    digest = Some(end);
                    None
                }
            };
        }
        while next_chain(&mut verifier, &checkpoints).is_some() {}
        let audit = verifier.finish();
        let rows = TABLES.iter().map(|table| (table.name, rows.get(table.name).copied().unwrap_or_default())).collect();
        let digest = digest.ok_or(ArchiveFault::Truncated)?;
        Ok(Inspected { about: self.about().clone(), digest, rows, keys, key_of_seals, audit, epoch })
    }

    fn read_before(&mut self, before: &mut Before, digest: &mut Option<Digest>) -> Result<Stopped, ArchiveFault> {
        loop {
            let (table, values) = match self.next()? {
                Piece::Row(table, values) => (table.name, values),
                Piece::End(end) => {
                    *digest = Some(end);
                    return Ok(None);
                }
            };
            if table == "audit_batch" {
                return batch(&values).map(Some);
            }
            *before.rows.entry(table).or_default() += 1;
            match table {
                "seal_key" => before.key_of_seals = Some((bytes(&values, 1)?.to_vec(), text(&values, 2)?)),
                "signing_key" => before.keys.push(key(&values)?),
                "audit_chain" => before.origins.push(origin(&values)?),
                "audit_checkpoint" => before.checkpoints.push(checkpoint(&values, &before.origins)?),
                "audit_head" => before.heads.push(head(&values, &before.origins)?),
                "restoration" => before.epoch = before.epoch.max(int(&values, 0)?),
                _ => {}
            }
        }
    }
}

/// A signing key, its columns in the order in which the backup has them.
pub(super) fn key(values: &[Value]) -> Result<SigningKey, ArchiveFault> {
    let maybe = |place: usize| values.get(place).and_then(Value::int);
    Ok(SigningKey {
        id: text(values, 0)?,
        purpose: text(values, 1)?,
        algorithm: text(values, 2)?,
        public_jwk: text(values, 3)?,
        wrapped: bytes(values, 4)?.to_vec(),
        kek_id: text(values, 5)?,
        domain: values.get(16).and_then(Value::text).map(str::to_owned),
        chain: values.get(17).and_then(Value::bytes).map(<[u8]>::to_vec),
        revision: int(values, 6)?,
        life: KeyLife {
            state: text(values, 7)?,
            created_at: int(values, 8)?,
            published_at: maybe(9),
            activated_at: maybe(10),
            retired_at: maybe(11),
            leaves_at: maybe(12),
            due_at: maybe(13),
            tainted_at: maybe(14),
            longest_token: int(values, 15)?,
            bundle: maybe(18),
        },
    })
}

fn origin(values: &[Value]) -> Result<(i64, Origin), ArchiveFault> {
    let follows = match (values.get(3), values.get(4), values.get(5)) {
        (Some(Value::Bytes(chain)), Some(Value::Int(number)), Some(Value::Bytes(hash))) => {
            Some(Link { chain: ChainId(fixed(chain)?), number: *number, hash: fixed(hash)? })
        }
        _ => None,
    };
    let chain = ChainId(fixed(bytes(values, 1)?)?);
    let Some(Value::Bool(beside)) = values.get(7) else { return Err(none()) };
    let origin =
        Origin { chain, opened_at: int(values, 2)?, follows, beside: *beside, hash: fixed(bytes(values, 6)?)? };
    Ok((int(values, 0)?, origin))
}

/// Goes on to the next chain, which may begin behind a checkpoint.
fn next_chain<F: FnMut(&SignedHead) -> bool>(
    verifier: &mut Verifier<'_, F>,
    checkpoints: &[SignedCheckpoint],
) -> Option<ChainId> {
    let chain = verifier.next_chain()?;
    for signed in checkpoints.iter().filter(|signed| signed.checkpoint.chain == chain) {
        verifier.checkpoint(signed);
    }
    Some(chain)
}

fn checkpoint(values: &[Value], origins: &[(i64, Origin)]) -> Result<SignedCheckpoint, ArchiveFault> {
    let ordinal = int(values, 0)?;
    let origin = origins.iter().find(|(known, _)| *known == ordinal);
    let (_, origin) = origin.ok_or_else(|| ArchiveFault::malformed("a checkpoint of no chain"))?;
    Ok(SignedCheckpoint {
        checkpoint: Checkpoint {
            chain: origin.chain,
            number: int(values, 1)?,
            hash: fixed(bytes(values, 2)?)?,
            records: int(values, 3)?,
            signed_at: int(values, 4)?,
        },
        key_id: text(values, 5)?,
        signature: bytes(values, 6)?.to_vec(),
    })
}

fn head(values: &[Value], origins: &[(i64, Origin)]) -> Result<SignedHead, ArchiveFault> {
    let ordinal = int(values, 0)?;
    let origin = origins.iter().find(|(known, _)| *known == ordinal);
    let (_, origin) = origin.ok_or_else(|| ArchiveFault::malformed("a signed head of no chain"))?;
    Ok(SignedHead {
        head: Head {
            chain: origin.chain,
            number: int(values, 1)?,
            hash: fixed(bytes(values, 4)?)?,
            signed_at: int(values, 3)?,
        },
        key_id: text(values, 2)?,
        signature: bytes(values, 5)?.to_vec(),
    })
}

/// A batch and the ordinal of its chain.
fn batch(values: &[Value]) -> Result<(i64, Batch), ArchiveFault> {
    let batch = Batch {
        chain: ChainId([0; 16]),
        number: int(values, 1)?,
        written_at: int(values, 2)?,
        records: int(values, 3)?,
        bytes: int(values, 4)?,
        previous: fixed(bytes(values, 5)?)?,
        hash: fixed(bytes(values, 6)?)?,
        summary: bytes(values, 7)?.to_vec(),
        erasable: values.get(8).and_then(Value::bytes).map(<[u8]>::to_vec),
        body: bytes(values, 9)?.to_vec(),
    };
    Ok((int(values, 0)?, batch))
}

fn int(values: &[Value], place: usize) -> Result<i64, ArchiveFault> {
    values.get(place).and_then(Value::int).ok_or_else(none)
}

fn text(values: &[Value], place: usize) -> Result<String, ArchiveFault> {
    values.get(place).and_then(Value::text).map(str::to_owned).ok_or_else(none)
}

fn bytes(values: &[Value], place: usize) -> Result<&[u8], ArchiveFault> {
    values.get(place).and_then(Value::bytes).ok_or_else(none)
}

fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], ArchiveFault> {
    bytes.try_into().map_err(|_| none())
}

fn none() -> ArchiveFault {
    ArchiveFault::malformed("a value is missing or of another width")
}
