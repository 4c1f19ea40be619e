//! Starter YAML for AWS.

use super::super::starter::{Draft, Goal, Starter, id, slug};
use crate::model::Fault;

/// What `accredit init aws` was told.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The account, 12 digits.
    pub account: String,
    /// The role's name, after its path where it has one.
    pub role: String,
    /// The account's issuer of web identity tokens.
    pub issuer: String,
    /// What every starter is told.
    pub goal: Goal,
}

impl Told {
    /// Writes the documents.
    ///
    /// # Errors
    /// What cannot be used as given, named by its flag.
    pub fn starter(&self) -> Result<Starter, Fault> {
        let Self { account, role, issuer, goal } = self;
        id("--account", account, "12 digits", |text| {
            text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
        })?;
        if !is_role(role) {
            let message = format!("`{}` is not a role, expected NAME or PATH/NAME", role.escape_debug());
            return Err(Fault::at("--role", message));
        }
        let mut draft = Draft::new(&super::AWS, goal);
        draft.issuer(issuer);
        draft.line("# These tokens name the role by its ARN: whoever may make roles in the account can make it again.");
        draft.clause("sub", &format!("arn:aws:iam::{account}:role/{role}"));
        draft.clause("x.account_id", account);
        draft.finish(("aws", &slug(role.rsplit('/').next().unwrap_or_default())), account)
    }
}

/// A name of IAM, after a path.
fn is_role(text: &str) -> bool {
    let is_part = |part: &str| {
        (1..=64).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte))
    };
    text.len() <= 512 && text.split('/').all(is_part)
}
