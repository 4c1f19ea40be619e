//! Starter YAML for any issuer.

use super::super::starter::{Draft, Goal, Starter, beginning, key_set};
use super::super::{KINDS, SHARED_ISSUERS};
use crate::model::Fault;

/// What `accredit init oidc` was told.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The issuer, as its tokens have it.
    pub issuer: String,
    /// Its key set (RFC 7517 section 5), where it cannot be fetched.
    pub jwks: Option<String>,
    /// Claims and their values, as `NAME=VALUE`.
    pub claims: Vec<String>,
    /// What every starter is told.
    pub goal: Goal,
}

impl Told {
    /// Writes the documents.
    ///
    /// # Errors
    /// What cannot be used as given, named by its flag.
    pub fn starter(&self) -> Result<Starter, Fault> {
        let Self { issuer, jwks, claims, goal } = self;
        let plain = Some(issuer.trim_end_matches('/'));
        if let Some(kind) = KINDS.iter().find(|kind| kind.default_issuer == plain) {
            return Err(Fault::at("--issuer", format!("`{issuer}` is the issuer of kind `{}`", kind.name))
                .hint(format!("begin with `accredit init {}`", kind.name)));
        }
        let mut draft = Draft::new(&super::OIDC, goal);
        draft.issuer(issuer);
        if let Some(jwks) = jwks {
            draft.provider(&format!("keys: {{uploaded: {}}}", key_set("--jwks", jwks)?));
        }
        let claims = claims.iter().map(|text| pair(text)).collect::<Result<Vec<_>, _>>()?;
        let shared = SHARED_ISSUERS.iter().find(|shared| Some(shared.issuer.trim_end_matches('/')) == plain);
        if let Some(shared) = shared.filter(|shared| !claims.iter().any(|(name, _)| shared.tenancy.contains(name))) {
            let platform = shared.platform;
            return Err(Fault::at("--claim", format!("customers of {platform} share `{issuer}`, and none is named"))
                .hint(format!("add --claim {}=...", shared.tenancy.first().copied().unwrap_or("sub"))));
        }
        for (name, value) in &claims {
            match value.parse::<bool>() {
                Ok(truth) => draft.truth(name, truth),
                Err(_) => draft.clause(name, value),
            }
        }
        if !claims.iter().any(|(name, _)| *name == "sub") {
            draft.note("no `sub` is matched: whoever has the other claims is admitted");
        }
        let host = issuer.split("://").nth(1).and_then(|rest| rest.split(['.', '/', ':']).next()).unwrap_or_default();
        draft.finish((host, "workload"), goal.name.as_deref().unwrap_or(host))
    }
}

fn pair(text: &str) -> Result<(&str, &str), Fault> {
    let fault = || Fault::at("--claim", format!("`{}` is not NAME=VALUE", text.escape_debug()));
    let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(fault)?;
    Ok((beginning("--claim", name, "a claim")?, beginning("--claim", value, "a value")?))
}
