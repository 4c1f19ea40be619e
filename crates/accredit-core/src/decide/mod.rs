//! Deciding: facts and a question in, terms or a reasoned refusal out.
//!
//! One evaluation serves the road and its explanation. On the road nothing is written down; a refusal is judged once
//! more, with a trace, for its operator. Because deciding is pure, both always agree.

pub mod access;
mod acting;
mod allowed;
mod bound;
mod clause;
mod exchange;
mod explain;
mod fix;
pub mod issue;
pub mod login;
mod narrow;
mod near;
mod nearest;
mod pinned;
mod reason;
mod survey;
mod trace;

pub(crate) use allowed::terms;
pub use bound::{Confirmation, Held};
pub(crate) use clause::holds;
pub use exchange::{Ask, Limits, exchange};
pub(crate) use exchange::{admissible, ambiguous, may_match, named_account, named_mapping};
pub use explain::{Explained, explain};
pub use narrow::{Issued, Standing, narrow, standing};
pub use pinned::FirstUse;
pub use reason::{Denial, Reason};
pub use survey::survey;
pub use trace::{ActorTrace, ClauseTrace, ClauseVerdict, MappingTrace, Near};

use std::marker::PhantomData;
use std::sync::Arc;

use accredit_id::act::Actor;
use accredit_id::time::Timestamp;

use crate::model::{Permission, Replay, Resource, Signing};

/// What policy allows. `S` says on whose word the facts were: only terms that rest on proved facts can be minted.
#[derive(Clone, Debug)]
pub struct Terms<S> {
    /// The mapping that allows it.
    pub mapping: Arc<Resource>,
    /// The service account that the workload becomes.
    pub account: Arc<Resource>,
    /// The project that owns the account.
    pub project: Arc<Resource>,
    /// The API that the token is for.
    pub api: Arc<Resource>,
    /// The token's `aud`.
    pub audience: Arc<str>,
    /// Which of the API's permissions, sorted.
    pub permissions: Vec<Permission>,
    /// The token's `iat`.
    pub issued_at: Timestamp,
    /// The token's `exp`.
    pub expires_at: Timestamp,
    /// How it is signed.
    pub signing: Signing,
    /// Whether the evidence may be shown again.
    pub replay: Replay,
    /// What the token is bound to; `None` for a bearer token.
    pub confirmation: Option<Box<Confirmation>>,
    /// Who acts for the account (`act`), the present one first; empty where nobody does. At most four.
    pub actors: Vec<Actor>,
    /// Names that are let in for the first time: to be pinned together with the record. Nearly always none.
    pub first_uses: Vec<FirstUse>,
    pub(crate) standing: PhantomData<S>,
}

impl<S> Terms<S> {
    /// How the token is shown: `DPoP` where it is bound to a key (RFC 9449 section 5), else `Bearer`.
    pub fn token_type(&self) -> &'static str {
        match self.confirmation.as_ref().is_some_and(|bound| bound.proof_key.is_some()) {
            true => "DPoP",
            false => "Bearer",
        }
    }

    /// The permissions as an OAuth scope.
    pub fn scope(&self) -> String {
        let mut scope = String::new();
        for (place, permission) in self.permissions.iter().enumerate() {
            if place > 0 {
                scope.push(' ');
            }
            scope.push_str(permission.as_str());
        }
        scope
    }
}
