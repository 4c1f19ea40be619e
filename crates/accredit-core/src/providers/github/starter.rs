//! Starter YAML for GitHub Actions, from what a person thinks in.

use super::super::starter::{Draft, Goal, Lookup, Starter as Documents, full_ref, is_digits, quote, slug};
use crate::model::Fault;

/// What `accredit init github` was told.
#[derive(Clone, Debug, Default)]
pub struct Starter {
    /// `OWNER/REPOSITORY`.
    pub repository: String,
    /// The repository's numeric id.
    pub repository_id: Option<String>,
    /// The owner's numeric id.
    pub owner_id: Option<String>,
    /// Branches (`main`), tags (`tags/v*`) or full refs (`refs/heads/main`).
    pub refs: Vec<String>,
    /// The API's audience, a URL.
    pub api: String,
    /// Permissions of that API.
    pub permissions: Vec<String>,
    /// `PROJECT/NAME` of the service account; absent: `ci/REPOSITORY`.
    pub service_account: Option<String>,
    /// The audience of the job's token; absent: the server's public URL.
    pub audience: Option<String>,
    /// An issuer other than github.com's.
    pub issuer: Option<String>,
}

impl Starter {
    /// Writes the documents: provider, projects, API, service account, grant, mapping.
    ///
    /// # Errors
    /// What cannot be used as given, named by its flag.
    pub fn yaml(&self) -> Result<String, Fault> {
        self.starter().map(|starter| starter.yaml)
    }

    /// The documents and what is to be said beside them.
    ///
    /// # Errors
    /// As [`Starter::yaml`].
    pub fn starter(&self) -> Result<Documents, Fault> {
        let (owner, repository) = self
            .repository
            .split_once('/')
            .filter(|(owner, repository)| is_part(owner) && is_part(repository))
            .ok_or_else(|| {
                Fault::at(
                    "--repository",
                    format!("`{}` is not a repository, expected OWNER/REPOSITORY", self.repository.escape_debug()),
                )
            })?;
        for (flag, id) in [("--repository-id", &self.repository_id), ("--owner-id", &self.owner_id)] {
            if let Some(id) = id.as_ref().filter(|id| !is_digits(id)) {
                return Err(Fault::at(flag, format!("`{}` is not an id, expected digits", id.escape_debug())));
            }
        }
        let refs = self.refs.iter().map(|text| full_ref(text)).collect::<Result<Vec<_>, _>>()?;
        let first = refs.first().map_or("any", |text| text.rsplit('/').next().unwrap_or("any"));
        let goal = Goal {
            name: None,
            audience: self.audience.clone(),
            api: Some(self.api.clone()),
            permissions: self.permissions.clone(),
            account: self.service_account.clone(),
        };
        let mut draft = Draft::new(&super::GITHUB, &goal);
        if let Some(issuer) = &self.issuer {
            draft.issuer(issuer);
        }
        self.write_match(&mut draft, owner, repository);
        draft.clauses("ref", &refs);
        draft.clauses("event_name", &events(&refs));
        draft.finish(("ci", &slug(repository)), first.trim_end_matches('*').trim_end_matches('/')).map_err(at_flag)
    }

    fn write_match(&self, draft: &mut Draft<'_>, owner: &str, repository: &str) {
        match (&self.repository_id, &self.owner_id) {
            (Some(repository_id), owner_id) => {
                draft.line(&format!("repository_id: {}        # {owner}/{repository}", quote(repository_id)));
                if let Some(owner_id) = owner_id {
                    draft.line(&format!("repository_owner_id: {}  # {owner}", quote(owner_id)));
                }
            }
            (None, owner_id) => {
                let name = format!("{owner}/{repository}");
                draft.by_name_only(&Lookup {
                    name: &name,
                    claims: &["repository_id", "repository_owner_id"],
                    flags: "--repository-id and --owner-id",
                    ask: &format!("gh api repos/{name} --jq '.id, .owner.id'"),
                });
                draft.clause("repository", &name);
                if let Some(owner_id) = owner_id {
                    draft.clause("repository_owner_id", owner_id);
                }
            }
        }
    }
}

/// This starter's flag for what the others call `--as`.
fn at_flag(fault: Fault) -> Fault {
    match fault.field.as_str() {
        "--as" => Fault { field: "--service-account".to_owned(), ..fault },
        _ => fault,
    }
}

/// The events by which the owner's own people start a run, and no others: a stranger's comment or pull request can start
/// one of the default branch too (F12). Tags are reached by none of these, so that nothing need be said of them.
fn events(refs: &[String]) -> Vec<String> {
    if !refs.is_empty() && refs.iter().all(|text| text.starts_with("refs/tags/")) {
        return Vec::new();
    }
    let release = refs.iter().any(|text| text.starts_with("refs/tags/")).then_some("release");
    ["push"].into_iter().chain(release).chain(["schedule", "workflow_dispatch"]).map(str::to_owned).collect()
}

fn is_part(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 100
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_says_becomes_documents() {
        let starter = Starter {
            repository: "acme/web".into(),
            repository_id: Some("123".into()),
            owner_id: Some("98".into()),
            refs: vec!["main".into(), "tags/v*".into()],
            api: "https://payments.example.org".into(),
            permissions: vec!["payments.read".into()],
            ..Starter::default()
        };
        let yaml = starter.yaml().unwrap();
        for line in [
            "name: ci/web-main",
            "    repository_id: \"123\"",
            "    ref: [refs/heads/main, \"refs/tags/v*\"]",
            "name: payments/payments",
        ] {
            assert!(yaml.contains(line), "{line} is not in\n{yaml}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_named_by_its_flag() {
        let good = Starter { repository: "acme/web".into(), api: "https://p.example.org".into(), ..Starter::default() };
        let flag = |starter: Starter| starter.yaml().unwrap_err().field;
        assert_eq!(flag(Starter { repository: "acme".into(), ..good.clone() }), "--repository");
        assert_eq!(flag(Starter { repository: "a/b\nkind: x".into(), ..good.clone() }), "--repository");
        assert_eq!(flag(Starter { repository_id: Some("12a".into()), ..good.clone() }), "--repository-id");
        assert_eq!(flag(Starter { api: "payments".into(), ..good.clone() }), "--api");
        assert_eq!(flag(Starter { refs: vec!["*".into()], ..good.clone() }), "--ref");
        assert_eq!(flag(Starter { service_account: Some("web".into()), ..good }), "--service-account");
    }
}
