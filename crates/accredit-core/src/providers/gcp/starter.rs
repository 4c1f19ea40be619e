//! Starter YAML for Google Cloud.

use super::super::starter::{Draft, Goal, Lookup, Starter, id, is_digits, plain, slug};
use crate::model::Fault;

/// What `accredit init gcp` was told.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The service account's address.
    pub service_account: String,
    /// Its unique id.
    pub unique_id: Option<String>,
    /// What every starter is told.
    pub goal: Goal,
}

impl Told {
    /// Writes the documents.
    ///
    /// # Errors
    /// What cannot be used as given, named by its flag.
    pub fn starter(&self) -> Result<Starter, Fault> {
        let Self { service_account, unique_id, goal } = self;
        let (local, domain) = service_account
            .split_once('@')
            .filter(|(_, domain)| domain.ends_with(".gserviceaccount.com"))
            .ok_or_else(|| {
                let message = format!("`{}` is not a service account", service_account.escape_debug());
                Fault::at("--service-account", format!("{message}, expected NAME@PROJECT.iam.gserviceaccount.com"))
            })?;
        plain("--service-account", service_account, "an address")?;
        let mut draft = Draft::new(&super::GCP, goal);
        match unique_id {
            Some(unique_id) => {
                draft.clause_of("sub", id("--unique-id", unique_id, "digits", is_digits)?, service_account);
            }
            None => {
                draft.by_name_only(&Lookup {
                    name: service_account,
                    claims: &["sub"],
                    flags: "--unique-id",
                    ask: &format!("gcloud iam service-accounts describe {service_account} --format='value(uniqueId)'"),
                });
                draft.clause("email", service_account);
                draft.line("email_verified: true");
            }
        }
        let project = domain.split('.').next().unwrap_or_default();
        draft.finish((&slug(project), &slug(local)), "gcp")
    }
}
