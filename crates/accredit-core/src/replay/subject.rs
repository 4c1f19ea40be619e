//! Who is decided about: what a record keeps, and what of it decides.

use accredit_id::json::{Json, Object};
use accredit_id::time::Timestamp;

use super::reads::Reads;
use crate::decide::{Ask, Held};
use crate::model::{DecisionId, Id};

/// A decision as the log keeps it.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'r> {
    /// The decision.
    pub decision: DecisionId,
    /// When it was made.
    pub at: Timestamp,
    /// Whose token.
    pub provider: Id,
    /// The claims whose values were kept.
    pub claims: &'r Object<'r>,
    /// The names of the others.
    pub unlisted: &'r [&'r str],
    /// Whether there may be more names than were kept.
    pub unlisted_is_cut: bool,
    /// What was asked for.
    pub ask: Ask<'r>,
    /// The mapping that allowed it and the mapping's revision: as long as that is in force, its clauses are known to hold.
    pub allowed_by: Option<(Id, i64)>,
}

/// What decides of a record: records that share it are one subject.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Whose tokens.
    pub provider: Id,
    /// The claims that any mapping reads, and `sub`.
    pub claims: Object<'static>,
    /// Claims that a mapping reads and the records do not have.
    pub missing: Vec<String>,
    /// The service account asked for.
    pub account: Option<String>,
    /// The mapping asked for.
    pub mapping: Option<String>,
    /// The API asked for.
    pub api: Option<String>,
    /// The permissions asked for.
    pub scope: Option<String>,
    /// Any claim that is not among the recorded ones may be missing.
    pub(super) may_miss_any: bool,
    /// Whether the request proved a key, and whether it showed a certificate.
    held: [bool; 2],
    pub(super) allowed_by: Option<(Id, i64)>,
}

// === impl Subject ===

impl Subject {
    /// What decides of a record.
    pub(super) fn of(recorded: &Recorded<'_>, reads: &Reads) -> Self {
        let Recorded { provider, claims, unlisted, unlisted_is_cut, ask, allowed_by, .. } = recorded;
        let mut kept: Vec<(&str, &Json<'_>)> = claims.iter().filter(|(name, _)| reads.has(name)).collect();
        kept.sort_unstable_by_key(|(name, _)| *name);
        let mut decisive = Object::new();
        for (name, value) in kept {
            decisive.insert(name.to_owned(), value.to_static());
        }
        // Each token has its own name, and a mapping that takes a token once asks for no more than that there is one.
        if !reads.has("jti") && (claims.get("jti").is_some() || unlisted.contains(&"jti")) {
            decisive.insert("jti", Json::String("some".into()));
        }
        let mut missing: Vec<String> =
            unlisted.iter().filter(|name| reads.has(name)).map(|name| (*name).to_owned()).collect();
        missing.sort_unstable();
        let held = [ask.held.proof_key.is_some(), ask.held.certificate.is_some()];
        // Bound to a key is bound to a key, whichever it was: to those that were proved, if any were.
        if claims.get("cnf").is_some() || unlisted.contains(&"cnf") {
            missing.retain(|name| name != "cnf");
            let mut bound = Object::new();
            let members = ["jkt", "x5t#S256"].into_iter().zip(held).filter(|(_, held)| *held);
            members.for_each(|(name, _)| bound.insert(name, Json::String(SOME.into())));
            decisive.insert("cnf", Json::Object(bound));
        }
        let own = |text: Option<&str>| text.map(str::to_owned);
        let is_partial = *unlisted_is_cut || !missing.is_empty();
        Self {
            provider: *provider,
            claims: decisive,
            missing,
            account: own(ask.account),
            mapping: own(ask.mapping),
            api: own(ask.api),
            scope: own(ask.scope),
            may_miss_any: *unlisted_is_cut,
            held,
            allowed_by: allowed_by.filter(|_| is_partial),
        }
    }

    /// What was asked for.
    pub(super) fn ask(&self) -> Ask<'_> {
        Ask {
            account: self.account.as_deref(),
            mapping: self.mapping.as_deref(),
            api: self.api.as_deref(),
            scope: self.scope.as_deref(),
            lifetime: None,
            held: Held { proof_key: self.held[0].then_some(SOME), certificate: self.held[1].then_some(SOME) },
        }
    }

    /// Whether the token may have had this claim with a value that was not kept.
    pub(super) fn misses(&self, claim: &str) -> bool {
        match claim {
            "*" => self.is_partial(),
            claim => {
                self.missing.iter().any(|missing| missing == claim)
                    || self.may_miss_any && self.claims.get(claim).is_none()
            }
        }
    }

    /// Whether any claim may be missing.
    pub(super) fn is_partial(&self) -> bool {
        self.may_miss_any || !self.missing.is_empty()
    }

    /// The same text for the same subject and no other.
    pub(super) fn key(&self) -> String {
        let Self { provider, claims, missing, account, mapping, api, scope, may_miss_any, allowed_by, held } = self;
        let allowed_by = allowed_by.map(|(id, revision)| (id.to_string(), revision));
        let asked = [account, mapping, api, scope];
        let key = (provider.to_string(), claims, missing, asked, *may_miss_any, allowed_by, held);
        // Texts, numbers and lists of them: writing them cannot fail.
        serde_json::to_string(&key).unwrap_or_default()
    }
}

/// Stands for a key: which one it was decides nothing.
const SOME: &str = "some";
