//! What is known of each kind of identity provider: a file each, a row of equals.
//!
//! A kind is a value, not a trait: the claims it sends and which of them can be reassigned, which claims say whose
//! tenant a token belongs to, how its subjects are written, what is dangerous about it. To add one, write its file and
//! extend [`KINDS`]; the vectors in `vectors/providers/NAME/` and the page `docs/providers/NAME.md` prove it.

pub mod aws;
pub mod aws_signed;
pub mod azure;
pub mod bitbucket;
pub mod buildkite;
mod by_issuer;
pub mod circleci;
pub mod fly;
pub mod gcp;
pub mod github;
pub mod gitlab;
pub mod google;
mod guard;
pub mod kubernetes;
mod listed;
pub mod modal;
pub mod oidc;
pub mod spiffe;
mod starter;
mod tenancy;
pub mod terraform_cloud;
pub mod vercel;

use std::time::Duration;

use accredit_id::jose::Algorithms;

pub use by_issuer::kind_of_issuer;
pub(crate) use guard::leads_to;
pub use guard::{Guard, NamedId, unguarded};
pub use listed::{is_listed, matched};
pub use starter::{Goal, Starter};
pub use tenancy::{SHARED_ISSUERS, SharedIssuer, Tenancy, tenancy_of};

use crate::model::{Claim, Scalar};

/// Every kind.
pub static KINDS: &[&ProviderKind] = &[
    &aws::AWS,
    &azure::AZURE,
    &bitbucket::BITBUCKET,
    &buildkite::BUILDKITE,
    &circleci::CIRCLECI,
    &fly::FLY,
    &gcp::GCP,
    &github::GITHUB,
    &gitlab::GITLAB,
    &google::GOOGLE,
    &kubernetes::KUBERNETES,
    &modal::MODAL,
    &oidc::OIDC,
    &spiffe::SPIFFE,
    &terraform_cloud::TERRAFORM_CLOUD,
    &vercel::VERCEL,
];

/// What is known of a kind of identity provider.
#[derive(Debug)]
pub struct ProviderKind {
    /// What documents call it.
    pub name: &'static str,
    /// What it is, in one sentence.
    pub sentence: &'static str,
    /// The issuer of its public service, when nearly everybody means that one.
    pub default_issuer: Option<&'static str>,
    /// What issuers look like where each customer has another one; empty where nothing can be said.
    pub issuer_form: &'static str,
    /// The audiences of its tokens where the platform lets nobody choose; empty: the server's public URL.
    pub default_audiences: &'static [&'static str],
    /// The claims that it sends.
    pub claims: &'static [ClaimFact],
    /// Values inside of nested claims, which every provider of the kind derives.
    pub attributes: &'static [AttributeFact],
    /// Claims that mappings are found by, the most selective first.
    pub anchors: &'static [&'static str],
    /// Claims, and attributes as `x.NAME`, of which a mapping must pin one, because tenants share the issuer; permanent
    /// ones first. Empty: not shared.
    pub tenancy: &'static [&'static str],
    /// How a person is told to pin one of them.
    pub pinning: Pinning,
    /// What narrows a first mapping beside the claims of tenancy.
    pub narrow: &'static [&'static str],
    /// How `sub` is written.
    pub subject: SubjectGrammar,
    /// How long its tokens may live (`exp - iat`) unless a provider says otherwise.
    pub max_token_lifetime: Duration,
    /// Signature algorithms accepted unless a provider says otherwise.
    pub algorithms: Algorithms,
    /// Whether `iss` and `iat` may be missing: SPIFFE requires neither (JWT-SVID section 3).
    pub spiffe: bool,
    /// Whether its platform hands the same token out more than once.
    pub caches: Caches,
    /// What one should know before trusting it, a sentence each.
    pub dangers: &'static [&'static str],
}

/// Whether a platform hands the same token out more than once, so that `replay: once` would refuse honest callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caches {
    /// Each request makes a new token.
    Never,
    /// A job has one token for all its steps, or a client keeps what it has: it depends on them.
    Sometimes,
    /// Whoever asks gets the same token until it is nearly over.
    Always,
}

/// What is known of one claim.
#[derive(Debug)]
pub struct ClaimFact {
    /// Its name.
    pub name: &'static str,
    /// Whether its value can come to mean somebody else.
    pub standing: Standing,
    /// Whether the audit log keeps its value.
    pub audited: bool,
    /// What type it has.
    pub shape: Shape,
    /// Which permanent id in the same token says whose name it is, where it is a name and there is such an id.
    pub guard: Option<&'static Guard>,
    /// How many segments, with slashes between them, it always has, where that is certain: a path may then hold it anywhere.
    pub segments: Option<u8>,
}

/// What is known of a value that the kind derives; mappings match it as `x.NAME`.
#[derive(Debug)]
pub struct AttributeFact {
    /// Its name. No provider of the kind can derive another value of this name.
    pub name: &'static str,
    /// Whether its value can come to mean somebody else.
    pub standing: Standing,
    /// A CEL expression over `assertion`.
    pub expression: &'static str,
    /// Which permanent id in the same token says whose name it is, where it is a name and there is such an id.
    pub guard: Option<&'static Guard>,
}

/// How a person is told to pin whose token is meant.
#[derive(Clone, Copy, Debug)]
pub struct Pinning {
    /// What a mapping leaves open that pins nothing, e.g. `who owns the repository`.
    pub whose: &'static str,
    /// What to add to such a mapping.
    pub add: &'static str,
    /// How to replace a name by a permanent id.
    pub by_id: &'static str,
}

/// Whether a claim's value can come to mean somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Whoever starts the job chooses it: a branch, an environment. Never enough by itself.
    Chosen,
    /// A name: it can be given up and taken by somebody else.
    Reassignable,
    /// An id that is never used again.
    Permanent,
    /// A fact about the run that identifies nobody: its event, its runner.
    Circumstance,
}

/// The type of a claim's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Anything.
    Any,
    /// A string, also where it holds digits or `true`.
    Text,
}

/// How a kind writes `sub`.
#[derive(Clone, Copy, Debug)]
pub struct SubjectGrammar {
    /// The formats in use, e.g. `classic`; a subject that fits none is an alarm.
    pub formats: &'static [SubjectFormat],
    /// How firmly an expected `sub` pins the tenant.
    pub pins: fn(&Scalar) -> Pin,
    /// A subject, or what one begins with, without the ids in it, so that formats with and without them can be compared;
    /// `None` where it is not written in names.
    pub without_ids: fn(&str) -> Option<String>,
}

/// One way to write `sub`.
#[derive(Clone, Copy, Debug)]
pub struct SubjectFormat {
    /// Its name, as people call it.
    pub name: &'static str,
    /// Whether a subject is written so.
    pub fits: fn(&str) -> bool,
}

/// How firmly an expected value pins whose token it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pin {
    /// Not at all: another tenant could show it.
    Open,
    /// By a name, which can be reassigned.
    ByName,
    /// By a permanent id.
    Permanent,
}

impl ClaimFact {
    /// The same claim, its name guarded.
    const fn guarded(self, guard: &'static Guard) -> Self {
        Self { guard: Some(guard), ..self }
    }

    /// The same claim, whose value always has so many segments.
    const fn of_segments(self, segments: u8) -> Self {
        Self { segments: Some(segments), ..self }
    }
}

impl AttributeFact {
    /// The same value, its name guarded.
    const fn guarded(self, guard: &'static Guard) -> Self {
        Self { guard: Some(guard), ..self }
    }
}

impl ProviderKind {
    /// Finds a kind by name.
    pub fn named(name: &str) -> Option<&'static ProviderKind> {
        KINDS.iter().copied().find(|kind| kind.name == name)
    }

    /// What is known of a claim.
    pub fn claim(&self, name: &str) -> Option<&'static ClaimFact> {
        self.claims.iter().find(|fact| fact.name == name)
    }

    /// What is known of a value that it derives.
    pub fn attribute(&self, name: &str) -> Option<&'static AttributeFact> {
        self.attributes.iter().find(|fact| fact.name == name)
    }

    /// The standing of what a clause reads.
    pub fn standing(&self, claim: &Claim) -> Option<Standing> {
        match claim {
            Claim::Raw(name) => self.claim(name).map(|fact| fact.standing),
            Claim::Derived(name) => self.attribute(name).map(|fact| fact.standing),
        }
    }

    /// The name of the format that a subject is written in.
    pub fn subject_format(&self, subject: &str) -> Option<&'static str> {
        self.subject.formats.iter().find(|format| (format.fits)(subject)).map(|format| format.name)
    }
}

const fn claim(name: &'static str, standing: Standing, shape: Shape) -> ClaimFact {
    ClaimFact { name, standing, audited: true, shape, guard: None, segments: None }
}

/// A claim whose value the audit log leaves out: it may say more of people than a record needs.
const fn unrecorded(name: &'static str, standing: Standing, shape: Shape) -> ClaimFact {
    ClaimFact { name, standing, audited: false, shape, guard: None, segments: None }
}

const fn attribute(name: &'static str, standing: Standing, expression: &'static str) -> AttributeFact {
    AttributeFact { name, standing, expression, guard: None }
}

#[cfg(test)]
#[expect(clippy::panic, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    /// A starter, a page and a linter rely on what the kinds' own expressions mean.
    #[test]
    fn attributes_compile_and_do_not_hide_each_other() {
        for kind in KINDS {
            for (place, fact) in kind.attributes.iter().enumerate() {
                assert!(kind.attributes[..place].iter().all(|other| other.name != fact.name), "{} twice", fact.name);
                crate::expr::Program::compile(fact.expression).unwrap_or_else(|fault| panic!("{}: {fault}", fact.name));
            }
        }
    }

    #[test]
    fn kinds_are_told_apart_and_know_their_own_claims() {
        for (place, kind) in KINDS.iter().enumerate() {
            assert!(KINDS[..place].iter().all(|other| other.name != kind.name), "{} twice", kind.name);
            assert!(!kind.dangers.is_empty(), "{} has no dangers", kind.name);
            for name in kind.tenancy {
                assert!(kind.standing(&Claim::named(name)).is_some(), "{}: {name} is not among its claims", kind.name);
            }
            let of_claims = kind.claims.iter().filter_map(|fact| fact.guard);
            for guard in of_claims.chain(kind.attributes.iter().filter_map(|fact| fact.guard)) {
                for NamedId { name, id } in guard.pairs() {
                    let standing = |name: &str| kind.standing(&Claim::named(name));
                    assert!(standing(name).is_some(), "{}: {name} is not among its claims", kind.name);
                    assert_eq!(standing(id), Some(Standing::Permanent), "{}: {id} guards a name", kind.name);
                }
            }
        }
    }
}
