//! What administrators send: bodies, queries and headers.

use accredit_api::admin::{
    AcknowledgeRequest, ApplyRequest, CondemnKeyRequest, ExplainRequest, IdentityReplayRequest, NamedResource,
    NewResource, ProjectTokenRequest, RepinRequest, ReplayRequest, RewrapKeysRequest, RotateKeysRequest,
};
use accredit_core::model::{Document, Kind};
use accredit_id::base64url;
use axum::extract::Query;
use axum::http::{HeaderMap, Uri};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::body::strict;
use super::filter::{Filter, Head};
use super::page::Page;
use super::pointer::located;
use super::precondition::Precondition;
use super::{idempotency, sets};

/// A body under each type that takes one. What is accepted reads back as itself, and every member of it was understood.
pub fn admin_body(body: &[u8]) {
    again::<AcknowledgeRequest>(body);
    again::<CondemnKeyRequest>(body);
    again::<ExplainRequest>(body);
    again::<IdentityReplayRequest>(body);
    again::<NamedResource>(body);
    again::<NewResource>(body);
    again::<ProjectTokenRequest>(body);
    again::<RepinRequest>(body);
    again::<ReplayRequest>(body);
    again::<RewrapKeysRequest>(body);
    again::<RotateKeysRequest>(body);
    if let Some(ApplyRequest { resources, .. }) = again::<ApplyRequest>(body) {
        let documents: Vec<Document> = resources.into_iter().map(sets::document).collect();
        for (place, document) in documents.iter().enumerate() {
            if let Err(fault) = document.parse() {
                let fault =
                    super::problem::AdminFault::Documents(accredit_core::model::Faults(vec![fault.in_document(place)]));
                let _ = located(fault, &documents, |place| format!("/resources/{place}"));
            }
        }
    }
    // Records are written here, but not only by this version.
    let _ = Head::of(body);
}

/// Queries: filters, page tokens, places in the log.
pub fn admin_query(query: &str) {
    if let Ok(uri) = format!("/v1/audit?{query}").parse::<Uri>() {
        let _ = Query::<Filter>::try_from_uri(&uri);
    }
    for kind in Kind::ALL {
        for project in [None, Some("ci")] {
            if let Ok(Page { after: Some(after), .. }) = Page::asked(kind, project, None, Some(query)) {
                let text = format!("{} {} {after}", kind.noun(), project.unwrap_or_default());
                assert_eq!(base64url::encode(text.as_bytes()), query, "two tokens of one page");
            }
        }
    }
    if let Ok(place) = query.parse::<accredit_store::Place>() {
        assert_eq!(place.to_string().parse(), Ok(place));
    }
}

/// Headers beside a body.
pub(crate) fn admin_headers(headers: &HeaderMap) {
    if let Ok(Some(key)) = idempotency::key(headers) {
        assert!((1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"'));
        assert_eq!(headers.get_all("idempotency-key").iter().count(), 1);
    }
    let _ = Precondition::of(Kind::Mapping, "ci/web", headers, Some(1));
}

fn again<T: DeserializeOwned + Serialize>(body: &[u8]) -> Option<T> {
    let read: T = strict(body).ok()?;
    let written = serde_json::to_value(&read).unwrap_or_default();
    let back = serde_json::from_value::<T>(written.clone()).and_then(serde_json::to_value).unwrap_or_default();
    assert_eq!(back, written, "what was read is not what would be sent");
    let sent: Value = serde_json::from_slice(body).unwrap_or_default();
    assert!(sent.is_object(), "something else than an object was taken");
    Some(read)
}
