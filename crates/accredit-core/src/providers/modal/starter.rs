//! Starter YAML for Modal.

use super::super::starter::{Draft, Goal, Lookup, Starter, id, is_word_after, plain, slug};
use crate::model::Fault;

/// What `accredit init modal` was told.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The workspace's id, `ac-...`.
    pub workspace_id: String,
    /// The environment's name.
    pub environment: Option<String>,
    /// The environment's id, `en-...`.
    pub environment_id: Option<String>,
    /// The app's name.
    pub app: String,
    /// What every starter is told.
    pub goal: Goal,
}

impl Told {
    /// Writes the documents.
    ///
    /// # Errors
    /// What cannot be used as given, named by its flag.
    pub fn starter(&self) -> Result<Starter, Fault> {
        let Self { workspace_id, environment, environment_id, app, goal } = self;
        let mut draft = Draft::new(&super::MODAL, goal);
        draft.clause("workspace_id", id("--workspace-id", workspace_id, "ac-...", |text| is_word_after("ac-", text))?);
        match (environment_id, environment) {
            (Some(environment_id), environment) => {
                let fits = |text: &str| is_word_after("en-", text);
                let environment_id = id("--environment-id", environment_id, "en-...", fits)?;
                match environment {
                    Some(name) => {
                        draft.clause_of(
                            "environment_id",
                            environment_id,
                            plain("--environment", name, "an environment")?,
                        );
                    }
                    None => draft.clause("environment_id", environment_id),
                }
            }
            (None, Some(name)) => {
                let name = plain("--environment", name, "an environment")?;
                draft.by_name_only(&Lookup {
                    name,
                    claims: &["environment_id"],
                    flags: "--environment-id",
                    ask: "accredit explain --token FILE  (a token of the environment says its id)",
                });
                draft.clause("environment_name", name);
            }
            (None, None) => {}
        }
        let app = plain("--app", app, "an app")?;
        draft.clause("app_name", app);
        let suffix = environment.as_deref().unwrap_or("modal");
        draft.finish(("modal", &slug(app)), suffix)
    }
}
