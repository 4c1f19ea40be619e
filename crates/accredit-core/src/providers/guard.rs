//! Which permanent id stands beside a reassignable name in the same token.
//!
//! A mapping that expects a name and none of its ids trusts whoever bears the name on the day. What a guard says is pinned
//! at the first use: see `decide`.

use super::Pin;
use crate::model::{Claim, Clause, Expected, Provider, Scalar};

/// How a token tells, beside a name, whose name it is at the moment.
#[derive(Debug, PartialEq, Eq)]
pub struct Guard {
    /// Where a mapping expects the whole value.
    pub whole: NamedId,
    /// Where it expects only how the value begins: what every name that begins so lies in. A new name within it is as
    /// good as the ones before, as long as it is still the same owner who gives them out. `None` where no id tells the owner.
    pub within: Option<NamedId>,
}

/// A claim that is a name, and the claim that is the permanent id of what is called so. Each may be an attribute, as `x.NAME`.
#[derive(Debug, PartialEq, Eq)]
pub struct NamedId {
    /// The claim with the name.
    pub name: &'static str,
    /// The claim with the id.
    pub id: &'static str,
}

impl Guard {
    /// A name that lies in no other; each that begins as expected has an id of its own.
    pub const fn alone(name: &'static str, id: &'static str) -> Self {
        Self { whole: NamedId { name, id }, within: Some(NamedId { name, id }) }
    }

    /// A name that lies in no other, and says nothing of those that begin like it.
    pub const fn exact(name: &'static str, id: &'static str) -> Self {
        Self { whole: NamedId { name, id }, within: None }
    }

    /// The pairs of name and id.
    pub fn pairs(&self) -> impl Iterator<Item = &NamedId> {
        std::iter::once(&self.whole).chain(&self.within)
    }
}

/// The names that these clauses expect without any of their ids, each once.
///
/// A clause that expects exact values of an id guards every name beside it, also if it is the owner's id: names within an
/// owner are given out by him alone. What a condition says is not looked into.
pub fn unguarded(clauses: &[Clause], provider: &Provider) -> Vec<&'static NamedId> {
    let expects =
        |id: &str| clauses.iter().any(|clause| clause.claim.is_called(id) && clause.expected.exact().is_some());
    let mut found: Vec<&'static NamedId> = Vec::new();
    for clause in clauses {
        let Expected::OneOf(values) = &clause.expected else { continue };
        for Guarded { guard, is_whole } in guards(&clause.claim, provider) {
            // A subject may hold the ids itself.
            let holds_ids = clause.claim.is_called("sub")
                && values.iter().all(|value| (provider.kind.subject.pins)(value) == Pin::Permanent);
            if holds_ids || guard.pairs().any(|pair| expects(pair.id)) {
                continue;
            }
            let begins = |value: &Scalar| !is_whole || matches!(value, Scalar::Prefix(_));
            let pairs = [
                Some(&guard.whole).filter(|_| !values.iter().all(begins)),
                guard.within.as_ref().filter(|_| values.iter().any(begins)),
            ];
            for pair in pairs.into_iter().flatten() {
                if !found.contains(&pair) {
                    found.push(pair);
                }
            }
        }
    }
    found
}

/// Whether a claim leads to the name of a pin: it is a part of it, or holds it.
pub(crate) fn leads_to(claim: &Claim, provider: &Provider, name: &str) -> bool {
    guards(claim, provider).iter().any(|guarded| guarded.guard.pairs().any(|pair| *pair.name == *name))
}

/// A guard of what a clause reads.
struct Guarded {
    guard: &'static Guard,
    /// Whether it reads the name as it is, and not what is computed from it.
    is_whole: bool,
}

/// The guard of a claim or of an attribute of the kind; of an attribute of the provider's own, those of what it is computed
/// from.
fn guards(claim: &Claim, provider: &Provider) -> Vec<Guarded> {
    let of_claim = |name: &str| provider.kind.claim(name).and_then(|fact| fact.guard);
    match claim {
        Claim::Raw(name) => of_claim(name).map(|guard| Guarded { guard, is_whole: true }).into_iter().collect(),
        Claim::Derived(name) => match provider.kind.attribute(name) {
            Some(fact) => fact.guard.map(|guard| Guarded { guard, is_whole: true }).into_iter().collect(),
            None => {
                let Some((_, program)) = provider.attributes.iter().find(|(known, _)| known == name) else {
                    return Vec::new();
                };
                let guarded = |claim: &String| {
                    let guard = of_claim(claim)?;
                    Some(Guarded { guard, is_whole: program.source().trim() == format!("assertion.{claim}") })
                };
                program.claims().iter().filter_map(guarded).collect()
            }
        },
    }
}
