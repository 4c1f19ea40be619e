//! The log: its chains and heads, what is found in it, and what leaves it.

use super::Store;
use crate::audit::{ChainId, NewRecord, Record, SignedHead, Verification};
use crate::chain::Chain;
use crate::deeds::{self, Sweep, Swept};
use crate::error::StoreError;
use crate::reads::{self, Found, Page, Place};

impl Store {
    /// Opens the chain that this process writes, linked to the end of the one before, which it seals; on a store that servers
    /// share, it lies beside the others. `id` is 128 random bits.
    pub async fn open_chain(&self, id: ChainId, at: i64) -> Result<Chain, StoreError> {
        let beside = self.is_shared();
        deeds::open_chain(&mut self.backend.writer().await?.connection, id, beside, at).await
    }

    /// Puts down a head ([`Chain::head`]) that was signed. A second one of the same place and key is left out.
    pub async fn write_head(&self, signed: &SignedHead) -> Result<(), StoreError> {
        deeds::write_head(&mut self.backend.writer().await?.connection, signed).await
    }

    /// Records before a place, newest first, at most `limit`, such as `keep` says yes to.
    pub async fn audit_page(
        &self,
        before: Option<Place>,
        limit: usize,
        keep: impl FnMut(&Found) -> bool,
    ) -> Result<Page, StoreError> {
        reads::page(&mut *self.backend.walker().await?, before, limit, keep).await
    }

    /// The record of that id, the newest if there are several. It looks through four bytes a record, not through bodies.
    pub async fn find_record(&self, id: &[u8; 16]) -> Result<Option<Found>, StoreError> {
        reads::find_record(&mut *self.backend.walker().await?, id).await
    }

    /// The same for a record that was written within seconds of a time (Unix seconds), as is that of a token's issuance. What was
    /// not is found as well, as slowly as otherwise.
    pub async fn find_record_about(&self, id: &[u8; 16], at: i64) -> Result<Option<Found>, StoreError> {
        reads::find_record_about(&mut *self.backend.walker().await?, id, at).await
    }

    /// Verifies the whole log. `outside` are heads that were kept elsewhere; `verify_signature` says whether a head's
    /// signature holds over its [`message`](crate::audit::Head::message).
    pub async fn verify_audit(
        &self,
        outside: &[SignedHead],
        verify_signature: impl FnMut(&SignedHead) -> bool,
    ) -> Result<Verification, StoreError> {
        reads::verify(&mut *self.backend.walker().await?, outside, verify_signature).await
    }

    /// The signed heads of the log that were signed at `from` (Unix seconds) or later, in the order of their signing, at most
    /// `limit`.
    pub async fn audit_heads(&self, from: i64, limit: i64) -> Result<Vec<SignedHead>, StoreError> {
        reads::heads(&mut *self.backend.reader().await?, from, limit).await
    }

    /// Erases erasable values of what was written before `before`, and puts down `record` about it. Exchanges go on
    /// meanwhile, between one stretch and the next.
    pub async fn erase_values(
        &self,
        chain: &mut Chain,
        before: i64,
        record: &NewRecord,
        at: i64,
    ) -> Result<(), StoreError> {
        let mut record = Some(record);
        while deeds::erase_values(&mut self.backend.writer().await?.connection, chain, before, record.take(), at)
            .await?
        {}
        Ok(())
    }

    /// Finds out what a sweep of records may take, before anybody waits for it: it reads and verifies what goes, and what lies
    /// between that and the next signed head. Each stretch of such a sweep is prepared; one that is not takes nothing.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] where the log is not what was written: then nothing of it may go.
    pub async fn prepare_sweep(&self, sweep: Sweep) -> Result<Sweep, StoreError> {
        deeds::prepare_sweep(&mut *self.backend.walker().await?, sweep).await
    }

    /// Takes the first stretch of a sweep, with the record of it if it took anything. What is left goes on by
    /// [`Store::go_on_sweeping`]; where nothing was taken yet, by this once more.
    pub async fn begin_sweep(
        &self,
        chain: &mut Chain,
        sweep: Sweep,
        record: &NewRecord,
        at: i64,
    ) -> Result<Swept, StoreError> {
        deeds::begin_sweep(&mut self.backend.writer().await?.connection, chain, sweep, record, at).await
    }

    /// Takes the next stretch of a sweep whose record is written.
    pub async fn go_on_sweeping(&self, sweep: Sweep) -> Result<Swept, StoreError> {
        deeds::go_on_sweeping(&mut self.backend.writer().await?.connection, sweep).await
    }

    /// The places of all records that still have a value and that `is_meant` says yes to, in the order of the log. Walks
    /// through everything, page by page.
    pub async fn places_of(&self, mut is_meant: impl FnMut(&Record) -> bool + Send) -> Result<Vec<Place>, StoreError> {
        let mut places = Vec::new();
        let chains = reads::chains(&mut *self.backend.reader().await?).await?;
        for chain in chains {
            let mut from = Place::beginning_of(chain.ordinal);
            loop {
                let mut walker = self.backend.walker().await?;
                let (found, last) = reads::places_of(&mut walker, from, &mut is_meant).await?;
                places.extend(found);
                let Some(last) = last else { break };
                from.number = last + 1;
            }
        }
        Ok(places)
    }
}
