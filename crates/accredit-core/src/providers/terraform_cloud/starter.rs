//! Starter YAML for HCP Terraform.

use super::super::starter::{Draft, Goal, Lookup, Starter, id, is_word_after, plain, slug};
use crate::model::Fault;

/// What `accredit init terraform-cloud` was told.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The organisation's name.
    pub organization: String,
    /// Its id, `org-...`.
    pub organization_id: Option<String>,
    /// The workspace's name.
    pub workspace: String,
    /// Its id, `ws-...`.
    pub workspace_id: Option<String>,
    /// `plan`, `apply`, or both.
    pub phases: Vec<String>,
    /// An instance of Terraform Enterprise.
    pub issuer: Option<String>,
    /// What every starter is told.
    pub goal: Goal,
}

impl Told {
    /// Writes the documents.
    ///
    /// # Errors
    /// What cannot be used as given, named by its flag.
    pub fn starter(&self) -> Result<Starter, Fault> {
        let Self { organization, organization_id, workspace, workspace_id, phases, issuer, goal } = self;
        plain("--organization", organization, "an organisation")?;
        plain("--workspace", workspace, "a workspace")?;
        if let Some(other) = phases.iter().find(|phase| !matches!(phase.as_str(), "plan" | "apply")) {
            return Err(Fault::at(
                "--phase",
                format!("`{}` is not a phase, expected plan or apply", other.escape_debug()),
            ));
        }
        let mut draft = Draft::new(&super::TERRAFORM_CLOUD, goal);
        if let Some(issuer) = issuer {
            draft.issuer(issuer);
        }
        let whole = format!("{organization}/{workspace}");
        if workspace_id.is_none() {
            draft.by_name_only(&Lookup {
                name: &whole,
                claims: &["terraform_organization_id", "terraform_workspace_id"],
                flags: "--organization-id and --workspace-id",
                ask: &format!(
                    "{}/app/{organization}/workspaces/{workspace}/settings",
                    issuer.as_deref().unwrap_or(super::ISSUER)
                ),
            });
        }
        match organization_id {
            Some(text) => {
                let text = id("--organization-id", text, "org-...", |text| is_word_after("org-", text))?;
                draft.clause_of("terraform_organization_id", text, organization);
            }
            None if workspace_id.is_none() => draft.clause("terraform_organization_name", organization),
            None => {}
        }
        match workspace_id {
            Some(text) => {
                let text = id("--workspace-id", text, "ws-...", |text| is_word_after("ws-", text))?;
                draft.clause_of("terraform_workspace_id", text, workspace);
            }
            None => draft.clause("terraform_workspace_name", workspace),
        }
        draft.clauses("terraform_run_phase", phases);
        let suffix = phases.first().map_or("run", String::as_str);
        draft.finish(("terraform", &slug(workspace)), suffix)
    }
}
