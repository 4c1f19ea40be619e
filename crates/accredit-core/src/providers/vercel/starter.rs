//! Starter YAML for Vercel.

use super::super::starter::{Draft, Goal, Lookup, Starter, id, is_word_after, plain, slug};
use crate::model::Fault;

/// What `accredit init vercel` was told.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The team's slug.
    pub team: String,
    /// Its id, `team_...`.
    pub team_id: Option<String>,
    /// The project's name.
    pub project: String,
    /// Its id, `prj_...`.
    pub project_id: Option<String>,
    /// Environments.
    pub environments: Vec<String>,
    /// Whether the team has the issuer that all teams share.
    pub global: bool,
    /// What every starter is told.
    pub goal: Goal,
}

impl Told {
    /// Writes the documents.
    ///
    /// # Errors
    /// What cannot be used as given, named by its flag.
    pub fn starter(&self) -> Result<Starter, Fault> {
        let Self { team, team_id, project, project_id, environments, global, goal } = self;
        if slug(team) != *team || team.is_empty() {
            return Err(Fault::at("--team", format!("`{}` is not a slug of a team", team.escape_debug())));
        }
        plain("--project", project, "a project")?;
        for environment in environments {
            plain("--environment", environment, "an environment")?;
        }
        let mut draft = Draft::new(&super::VERCEL, goal);
        if !global {
            draft.issuer(&format!("{}/{team}", super::ISSUER));
        }
        draft.audience(&format!("https://vercel.com/{team}"));
        let whole = format!("{team}/{project}");
        if project_id.is_none() {
            draft.by_name_only(&Lookup {
                name: &whole,
                claims: &["owner_id", "project_id"],
                flags: "--team-id and --project-id",
                ask: &format!("https://vercel.com/{team}/{project}/settings, and the settings of the team"),
            });
        }
        match team_id {
            Some(text) => {
                let text = id("--team-id", text, "team_...", |text| is_word_after("team_", text))?;
                draft.clause_of("owner_id", text, team);
            }
            None if project_id.is_none() => draft.clause("owner", team),
            None => {}
        }
        match project_id {
            Some(text) => {
                let text = id("--project-id", text, "prj_...", |text| is_word_after("prj_", text))?;
                draft.clause_of("project_id", text, project);
            }
            None => draft.clause("project", project),
        }
        draft.clauses("environment", environments);
        let suffix = environments.first().map_or("any", String::as_str);
        draft.finish(("vercel", &slug(project)), suffix)
    }
}
