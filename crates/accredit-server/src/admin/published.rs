//! What a trust domain publishes, for whoever serves it elsewhere.

use std::sync::Arc;

use accredit_api::admin::{PublishedDocument, TrustDomainDocuments};
use accredit_core::model::Kind;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;

use super::actor::Caller;
use super::problem::{AdminFault, Answer};
use super::resources::existing;
use crate::app::App;
use crate::trust_domains::documents;

/// Which trust domain.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Of {
    trust_domain: String,
}

/// `GET /v1/trust-domain-documents`.
pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    of: Result<Query<Of>, QueryRejection>,
) -> Answer<TrustDomainDocuments> {
    let Query(Of { trust_domain }) = of?;
    let resource = existing(&app, &caller, Kind::TrustDomain, &trust_domain)?;
    let name = resource.as_trust_domain().map(|domain| domain.name.to_string()).unwrap_or_default();
    let published = app.published_by(resource.id).await.ok_or_else(|| {
        AdminFault::NotFound(format!(
            "trust domain `{}` publishes nothing: it is disabled, or has no keys yet",
            resource.name
        ))
    })?;
    let told = |(path, text): (&str, String)| PublishedDocument { path: path.to_owned(), text };
    let domains = app.signing.schedule().domains;
    Ok(Json(TrustDomainDocuments {
        trust_domain: name,
        issuer: app.jwt_svid_issuer(resource.id),
        documents: documents(&app, resource.id, &published).map(told).into(),
        // The other half is left to whoever keeps what he has read.
        write_again_seconds: (domains.jwt_cache.min(domains.bundle_refresh).as_secs() / 2).max(1),
    }))
}
