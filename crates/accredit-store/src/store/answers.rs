//! Answers that are kept for whoever asks again.

use super::Store;
use crate::answer::KeptAnswer;
use crate::deeds;
use crate::error::StoreError;
use crate::reads;

impl Store {
    /// The answer that was kept with a change ([`Change::answer`](crate::Change)), found by its `asked`; `None` where there is
    /// none, or none that is younger than [`ANSWERS_LAST`](crate::ANSWERS_LAST) at `at` (Unix seconds). One that somebody
    /// else wrote counts as none and is named by [`Store::tampering`].
    pub async fn kept_answer(&self, asked: &[u8; 32], at: i64) -> Result<Option<KeptAnswer>, StoreError> {
        reads::kept_answer(&mut *self.backend.reader().await?, self.sealer.get(), asked, at).await
    }

    /// Forgets answers that are older than [`ANSWERS_LAST`](crate::ANSWERS_LAST) at `at` (Unix seconds), as each change that
    /// keeps one does, too.
    pub async fn forget_answers(&self, at: i64) -> Result<(), StoreError> {
        deeds::forget_answers(&mut self.backend.writer().await?.connection, at).await
    }
}
