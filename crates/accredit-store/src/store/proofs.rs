//! Proofs of possession, where servers of the store remember them together.

use super::Store;
use crate::deeds;
use crate::error::StoreError;
use crate::exchange::Mark;
use crate::reads;

impl Store {
    /// Claims proofs that nothing is recorded about, all in one transaction. For each, in their order: whether it is shown for the
    /// first time. Those of a decision are claimed with its record ([`Entry::proof`](crate::Entry::proof)).
    ///
    /// # Errors
    /// What every deed may answer. None of them may count then, and whether they can be shown again is not known.
    pub async fn claim_proofs(&self, proofs: &[Mark], at: i64) -> Result<Vec<bool>, StoreError> {
        deeds::claim_proofs(&mut self.backend.writer().await?.connection, proofs, at).await
    }

    /// What time it is by the clock of the database, Unix seconds; `None` where the store is this process's own. Nothing is dated
    /// by it. It is for whoever forgets something and had better not believe one clock alone.
    pub async fn database_clock(&self) -> Result<Option<i64>, StoreError> {
        match self.is_shared() {
            true => reads::database_clock(&mut *self.backend.reader().await?).await.map(Some),
            false => Ok(None),
        }
    }
}
