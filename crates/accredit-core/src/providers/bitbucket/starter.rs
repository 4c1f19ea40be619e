//! Starter YAML for Bitbucket Pipelines.

use super::super::starter::{Draft, Goal, Starter, beginning, is_uuid, plain, slug};
use crate::model::Fault;

/// What `accredit init bitbucket` was told.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The workspace's slug.
    pub workspace: String,
    /// Its UUID.
    pub workspace_uuid: Option<String>,
    /// The repository's UUID.
    pub repository_uuid: String,
    /// What it is called; names the service account.
    pub repository: Option<String>,
    /// Branches; a `*` may end one.
    pub branches: Vec<String>,
    /// The deployment environment's UUID.
    pub environment_uuid: Option<String>,
    /// What every starter is told.
    pub goal: Goal,
}

impl Told {
    /// Writes the documents.
    ///
    /// # Errors
    /// What cannot be used as given, named by its flag.
    pub fn starter(&self) -> Result<Starter, Fault> {
        let Self { workspace, workspace_uuid, repository_uuid, repository, branches, environment_uuid, goal } = self;
        let is_slug = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
        if workspace.is_empty() || workspace.len() > 64 || !workspace.bytes().all(is_slug) {
            return Err(Fault::at(
                "--workspace",
                format!("`{}` is not a slug of a workspace", workspace.escape_debug()),
            ));
        }
        for branch in branches {
            beginning("--branch", branch, "a branch")?;
        }
        let mut draft = Draft::new(&super::BITBUCKET, goal);
        draft.issuer(&format!("https://api.bitbucket.org/2.0/workspaces/{workspace}/pipelines-config/identity/oidc"));
        match workspace_uuid {
            Some(uuid) => draft.clause_of("workspaceUuid", &braced("--workspace-uuid", uuid)?, workspace),
            None => draft.note(&format!(
                "the issuer holds the workspace's name, which others can take over; for --workspace-uuid ask\n  \
                 curl https://api.bitbucket.org/2.0/workspaces/{workspace}"
            )),
        }
        let repository_uuid = braced("--repository-uuid", repository_uuid)?;
        match repository {
            Some(name) => {
                draft.clause_of("repositoryUuid", &repository_uuid, plain("--repository", name, "a repository")?)
            }
            None => draft.clause("repositoryUuid", &repository_uuid),
        }
        draft.clauses("branchName", branches);
        if let Some(uuid) = environment_uuid {
            draft.clause("deploymentEnvironmentUuid", &braced("--environment-uuid", uuid)?);
        }
        let first = branches.first().map_or("any", |text| text.rsplit('/').next().unwrap_or("any"));
        draft.finish(("ci", &slug(repository.as_deref().unwrap_or("bitbucket"))), first.trim_end_matches('*'))
    }
}

/// A UUID in braces, whether it came in them or not.
fn braced(flag: &str, text: &str) -> Result<String, Fault> {
    let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
    match is_uuid(inner) {
        true => Ok(format!("{{{inner}}}")),
        false => Err(Fault::at(flag, format!("`{}` is not an id, expected a UUID", text.escape_debug()))),
    }
}
