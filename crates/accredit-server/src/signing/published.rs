//! What a trust domain publishes, and who signs for it: worked out whenever keys were read anew.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use accredit_core::keyring::{Purpose, Schedule, Slot};
use accredit_core::model::{Id, Signing as Algorithms};
use accredit_id::jose::Algorithm;
use accredit_id::jose::jwk::{KeySet, PublicKey, Purpose as Use};
use accredit_id::json::Json;
use accredit_id::time::Timestamp;
use serde_json::{Value, json};

use super::{Signing, algorithm};
use crate::keys::{KeyRing, SigningKey, X509Authority, anchor_jwk};

/// One trust domain, as its keys are.
pub(crate) struct OfDomain {
    domain: Id,
    signers: Signers,
    /// By which JWT-SVIDs are verified.
    pub(crate) verifying: Arc<KeySet>,
    /// With which algorithms they are, or may be before long, signed.
    pub(crate) algorithms: Vec<Algorithm>,
    /// The same keys as a JWK Set, as it is served.
    pub(crate) jwks: Arc<str>,
    /// The bundle, as it is served.
    pub(crate) bundle: Arc<str>,
}

/// Who signs for a trust domain.
struct Signers {
    es256: Option<Arc<SigningKey>>,
    rs256: Option<Arc<SigningKey>>,
    authority: Option<Arc<X509Authority>>,
}

/// Every trust domain that has keys.
pub(super) fn of_domains(ring: &KeyRing, schedule: &Schedule, now: Timestamp) -> HashMap<Id, Arc<OfDomain>> {
    let domains: BTreeSet<Id> = ring.lives().iter().filter_map(|key| key.slot.domain).collect();
    domains.into_iter().map(|domain| (domain, Arc::new(OfDomain::new(domain, ring, schedule, now)))).collect()
}

// === impl Signing ===

impl Signing {
    /// A trust domain, by keys that were read recently. `None` for one that has none, and while nothing may be minted.
    pub(crate) fn minting(&self, domain: Id, now: Timestamp) -> Option<Arc<OfDomain>> {
        let keys = self.keys.load();
        let of_domain = keys.domains.get(&domain)?;
        (keys.is_recent(&self.schedule, now) && self.trust.lets_mint(now)).then(|| Arc::clone(of_domain))
    }

    /// Looks up by what a trust domain's JWT-SVIDs are verified, whenever it is asked.
    pub(crate) fn verifying_svids(&self) -> impl Fn(Id) -> Option<Arc<KeySet>> + Send + Sync + 'static {
        let keys = Arc::clone(&self.keys);
        move |domain| keys.load().domains.get(&domain).map(|of_domain| Arc::clone(&of_domain.verifying))
    }

    /// What a trust domain publishes, by keys however old; and whether they are recent.
    pub(crate) fn published_by(&self, domain: Id, now: Timestamp) -> Option<(Arc<OfDomain>, bool)> {
        let keys = self.keys.load();
        keys.domains.get(&domain).map(|of_domain| (Arc::clone(of_domain), keys.is_recent(&self.schedule, now)))
    }
}

// === impl OfDomain ===

impl OfDomain {
    /// The key that signs JWT-SVIDs: so, or until that key may sign, otherwise.
    pub(crate) fn jwt_signer(&self, signing: Algorithms) -> Option<&Arc<SigningKey>> {
        let Signers { es256, rs256, .. } = &self.signers;
        match signing {
            Algorithms::Es256 => es256.as_ref().or(rs256.as_ref()),
            Algorithms::Rs256 => rs256.as_ref().or(es256.as_ref()),
        }
    }

    /// The authority that signs.
    pub(crate) fn authority(&self) -> Option<&Arc<X509Authority>> {
        self.signers.authority.as_ref()
    }

    /// Whether the same keys sign at another time.
    pub(super) fn stays(&self, ring: &KeyRing, schedule: &Schedule, now: Timestamp) -> bool {
        Signers::of(self.domain, ring, schedule, now).ids() == self.signers.ids()
    }

    fn new(domain: Id, ring: &KeyRing, schedule: &Schedule, now: Timestamp) -> Self {
        let jwt: Vec<&PublicKey> = ring.published(Purpose::JwtSvid, Some(domain)).collect();
        let again = |key: &&PublicKey| PublicKey::from_jwk(&Json::Object(key.to_json()), Use::Signature).ok();
        let keys = jwt.iter().filter_map(again).collect();
        let jwks: Vec<Value> = jwt.iter().map(|key| jwk(key, None)).collect();
        let sequence =
            ring.lives().iter().filter(|key| key.slot.domain == Some(domain)).filter_map(|key| key.life.bundle);
        let sequence = sequence.max().unwrap_or_default();
        let mut in_bundle: Vec<Value> = anchors(domain, ring);
        in_bundle.extend(jwt.iter().map(|key| jwk(key, Some("jwt-svid"))));
        let bundle = json!({
            "keys": in_bundle,
            "spiffe_sequence": sequence,
            "spiffe_refresh_hint": schedule.domains.bundle_refresh.as_secs(),
        });
        let mut algorithms: Vec<Algorithm> = Vec::new();
        for held in ring.held().iter().filter(|held| held.key.slot.domain == Some(domain)) {
            let Slot { purpose, algorithm, .. } = held.key.slot;
            if purpose == Purpose::JwtSvid && held.key.life.is_published() && !algorithms.contains(&algorithm) {
                algorithms.push(algorithm);
            }
        }
        // Keys that are made within a second stand in no order that means anything.
        algorithms.sort_by_key(|algorithm| algorithm.as_str());
        Self {
            domain,
            signers: Signers::of(domain, ring, schedule, now),
            // Keys that were made here always read back; a set without one verifies nothing.
            verifying: Arc::new(KeySet::from_keys(keys).unwrap_or_default()),
            algorithms,
            jwks: json!({ "keys": jwks }).to_string().into(),
            bundle: bundle.to_string().into(),
        }
    }
}

// === impl Signers ===

impl Signers {
    fn of(domain: Id, ring: &KeyRing, schedule: &Schedule, now: Timestamp) -> Self {
        let jwt = |signing| {
            let slot = Slot { purpose: Purpose::JwtSvid, algorithm: algorithm(signing), domain: Some(domain) };
            ring.signer(slot, now, schedule).map(Arc::clone)
        };
        let [_, authorities] = Slot::of_domain(domain, Algorithms::Es256);
        Self {
            es256: jwt(Algorithms::Es256),
            rs256: jwt(Algorithms::Rs256),
            authority: ring.authority(authorities, now, schedule).map(Arc::clone),
        }
    }

    fn ids(&self) -> [Option<&str>; 3] {
        [
            self.es256.as_ref().map(|key| key.id()),
            self.rs256.as_ref().map(|key| key.id()),
            self.authority.as_ref().map(|authority| authority.id()),
        ]
    }
}

/// A public key as a bundle or a key set has it. In a key set `use` is left as it is (`sig`): clouds look for nothing else.
fn jwk(key: &PublicKey, used_for: Option<&str>) -> Value {
    let mut jwk = serde_json::to_value(key.to_json()).unwrap_or_default();
    if let (Some(used_for), Some(members)) = (used_for, jwk.as_object_mut()) {
        members.insert("use".to_owned(), used_for.into());
    }
    jwk
}

/// What X509-SVIDs are verified by: each authority that has been told of, or the root above it, once.
fn anchors(domain: Id, ring: &KeyRing) -> Vec<Value> {
    let is_meant = |held: &&crate::keys::Held| held.key.slot.domain == Some(domain) && held.key.life.is_published();
    let authorities = ring.held().iter().filter(is_meant).filter_map(|held| held.authority.as_ref());
    let mut anchors: Vec<&[u8]> = Vec::new();
    for authority in authorities {
        let anchor = authority.chain().anchor();
        if !anchors.contains(&anchor) {
            anchors.push(anchor);
        }
    }
    anchors.into_iter().filter_map(anchor_jwk).map(Value::Object).collect()
}
