//! Starter YAML for Fly.io.

use super::super::starter::{Draft, Goal, Lookup, Starter, id, is_digits, plain, slug};
use crate::model::Fault;

/// What `accredit init fly` was told.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The organisation's slug.
    pub org: String,
    /// Its id.
    pub org_id: Option<String>,
    /// The app's name.
    pub app: String,
    /// Its id.
    pub app_id: Option<String>,
    /// What every starter is told.
    pub goal: Goal,
}

impl Told {
    /// Writes the documents.
    ///
    /// # Errors
    /// What cannot be used as given, named by its flag.
    pub fn starter(&self) -> Result<Starter, Fault> {
        let Self { org, org_id, app, app_id, goal } = self;
        if slug(org) != *org || org.is_empty() {
            return Err(Fault::at("--org", format!("`{}` is not a slug of an organisation", org.escape_debug())));
        }
        plain("--app", app, "an app")?;
        let mut draft = Draft::new(&super::FLY, goal);
        draft.issuer(&format!("https://oidc.fly.io/{org}"));
        let whole = format!("{org}/{app}");
        if app_id.is_none() {
            draft.by_name_only(&Lookup {
                name: &whole,
                claims: &["org_id", "app_id"],
                flags: "--org-id and --app-id",
                ask: "accredit explain --token FILE  (a token of a machine says them)",
            });
        }
        if let Some(org_id) = org_id {
            draft.clause_of("org_id", id("--org-id", org_id, "digits", is_digits)?, org);
        }
        match app_id {
            Some(app_id) => draft.clause_of("app_id", id("--app-id", app_id, "digits", is_digits)?, app),
            None => draft.clause("app_name", app),
        }
        draft.finish(("fly", &slug(app)), org)
    }
}
