//! Starter YAML for GitLab CI/CD.

use super::super::starter::{Draft, Goal, Lookup, Starter, full_ref, id, is_digits, slug};
use crate::model::Fault;

/// What `accredit init gitlab` was told.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The instance; absent: gitlab.com.
    pub issuer: Option<String>,
    /// `GROUP/PROJECT`, with subgroups between them.
    pub project: String,
    /// The project's numeric id.
    pub project_id: Option<String>,
    /// The numeric id of the group or user that owns it.
    pub namespace_id: Option<String>,
    /// Branches (`main`), tags (`tags/v*`) or full refs.
    pub refs: Vec<String>,
    /// Whether the ref must be protected.
    pub protected: bool,
    /// What every starter is told.
    pub goal: Goal,
}

impl Told {
    /// Writes the documents.
    ///
    /// # Errors
    /// What cannot be used as given, named by its flag.
    pub fn starter(&self) -> Result<Starter, Fault> {
        let Self { issuer, project, project_id, namespace_id, refs, protected, goal } = self;
        let (group, name) = project.rsplit_once('/').filter(|_| is_path(project)).ok_or_else(|| {
            Fault::at("--project", format!("`{}` is not a project, expected GROUP/PROJECT", project.escape_debug()))
        })?;
        let refs = refs.iter().map(|text| full_ref(text)).collect::<Result<Vec<_>, _>>()?;
        let mut draft = Draft::new(&super::GITLAB, goal);
        if let Some(issuer) = issuer {
            draft.issuer(issuer);
        }
        match project_id {
            Some(project_id) => {
                draft.clause_of("project_id", id("--project-id", project_id, "digits", is_digits)?, project);
            }
            None => {
                draft.by_name_only(&Lookup {
                    name: project,
                    claims: &["project_id", "namespace_id"],
                    flags: "--project-id and --namespace-id",
                    ask: &format!("glab api projects/{} --jq '.id, .namespace.id'", project.replace('/', "%2F")),
                });
                draft.clause("project_path", project);
            }
        }
        if let Some(namespace_id) = namespace_id {
            draft.clause_of("namespace_id", id("--namespace-id", namespace_id, "digits", is_digits)?, group);
        }
        draft.clauses("ref_path", &refs);
        if *protected {
            draft.clause("ref_protected", "true");
        }
        let first = refs.first().map_or("any", |text| text.rsplit('/').next().unwrap_or("any"));
        draft.finish(("ci", &slug(name)), first.trim_end_matches('*'))
    }
}

fn is_path(text: &str) -> bool {
    let is_part = |part: &str| {
        (1..=255).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    text.len() <= 512 && text.split('/').all(is_part)
}
