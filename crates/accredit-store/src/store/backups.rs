//! Backups: one state of the store in one file, and a store made from it.

use tokio::sync::mpsc::Sender;

use super::Store;
use crate::archive::{self, Archive, Restoration, RestoreDeed, RestoreFault};
use crate::error::StoreError;
use crate::head::Head;
use crate::reads;

impl Store {
    /// Makes a backup of one state of the store and gives it away in pieces, while others go on writing, with a
    /// tag over its digest where rows are sealed. Gives how many rows are in it.
    ///
    /// # Errors
    /// Whoever takes it must take each piece within a minute; [`StoreError::Unavailable`] otherwise, and what every read may
    /// answer.
    pub async fn archive(&self, asked: &archive::Asked, to: &Sender<Vec<u8>>) -> Result<i64, StoreError> {
        let tag = |digest: &[u8; 32]| self.sealer.get().map(|sealer| archive::tag(sealer.key(), digest));
        archive::write(&mut *self.backend.copier().await?, asked, tag, to).await
    }

    /// Writes a backup into this store, which must be empty, all or nothing. Everything that was issued before `at` counts as
    /// spent from then on.
    ///
    /// # Errors
    /// [`RestoreFault`]; the store is as empty as before then.
    pub async fn restore(
        &self,
        archive: Archive<impl std::io::Read>,
        deed: RestoreDeed,
        at: i64,
    ) -> Result<Head, RestoreFault> {
        archive::restore(&mut *self.backend.writer().await?, self.sealer.get(), archive, deed, at).await
    }

    /// How the store was made from a backup the last time, if ever.
    pub async fn restoration(&self) -> Result<Option<Restoration>, StoreError> {
        reads::restoration(&mut *self.backend.reader().await?).await
    }
}
