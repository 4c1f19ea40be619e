//! Starter YAML for GitHub Actions, from what a person thinks in.

use crate::model::{Fault, Name, Permission};

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
            if let Some(id) = id.as_ref().filter(|id| id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit())) {
                return Err(Fault::at(flag, format!("`{}` is not an id, expected digits", id.escape_debug())));
            }
        }
        let api_name = api_name(&self.api)?;
        let account: Name = match &self.service_account {
            Some(name) => name.parse().map_err(|fault| Fault::at("--service-account", format!("{fault}")))?,
            None => format!("ci/{}", slug(repository))
                .parse()
                .map_err(|fault| Fault::at("--repository", format!("{fault}")))?,
        };
        let project = account.project().ok_or_else(|| {
            Fault::at("--service-account", format!("`{account}` has no project, expected PROJECT/NAME"))
        })?;
        for permission in &self.permissions {
            Permission::parse(permission).map_err(|sentence| Fault::at("--permission", sentence))?;
        }
        let refs = self.refs.iter().map(|text| full_ref(text)).collect::<Result<Vec<_>, _>>()?;
        let first = refs.first().map_or("any", |text| text.rsplit('/').next().unwrap_or("any"));
        let mapping = format!("{account}-{}", slug(first.trim_end_matches('*').trim_end_matches('/')));
        let mapping = mapping.trim_end_matches('-');
        let permissions = flow(&self.permissions);
        let mut yaml = String::new();
        let api_project = api_name.split('/').next().unwrap_or_default();
        for name in std::iter::once(project).chain((api_project != project).then_some(api_project)) {
            yaml.push_str(&format!("kind: Project\nname: {name}\n---\n"));
        }
        yaml.push_str("kind: Provider\nname: github\nspec:\n  type: github\n");
        if let Some(issuer) = &self.issuer {
            yaml.push_str(&format!("  issuer: {}\n", quote(issuer)));
        }
        if let Some(audience) = &self.audience {
            yaml.push_str(&format!("  audiences: [{}]\n", quote(audience)));
        }
        yaml.push_str(&format!(
            "---\nkind: API\nname: {api_name}\nspec:\n  audience: {}\n  permissions: {permissions}\n\
             ---\nkind: ServiceAccount\nname: {account}\n\
             ---\nkind: Grant\nname: {api_project}/{project}-{}\nspec:\n  api: {api_name}\n  permissions: {permissions}\n  to: {account}\n\
             ---\nkind: Mapping\nname: {mapping}\nspec:\n  provider: github\n  serviceAccount: {account}\n  match:\n",
            quote(&self.api),
            account.local(),
        ));
        self.write_match(&mut yaml, owner, repository, &refs);
        yaml.push_str(&format!("  permissions: {permissions}\n  lifetime: 15m\n"));
        Ok(yaml)
    }

    fn write_match(&self, yaml: &mut String, owner: &str, repository: &str, refs: &[String]) {
        match (&self.repository_id, &self.owner_id) {
            (Some(repository_id), owner_id) => {
                yaml.push_str(&format!("    repository_id: {}        # {owner}/{repository}\n", quote(repository_id)));
                if let Some(owner_id) = owner_id {
                    yaml.push_str(&format!("    repository_owner_id: {}  # {owner}\n", quote(owner_id)));
                }
            }
            (None, owner_id) => {
                yaml.push_str(&format!(
                    "    # Pinned by name only: whoever takes over the name {owner}/{repository} would be trusted.\n\
                     \x20   # The permanent ids: gh api repos/{owner}/{repository} --jq '.id, .owner.id'\n\
                     \x20   # then: repository_id: \"...\" and repository_owner_id: \"...\"\n\
                     \x20   repository: {}\n",
                    quote(&format!("{owner}/{repository}")),
                ));
                if let Some(owner_id) = owner_id {
                    yaml.push_str(&format!("    repository_owner_id: {}\n", quote(owner_id)));
                }
            }
        }
        if !refs.is_empty() {
            yaml.push_str(&format!("    ref: {}\n", flow(refs)));
        }
    }
}

fn is_part(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 100
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// A name for the API out of its audience: `https://payments.example.org` becomes `payments/payments`.
fn api_name(audience: &str) -> Result<String, Fault> {
    let host = audience.strip_prefix("https://").or_else(|| audience.strip_prefix("http://")).ok_or_else(|| {
        Fault::at("--api", format!("`{}` is not an audience, expected an https URL", audience.escape_debug()))
    })?;
    let host = host.split(['/', ':', '?', '#']).next().unwrap_or_default();
    let label = slug(host.split('.').next().unwrap_or_default());
    if label.is_empty() {
        return Err(Fault::at("--api", format!("`{}` has no host", audience.escape_debug())));
    }
    // An IP address says nothing, and YAML would take its first number for one.
    let label = if label.starts_with(|letter: char| letter.is_ascii_digit()) { "api".to_owned() } else { label };
    Ok(format!("{label}/{label}"))
}

fn slug(text: &str) -> String {
    let lower: String = text
        .chars()
        .take(40)
        .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' })
        .collect();
    lower.trim_matches('-').to_owned()
}

/// `main` is a branch; `tags/v*` and `heads/main` are refs without their first word.
fn full_ref(text: &str) -> Result<String, Fault> {
    let full = if text.starts_with("refs/") {
        text.to_owned()
    } else if text.starts_with("tags/") || text.starts_with("heads/") {
        format!("refs/{text}")
    } else {
        format!("refs/heads/{text}")
    };
    let body = full.strip_suffix('*').unwrap_or(&full);
    if text.is_empty()
        || text == "*"
        || body.contains('*')
        || full.chars().any(|letter| letter.is_control() || letter == ' ')
    {
        return Err(Fault::at("--ref", format!("`{}` is not a branch, a tag or a ref", text.escape_debug())));
    }
    Ok(full)
}

fn flow(items: &[String]) -> String {
    match items {
        [one] => format!("[{}]", bare(one)),
        _ => format!("[{}]", items.iter().map(|item| bare(item)).collect::<Vec<_>>().join(", ")),
    }
}

/// Without quotes where YAML needs none.
fn bare(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'/' | b'-');
    if text.bytes().all(plain)
        && text.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && !WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
    {
        return text.to_owned();
    }
    quote(text)
}

/// Words that YAML has taken for truth values or nothing, in some version and in any case.
const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];

fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
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
