//! Which claims somebody listed, so that one that nobody did can be told.

use std::collections::HashSet;

use super::ProviderKind;
use crate::expr::Program;
use crate::model::{Claim, Id, Provider};
use crate::world::World;

impl ProviderKind {
    /// Whether it is known how its issuer's tokens look. Where not, what they show at first is taken for what is usual.
    pub fn knows_its_tokens(&self) -> bool {
        !self.subject.formats.is_empty()
    }
}

/// Whether a provider says that its tokens bear this claim: by its kind, its `audit` list or an attribute.
pub fn is_listed(provider: &Provider, claim: &str) -> bool {
    provider.kind.claim(claim).is_some()
        || provider.audit.iter().any(|name| name == claim)
        || provider.attributes.iter().any(|(_, program)| reads(program, claim))
}

/// Which of these claims a mapping of the provider reads. Looks at every mapping: ask once, and remember.
pub fn matched<'n>(world: &World, provider: Id, claims: &[&'n str]) -> Vec<&'n str> {
    let mut unread = claims.to_vec();
    let mut read = Vec::new();
    // A hundred thousand mappings have a handful of conditions between them.
    let mut conditions = HashSet::new();
    for mapping in world.mappings_of(provider).filter_map(|resource| resource.as_mapping()) {
        if unread.is_empty() {
            break;
        }
        let condition = mapping.condition.as_deref().filter(|condition| conditions.insert(condition.source()));
        let of_condition = condition.map(Program::claims).unwrap_or_default();
        unread.retain(|claim| {
            let is_named = |named: &Claim| matches!(named, Claim::Raw(name) if **name == **claim);
            let is_read = mapping.clauses.iter().any(|clause| is_named(&clause.claim))
                || of_condition.iter().any(|name| name == claim);
            read.extend(is_read.then_some(*claim));
            !is_read
        });
    }
    read
}

/// Whether a program's text names a claim. One that searches all of them names none.
fn reads(program: &Program, claim: &str) -> bool {
    program.claims().iter().any(|name| name == claim)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    /// F05: names are compared whole, whatever stands in them.
    #[test]
    fn a_program_names_what_it_reads() {
        let source =
            "assertion.ref == 'x' && assertion['kubernetes.io'].namespace == 'y' && assertion.groups[0] == 'z'";
        let program = Program::compile(source).unwrap();
        for (claim, is_read) in [
            ("ref", true),
            ("re", false),
            ("ref_type", false),
            ("kubernetes.io", true),
            ("kubernetes", false),
            ("namespace", false),
            ("groups", true),
            ("", false),
        ] {
            assert_eq!(reads(&program, claim), is_read, "{claim}");
        }
        assert!(!reads(&Program::compile("size(assertion) > 3").unwrap(), "ref"));
    }
}
