//! Changing a world: every index follows a resource in and out.

use std::collections::BTreeSet;
use std::hash::BuildHasher;
use std::sync::Arc;

use accredit_id::json::{Json, Number};
use foldhash::fast::FixedState;
use smallvec::SmallVec;

use super::{ById, ByName, Ids, SharedProgram, Target, Targets, World, anchor_keys, is_called};
use crate::expr::Program;
use crate::model::{
    Claim, Clause, Cluster, Compiled, Given, Id, Mapping, MappingPermissions, Permission, Resource, Scalar,
};

/// Where a mapping is filed: a hash of (provider, claim, value). Two that collide only make each other candidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct AnchorKey(u64);

/// A value that can be an anchor, as a clause or a token has it.
#[derive(Clone, Copy, Hash)]
pub(super) enum Anchor<'a> {
    Int(i64),
    Text(&'a str),
}

impl AnchorKey {
    pub(super) fn new(provider: Id, claim: &str, value: Anchor<'_>) -> Self {
        Self(FixedState::default().hash_one((provider, claim, value)))
    }
}

impl<'a> Anchor<'a> {
    pub(super) fn expected(value: &'a Scalar) -> Option<Self> {
        match value {
            Scalar::Int(number) => Some(Anchor::Int(*number)),
            Scalar::Text(text) => Some(Anchor::Text(text)),
            Scalar::Bool(_) | Scalar::Prefix(_) => None,
        }
    }

    pub(super) fn claimed(value: &'a Json<'_>) -> Option<Self> {
        match value {
            Json::Number(Number::Int(number)) => Some(Anchor::Int(*number)),
            Json::String(text) => Some(Anchor::Text(text)),
            _ => None,
        }
    }
}

impl World {
    /// Brings a resource into force, in place of the one with its id.
    pub fn put(&mut self, resource: Arc<Resource>) {
        self.remove(resource.id);
        self.names.put(ByName(Arc::clone(&resource)));
        for id in references(&resource) {
            self.referrers.change(id, |ids| ids.push(resource.id), |_| true);
        }
        if is_called(resource.kind()) {
            self.called.change(resource.kind(), |ids| ids.push(resource.id), |_| true);
        }
        self.share(&resource, true);
        match &resource.compiled {
            Compiled::Administrator(administrator) => {
                self.administrators.change(administrator.provider, |ids| ids.push(resource.id), |_| true);
            }
            Compiled::Api(api) => self.audiences.insert((*api.audience).into(), resource.id),
            Compiled::Grant(grant) => {
                self.grants.change(grant.to, |grants| grants.push(Arc::clone(&resource)), |_| true)
            }
            Compiled::Provider(provider) => {
                self.issuers.change(provider.issuer.as_str().into(), |ids| ids.push(resource.id), |_| true);
            }
            Compiled::Mapping(mapping) => self.file(&resource, mapping, true),
            Compiled::TrustDomain(domain) => self.trust_domains.insert(domain.name.as_str().into(), resource.id),
            Compiled::Cluster(cluster) => {
                for issuer in issuers(cluster) {
                    self.attesting.change(issuer.into(), |ids| ids.push(resource.id), |_| true);
                }
            }
            Compiled::CiCdProfile(_)
            | Compiled::Federation(_)
            | Compiled::Project(_)
            | Compiled::Role(_)
            | Compiled::ServiceAccount(_) => {}
        }
        self.resources.put(ById(resource));
    }

    /// Takes a resource out of force.
    pub fn remove(&mut self, id: Id) {
        let Some(resource) = self.by_id(id).cloned() else { return };
        let without = |ids: &mut Ids| ids.retain(|other| *other != id);
        self.names.remove(&ByName(Arc::clone(&resource)));
        for target in references(&resource) {
            self.referrers.change(target, without, |ids| !ids.is_empty());
        }
        if is_called(resource.kind()) {
            self.called.change(resource.kind(), without, |ids| !ids.is_empty());
        }
        match &resource.compiled {
            Compiled::Administrator(administrator) => {
                self.administrators.change(administrator.provider, without, |ids| !ids.is_empty());
            }
            Compiled::Api(api) => self.audiences.remove(&(*api.audience).into()),
            Compiled::Grant(grant) => {
                let without = |grants: &mut SmallVec<[Arc<Resource>; 1]>| grants.retain(|other| other.id != id);
                self.grants.change(grant.to, without, |grants| !grants.is_empty());
            }
            Compiled::Provider(provider) => {
                self.issuers.change(provider.issuer.as_str().into(), without, |ids| !ids.is_empty());
            }
            Compiled::Mapping(mapping) => self.file(&resource, mapping, false),
            Compiled::TrustDomain(domain) => self.trust_domains.remove(&domain.name.as_str().into()),
            Compiled::Cluster(cluster) => {
                for issuer in issuers(cluster) {
                    self.attesting.change(issuer.into(), without, |ids| !ids.is_empty());
                }
            }
            Compiled::CiCdProfile(_)
            | Compiled::Federation(_)
            | Compiled::Project(_)
            | Compiled::Role(_)
            | Compiled::ServiceAccount(_) => {}
        }
        self.share(&resource, false);
        self.resources.remove(&ById(resource));
    }

    /// Counts the users of expressions and names; what nobody uses any more is forgotten.
    fn share(&mut self, resource: &Resource, present: bool) {
        let turn = |users: &mut usize| match present {
            true => *users += 1,
            false => *users = users.saturating_sub(1),
        };
        for program in programs(resource) {
            let shared = |shared: &mut SharedProgram| {
                shared.program.get_or_insert_with(|| Arc::clone(program));
                turn(&mut shared.users);
            };
            self.programs.change(program.source().into(), shared, |shared| shared.users > 0);
        }
        for word in words(resource) {
            self.words.change(Arc::clone(word), turn, |users| *users > 0);
        }
    }

    /// Files a mapping where its tokens will look for it, or takes it out again.
    fn file(&mut self, resource: &Arc<Resource>, mapping: &Mapping, present: bool) {
        let id = resource.id;
        let turn = |targets: &mut Targets| match present {
            true => targets.push(Target { account: mapping.account, mapping: Arc::clone(resource) }),
            false => targets.retain(|other| other.mapping.id != id),
        };
        let turn_id = |ids: &mut Ids| match present {
            true => ids.push(id),
            false => ids.retain(|other| *other != id),
        };
        self.routes.change((mapping.provider, mapping.account), turn_id, |ids| !ids.is_empty());
        let Some(place) = mapping.anchor else {
            self.loose.change(mapping.provider, turn, |targets| !targets.is_empty());
            return;
        };
        let clause = &mapping.clauses[place];
        for key in anchor_keys(mapping.provider, clause) {
            self.anchors.change(key, turn, |targets| !targets.is_empty());
        }
        let claim = clause.claim.to_string();
        self.anchor_claims.change(
            mapping.provider,
            |claims| {
                let claims = Arc::make_mut(claims);
                let count = claims.entry(claim.as_str().into()).or_default();
                match present {
                    true => *count += 1,
                    false => *count = count.saturating_sub(1),
                }
                if *count == 0 {
                    claims.remove(claim.as_str());
                }
            },
            |claims| !claims.is_empty(),
        );
    }
}

/// The issuers whose tokens attest jobs in a cluster, each once.
fn issuers(cluster: &Cluster) -> BTreeSet<&str> {
    cluster.attestation.jwt.allowed_issuers.iter().map(|entry| entry.provider.issuer.as_str()).collect()
}

fn programs(resource: &Resource) -> Vec<&Arc<Program>> {
    match &resource.compiled {
        Compiled::Mapping(mapping) => mapping.condition.iter().collect(),
        Compiled::Provider(provider) => provider.attributes.iter().map(|(_, program)| program).collect(),
        Compiled::Administrator(_)
        | Compiled::Api(_)
        | Compiled::CiCdProfile(_)
        | Compiled::Cluster(_)
        | Compiled::Federation(_)
        | Compiled::Grant(_)
        | Compiled::Project(_)
        | Compiled::Role(_)
        | Compiled::ServiceAccount(_)
        | Compiled::TrustDomain(_) => Vec::new(),
    }
}

fn words(resource: &Resource) -> Vec<&Arc<str>> {
    if let Compiled::Administrator(administrator) = &resource.compiled {
        return administrator.clauses.iter().map(word).collect();
    }
    let Compiled::Mapping(mapping) = &resource.compiled else { return Vec::new() };
    let actors = mapping.actors.iter().flat_map(|entry| &entry.clauses);
    let claims = mapping.clauses.iter().chain(actors).map(word);
    let permissions = match &mapping.permissions {
        MappingPermissions::Only(list) => list.iter().map(Permission::word).collect(),
        MappingPermissions::All | MappingPermissions::PerApi(_) => Vec::new(),
    };
    claims.chain(permissions).collect()
}

fn word(clause: &Clause) -> &Arc<str> {
    match &clause.claim {
        Claim::Raw(name) | Claim::Derived(name) => name,
    }
}

/// Which resources a resource refers to; its project is one of them.
fn references(resource: &Resource) -> Vec<Id> {
    let mut ids: Vec<Id> = resource.project.into_iter().collect();
    match &resource.compiled {
        Compiled::Administrator(administrator) => {
            ids.push(administrator.provider);
            ids.extend(administrator.project.filter(|project| resource.project != Some(*project)));
            ids.extend(administrator.realm.as_ref().map(|realm| realm.trust_domain));
        }
        Compiled::Api(_)
        | Compiled::CiCdProfile(_)
        | Compiled::Project(_)
        | Compiled::ServiceAccount(_)
        | Compiled::TrustDomain(_) => {}
        Compiled::Provider(provider) => ids.extend(provider.keys_of),
        Compiled::Cluster(cluster) => {
            ids.push(cluster.trust_domain);
            let entries = cluster.attestation.jwt.allowed_issuers.iter();
            let profiles: BTreeSet<Id> = entries.filter_map(|entry| entry.profile).collect();
            ids.extend(profiles);
        }
        Compiled::Federation(federation) => ids.push(federation.trust_domain),
        Compiled::Grant(grant) => {
            ids.extend([grant.api, grant.to]);
            if let Given::Role(role) = grant.given {
                ids.push(role);
            }
        }
        Compiled::Mapping(mapping) => {
            ids.extend([mapping.provider, mapping.account]);
            // A provider that vouches for subjects and actors alike refers once.
            let mut actors: Vec<Id> = mapping.actors.iter().map(|entry| entry.provider).collect();
            actors.sort_unstable();
            actors.dedup();
            ids.extend(actors.into_iter().filter(|provider| *provider != mapping.provider));
            if let MappingPermissions::PerApi(apis) = &mapping.permissions {
                ids.extend(apis.iter().map(|of| of.api));
            }
        }
        Compiled::Role(role) => ids.push(role.api),
    }
    ids
}
