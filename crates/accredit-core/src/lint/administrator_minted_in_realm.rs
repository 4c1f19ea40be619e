//! An administrator that SVIDs of a realm can be: whoever administers the realm writes who gets them, and so may become more than he
//! is (K10, L19).

use super::{Check, Finding, Rule, Severity};
use crate::model::{AdminRole, Administrator, Claim, Expected, Kind, Realm, Resource, Scalar};
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "administrator-minted-in-realm",
    sentence: "an administrator could be an SVID of a realm, and whoever administers the realm gives those",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some(administrator) = resource.as_administrator() else { return Vec::new() };
    let issued_by = world.by_id(administrator.provider).and_then(|provider| provider.as_provider()?.keys_of);
    let Some(domain) = issued_by.filter(|id| id.kind() == Kind::TrustDomain) else { return Vec::new() };
    let Some(domain_name) = world.by_id(domain).and_then(|domain| domain.as_trust_domain()) else { return Vec::new() };
    let gives = |other: &Resource| -> Option<Realm> {
        let giver = other.as_administrator().filter(|giver| giver.role == AdminRole::RealmAdmin && other.enabled)?;
        giver.realm.clone().filter(|realm| realm.trust_domain == domain)
    };
    let mut realms: Vec<Realm> = world.referrers(domain).filter_map(|other| gives(other)).collect();
    realms.sort();
    realms.dedup();
    let could_be = |realm: &&Realm| {
        let below = Scalar::Prefix(format!("spiffe://{}/{}/", domain_name.name, realm.name).into());
        // Who is no more than the realm's own becomes nothing by it.
        administrator.realm.as_ref() != Some(*realm) && takes_subject(administrator, &below)
    };
    let finding = |realm: &Realm| {
        let message = format!(
            "an SVID of realm `{}` may match administrator `{}`, and whoever administers that realm says who gets it",
            realm.name, resource.name
        );
        Finding::new("spec.match", message).fix("match a `sub` that lies in no such realm")
    };
    realms.iter().find(could_be).map(finding).into_iter().collect()
}

/// Whether some subject that begins so is taken: no clause about it rules all of them out.
fn takes_subject(administrator: &Administrator, below: &Scalar) -> bool {
    administrator.clauses.iter().all(|clause| match (&clause.claim, &clause.expected) {
        (Claim::Raw(name), Expected::OneOf(values)) if &**name == "sub" => {
            values.iter().any(|value| value.meets(below))
        }
        _ => true,
    })
}
