//! Replaces the bundle that a federation or provider holds.

use super::{close, pack};
use crate::backend::{Connection, Writer, begin_write, fault, query_as, statement};
use crate::bundle::{BundleDeed, Columns, KeptBundle};
use crate::chain::Chain;
use crate::error::StoreError;
use crate::head;
use crate::multi_row::filled;
use crate::seal::{Book, Cell, Sealer, Set};
use crate::sql;

/// See [`Store::keep_bundle`](crate::Store::keep_bundle).
pub(crate) async fn keep_bundle(
    writer: &mut Writer,
    chain: &mut Chain,
    sealer: Option<&Sealer>,
    deed: &BundleDeed,
    at: i64,
) -> Result<bool, StoreError> {
    let BundleDeed { bundle, record } = deed;
    let connection = &mut writer.connection;
    chain.settle(connection).await?;
    let batches = pack(chain, std::slice::from_ref(record), at)?;
    let mut transaction = begin_write(connection).await?;
    // The head's row is taken first: whoever replaces the same one waits here.
    let news = head::add_news(&mut transaction).await?;
    let mut book = Book::open(&mut transaction, sealer).await?;
    let owner: Option<(i64,)> = query_as(sql::RESOURCE_EXISTS)
        .bind(bundle.owner.as_str())
        .fetch_all(&mut transaction)
        .await
        .map_err(fault)?
        .pop();
    let query = query_as(sql::BUNDLE_OF).bind(bundle.owner.as_str());
    let mut there: Vec<Columns> = query.fetch_all(&mut transaction).await.map_err(fault)?;
    let there = there.pop().map(KeptBundle::sealed);
    let follows = there.as_ref().map_or(0, |(there, _)| there.revision) + 1;
    if owner.is_none() || follows != bundle.revision {
        transaction.rollback().await.map_err(fault)?;
        return Ok(false);
    }
    let seal = book.as_mut().map(|book| {
        if let Some((there, seal)) = &there {
            book.remove(Set::Bundle, &there.named(), seal.as_deref());
        }
        book.add(Set::Bundle, &bundle.named(), &bundle.cells())
    });
    let KeptBundle { owner, document, origin, revision, fetched_at } = bundle;
    let put = statement(sql::PUT_BUNDLE)
        .bind(owner.as_str())
        .bind(document.as_str())
        .bind(origin.as_str())
        .bind(*revision)
        .bind(*fetched_at)
        .bind(news)
        .bind(seal);
    put.execute(&mut transaction).await.map_err(fault)?;
    close(book, &mut transaction, std::slice::from_ref(record)).await?;
    let tail = chain.append(&mut transaction, batches).await?;
    transaction.commit().await.map_err(fault)?;
    chain.committed(tail);
    Ok(true)
}

/// Deletes what these resources hold, within the transaction that `connection` is in.
pub(super) async fn delete_of(
    connection: &mut Connection,
    ids: &[(String, String)],
    mut book: Option<&mut Book<'_>>,
) -> Result<(), StoreError> {
    for chunk in filled(ids.len()) {
        let mut query = query_as(sql::DELETE_BUNDLES_OF.text(&chunk));
        for place in chunk.places() {
            query = query.bind(ids[place].1.as_str());
        }
        let gone: Vec<(String, Option<Vec<u8>>)> = query.fetch_all(&mut *connection).await.map_err(fault)?;
        let Some(book) = book.as_deref_mut() else { continue };
        for (owner, seal) in gone {
            book.remove(Set::Bundle, &[Cell::Text(&owner)], seal.as_deref());
        }
    }
    Ok(())
}
