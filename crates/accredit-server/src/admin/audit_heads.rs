//! Signed heads of the log, which prove it where whoever rewrites it cannot write.

use std::sync::Arc;

use accredit_api::admin::{AuditHead, AuditHeadList, VerifyAuditRequest};
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
use crate::backup::hex;

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
            hash: hex(hash),
            signed_at: *signed_at,
            key: key_id.clone(),
            signature: hex(signature),
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
    let bad = |place: usize| AdminFault::Request(format!("`heads[{place}]` is not hexadecimal of the right length"));
    request.heads.iter().enumerate().map(|(place, head)| typed(head).ok_or_else(|| bad(place))).collect()
}

fn typed(head: &AuditHead) -> Option<SignedHead> {
    let AuditHead { chain, batch, hash, signed_at, key, signature } = head;
    Some(SignedHead {
        head: Head {
            chain: ChainId(bytes(chain)?.try_into().ok()?),
            number: *batch,
            hash: bytes(hash)?.try_into().ok()?,
            signed_at: *signed_at,
        },
        key_id: key.clone(),
        signature: bytes(signature)?,
    })
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    if !hex.is_ascii() || !hex.len().is_multiple_of(2) {
        return None;
    }
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok()).collect()
}

/// About 20 MB of answer.
const AT_MOST: i64 = 50_000;
