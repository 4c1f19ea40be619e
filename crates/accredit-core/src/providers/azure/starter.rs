//! Starter YAML for Microsoft Entra.

use super::super::starter::{Draft, Goal, Starter, id, is_uuid, plain, slug};
use crate::model::Fault;

/// What `accredit init azure` was told.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The tenant's id.
    pub tenant: String,
    /// The principal's object id.
    pub object_id: String,
    /// What the principal is called; names the service account.
    pub identity: Option<String>,
    /// The audience of the tokens: an application id URI of the tenant.
    pub resource: String,
    /// Whether tokens have version 1.
    pub v1: bool,
    /// What every starter is told.
    pub goal: Goal,
}

impl Told {
    /// Writes the documents.
    ///
    /// # Errors
    /// What cannot be used as given, named by its flag.
    pub fn starter(&self) -> Result<Starter, Fault> {
        let Self { tenant, object_id, identity, resource, v1, goal } = self;
        id("--tenant", tenant, "a UUID", is_uuid)?;
        let mut draft = Draft::new(&super::AZURE, goal);
        draft.issuer(&match v1 {
            true => format!("https://sts.windows.net/{tenant}/"),
            false => format!("https://login.microsoftonline.com/{tenant}/v2.0"),
        });
        draft.audience(plain("--resource", resource, "an audience")?);
        draft.clause("tid", tenant);
        let object_id = id("--object-id", object_id, "a UUID", is_uuid)?;
        match identity {
            Some(identity) => draft.clause_of("oid", object_id, plain("--identity", identity, "a name")?),
            None => draft.clause("oid", object_id),
        }
        draft.finish(("azure", &slug(identity.as_deref().unwrap_or("identity"))), "azure")
    }
}
