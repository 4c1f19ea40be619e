//! Which records of the log are wanted, and which of them their reader may read.

use std::borrow::Cow;

use accredit_core::decide::access;
use accredit_core::model::{Kind, Name};
use accredit_core::world::World;
use serde::Deserialize;

use super::actor::Actor;

/// What must hold of a record to be listed; absent means any.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    /// `exchange-denied`, `resources-applied`, ...
    pub(super) event: Option<String>,
    /// Name or id.
    pub(super) provider: Option<String>,
    /// Name or id; also the one that was asked for.
    pub(super) service_account: Option<String>,
    /// Name or id.
    pub(super) mapping: Option<String>,
    /// The reason's code.
    pub(super) reason: Option<String>,
    /// Not before, Unix seconds.
    pub(super) from: Option<i64>,
    /// Before, Unix seconds.
    pub(super) to: Option<i64>,
    /// How many at most.
    pub(super) page_size: Option<usize>,
    /// The page before ended here.
    pub(super) page_token: Option<String>,
    /// The same two by their names on the command line.
    pub(super) limit: Option<usize>,
    pub(super) before: Option<String>,
}

/// What of a record is looked at.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Head<'r> {
    #[serde(borrow)]
    event: Cow<'r, str>,
    #[serde(default)]
    pub(super) at: Option<i64>,
    #[serde(default, borrow)]
    provider: Option<Cow<'r, str>>,
    #[serde(default, borrow)]
    provider_id: Option<Cow<'r, str>>,
    #[serde(default, borrow)]
    service_account: Option<Cow<'r, str>>,
    #[serde(default, borrow)]
    service_account_id: Option<Cow<'r, str>>,
    #[serde(default, borrow)]
    asked_service_account: Option<Cow<'r, str>>,
    #[serde(default, borrow)]
    mapping: Option<Cow<'r, str>>,
    #[serde(default, borrow)]
    mapping_id: Option<Cow<'r, str>>,
    #[serde(default, borrow)]
    reason: Option<Cow<'r, str>>,
    #[serde(default, borrow)]
    trust_domain_id: Option<Cow<'r, str>>,
    #[serde(default, borrow)]
    realm: Option<Cow<'r, str>>,
    #[serde(default)]
    detail: Option<Detail>,
}

#[derive(Debug, Deserialize)]
struct Detail {
    #[serde(default)]
    changes: Option<Vec<Change>>,
}

#[derive(Debug, Deserialize)]
struct Change {
    before: Option<Named>,
    after: Option<Named>,
}

#[derive(Debug, Deserialize)]
struct Named {
    kind: String,
    name: String,
    /// Absent where it is too large for one record.
    spec: Option<InRealm>,
}

/// Where a cluster lies, or an administrator administers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct InRealm {
    trust_domain: Option<String>,
    realm: Option<String>,
}

// === impl Filter ===

impl Filter {
    /// Whether a record is wanted.
    pub(super) fn takes(&self, head: &Head<'_>, written_at: i64) -> bool {
        let is = |wanted: &Option<String>, seen: &[&Option<Cow<'_, str>>]| {
            wanted.as_deref().is_none_or(|wanted| seen.iter().any(|seen| seen.as_deref() == Some(wanted)))
        };
        let at = head.at.unwrap_or(written_at);
        self.event.as_deref().is_none_or(|event| event == head.event)
            && is(&self.provider, &[&head.provider, &head.provider_id])
            && is(
                &self.service_account,
                &[&head.service_account, &head.service_account_id, &head.asked_service_account],
            )
            && is(&self.mapping, &[&head.mapping, &head.mapping_id])
            && is(&self.reason, &[&head.reason])
            && self.from.is_none_or(|from| at >= from)
            && self.to.is_none_or(|to| at < to)
    }
}

// === impl Head ===

impl<'r> Head<'r> {
    /// Reads the beginning of a record; `None` where it is no record of ours.
    pub(super) fn of(bytes: &'r [u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// Whether an actor may read the record: members of a project what is about it alone, and so administrators of a realm.
    pub(super) fn is_for(&self, actor: &Actor, world: &World) -> bool {
        if actor.rights.reads_everything() {
            return true;
        }
        if self.event.starts_with("exchange-") {
            // By id first: the name may have come to mean another one.
            let account = [&self.service_account_id, &self.service_account, &self.asked_service_account];
            let account = account.into_iter().flatten().next();
            return account.is_some_and(|account| actor.reads_project_of(Kind::ServiceAccount, account, world));
        }
        if self.event.starts_with("svid-") {
            return self.realm().is_some_and(|realm| actor.rights.reads_realm(realm));
        }
        let changes = self.detail.as_ref().and_then(|detail| detail.changes.as_deref()).unwrap_or_default();
        let is_own = |named: &Named| {
            let owner = named.name.parse::<Name>().ok().and_then(|name| name.project().map(str::to_owned));
            let owner = owner.or_else(|| (named.kind == Kind::Project.document()).then(|| named.name.clone()));
            let owner = owner.and_then(|owner| world.find(Kind::Project, &owner));
            owner.is_some_and(|owner| actor.rights.reads_project(owner.id)) || named.is_in_realm_of(actor, world)
        };
        let is_own = |change: &Change| {
            let mut sides = change.before.iter().chain(&change.after).peekable();
            sides.peek().is_some() && sides.all(is_own)
        };
        !changes.is_empty() && changes.iter().all(is_own)
    }

    /// The realm of the cluster that a decision is about. By id: the name of a trust domain may come to mean another one.
    fn realm(&self) -> Option<access::InRealm<'_>> {
        let trust_domain = self.trust_domain_id.as_deref()?.parse().ok()?;
        Some(access::InRealm { trust_domain, name: self.realm.as_deref()? })
    }
}

// === impl Named ===

impl Named {
    fn is_in_realm_of(&self, actor: &Actor, world: &World) -> bool {
        let has_realm = [Kind::Cluster, Kind::Administrator].map(Kind::document).contains(&self.kind.as_str());
        let Some(InRealm { trust_domain: Some(domain), realm: Some(name) }) = self.spec.as_ref().filter(|_| has_realm)
        else {
            return false;
        };
        let domain = world.find(Kind::TrustDomain, domain);
        domain.is_some_and(|domain| actor.rights.reads_realm(access::InRealm { trust_domain: domain.id, name }))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    const DENIED: &str = r#"{"event":"exchange-denied","at":100,"provider":"github","providerId":"idp_1","reason":"no-mapping-matched","askedServiceAccount":"ci/web"}"#;

    #[test]
    fn each_condition_must_hold() {
        let head = Head::of(DENIED.as_bytes()).unwrap();
        let filter = |edit: fn(&mut Filter)| {
            let mut filter = Filter::default();
            edit(&mut filter);
            filter
        };
        let yes = [
            filter(|_| {}),
            filter(|filter| filter.event = Some("exchange-denied".to_owned())),
            filter(|filter| filter.provider = Some("idp_1".to_owned())),
            filter(|filter| filter.service_account = Some("ci/web".to_owned())),
            filter(|filter| (filter.from, filter.to) = (Some(100), Some(101))),
        ];
        let no = [
            filter(|filter| filter.event = Some("exchange-allowed".to_owned())),
            filter(|filter| filter.provider = Some("git".to_owned())),
            filter(|filter| filter.mapping = Some("ci/web".to_owned())),
            filter(|filter| filter.reason = Some("expired".to_owned())),
            filter(|filter| filter.to = Some(100)),
            filter(|filter| filter.from = Some(101)),
        ];
        assert!(yes.iter().all(|filter| filter.takes(&head, 0)));
        assert!(no.iter().all(|filter| !filter.takes(&head, 0)));
    }

    /// L23: nobody without a role reads a record, and members of no project none that is about a project.
    #[test]
    fn records_keep_to_their_readers() {
        let stranger = Actor { name: "mallory".to_owned(), rights: Default::default() };
        let change = r#"{"event":"resources-applied","detail":{"changes":[{"before":null,"after":{"kind":"Mapping","name":"ci/web"}}]}}"#;
        for text in [DENIED, change, r#"{"event":"server-started","detail":{}}"#] {
            let head = Head::of(text.as_bytes()).unwrap();
            assert!(!head.is_for(&stranger, &World::default()), "{text}");
            assert!(head.is_for(&Actor::local(), &World::default()), "{text}");
        }
    }
}
