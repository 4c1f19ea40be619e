//! The ledger as deeds keep it and reads compare with it.

use accredit_id::mac::MacKey;

use super::ledger::{Ledger, Sum, head_holds, head_tag};
use super::row::{Cell, Set, stamp};
use super::{Sealer, Tampering};
use crate::backend::{Connection, fault, query_as, statement};
use crate::bundle::KeptBundle;
use crate::error::StoreError;
use crate::head::Head;
use crate::key::SigningKey;
use crate::pin::{NamePin, PinKey};
use crate::resource::Row;
use crate::revocation::RevokedToken;
use crate::sql;

/// The ledger while a deed changes it. It locks the head: of two deeds that change it one comes after the other.
pub(crate) struct Book<'s> {
    sealer: &'s Sealer,
    head: Head,
    ledger: Ledger,
}

/// What a read compares with the ledger.
pub(crate) struct Check<'s> {
    sealer: Option<&'s Sealer>,
    set: Set,
    expected: Option<Sum>,
    seen: Sum,
}

type HeadColumns = (i64, i64, Option<Vec<u8>>, Option<Vec<u8>>);

// === impl Book ===

impl<'s> Book<'s> {
    /// Opens the ledger, within the transaction that `connection` is in and before the head moves. `None` where rows are not
    /// sealed.
    ///
    /// # Errors
    /// [`StoreError::Tampered`]: nothing is written on top of what somebody else wrote.
    pub(crate) async fn open(
        connection: &mut Connection,
        sealer: Option<&'s Sealer>,
    ) -> Result<Option<Self>, StoreError> {
        let Some(sealer) = sealer else { return Ok(None) };
        let rows: Vec<HeadColumns> = query_as(sql::LOCK_HEAD).fetch_all(connection).await.map_err(fault)?;
        let tampered = || StoreError::Tampered { what: Tampering::Head.to_string() };
        let (head, ledger) = rows.into_iter().next().and_then(|row| read(sealer, row)).ok_or_else(tampered)?;
        Ok(Some(Self { sealer, head, ledger }))
    }

    /// The head has moved.
    pub(crate) fn at(&mut self, head: Head) {
        self.head = head;
    }

    /// Whether a row is as it was written. Asked before it is counted out: a deed must not take for ours what somebody else wrote.
    pub(crate) fn holds(&self, set: Set, name: &[Cell<'_>], cells: &[Cell<'_>], seal: Option<&[u8]>) -> bool {
        self.sealer.holds(set, name, cells, seal)
    }

    /// Seals a row that is written now, and counts it.
    pub(crate) fn add(&mut self, set: Set, name: &[Cell<'_>], cells: &[Cell<'_>]) -> Vec<u8> {
        let (key, stamp) = (self.sealer.key(), self.head.sequence);
        self.ledger.sum_mut(set).add(&set.member(key, stamp, name));
        set.seal(key, stamp, cells)
    }

    /// Counts a row out that is taken away, or replaced.
    pub(crate) fn remove(&mut self, set: Set, name: &[Cell<'_>], seal: Option<&[u8]>) {
        // One without a seal was never counted.
        if let Some(stamp) = seal.and_then(stamp) {
            self.ledger.sum_mut(set).remove(&set.member(self.sealer.key(), stamp, name));
        }
    }

    /// Writes the ledger. `nonce` never comes again: the id of the deed's record.
    pub(crate) async fn close(self, connection: &mut Connection, nonce: &[u8; 16]) -> Result<(), StoreError> {
        let key = self.sealer.key();
        let ledger = self.ledger.masked(key, nonce);
        let tag = head_tag(key, self.head, &ledger);
        let query = statement(sql::SEAL_HEAD).bind(ledger).bind(tag.to_vec());
        query.execute(connection).await.map_err(fault)?;
        Ok(())
    }
}

/// Seals everything as it is: a new store, or one of before there were seals.
pub(crate) async fn adopt(connection: &mut Connection, sealer: &Sealer, nonce: &[u8; 16]) -> Result<(), StoreError> {
    let head = crate::head::read(connection).await?;
    let mut book = Book { sealer, head, ledger: Ledger::default() };
    let mut rows = Vec::new();
    crate::reads::walk_unchecked(connection, |row| rows.push(row)).await?;
    for row in &rows {
        let seal = book.add(Set::Resource, &row.named(), &row.cells());
        let query = statement(sql::SEAL_RESOURCE).bind(row.id.clone()).bind(seal);
        query.execute(&mut *connection).await.map_err(fault)?;
    }
    for key in crate::reads::keys_unchecked(connection).await? {
        let seal = book.add(Set::SigningKey, &[Cell::Text(&key.id)], &key.cells());
        let query = statement(sql::SEAL_KEY).bind(key.id.clone()).bind(seal);
        query.execute(&mut *connection).await.map_err(fault)?;
    }
    for (pin, _) in crate::reads::pins_unchecked(connection).await? {
        let seal = book.add(Set::NamePin, &pin.key.cells(), &pin.cells());
        let PinKey { mapping, claim, name } = pin.key;
        let query = statement(sql::SEAL_PIN).bind(mapping).bind(claim).bind(name).bind(seal);
        query.execute(&mut *connection).await.map_err(fault)?;
    }
    for (token, _) in crate::reads::revoked_unchecked(connection).await? {
        let seal = book.add(Set::RevokedToken, &token.named(), &token.cells());
        let query = statement(sql::SEAL_REVOKED).bind(token.decision.to_vec()).bind(seal);
        query.execute(&mut *connection).await.map_err(fault)?;
    }
    for (bundle, _) in crate::reads::bundles_unchecked(connection).await? {
        let seal = book.add(Set::Bundle, &bundle.named(), &bundle.cells());
        let query = statement(sql::SEAL_BUNDLE).bind(bundle.owner.clone()).bind(seal);
        query.execute(&mut *connection).await.map_err(fault)?;
    }
    book.close(connection, nonce).await
}

/// Reads the ledger, within the transaction that `connection` is in.
pub(crate) async fn check_head<'s>(
    connection: &mut Connection,
    sealer: Option<&'s Sealer>,
    set: Set,
) -> Result<Check<'s>, StoreError> {
    let mut check = Check { sealer, set, expected: None, seen: Sum::default() };
    let Some(sealer) = sealer else { return Ok(check) };
    let row: HeadColumns = query_as(sql::SEALED_HEAD).fetch_one(connection).await.map_err(fault)?;
    check.expected = read(sealer, row).map(|(_, ledger)| ledger.sum(set));
    Ok(check)
}

/// A head that holds, and its ledger. Notes one that does not.
fn read(sealer: &Sealer, row: HeadColumns) -> Option<(Head, Ledger)> {
    let (sequence, revocation, ledger, tag) = row;
    let head = Head { sequence, revocation };
    let holds = |key: &MacKey| {
        let (ledger, tag) = (ledger.as_deref()?, tag.as_deref()?);
        head_holds(key, head, ledger, tag).then(|| Ledger::unmasked(key, ledger)).flatten()
    };
    let Some(ledger) = holds(sealer.key()) else {
        sealer.note(Tampering::Head);
        return None;
    };
    Some((head, ledger))
}

// === impl Check ===

impl Check<'_> {
    /// Whether a row counts. One that does not is remembered by its name.
    pub(crate) fn see(&mut self, name: &[Cell<'_>], cells: &[Cell<'_>], seal: Option<&[u8]>) -> bool {
        let Some(sealer) = self.sealer else { return true };
        let holds = sealer.holds(self.set, name, cells, seal);
        // One that was edited and has its seal still is one of those that there must be: the others add up with it.
        if let Some(stamp) = seal.and_then(stamp) {
            self.seen.add(&self.set.member(sealer.key(), stamp, name));
        }
        holds
    }

    /// Everything was seen.
    pub(crate) fn end(self) {
        if let (Some(sealer), Some(expected)) = (self.sealer, self.expected)
            && expected != self.seen
        {
            let (table, found) = (self.set.table(), self.seen.rows);
            sealer.note(Tampering::Rows { table, expected: expected.rows, found });
        }
    }
}

// === what is sealed of each kind of row ===

impl Row {
    pub(crate) fn named(&self) -> [Cell<'_>; 1] {
        [Cell::Text(&self.id)]
    }

    pub(crate) fn cells(&self) -> [Cell<'_>; 7] {
        let Self { kind, id, owner, name, enabled, revision, body } = self;
        [
            Cell::Text(kind),
            Cell::Text(id),
            owner.as_deref().into(),
            Cell::Text(name),
            Cell::Int(i64::from(*enabled)),
            Cell::Int(*revision),
            Cell::Text(body),
        ]
    }
}

impl SigningKey {
    /// What only keys of trust domains have stands behind the rest, where it is there: other rows keep the seals of before.
    pub(crate) fn cells(&self) -> Vec<Cell<'_>> {
        let Self { id, purpose, algorithm, public_jwk, wrapped, kek_id, domain, chain, revision, life } = self;
        let mut cells = vec![
            Cell::Text(id),
            Cell::Text(purpose),
            Cell::Text(algorithm),
            Cell::Text(public_jwk),
            Cell::Bytes(wrapped),
            Cell::Text(kek_id),
            Cell::Int(*revision),
            Cell::Text(&life.state),
            Cell::Int(life.created_at),
            life.published_at.into(),
            life.activated_at.into(),
            life.retired_at.into(),
            life.leaves_at.into(),
            life.due_at.into(),
            life.tainted_at.into(),
            Cell::Int(life.longest_token),
        ];
        if domain.is_some() || chain.is_some() || life.bundle.is_some() {
            cells.extend([
                domain.as_deref().into(),
                chain.as_deref().map_or(Cell::Null, Cell::Bytes),
                life.bundle.into(),
            ]);
        }
        cells
    }
}

impl PinKey {
    pub(crate) fn cells(&self) -> [Cell<'_>; 3] {
        [Cell::Text(&self.mapping), Cell::Text(&self.claim), Cell::Text(&self.name)]
    }
}

impl NamePin {
    pub(crate) fn cells(&self) -> [Cell<'_>; 7] {
        let [mapping, claim, name] = self.key.cells();
        let (id_claim, id) = (Cell::Text(&self.id_claim), Cell::Text(&self.id));
        [mapping, claim, name, id_claim, id, Cell::Bytes(&self.decision), Cell::Int(self.at)]
    }
}

impl RevokedToken {
    pub(crate) fn named(&self) -> [Cell<'_>; 1] {
        [Cell::Bytes(&self.decision)]
    }

    pub(crate) fn cells(&self) -> [Cell<'_>; 2] {
        [Cell::Bytes(&self.decision), Cell::Int(self.expires_at)]
    }
}

impl KeptBundle {
    pub(crate) fn named(&self) -> [Cell<'_>; 1] {
        [Cell::Text(&self.owner)]
    }

    pub(crate) fn cells(&self) -> [Cell<'_>; 5] {
        let Self { owner, document, origin, revision, fetched_at } = self;
        [Cell::Text(owner), Cell::Text(document), Cell::Text(origin), Cell::Int(*revision), Cell::Int(*fetched_at)]
    }
}
