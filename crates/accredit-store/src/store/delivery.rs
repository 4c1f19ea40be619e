//! The log, delivered elsewhere: who delivers which chain, how far, and what comes next.

use super::Store;
use crate::audit::ChainId;
use crate::deeds;
use crate::error::StoreError;
use crate::reads::{self, Place, Stretch, Waiting};

impl Store {
    /// Where sink `sink` goes on in each chain that has records for it and that `holder` may deliver: its own, and those of
    /// processes that have not been heard of by `now`. Where no other server can be at work, that is every chain.
    pub async fn due_chains(&self, sink: &str, holder: ChainId, now: i64) -> Result<Vec<Place>, StoreError> {
        let heard_of = self.heard_of(now);
        reads::due_chains(&mut *self.backend.reader().await?, sink, holder, heard_of).await
    }

    /// Takes a chain (counted from 1) to deliver it to a sink, until a time. Gives where to go on; `None` when somebody else
    /// has it.
    pub async fn hold_chain(
        &self,
        sink: &str,
        holder: ChainId,
        chain: i64,
        now: i64,
        until: i64,
    ) -> Result<Option<Place>, StoreError> {
        let heard_of = self.heard_of(now);
        deeds::hold_chain(&mut self.backend.writer().await?.connection, sink, holder, chain, heard_of, until).await
    }

    /// A sink has confirmed everything before a place; its chain is held on until a time. False when somebody else has taken
    /// the chain meanwhile, who delivers some of it again.
    pub async fn confirm(&self, sink: &str, holder: ChainId, to: Place, until: i64) -> Result<bool, StoreError> {
        deeds::confirm(&mut self.backend.writer().await?.connection, sink, holder, to, until).await
    }

    /// Lets a sink that nothing was ever delivered to begin with what is written from now on, and with everything of the holder's
    /// own chain.
    pub async fn begin_at_end(&self, sink: &str, holder: ChainId) -> Result<(), StoreError> {
        deeds::begin_at_end(&mut self.backend.writer().await?.connection, sink, holder).await
    }

    /// Where each chain that goes so far has what was written at a time (Unix seconds) or later, in the order of the chains. Exact
    /// only while no clock was set back.
    pub async fn places_since(&self, from: i64) -> Result<Vec<Place>, StoreError> {
        reads::places_since(&mut *self.backend.reader().await?, from).await
    }

    /// Records from a place on, oldest first: whole batches, about a MiB of them.
    pub async fn records_from(&self, from: Place) -> Result<Stretch, StoreError> {
        reads::records_from(&mut *self.backend.reader().await?, from).await
    }

    /// Counts records of a chain in batches `first` to `last`.
    pub async fn written_between(&self, chain: i64, first: i64, last: i64) -> Result<Waiting, StoreError> {
        reads::written_between(&mut *self.backend.reader().await?, chain, first, last).await
    }

    /// When the first batch at or behind a place was written; `None` where there is none.
    pub async fn waiting_since(&self, from: Place) -> Result<Option<i64>, StoreError> {
        reads::waiting_since(&mut *self.backend.reader().await?, from).await
    }

    /// Until when a holder that is alive holds on. One process's own store has no other holder.
    fn heard_of(&self, now: i64) -> i64 {
        if self.backend.is_shared() { now } else { i64::MAX }
    }
}
