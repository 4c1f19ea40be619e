//! Starter YAML for AWS.

use super::super::starter::{Draft, Goal, Lookup, Starter, id, is_word_after, slug};
use crate::model::Fault;

/// What `accredit init aws` was told.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The account, 12 digits.
    pub account: String,
    /// The role's name, after its path where it has one.
    pub role: String,
    /// The role's permanent id, `AROA...`, which signed requests alone tell.
    pub role_id: Option<String>,
    /// The account's issuer of web identity tokens; absent: workloads sign requests.
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
        let Self { account, role, role_id: _, issuer, goal } = self;
        id("--account", account, "12 digits", |text| {
            text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
        })?;
        if !is_role(role) {
            let message = format!("`{}` is not a role, expected NAME or PATH/NAME", role.escape_debug());
            return Err(Fault::at("--role", message));
        }
        let mut draft = Draft::new(&super::AWS, goal);
        match issuer {
            Some(issuer) => self.tokens(&mut draft, issuer)?,
            None => self.signed_requests(&mut draft)?,
        }
        draft.finish(("aws", &slug(name(role))), account)
    }

    fn tokens(&self, draft: &mut Draft<'_>, issuer: &str) -> Result<(), Fault> {
        let Self { account, role, role_id, .. } = self;
        if role_id.is_some() {
            return Err(Fault::at("--role-id", "stands in no web identity token")
                .hint("leave it out; or leave out --issuer, and have workloads sign requests"));
        }
        draft.issuer(issuer);
        draft.line("# These tokens name the role by its ARN: whoever may make roles in the account can make it again.");
        draft.clause("sub", &format!("arn:aws:iam::{account}:role/{role}"));
        draft.clause("x.account_id", account);
        Ok(())
    }

    fn signed_requests(&self, draft: &mut Draft<'_>) -> Result<(), Fault> {
        let Self { account, role, role_id, goal, .. } = self;
        if goal.audience.is_some() {
            return Err(Fault::at("--audience", "is what tokens have, and workloads sign requests")
                .hint("add --issuer, or leave it out: a request names the server in a header"));
        }
        draft.provider("signedRequests: {}");
        draft.counts_once();
        draft.clause("account_id", account);
        let name = name(role);
        match role_id {
            Some(text) => {
                let text = id("--role-id", text, "AROA and letters", |text| is_word_after("AROA", text))?;
                draft.clause_of("role_id", text, name);
            }
            None => {
                draft.by_name_only(&Lookup {
                    name,
                    claims: &["role_id"],
                    flags: "--role-id",
                    ask: &format!("aws iam get-role --role-name {name} --query Role.RoleId --output text"),
                });
                draft.clause("role_name", name);
            }
        }
        Ok(())
    }
}

/// Without its path, which sessions do not tell.
fn name(role: &str) -> &str {
    role.rsplit('/').next().unwrap_or_default()
}

/// A name of IAM, after a path.
fn is_role(text: &str) -> bool {
    let is_part = |part: &str| {
        (1..=64).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte))
    };
    text.len() <= 512 && text.split('/').all(is_part)
}
