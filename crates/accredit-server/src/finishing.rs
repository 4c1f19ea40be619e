//! Finishing what was begun, though nobody waits for it any more.
//!
//! hyper drops what answers a request when its client goes away. Were that to happen between a write to the store and the
//! moment when what is in force follows it, the server would decide on what is no longer so: what was disabled would count
//! again with the next change. So whatever writes runs in a task of its own.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;

use crate::traces;

/// Does work that goes on when whoever waits for it is dropped.
///
/// # Panics
/// Where the work does.
pub(crate) async fn to_the_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    match tokio::spawn(traces::carried(work)).await.map_err(tokio::task::JoinError::try_into_panic) {
        Ok(done) => done,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        // The process ends.
        Err(Err(_)) => std::future::pending().await,
    }
}

/// The same for whatever answers the routes of a router.
pub(crate) async fn every_request(request: Request, next: Next) -> Response {
    to_the_end(next.run(request)).await
}
