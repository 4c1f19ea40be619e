//! Which first-use pins a change leaves without a name to guard.

use std::sync::Arc;

use crate::model::Resource;
use crate::world::World;
use crate::world::pins::PinKey;

/// The pins of deleted mappings, and those whose names changed mappings no longer expect.
pub(super) fn outdated(before: &World, next: &World, puts: &[Arc<Resource>], deletes: &[Arc<Resource>]) -> Vec<PinKey> {
    let mut keys = Vec::new();
    for gone in deletes {
        if let Some(old) = gone.as_mapping() {
            keys.extend(before.pins.outdated(gone.id, old, None));
        }
    }
    for put in puts {
        let old = before.by_id(put.id).and_then(|old| old.as_mapping());
        if let (Some(old), Some(new)) = (old, put.as_mapping()) {
            let provider = next.by_id(new.provider).and_then(|provider| provider.as_provider());
            keys.extend(before.pins.outdated(put.id, old, provider.map(|provider| (new, provider))));
        }
    }
    keys
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use accredit_id::time::Timestamp;

    use super::*;
    use crate::model::{DecisionId, Document, Kind, yaml};
    use crate::plan::{self, Context};
    use crate::world::pins::NamePin;

    const CONTEXT: Context<'_> =
        Context { public_url: "https://a.example.org", reserved: &[], plain_http: false, now: Timestamp::from_unix(0) };

    fn documents(matches: &str, provider: &str) -> Vec<Document> {
        let text = format!(
            "kind: Project\nname: ci\n---\nkind: Provider\nname: github\nspec: {{type: github, attributes: {{repo: assertion.repository}}}}\n\
             ---\nkind: Provider\nname: other\nspec: {{type: github, issuer: https://ghes.example.org}}\n\
             ---\nkind: ServiceAccount\nname: ci/web\n\
             ---\nkind: Mapping\nname: ci/web\nspec: {{provider: {provider}, serviceAccount: ci/web, match: {matches}}}\n"
        );
        yaml::parse("t", &text).unwrap().into_iter().map(|located| located.document).collect()
    }

    /// A world with a mapping that has these names pinned, a claim and a name each.
    fn pinned(matches: &str, names: &[(&str, &str)]) -> World {
        let mut number = 0u128;
        let mut random = || {
            number += 1;
            number.to_be_bytes()
        };
        let plan = plan::apply(&World::default(), &documents(matches, "github"), false, &CONTEXT, &mut random).unwrap();
        let mut world = plan.next;
        let mapping = world.find(Kind::Mapping, "ci/web").unwrap().id;
        for (claim, name) in names {
            let id_claim = format!("{claim}_id").into();
            let (decision, at) = (DecisionId::new([1; 16]), Timestamp::from_unix(1));
            let pin = NamePin { claim: (*claim).into(), name: (*name).into(), id_claim, id: "1".into(), decision, at };
            world.pins.put(mapping, pin);
        }
        world
    }

    fn left(world: &World) -> Vec<(String, String)> {
        let Some(mapping) = world.find(Kind::Mapping, "ci/web") else { return Vec::new() };
        world.pins.of(mapping.id).iter().map(|pin| (pin.claim.to_string(), pin.name.to_string())).collect()
    }

    /// F14: a pin lives as long as the mapping expects its name, whatever else of it changes.
    #[test]
    fn pins_stay_while_their_names_are_expected() {
        let web = ("repository", "acme/web");
        let shop = ("repository", "acme/shop");
        let owner = ("repository_owner", "acme");
        for (was, pins, is, provider, stays) in [
            ("{repository: acme/web}", vec![web], "{repository: acme/web}", "github", vec![web]),
            ("{repository: acme/web}", vec![web], "{repository: acme/web, ref: refs/heads/main}", "github", vec![web]),
            ("{repository: [acme/web, acme/shop]}", vec![web, shop], "{repository: acme/web}", "github", vec![web]),
            ("{repository: acme/web}", vec![web], "{repository: [acme/shop, acme/web]}", "github", vec![web]),
            ("{repository: acme/web}", vec![web], "{repository: Acme/web}", "github", vec![]),
            ("{repository: acme/web}", vec![web], "{repository: acme/web, repository_id: '1'}", "github", vec![]),
            ("{repository: acme/web}", vec![web], "{repository_owner: acme}", "github", vec![]),
            ("{repository: acme/web}", vec![web], "{repository: acme/web}", "other", vec![]),
            ("{repository: acme/*}", vec![owner], "{repository: acme/*, ref: x}", "github", vec![owner]),
            ("{repository: acme/*}", vec![owner], "{repository: acme-labs/*}", "github", vec![]),
            ("{repository: acme/*}", vec![owner], "{repository_owner: acme}", "github", vec![owner]),
            ("{sub: 'repo:acme/web:x'}", vec![web], "{sub: 'repo:acme/web:x', ref: x}", "github", vec![web]),
            ("{sub: 'repo:acme/web:x'}", vec![web], "{sub: 'repo:acme/web:y'}", "github", vec![]),
            ("{enterprise: e, x.repo: acme/web}", vec![web], "{enterprise: f, x.repo: acme/web}", "github", vec![web]),
            ("{enterprise: e, x.repo: acme/web}", vec![web], "{enterprise: e, x.repo: acme/api}", "github", vec![]),
            ("{enterprise: e, x.repo: acme/web}", vec![web], "{repository: acme/web}", "github", vec![web]),
        ] {
            let before = pinned(was, &pins);
            let plan = plan::apply(&before, &documents(is, provider), false, &CONTEXT, &mut || [9; 16]).unwrap();
            let stays: Vec<_> = stays.iter().map(|(claim, name)| ((*claim).to_owned(), (*name).to_owned())).collect();
            assert_eq!(left(&plan.next), stays, "{was} became {is} of {provider}");
            assert_eq!(plan.unpinned.len(), pins.len() - stays.len(), "{was} became {is} of {provider}");
        }
    }

    #[test]
    fn pins_outlive_being_disabled_and_go_with_their_mapping() {
        let before = pinned("{repository: acme/web}", &[("repository", "acme/web")]);
        let disabled = plan::set_enabled(&before, Kind::Mapping, "ci/web", false, &CONTEXT).unwrap();
        assert_eq!((left(&disabled.next).len(), disabled.unpinned.len()), (1, 0));
        let deleted = plan::delete(&before, Kind::Mapping, "ci/web", &CONTEXT).unwrap();
        let mapping = before.find(Kind::Mapping, "ci/web").unwrap().id;
        assert_eq!((deleted.next.pins.of(mapping).len(), deleted.unpinned.len()), (0, 1));
    }
}
