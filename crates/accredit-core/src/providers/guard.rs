//! Which permanent id stands beside a reassignable name in the same token.
//!
//! A mapping that expects a name and none of its ids trusts whoever bears the name on the day. What a guard says is pinned
//! at the first use: see `decide`.

use super::{Pin, ProviderKind};
use crate::model::{Claim, Clause, Expected, Scalar};

/// How a token tells, beside a name, whose name it is at the moment.
#[derive(Debug, PartialEq, Eq)]
pub struct Guard {
    /// Where a mapping expects the whole value.
    pub whole: NamedId,
    /// Where it expects only how the value begins: what every name that begins so lies in. A new name within it is as
    /// good as the ones before, as long as it is still the same owner who gives them out.
    pub within: NamedId,
}

/// A claim that is a name, and the claim that is the permanent id of what is called so.
#[derive(Debug, PartialEq, Eq)]
pub struct NamedId {
    /// The claim with the name.
    pub name: &'static str,
    /// The claim with the id.
    pub id: &'static str,
}

impl Guard {
    /// A name that lies in no other.
    pub const fn alone(name: &'static str, id: &'static str) -> Self {
        Self { whole: NamedId { name, id }, within: NamedId { name, id } }
    }
}

/// The names that these clauses expect without any of their ids, each once.
///
/// A clause that expects exact values of an id guards every name beside it, also if it is the owner's id: names within an
/// owner are given out by him alone. What a condition or a derived attribute says is not looked into.
pub fn unguarded(clauses: &[Clause], kind: &ProviderKind) -> Vec<&'static NamedId> {
    let expects = |id: &str| {
        clauses.iter().any(|clause| {
            matches!(&clause.claim, Claim::Raw(name) if **name == *id) && clause.expected.exact().is_some()
        })
    };
    let mut found: Vec<&'static NamedId> = Vec::new();
    for clause in clauses {
        let (Claim::Raw(name), Expected::OneOf(values)) = (&clause.claim, &clause.expected) else { continue };
        let Some(guard) = kind.claim(name).and_then(|fact| fact.guard) else { continue };
        if expects(guard.whole.id) || expects(guard.within.id) {
            continue;
        }
        // A subject may hold the ids itself.
        if **name == *"sub" && values.iter().all(|value| (kind.subject.pins)(value) == Pin::Permanent) {
            continue;
        }
        let begins = |value: &Scalar| matches!(value, Scalar::Prefix(_));
        let pairs = [
            Some(&guard.whole).filter(|_| !values.iter().all(begins)),
            Some(&guard.within).filter(|_| values.iter().any(begins)),
        ];
        for pair in pairs.into_iter().flatten() {
            if !found.contains(&pair) {
                found.push(pair);
            }
        }
    }
    found
}
