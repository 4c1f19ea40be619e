//! Everything that is in force at one moment, as an immutable value.
//!
//! A [`World`] is cloned by copying pointers and changed shard by shard, so that one more mapping among 100,000 costs
//! one shard. It answers the questions of the road and of whoever writes resources, and no others.

mod index;
pub mod pins;
mod shards;

use std::collections::BTreeMap;
use std::sync::Arc;

use accredit_id::json::Object;
use smallvec::SmallVec;

use crate::expr::Program;
use crate::model::{AllowedIssuer, Clause, Cluster, Expected, Given, Id, Kind, Mapping, Permission, Resource};
use index::{Anchor, AnchorKey};
use shards::{Keyed, Roll, Shards};

/// The resources in force, and the indexes over them.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// The store's sequence that this world shows.
    pub sequence: i64,
    resources: Roll<ById>,
    names: Roll<ByName>,
    /// API by audience.
    audiences: Shards<Box<str>, Id>,
    /// Providers by issuer.
    issuers: Shards<Box<str>, Ids>,
    /// Clusters by the issuers whose tokens attest jobs there.
    attesting: Shards<Box<str>, Ids>,
    /// Our trust domains by their names.
    trust_domains: Shards<Box<str>, Id>,
    /// Resources of the kinds that a server goes through by itself, again and again: no world is searched for them.
    called: Shards<Kind, Ids>,
    /// Mappings by (provider, anchor claim, value).
    anchors: Shards<AnchorKey, Targets>,
    /// Anchor claims of a provider's mappings, with how many use each.
    anchor_claims: Shards<Id, Arc<BTreeMap<Box<str>, usize>>>,
    /// Mappings without an anchor, by provider.
    loose: Shards<Id, Targets>,
    /// All mappings from a provider to a service account.
    routes: Shards<(Id, Id), Ids>,
    /// Grants to a service account.
    grants: Shards<Id, SmallVec<[Arc<Resource>; 1]>>,
    /// Administrators by provider.
    administrators: Shards<Id, Ids>,
    /// Who refers to a resource.
    referrers: Shards<Id, Ids>,
    /// Compiled expressions by source, with how many resources use each: 100,000 mappings may share one condition.
    programs: Shards<Box<str>, SharedProgram>,
    /// Claim and permission names, for the same reason.
    words: Shards<Arc<str>, usize>,
    /// What names were pinned to at their first use.
    pub pins: pins::Pins,
}

/// A compiled expression and how many resources use it.
#[derive(Clone, Debug, Default)]
struct SharedProgram {
    program: Option<Arc<Program>>,
    users: usize,
}

/// A resource, found by its id.
#[derive(Clone, Debug)]
struct ById(Arc<Resource>);

/// A resource, found by its kind and name.
#[derive(Clone, Debug)]
struct ByName(Arc<Resource>);

/// A mapping and the service account that it leads to.
#[derive(Clone, Debug)]
struct Target {
    account: Id,
    mapping: Arc<Resource>,
}

/// Most lists stay at one entry, which then lies in the index itself.
type Ids = SmallVec<[Id; 1]>;
type Targets = SmallVec<[Target; 1]>;

/// What a service account may do on one API.
#[derive(Clone, Debug)]
pub struct Reach<'w> {
    /// The API's resource.
    pub api: &'w Arc<Resource>,
    /// Its permissions, sorted, each once.
    pub permissions: Vec<Permission>,
}

impl World {
    /// An empty world at a sequence of the store.
    pub fn at(sequence: i64) -> Self {
        Self { sequence, ..Self::default() }
    }

    /// A resource by id.
    pub fn by_id(&self, id: Id) -> Option<&Arc<Resource>> {
        self.resources.get(id).map(|found| &found.0)
    }

    /// A resource of a kind by its name, or by the text of its id.
    pub fn find(&self, kind: Kind, text: &str) -> Option<&Arc<Resource>> {
        if let Ok(id) = text.parse::<Id>() {
            return self.by_id(id).filter(|resource| resource.kind() == kind);
        }
        self.names.get((kind, text)).map(|found| &found.0)
    }

    /// The compiled form of an expression that a resource uses already.
    pub fn program(&self, source: &str) -> Option<Arc<Program>> {
        self.programs.get(source)?.program.clone()
    }

    /// A claim or permission name, in the copy that is kept already when there is one.
    pub fn word(&self, text: &str) -> Arc<str> {
        self.words.key(text).cloned().unwrap_or_else(|| text.into())
    }

    /// The API with this audience.
    pub fn api_of_audience(&self, audience: &str) -> Option<&Arc<Resource>> {
        self.by_id(*self.audiences.get(audience)?)
    }

    /// The trust domain of ours with this name.
    pub fn trust_domain(&self, name: &str) -> Option<&Arc<Resource>> {
        self.by_id(*self.trust_domains.get(name)?)
    }

    /// The providers with this issuer.
    pub fn providers_of_issuer(&self, issuer: &str) -> impl Iterator<Item = &Arc<Resource>> {
        self.issuers.get(issuer).into_iter().flatten().filter_map(|id| self.by_id(*id))
    }

    /// The clusters where tokens of this issuer attest jobs, or would.
    pub fn clusters_of_issuer(&self, issuer: &str) -> impl Iterator<Item = &Arc<Resource>> {
        self.attesting.get(issuer).into_iter().flatten().filter_map(|id| self.by_id(*id))
    }

    /// The entries of a cluster that may take a token of this issuer: those of disabled profiles do not.
    pub fn allowed_issuers<'c>(&self, cluster: &'c Cluster, issuer: &str) -> impl Iterator<Item = &'c AllowedIssuer> {
        let counts = |entry: &&AllowedIssuer| entry.profile.is_none_or(|profile| self.enabled(profile).is_some());
        cluster.attestation.jwt.of_issuer(issuer).filter(counts)
    }

    /// The mappings that a token could match, by their anchors, and those without one; to one service account or to any.
    ///
    /// INVARIANT: a mapping that matches is always among them. `raw` is what the token claims.
    pub fn candidates<'w>(
        &'w self,
        provider: Id,
        account: Option<Id>,
        raw: &Object<'_>,
        each: &mut dyn FnMut(&'w Arc<Resource>),
    ) {
        let mut offer = |targets: &'w Targets| {
            let to_account = |target: &&Target| account.is_none_or(|account| target.account == account);
            targets.iter().filter(to_account).for_each(|target| each(&target.mapping));
        };
        if let Some(claims) = self.anchor_claims.get(&provider) {
            for claim in claims.keys() {
                let Some(value) = raw.get(claim).and_then(Anchor::claimed) else { continue };
                if let Some(targets) = self.anchors.get(&AnchorKey::new(provider, claim, value)) {
                    offer(targets);
                }
            }
        }
        if let Some(targets) = self.loose.get(&provider) {
            offer(targets);
        }
    }

    /// The claims by which a provider's mappings are found.
    pub fn anchor_claims(&self, provider: Id) -> impl Iterator<Item = &str> {
        self.anchor_claims.get(&provider).into_iter().flat_map(|claims| claims.keys().map(|claim| &**claim))
    }

    /// How many mappings without an anchor lead from a provider to a service account.
    pub fn loose_count(&self, provider: Id, account: Id) -> usize {
        self.loose.get(&provider).map_or(0, |targets| targets.iter().filter(|target| target.account == account).count())
    }

    /// Whether a provider's mappings may be found by this claim: each kind of anchor costs a look-up for every token.
    pub fn has_room_for_anchor(&self, provider: Id, claim: &str) -> bool {
        self.anchor_claims
            .get(&provider)
            .is_none_or(|claims| claims.contains_key(claim) || claims.len() < MAX_ANCHOR_CLAIMS)
    }

    /// All mappings from a provider to a service account.
    pub fn route(&self, provider: Id, account: Id) -> impl Iterator<Item = &Arc<Resource>> {
        self.routes.get(&(provider, account)).into_iter().flatten().filter_map(|id| self.by_id(*id))
    }

    /// All mappings of a provider, in no order. Those of which it vouches for the actors alone are none.
    pub fn mappings_of(&self, provider: Id) -> impl Iterator<Item = &Arc<Resource>> {
        let is_its =
            move |resource: &&Arc<Resource>| resource.as_mapping().is_some_and(|mapping| mapping.provider == provider);
        self.referrers(provider).filter(is_its)
    }

    /// The administrators whom a provider tells, in no order.
    pub fn administrators_of(&self, provider: Id) -> impl Iterator<Item = &Arc<Resource>> {
        self.administrators.get(&provider).into_iter().flatten().filter_map(|id| self.by_id(*id))
    }

    /// Whether there is any administrator, enabled or not.
    pub fn has_administrators(&self) -> bool {
        self.administrators.len() > 0
    }

    /// The mappings from the same provider to the same account. Where there are more than can be looked at, those that
    /// share an anchor value with this one, or have none.
    pub fn neighbours<'w>(&'w self, mapping: &Mapping) -> Vec<&'w Arc<Resource>> {
        let route = self.routes.get(&(mapping.provider, mapping.account)).map_or(0, |ids| ids.len());
        let Some(place) = mapping.anchor.filter(|_| route > MAX_NEIGHBOURS) else {
            return self.route(mapping.provider, mapping.account).take(MAX_NEIGHBOURS).collect();
        };
        let to_account = |target: &&Target| target.account == mapping.account;
        self.findable_with(mapping.provider, Some(&mapping.clauses[place]), to_account)
    }

    /// The mappings of the same provider that a token of this one may match, whatever account they lead to: those that share
    /// an anchor value with it, or have no anchor; at most as many as can be looked at.
    pub fn rivals<'w>(&'w self, mapping: &Mapping) -> Vec<&'w Arc<Resource>> {
        let anchor = mapping.anchor.and_then(|place| mapping.clauses.get(place));
        self.findable_with(mapping.provider, anchor, |_| true)
    }

    /// The mappings of a provider that share an anchor value with a clause, and those without an anchor.
    fn findable_with<'w>(
        &'w self,
        provider: Id,
        anchor: Option<&Clause>,
        wanted: impl Fn(&&'w Target) -> bool,
    ) -> Vec<&'w Arc<Resource>> {
        let anchored = anchor.into_iter().flat_map(|clause| anchor_keys(provider, clause));
        let lists = anchored.filter_map(|key| self.anchors.get(&key)).chain(self.loose.get(&provider));
        let targets = lists.flat_map(|targets| targets.iter().filter(|target| wanted(target)).take(MAX_NEIGHBOURS));
        let mut found: Vec<&Arc<Resource>> = targets.map(|target| &target.mapping).collect();
        found.sort_unstable_by_key(|mapping| mapping.id);
        found.dedup_by_key(|mapping| mapping.id);
        found.truncate(MAX_NEIGHBOURS);
        found
    }

    /// What a service account may do: the union of the enabled grants to it, by API, in the order of the APIs' names.
    pub fn reach(&self, account: Id) -> Vec<Reach<'_>> {
        let mut reach: Vec<Reach<'_>> = Vec::new();
        for grant in self.grants.get(&account).into_iter().flatten().filter(|grant| self.counts(grant)) {
            let Some(grant) = grant.as_grant() else { continue };
            let Some(api) = self.enabled(grant.api) else { continue };
            let given: &[Permission] = match &grant.given {
                Given::Permissions(permissions) => permissions,
                Given::Role(role) => match self.enabled(*role).and_then(|role| role.as_role()) {
                    Some(role) => &role.permissions,
                    None => continue,
                },
            };
            match reach.iter_mut().find(|reach| reach.api.id == api.id) {
                Some(reach) => reach.permissions.extend(given.iter().cloned()),
                None => reach.push(Reach { api, permissions: given.to_vec() }),
            }
        }
        for reach in &mut reach {
            reach.permissions.sort_unstable();
            reach.permissions.dedup();
        }
        reach.sort_unstable_by(|one, two| one.api.name.cmp(&two.api.name));
        reach
    }

    /// A resource that counts: enabled, and so is the project that owns it.
    pub fn enabled(&self, id: Id) -> Option<&Arc<Resource>> {
        self.by_id(id).filter(|resource| self.counts(resource))
    }

    /// Whether a resource of this world counts: it is enabled, and so is the project that owns it.
    pub fn counts(&self, resource: &Resource) -> bool {
        let project_is_enabled = |project| self.by_id(project).is_some_and(|project| project.enabled);
        resource.enabled && resource.project.is_none_or(project_is_enabled)
    }

    /// Who refers to a resource.
    pub fn referrers(&self, id: Id) -> impl Iterator<Item = &Arc<Resource>> {
        self.referrers.get(&id).into_iter().flatten().filter_map(|id| self.by_id(*id))
    }

    /// Every resource, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.resources.iter().map(|kept| &kept.0)
    }

    /// Every resource of a kind, by name.
    pub fn of_kind(&self, kind: Kind) -> Vec<&Arc<Resource>> {
        let mut all: Vec<_> = match is_called(kind) {
            true => self.called.get(&kind).into_iter().flatten().filter_map(|id| self.by_id(*id)).collect(),
            false => self.iter().filter(|resource| resource.kind() == kind).collect(),
        };
        all.sort_unstable_by(|one, two| one.name.cmp(&two.name));
        all
    }

    /// How many resources there are.
    pub fn len(&self) -> usize {
        self.resources.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Whether servers go through the resources of a kind by themselves. Of such a kind nobody has a hundred thousand.
const fn is_called(kind: Kind) -> bool {
    matches!(kind, Kind::Cluster | Kind::Federation | Kind::Provider | Kind::TrustDomain)
}

impl Keyed for ById {
    type Key<'a> = Id;

    fn key(&self) -> Id {
        self.0.id
    }

    fn has(&self, id: Id) -> bool {
        self.0.id == id
    }
}

impl Keyed for ByName {
    type Key<'a> = (Kind, &'a str);

    fn key(&self) -> (Kind, &str) {
        (self.0.kind(), self.0.name.as_str())
    }

    fn has(&self, key: (Kind, &str)) -> bool {
        self.key() == key
    }
}

fn anchor_keys(provider: Id, clause: &Clause) -> impl Iterator<Item = AnchorKey> {
    let values = match &clause.expected {
        Expected::OneOf(values) => &values[..],
        Expected::All(_) | Expected::Any(_) => &[],
    };
    let claim = clause.claim.to_string();
    values.iter().filter_map(Anchor::expected).map(move |value| AnchorKey::new(provider, &claim, value))
}

/// A provider's mappings are found by at most so many different claims.
const MAX_ANCHOR_CLAIMS: usize = 16;
/// Overlap is looked for among at most so many mappings.
const MAX_NEIGHBOURS: usize = 512;
