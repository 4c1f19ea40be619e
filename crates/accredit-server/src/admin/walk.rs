//! Walking the log backwards: records are taken in as they are read, so that none is held.

use accredit_id::time::Timestamp;
use accredit_store::Found;

use super::problem::AdminFault;
use crate::app::App;

/// Shows each record since a time, newest first. Whether that was all of them: where there are too many, the oldest are left out.
///
/// # Errors
/// The store cannot be read.
pub(super) async fn back(app: &App, since: Timestamp, mut take: impl FnMut(&Found)) -> Result<bool, AdminFault> {
    let (mut before, mut walked) = (None, 0);
    loop {
        // The first that is too old ends the walk, and so does every stretch, for others want to read the log as well.
        let (mut is_past, mut stretch) = (false, 0);
        let page = app.store.audit_page(before, 1, |found| {
            is_past = found.written_at < since.unix();
            stretch += 1;
            if !is_past {
                take(found);
            }
            is_past || stretch >= STRETCH
        });
        before = page.await?.next;
        walked += stretch;
        if is_past || before.is_none() {
            return Ok(true);
        }
        if walked >= MOST {
            return Ok(false);
        }
        tokio::task::yield_now().await;
    }
}

/// So many records are walked before others may read the log.
const STRETCH: u64 = 4096;
/// So many records are walked at most.
const MOST: u64 = 2_000_000;
