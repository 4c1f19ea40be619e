//! Token revocation (RFC 7009): whoever holds a token may revoke it. Holding it is all that it takes to use it, too; one that
//! is bound to a key takes more, and is revoked by whoever found it all the same: nothing is opened by that.
//!
//! The answer is 200 whatever the token is: a caller who has thrown it away must not care. Credentials that come along are
//! not looked at, since nothing depends on them.

use std::net::IpAddr;
use std::sync::Arc;

use accredit_core::model::DecisionId;
use accredit_id::verify::Buffer;
use accredit_store::Revocation;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::{Request, Response};
use serde_json::json;

use super::token::refused;
use super::{one_token, unavailable};
use crate::app::App;
use crate::budget::Cost;
use crate::finishing::to_the_end;
use crate::record::{self, RecordFault, StoreWork};
use crate::{clock, issued};

/// Answers one request to `/oauth/revoke`.
pub(super) async fn answer(app: &Arc<App>, request: Request<Incoming>, source: IpAddr) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    if let Err(fault) = one_token::check(&head) {
        return refused(app, &fault, source);
    }
    match one_token::read(body).await {
        Err(fault) => refused(app, &fault, source),
        Ok(token) => {
            let app = Arc::clone(app);
            match to_the_end(async move { revoke(&app, &token, source).await }).await {
                Ok(()) => done(),
                Err(fault) => unavailable(&fault),
            }
        }
    }
}

/// Nothing happens to what is no token of ours, has ended, or was revoked before.
async fn revoke(app: &App, token: &str, source: IpAddr) -> Result<(), RecordFault> {
    let now = clock::now();
    let Ok(audience) = issued::audience(token) else {
        app.budgets.failed(source, Cost::Look);
        return Ok(());
    };
    let mut buffer = Buffer::default();
    let Ok(verified) = issued::genuine(app, token, &audience, &mut buffer, now) else {
        app.budgets.failed(source, Cost::Verification);
        return Ok(());
    };
    let Some(decision) = verified.token_id().and_then(|id| id.parse::<DecisionId>().ok()) else { return Ok(()) };
    if app.tokens.is_revoked(decision) {
        // Nothing comes of it any more, however often it is shown.
        app.budgets.failed(source, Cost::Verification);
        return Ok(());
    }
    let sequence = app.read_model.now().world.sequence;
    let detail =
        json!({"decision": decision.to_string(), "serviceAccountId": verified.subject(), "audience": audience});
    let revocation = Revocation {
        decision: *decision.bits(),
        expires_at: verified.expires_at().unix(),
        record: record::admin_act("token-revoked", now, "holder of the token", sequence, &detail),
    };
    app.recorder.work(StoreWork::Revoke(revocation)).await?;
    app.tokens.revoke(decision, verified.expires_at(), now);
    Ok(())
}

fn done() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::new()));
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}
