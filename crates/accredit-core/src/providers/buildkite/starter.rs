//! Starter YAML for Buildkite.

use super::super::starter::{Draft, Goal, Lookup, Starter, beginning, id, is_uuid, plain, slug};
use crate::model::Fault;

/// What `accredit init buildkite` was told.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The organisation's slug.
    pub organization: String,
    /// Its id.
    pub organization_id: Option<String>,
    /// The pipeline's slug.
    pub pipeline: String,
    /// Its id.
    pub pipeline_id: Option<String>,
    /// Branches; a `*` may end one.
    pub branches: Vec<String>,
    /// What every starter is told.
    pub goal: Goal,
}

impl Told {
    /// Writes the documents.
    ///
    /// # Errors
    /// What cannot be used as given, named by its flag.
    pub fn starter(&self) -> Result<Starter, Fault> {
        let Self { organization, organization_id, pipeline, pipeline_id, branches, goal } = self;
        plain("--organization", organization, "an organisation")?;
        plain("--pipeline", pipeline, "a pipeline")?;
        for branch in branches {
            beginning("--branch", branch, "a branch")?;
        }
        let mut draft = Draft::new(&super::BUILDKITE, goal);
        match (organization_id, pipeline_id) {
            (Some(organization_id), _) => {
                let organization_id = id("--organization-id", organization_id, "a UUID", is_uuid)?;
                draft.clause_of("organization_id", organization_id, organization);
            }
            (None, _) => {
                draft.by_name_only(&Lookup {
                    name: organization,
                    claims: &["organization_id", "pipeline_id"],
                    flags: "--organization-id and --pipeline-id",
                    ask: &format!("https://buildkite.com/{organization}/settings, and the settings of the pipeline"),
                });
                draft.clause("organization_slug", organization);
            }
        }
        match pipeline_id {
            Some(pipeline_id) => {
                draft.clause_of("pipeline_id", id("--pipeline-id", pipeline_id, "a UUID", is_uuid)?, pipeline);
            }
            None => draft.clause("pipeline_slug", pipeline),
        }
        draft.clauses("build_branch", branches);
        if organization_id.is_some() || pipeline_id.is_some() {
            draft.note("jobs must ask for the ids: buildkite-agent oidc request-token --claim organization_id --claim pipeline_id");
        }
        let first = branches.first().map_or("any", |text| text.rsplit('/').next().unwrap_or("any"));
        draft.finish(("ci", &slug(pipeline)), first.trim_end_matches('*'))
    }
}
