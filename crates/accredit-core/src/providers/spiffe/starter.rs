//! Starter YAML for a SPIFFE trust domain.

use accredit_id::trust_domain::TrustDomain;

use super::super::starter::{Draft, Goal, Starter, plain, quote, slug};
use crate::model::Fault;

/// What `accredit init spiffe` was told.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The trust domain.
    pub trust_domain: String,
    /// Where its bundle is served.
    pub bundle: String,
    /// The path of the workload's SPIFFE ID: `/ns/ml/sa/worker`; with `/*` at its end everything below.
    pub path: String,
    /// What every starter is told.
    pub goal: Goal,
}

impl Told {
    /// Writes the documents.
    ///
    /// # Errors
    /// What cannot be used as given, named by its flag.
    pub fn starter(&self) -> Result<Starter, Fault> {
        let Self { trust_domain, bundle, path, goal } = self;
        let trust_domain: TrustDomain =
            trust_domain.parse().map_err(|fault| Fault::at("--trust-domain", format!("{fault}")))?;
        let whole = path.strip_suffix("/*").unwrap_or(path);
        if !whole.starts_with('/') || whole.contains('*') || whole.ends_with('/') {
            let message = format!("`{}` is not a path, expected /NAME/NAME", path.escape_debug());
            return Err(Fault::at("--path", message).hint("end it with /* for everything below"));
        }
        plain("--path", whole, "a path")?;
        let mut draft = Draft::new(&super::SPIFFE, goal);
        draft.provider(&format!("trustDomain: {trust_domain}"));
        draft.provider(&format!("keys: {{jwksUrl: {}}}", quote(plain("--bundle", bundle, "an address")?)));
        draft.clause("sub", &format!("spiffe://{trust_domain}{path}"));
        let last = whole.rsplit('/').next().unwrap_or_default();
        draft.finish((trust_domain.as_str().split('.').next().unwrap_or_default(), &slug(last)), "svid")
    }
}
