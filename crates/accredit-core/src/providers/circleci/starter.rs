//! Starter YAML for CircleCI.

use super::super::starter::{Draft, Goal, Starter, full_ref, id, is_uuid, plain, slug};
use crate::model::Fault;

/// What `accredit init circleci` was told.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The organisation's id.
    pub organization_id: String,
    /// The project's id.
    pub project_id: String,
    /// What the project is called; names the service account.
    pub project: Option<String>,
    /// The repository: `github.com/acme/web`.
    pub vcs_origin: Option<String>,
    /// Branches (`main`), tags (`tags/v*`) or full refs.
    pub refs: Vec<String>,
    /// What every starter is told.
    pub goal: Goal,
}

impl Told {
    /// Writes the documents.
    ///
    /// # Errors
    /// What cannot be used as given, named by its flag.
    pub fn starter(&self) -> Result<Starter, Fault> {
        let Self { organization_id, project_id, project, vcs_origin, refs, goal } = self;
        let organization_id = id("--organization-id", organization_id, "a UUID", is_uuid)?;
        let project_id = id("--project-id", project_id, "a UUID", is_uuid)?;
        let refs = refs.iter().map(|text| full_ref(text)).collect::<Result<Vec<_>, _>>()?;
        let mut draft = Draft::new(&super::CIRCLECI, goal);
        draft.issuer(&format!("https://oidc.circleci.com/org/{organization_id}"));
        match project {
            Some(project) => {
                draft.clause_of("oidc.circleci.com/project-id", project_id, plain("--project", project, "a project")?);
            }
            None => draft.clause("oidc.circleci.com/project-id", project_id),
        }
        match vcs_origin {
            Some(origin) => {
                draft.clause("oidc.circleci.com/vcs-origin", plain("--vcs-origin", origin, "a repository")?)
            }
            None => {
                draft.note("where forks get secrets, name the repository as well: --vcs-origin github.com/OWNER/REPO")
            }
        }
        draft.clauses("oidc.circleci.com/vcs-ref", &refs);
        draft.line("oidc.circleci.com/ssh-rerun: false");
        let first = refs.first().map_or("any", |text| text.rsplit('/').next().unwrap_or("any"));
        draft.finish(("ci", &slug(project.as_deref().unwrap_or("circleci"))), first.trim_end_matches('*'))
    }
}
