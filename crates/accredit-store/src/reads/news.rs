//! What happened since some moment.

use super::bundles::new_bundles;
use super::history::changes;
use super::pins::new_pins;
use super::revoked::newly_revoked;
use super::sightings;
use crate::backend::{Connection, begin_read, fault, query_as};
use crate::error::StoreError;
use crate::migrations;
use crate::news::{Known, News};
use crate::seal::Sealer;
use crate::sql;

/// See [`Store::known`](crate::Store::known).
pub(crate) async fn known(connection: &mut Connection) -> Result<Known, StoreError> {
    let (sequence, _, news) = head_and_news(connection).await?;
    Ok(Known { sequence, news })
}

/// See [`Store::news`](crate::Store::news).
pub(crate) async fn news(
    connection: &mut Connection,
    sealer: Option<&Sealer>,
    since: Known,
) -> Result<Option<News>, StoreError> {
    // Nearly always nothing has happened: that takes one statement.
    if known(connection).await? == since {
        return Ok(None);
    }
    let mut transaction = begin_read(connection).await?;
    let (sequence, revocation, news) = head_and_news(&mut transaction).await?;
    if since.sequence > sequence || since.news > news {
        return Err(StoreError::UnknownSequence { asked: since.sequence, head: sequence });
    }
    let (puts, deletes) = changes(&mut transaction, sealer, since.sequence).await?;
    let told = News {
        known: Known { sequence, news },
        head: (sequence, revocation).into(),
        puts,
        deletes,
        pins: new_pins(&mut transaction, sealer, since.news).await?,
        revoked: newly_revoked(&mut transaction, sealer, since.news).await?,
        sightings: sightings(&mut transaction, since.news).await?,
        bundles: new_bundles(&mut transaction, sealer, since.news).await?,
    };
    transaction.rollback().await.map_err(fault)?;
    Ok(Some(told))
}

/// See [`Store::other_connections`](crate::Store::other_connections).
pub(crate) async fn other_connections(connection: &mut Connection) -> Result<i64, StoreError> {
    let (connections,): (i64,) = query_as(sql::CONNECTIONS).fetch_one(connection).await.map_err(fault)?;
    // One of them is this process's own, which writes.
    Ok(connections - 1)
}

/// See [`Store::database_clock`](crate::Store::database_clock).
pub(crate) async fn database_clock(connection: &mut Connection) -> Result<i64, StoreError> {
    let (seconds,): (i64,) = query_as(sql::DATABASE_CLOCK).fetch_one(connection).await.map_err(fault)?;
    Ok(seconds)
}

/// Sequence, revocation and news.
async fn head_and_news(connection: &mut Connection) -> Result<(i64, i64, i64), StoreError> {
    let (sequence, revocation, news, oldest) =
        query_as(sql::HEAD_AND_NEWS).fetch_one(connection).await.map_err(fault)?;
    // A newer program may have taken a step since this one started.
    migrations::check_spared(oldest)?;
    Ok((sequence, revocation, news))
}
