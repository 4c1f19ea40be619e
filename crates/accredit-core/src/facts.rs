//! Facts: what we hold true of a subject, and on whose word.
//!
//! Facts that a verified token proves and facts that somebody typed in are two types. Both can be judged, so that a
//! question can be asked about claims that nobody has signed; only the first can be minted from (L23).
//!
//! ```compile_fail
//! use accredit_core::decide::Terms;
//! use accredit_core::facts::TypedIn;
//! fn cannot(terms: &Terms<TypedIn>) {
//!     let _ = accredit_core::mint::access_token(terms, &mint_settings(), accredit_core::model::DecisionId::new([0; 16]));
//! }
//! # fn mint_settings() -> accredit_core::mint::Issuer<'static> { accredit_core::mint::Issuer { url: "https://a.example.org", key_id: "k" } }
//! ```

use std::cell::OnceCell;
use std::marker::PhantomData;

use accredit_id::json::{Json, Object};
use accredit_id::time::Timestamp;

use crate::evidence::Evidence;
use crate::expr::EvalFault;
use crate::model::{Claim, Provider, Resource};

/// Facts that checked evidence proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proved {}

/// Facts that somebody typed in, or that stand in a token whose key is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypedIn {}

/// What is known of a subject, and of whoever acts for it. `S` says on whose word: [`Proved`] or [`TypedIn`].
pub struct Facts<'f, S> {
    provider: &'f Provider,
    raw: &'f Object<'f>,
    expires_at: Option<Timestamp>,
    derived: Vec<OnceCell<Result<String, EvalFault>>>,
    acting: Option<&'f Acting<'f, S>>,
    standing: PhantomData<S>,
}

/// Who acts for a subject (RFC 8693 section 1.1), as his own provider tells him.
pub struct Acting<'f, S> {
    /// The provider that vouches for him.
    pub provider: &'f Resource,
    /// What his own token says.
    pub facts: Facts<'f, S>,
}

/// What a clause finds under a claim's name.
pub enum Seen<'s> {
    /// No such claim, or no such attribute.
    Absent,
    /// A derived value could not be derived.
    Fault(&'s EvalFault),
    /// A derived value.
    Text(&'s str),
    /// A raw claim.
    Raw(&'s Json<'s>),
}

impl<'f> Facts<'f, Proved> {
    /// The facts of checked evidence of a provider.
    pub fn proved(provider: &'f Provider, evidence: impl Into<Evidence<'f>>) -> Self {
        let evidence = evidence.into();
        Self::new(provider, evidence.claims(), Some(evidence.expires_at()))
    }
}

impl<'f> Facts<'f, TypedIn> {
    /// Facts on nobody's word. `expires_at` is what they claim, if they do.
    pub fn typed_in(provider: &'f Provider, claims: &'f Object<'f>, expires_at: Option<Timestamp>) -> Self {
        Self::new(provider, claims, expires_at)
    }
}

impl<'f, S> Facts<'f, S> {
    fn new(provider: &'f Provider, raw: &'f Object<'f>, expires_at: Option<Timestamp>) -> Self {
        let derived = provider.attributes.iter().map(|_| OnceCell::new()).collect();
        Self { provider, raw, expires_at, derived, acting: None, standing: PhantomData }
    }

    /// The same facts, on the same word, to be judged once more: what was derived is derived anew.
    pub(crate) fn again(&self) -> Self {
        Self { acting: self.acting, ..Self::new(self.provider, self.raw, self.expires_at) }
    }

    /// The provider whose token it is.
    pub fn provider(&self) -> &'f Provider {
        self.provider
    }

    /// The token's own claims.
    pub fn raw(&self) -> &'f Object<'f> {
        self.raw
    }

    /// The same of a subject for which somebody acts. Facts that are proved take an actor who is proved.
    #[must_use]
    pub fn with_actor(self, acting: Option<&'f Acting<'f, S>>) -> Self {
        Self { acting, ..self }
    }

    /// Who acts for it.
    pub fn acting(&self) -> Option<&'f Acting<'f, S>> {
        self.acting
    }

    /// When the evidence ends.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// Looks a claim up. A derived one is computed when it is first asked for; a raw claim never answers for it.
    pub fn seen(&self, claim: &Claim) -> Seen<'_> {
        match claim {
            Claim::Raw(name) => self.raw.get(name).map_or(Seen::Absent, Seen::Raw),
            Claim::Derived(name) => self.derived(name),
        }
    }

    /// The same by the key of a `match`: `ref`, `x.namespace`.
    pub fn called(&self, key: &str) -> Seen<'_> {
        match key.strip_prefix("x.") {
            Some(name) => self.derived(name),
            None => self.raw.get(key).map_or(Seen::Absent, Seen::Raw),
        }
    }

    fn derived(&self, name: &str) -> Seen<'_> {
        let Some(place) = self.provider.attributes.iter().position(|(known, _)| **known == *name) else {
            return Seen::Absent;
        };
        let program = &self.provider.attributes[place].1;
        match self.derived[place].get_or_init(|| program.attribute(self.raw)) {
            Ok(text) => Seen::Text(text),
            Err(fault) => Seen::Fault(fault),
        }
    }
}
