//! Identities that were given, given again on the world in force and on the world as a change would make it.
//!
//! A record keeps the claims that its issuer's kind lists and the names of the others. Where a policy reads a claim whose value
//! was not kept, the answer is that it is not known, and never a guess. Times and uses are not judged again, nor whether a
//! request proved a key.

use std::collections::BTreeMap;

use accredit_id::json::{Json, Object};
use accredit_id::spiffe_id::SpiffeId;
use accredit_id::time::Timestamp;

use crate::decide::Held;
use crate::decide::issue::{Entrance, IdentityAsk, IssueDenial, JobFacts, identity};
use crate::model::{AllowedIssuer, Claim, Cluster, DecisionId, Id};
use crate::template::Attribute;
use crate::world::World;

/// An issuance as it was recorded.
#[derive(Clone, Copy)]
pub struct RecordedIdentity<'r> {
    /// The decision.
    pub decision: DecisionId,
    /// When it was made.
    pub at: Timestamp,
    /// The cluster.
    pub cluster: Id,
    /// By whom the job's token was issued.
    pub issuer: &'r str,
    /// On which way the job came.
    pub path: Entrance,
    /// Its claims, as far as they were kept.
    pub claims: &'r Object<'r>,
    /// The names of those that were not.
    pub unlisted: &'r [&'r str],
    /// Whether there may be more names than were kept.
    pub unlisted_is_cut: bool,
    /// Who it was.
    pub spiffe_id: &'r str,
}

/// What a world makes of a recorded job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Again {
    /// It is this one.
    Given(SpiffeId),
    /// It has no identity.
    Refused(IssueDenial),
    /// A claim is read whose value was not kept.
    Unknown(String),
}

/// A change as it is tried on identities that were given.
pub struct IdentityReplay<'w> {
    before: &'w World,
    after: &'w World,
    records: u64,
    left_out: u64,
    oldest: Option<Timestamp>,
    /// By SPIFFE ID: what becomes of it, where that is another thing than now.
    seen: BTreeMap<Box<str>, Vec<ChangedIdentity>>,
}

/// A recorded SPIFFE ID for which the change matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedIdentity {
    /// As it was recorded.
    pub spiffe_id: Box<str>,
    /// What the world in force makes of the job.
    pub before: Again,
    /// What it would be after the change.
    pub after: Again,
    /// Of how many records that is so.
    pub records: u64,
    /// When the latest was written.
    pub last: Timestamp,
    /// The latest.
    pub decision: DecisionId,
}

/// What a change would mean for identities.
#[derive(Debug)]
pub struct IdentityReport {
    /// Records that were looked at.
    pub records: u64,
    /// When the oldest of them was made.
    pub oldest: Option<Timestamp>,
    /// Different SPIFFE IDs in them.
    pub identities: u64,
    /// Of these, those of which no record would come out otherwise than now.
    pub same: u64,
    /// Records of SPIFFE IDs beyond those that can be kept apart.
    pub left_out: u64,
    /// Those for which it matters, the commonest first.
    pub changed: Vec<ChangedIdentity>,
}

// === impl IdentityReplay ===

impl<'w> IdentityReplay<'w> {
    /// A change from one world to another, tried on nothing yet.
    pub fn new(before: &'w World, after: &'w World) -> Self {
        Self { before, after, records: 0, left_out: 0, oldest: None, seen: BTreeMap::new() }
    }

    /// Takes one record in, newest first.
    pub fn take(&mut self, recorded: &RecordedIdentity<'_>) {
        self.records += 1;
        self.oldest = Some(recorded.at);
        if self.seen.len() >= MOST_IDENTITIES && !self.seen.contains_key(recorded.spiffe_id) {
            self.left_out += 1;
            return;
        }
        let changes = self.seen.entry(recorded.spiffe_id.into()).or_default();
        if decides_alike(recorded, self.before, self.after) {
            return;
        }
        let (before, after) = (again(recorded, self.before), again(recorded, self.after));
        if before.is_the_same(&after) {
            return;
        }
        if let Some(known) = changes.iter_mut().find(|known| known.before == before && known.after == after) {
            known.records += 1;
            return;
        }
        if changes.len() >= MOST_WAYS {
            self.left_out += 1;
            return;
        }
        changes.push(ChangedIdentity {
            spiffe_id: recorded.spiffe_id.into(),
            before,
            after,
            records: 1,
            last: recorded.at,
            decision: recorded.decision,
        });
    }

    /// What was found.
    pub fn finish(self) -> IdentityReport {
        let same = self.seen.values().filter(|changes| changes.is_empty()).count() as u64;
        let identities = self.seen.len() as u64;
        let mut changed: Vec<ChangedIdentity> = self.seen.into_values().flatten().collect();
        changed.sort_by(|one, two| (two.records, &one.spiffe_id).cmp(&(one.records, &two.spiffe_id)));
        IdentityReport {
            records: self.records,
            oldest: self.oldest,
            identities,
            same,
            left_out: self.left_out,
            changed,
        }
    }
}

// === impl Again ===

impl Again {
    /// Two refusals are one thing to whoever has no identity. What is not known may be anything.
    fn is_the_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Again::Given(one), Again::Given(two)) => one == two,
            (Again::Refused(_), Again::Refused(_)) => true,
            _ => false,
        }
    }
}

/// What a world makes of a recorded job.
pub fn again(recorded: &RecordedIdentity<'_>, world: &World) -> Again {
    let Some(resource) = world.by_id(recorded.cluster) else {
        return Again::Refused(IssueDenial::unknown_cluster(&recorded.cluster.to_string()));
    };
    let Some(cluster) = resource.as_cluster() else {
        return Again::Refused(IssueDenial::unknown_cluster(resource.name.as_str()));
    };
    let entries = entries(recorded, cluster, world);
    let Some(entry) = entries.first() else {
        return Again::Refused(IssueDenial::unknown_issuer(resource.name.as_str(), Some(recorded.issuer)));
    };
    let is_missing = |name: &String| {
        recorded.unlisted.contains(&name.as_str())
            || recorded.unlisted_is_cut && recorded.claims.get(name.as_str()).is_none()
    };
    if let Some(claim) = reads(cluster, entry).into_iter().find(is_missing) {
        return Again::Unknown(claim);
    }
    let claims = of_any_token(recorded.claims);
    let job = JobFacts::typed_in(entry, &claims, None);
    let ask = IdentityAsk { cluster: resource, path: recorded.path, wanted: &[], held: Held::default() };
    match identity(&ask, &job, world) {
        Ok(id) => Again::Given(id),
        Err(denial) => Again::Refused(denial),
    }
}

/// The claims without what tells one token of a job from the next: its name, and the key that it is bound to.
fn of_any_token(claims: &Object<'_>) -> Object<'static> {
    let mut kept = Object::new();
    for (name, value) in claims.iter().filter(|(name, _)| *name != "cnf") {
        kept.insert(name.to_owned(), value.to_static());
    }
    if kept.get("jti").is_none() {
        kept.insert("jti", Json::String("some".into()));
    }
    kept
}

/// The entries that may take the job's token, as far as its record tells whom it was for.
fn entries<'c>(recorded: &RecordedIdentity<'_>, cluster: &'c Cluster, world: &World) -> Vec<&'c AllowedIssuer> {
    let audience = recorded.claims.get("aud").and_then(|audience| match audience {
        Json::Array(audiences) => audiences.first()?.as_str(),
        one => one.as_str(),
    });
    let takes = |entry: &&AllowedIssuer| {
        audience.is_none_or(|audience| entry.provider.audiences.iter().any(|known| known == audience))
    };
    world.allowed_issuers(cluster, recorded.issuer).filter(takes).collect()
}

/// Whether two worlds read the same of the job and make the same of it, whatever its claims are.
fn decides_alike(recorded: &RecordedIdentity<'_>, before: &World, after: &World) -> bool {
    let sides = [before, after].map(|world| {
        let resource = world.enabled(recorded.cluster)?;
        let cluster = resource.as_cluster()?;
        world.enabled(cluster.trust_domain)?;
        let entry = *entries(recorded, cluster, world).first()?;
        Some((cluster, entry))
    });
    let [Some((one, known)), Some((two, other))] = sides else { return false };
    let path = |policy: &crate::model::Policy| policy.path.as_ref().map(|path| path.source().to_owned());
    let overrides = |cluster: &Cluster| -> Vec<_> {
        cluster.issuance.overrides.iter().map(|entry| (entry.when.clone(), path(&entry.policy))).collect()
    };
    known.provider.kind.name == other.provider.kind.name
        && known.required == other.required
        && known.is_pinned == other.is_pinned
        && path(&one.issuance.base) == path(&two.issuance.base)
        && overrides(one) == overrides(two)
}

/// The claims that decide who somebody is.
fn reads(cluster: &Cluster, entry: &AllowedIssuer) -> Vec<String> {
    let derived = |name: &str| {
        let known = entry.provider.attributes.iter().find(|(known, _)| **known == *name);
        known.map(|(_, program)| program.claims()).unwrap_or_default()
    };
    let required = entry.required.iter().flat_map(|clause| match &clause.claim {
        Claim::Raw(name) => vec![name.to_string()],
        Claim::Derived(name) => derived(name),
    });
    let issuance = &cluster.issuance;
    let policies = std::iter::once(&issuance.base).chain(issuance.overrides.iter().map(|entry| &entry.policy));
    let conditions = issuance.overrides.iter().flat_map(|entry| &entry.when).map(|when| &when.attribute);
    let attributes =
        conditions.chain(policies.flat_map(|policy| policy.path.iter().flat_map(|path| path.attributes())));
    let named = attributes.flat_map(|attribute| match attribute {
        Attribute::Claim(name) => vec![name.to_string()],
        Attribute::Derived(name) => derived(name),
        _ => Vec::new(),
    });
    required.chain(named).collect()
}

/// So many SPIFFE IDs are kept apart, at some hundred bytes each.
const MOST_IDENTITIES: usize = 100_000;
/// In so many ways one of them is told to change.
const MOST_WAYS: usize = 8;
