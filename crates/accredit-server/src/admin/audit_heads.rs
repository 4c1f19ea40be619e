//! Signed heads of the log, which prove it where whoever rewrites it cannot write.

use std::sync::Arc;

use accredit_api::admin::{AuditHead, AuditHeadList, VerifyAuditRequest};
use accredit_id::hex;
use accredit_store::audit::{ChainId, Head, SignedHead};
use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;

use super::actor::Caller;
use super::body::whole;
use super::problem::{AdminFault, Answer};
use crate::app::App;

/// From when on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct From {
    from: Option<i64>,
}

/// `GET /v1/audit/heads`.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    from: Result<Query<From>, QueryRejection>,
) -> Answer<AuditHeadList> {
    let Query(From { from }) = from?;
    caller.actor.reads_everything("the whole audit log")?;
    let heads = app.store.audit_heads(from.unwrap_or(i64::MIN), AT_MOST).await?;
    let told = |signed: &SignedHead| {
        let SignedHead { head: Head { chain, number, hash, signed_at }, key_id, signature } = signed;
        AuditHead {
            chain: chain.to_string(),
            batch: *number,
            hash: hex::encode(hash),
            signed_at: *signed_at,
            key: key_id.clone(),
            signature: hex::encode(signature),
        }
    };
    Ok(Json(AuditHeadList { heads: heads.iter().map(told).collect() }))
}

/// The heads that a request brings; none where it has no body.
pub(super) async fn outside(body: Body) -> Result<Vec<SignedHead>, AdminFault> {
    let bytes = whole(body).await?;
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let request: VerifyAuditRequest =
        serde_json::from_slice(&bytes).map_err(|fault| AdminFault::Request(fault.to_string()))?;
    let bad = |place: usize| {
        AdminFault::Request(format!("`heads[{place}]` is not lower-case hexadecimal of the right length"))
    };
    request.heads.iter().enumerate().map(|(place, head)| signed_head(head).ok_or_else(|| bad(place))).collect()
}

/// A head as it is verified; `None` where a member is not lower-case hexadecimal, or not of the right length.
pub fn signed_head(head: &AuditHead) -> Option<SignedHead> {
    let AuditHead { chain, batch, hash, signed_at, key, signature } = head;
    Some(SignedHead {
        head: Head {
            chain: ChainId(hex::decode_exact(chain.as_bytes()).ok()?),
            number: *batch,
            hash: hex::decode_exact(hash.as_bytes()).ok()?,
            signed_at: *signed_at,
        },
        key_id: key.clone(),
        signature: hex::decode(signature).ok()?,
    })
}

/// About 20 MB of answer.
const AT_MOST: i64 = 50_000;
