//! Which bundle of its trust domain a node hands on.

use crate::backend::{Connection, fault, query_as, statement};
use crate::error::StoreError;
use crate::sql;

/// What one node said last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleConfirmation {
    /// The id of the trust domain.
    pub domain: String,
    /// The node.
    pub node: String,
    /// The sequence of the bundle.
    pub sequence: i64,
    /// When it said so, Unix seconds.
    pub seen_at: i64,
}

/// See [`Store::confirm_bundle`](crate::Store::confirm_bundle).
pub(crate) async fn confirm(
    connection: &mut Connection,
    said: &BundleConfirmation,
    forget_before: i64,
) -> Result<(), StoreError> {
    let BundleConfirmation { domain, node, sequence, seen_at } = said;
    let query = statement(sql::CONFIRM_BUNDLE).bind(domain.as_str()).bind(node.as_str());
    query.bind(*sequence).bind(*seen_at).execute(&mut *connection).await.map_err(fault)?;
    let query = statement(sql::FORGET_CONFIRMATIONS).bind(domain.as_str()).bind(forget_before);
    query.execute(connection).await.map_err(fault)?;
    Ok(())
}

/// See [`Store::bundle_confirmations`](crate::Store::bundle_confirmations).
pub(crate) async fn confirmations(connection: &mut Connection) -> Result<Vec<BundleConfirmation>, StoreError> {
    let rows: Vec<(String, String, i64, i64)> =
        query_as(sql::CONFIRMATIONS).fetch_all(connection).await.map_err(fault)?;
    let said = |(domain, node, sequence, seen_at)| BundleConfirmation { domain, node, sequence, seen_at };
    Ok(rows.into_iter().map(said).collect())
}
