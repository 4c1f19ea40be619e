//! Starter YAML for people with a Google account.

use super::super::starter::{Draft, Goal, Lookup, Starter, id, is_digits, plain, slug};
use crate::model::Fault;

/// What `accredit init google` was told.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The OAuth client that people sign in to: the audience of their tokens.
    pub client_id: String,
    /// The person's unique id.
    pub subject: Option<String>,
    /// The person's address.
    pub email: Option<String>,
    /// The domain of the Workspace.
    pub hosted_domain: Option<String>,
    /// What every starter is told.
    pub goal: Goal,
}

impl Told {
    /// Writes the documents.
    ///
    /// # Errors
    /// What cannot be used as given, named by its flag.
    pub fn starter(&self) -> Result<Starter, Fault> {
        let Self { client_id, subject, email, hosted_domain, goal } = self;
        let mut draft = Draft::new(&super::GOOGLE, goal);
        draft.audience(plain("--client-id", client_id, "a client")?);
        match (subject, hosted_domain) {
            (Some(subject), _) => draft.clause("sub", id("--subject", subject, "digits", is_digits)?),
            (None, Some(domain)) => draft.by_name_only(&Lookup {
                name: domain,
                claims: &["sub"],
                flags: "--subject",
                ask: "accredit explain --token FILE  (a token of the person says it)",
            }),
            (None, None) => {
                return Err(Fault::at("--subject", "is missing, or --hosted-domain")
                    .hint("an address alone says nothing of whose it is; name the Workspace, or the person's id"));
            }
        }
        if let Some(domain) = hosted_domain {
            draft.clause("hd", plain("--hosted-domain", domain, "a domain")?);
        }
        if let Some(email) = email {
            draft.clause("email", plain("--email", email, "an address")?);
            draft.line("email_verified: true");
        }
        let who = email.as_deref().and_then(|email| email.split('@').next()).unwrap_or("people");
        draft.finish(("people", &slug(who)), "google")
    }
}
