//! The demo's resources: what `accredit init github` prints, for the demo's own issuer.

use accredit_api::admin::{ApplyRequest, Resource};
use accredit_core::model::{Document, yaml};
use accredit_core::providers::github::Starter;

use crate::exit::Failure;

/// Provider, API, service account, grant and mapping of the demo.
pub(super) fn request(issuer: &str, audience: &str) -> Result<ApplyRequest, Failure> {
    let starter = Starter {
        repository: "acme/web".to_owned(),
        repository_id: Some("123".to_owned()),
        owner_id: Some("98".to_owned()),
        refs: vec!["main".to_owned(), "tags/v*".to_owned()],
        api: audience.to_owned(),
        permissions: vec!["payments.read".to_owned()],
        issuer: Some(issuer.to_owned()),
        ..Starter::default()
    };
    let text = starter.yaml().map_err(|fault| Failure::failed(fault.message))?;
    let located = yaml::parse("demo", &text).map_err(|faults| Failure::failed(format!("{faults:?}")))?;
    let resources = located.into_iter().map(|located| {
        let Document { kind, name, id, enabled, spec } = located.document;
        Resource { kind, name, id, enabled, revision: None, spec }
    });
    Ok(ApplyRequest { resources: resources.collect(), dry_run: false, prune: false, project: None })
}
