//! Puts down what tokens of a provider were seen to show.

use super::pack;
use crate::backend::{Connection, begin_write, fault, statement};
use crate::chain::Chain;
use crate::error::StoreError;
use crate::head;
use crate::multi_row::{exact, filled};
use crate::sighting::{Sighting, SightingDeed};
use crate::sql;

/// See [`Store::sight`](crate::Store::sight).
pub(crate) async fn sight(
    connection: &mut Connection,
    chain: &mut Chain,
    deed: &SightingDeed,
    at: i64,
) -> Result<(), StoreError> {
    let SightingDeed { sighted, acknowledged, records } = deed;
    chain.settle(connection).await?;
    let batches = pack(chain, records, at)?;
    let mut transaction = begin_write(connection).await?;
    let news = head::add_news(&mut transaction).await?;
    put(&mut transaction, sighted, news).await?;
    if let Some((id, reason)) = acknowledged {
        let query = statement(sql::ACKNOWLEDGE_SIGHTING).bind(id.as_str()).bind(reason.as_str()).bind(news);
        if query.execute(&mut transaction).await.map_err(fault)?.rows_affected() != 1 {
            return Err(StoreError::NotFound { kind: "alarm".to_owned(), id: id.clone() });
        }
    }
    let tail = chain.append(&mut transaction, batches).await?;
    transaction.commit().await.map_err(fault)?;
    chain.committed(tail);
    Ok(())
}

/// See [`Store::see_again`](crate::Store::see_again).
pub(crate) async fn see_again(connection: &mut Connection, seen: &[(String, i64)]) -> Result<(), StoreError> {
    // In one order for all servers: two that have seen the same things must not wait for each other.
    let mut sorted: Vec<_> = seen.iter().collect();
    sorted.sort_unstable();
    let mut transaction = begin_write(connection).await?;
    for (id, at) in sorted {
        let query = statement(sql::SIGHTING_SEEN).bind(id.as_str()).bind(*at);
        query.execute(&mut transaction).await.map_err(fault)?;
    }
    transaction.commit().await.map_err(fault)
}

/// Deletes every sighting of these resources, within the transaction that `connection` is in.
pub(super) async fn delete_of(connection: &mut Connection, ids: &[(String, String)]) -> Result<(), StoreError> {
    for chunk in filled(ids.len()) {
        let mut query = statement(sql::DELETE_SIGHTINGS_OF.text(&chunk));
        for place in chunk.places() {
            query = query.bind(ids[place].1.as_str());
        }
        query.execute(&mut *connection).await.map_err(fault)?;
    }
    Ok(())
}

async fn put(connection: &mut Connection, sighted: &[Sighting], news: i64) -> Result<(), StoreError> {
    for chunk in exact(sighted.len()) {
        let mut query = statement(sql::PUT_SIGHTINGS.text(&chunk));
        for place in chunk.places() {
            let Sighting { provider, code, thing, id, alarm, first_seen, last_seen, decision, acknowledged } =
                &sighted[place];
            query = query
                .bind(provider.as_str())
                .bind(code.as_str())
                .bind(thing.as_str())
                .bind(id.as_str())
                .bind(*alarm)
                .bind(*first_seen)
                .bind(*last_seen)
                .bind(decision.to_vec())
                .bind(acknowledged.as_deref())
                .bind(news);
        }
        query.execute(&mut *connection).await.map_err(fault)?;
    }
    Ok(())
}
