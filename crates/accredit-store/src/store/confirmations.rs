//! What nodes say of bundles.

use super::Store;
use crate::confirmation::{self, BundleConfirmation};
use crate::error::StoreError;

impl Store {
    /// Puts down which bundle a node hands on, unless something later is known of it; forgets nodes of the same trust domain
    /// that said nothing since `forget_before`. No decision rests on it: the head stays where it is.
    pub async fn confirm_bundle(&self, said: &BundleConfirmation, forget_before: i64) -> Result<(), StoreError> {
        confirmation::confirm(&mut self.backend.writer().await?.connection, said, forget_before).await
    }

    /// What each node said last, by trust domain and node.
    pub async fn bundle_confirmations(&self) -> Result<Vec<BundleConfirmation>, StoreError> {
        confirmation::confirmations(&mut *self.backend.reader().await?).await
    }
}
