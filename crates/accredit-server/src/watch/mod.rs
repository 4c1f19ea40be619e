//! Watching what issuers send: a subject in another format, a claim that nobody listed. Each raises one alarm.
//!
//! Nearly every token has the shape of one before it: the names of its claims in their order, and the format of its subject.
//! A shape that is known costs one pass over the names and one look-up: no lock, no allocation. Only a new one is looked at name
//! by name, and where a provider shows ever new ones it is looked at no more.

mod seen;
mod words;

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use accredit_core::model::{DecisionId, Id, Provider, Resource};
use accredit_core::world::World;
use accredit_id::json::{Json, Object};
use accredit_id::time::Timestamp;
use accredit_store::audit::NewRecord;
use accredit_store::{Sighting, SightingDeed};
use arc_swap::ArcSwap;
use serde_json::json;

use crate::chance;
use crate::record::{self, RecordFault, Recorder, StoreWork};

pub(crate) use seen::{Code, Seen};
pub(crate) use words::{hint, of_a_bundle, summary};

/// What was seen of each provider.
pub(crate) struct Watch {
    hash_key: [u8; 16],
    /// Shapes in which nothing is new, with the alarms that they have to do with. Copied on write, in shards so that the
    /// copies stay small where a thousand providers have a handful each.
    shapes: Box<[ArcSwap<Shapes>]>,
    /// Providers of which so much is new that it is not told apart, with the alarm that says so.
    muted: ArcSwap<HashMap<Id, Arc<Seen>>>,
    /// By the providers' ids.
    providers: Mutex<HashMap<String, seen::OfProvider>>,
}

type Shapes = HashMap<u64, Arc<[Arc<Seen>]>>;

/// A token whose signature and audience hold.
pub(crate) struct Shown<'t> {
    pub(crate) provider: &'t Resource,
    pub(crate) known: &'t Provider,
    pub(crate) claims: &'t Object<'t>,
    pub(crate) decision: DecisionId,
    pub(crate) at: Timestamp,
}

// === impl Watch ===

impl Watch {
    /// Goes on from what the store remembers.
    pub(crate) fn restored(sightings: Vec<Sighting>) -> Self {
        let mut providers: HashMap<String, seen::OfProvider> = HashMap::new();
        let mut muted = HashMap::new();
        for sighting in sightings {
            let seen = Arc::new(Seen::new(sighting));
            if let (true, Ok(provider)) = (seen.sighting.code == Code::Many.text(), seen.sighting.provider.parse()) {
                muted.insert(provider, Arc::clone(&seen));
            }
            providers.entry(seen.sighting.provider.clone()).or_default().seen.push(seen);
        }
        let shapes = std::iter::repeat_with(ArcSwap::default).take(SHARDS).collect();
        let muted = ArcSwap::from_pointee(muted);
        Self { hash_key: chance::bits(), shapes, muted, providers: Mutex::new(providers) }
    }

    /// What another server has put down, or said of it.
    pub(crate) fn hear(&self, sightings: Vec<Sighting>) {
        for sighting in sightings {
            let id = sighting.provider.parse::<Id>();
            let heard = self.of_providers().entry(sighting.provider.clone()).or_default().hear(sighting);
            if let (true, Ok(provider)) = (heard.sighting.code == Code::Many.text(), id) {
                self.muted.rcu(|muted| {
                    let mut next = HashMap::clone(muted);
                    next.insert(provider, Arc::clone(&heard));
                    next
                });
            }
        }
    }

    /// Looks at a token. What is new is on the disk when this returns, unless the store cannot write: then it stays new.
    pub(crate) async fn look(&self, recorder: &Recorder, world: &World, token: &Shown<'_>) {
        let shape = self.shape(token);
        let shard = &self.shapes[shape as usize % SHARDS];
        if let Some(alarms) = shard.load().get(&shape) {
            alarms.iter().for_each(|alarm| alarm.again(token.at.unix()));
            return;
        }
        if let Some(many) = self.muted.load().get(&token.provider.id) {
            many.again(token.at.unix());
            return;
        }
        let found = self.of_providers().entry(token.provider.id.to_string()).or_default().judge(world, token);
        if let Some(many) = found.too_much {
            self.muted.rcu(|muted| {
                let mut next = HashMap::clone(muted);
                next.insert(token.provider.id, Arc::clone(&many));
                next
            });
            return;
        }
        if !found.new.is_empty()
            && let Err(fault) = self.put_down(recorder, world, token, &found.new).await
        {
            tracing::warn!(event = "sighting-not-recorded", provider.name = %token.provider.name, "what is new of a provider cannot be written: {fault}");
            self.forget(token.provider, &found.new);
            return;
        }
        let alarms: Arc<[Arc<Seen>]> =
            found.new.into_iter().chain(found.again).filter(|seen| seen.sighting.alarm).collect();
        shard.rcu(|shapes| {
            let mut next = if shapes.len() < SHAPES_OF_A_SHARD { HashMap::clone(shapes) } else { HashMap::new() };
            next.insert(shape, Arc::clone(&alarms));
            next
        });
    }

    /// Raises the alarm that a bundle was refused, once for each sequence that was held then. Says whether that is on the disk,
    /// `act` with it; else it was raised before, or cannot be written and is raised again.
    pub(crate) async fn bundle_refused(
        &self,
        recorder: &Recorder,
        owner: &Resource,
        what: (Code, &str),
        act: NewRecord,
        at: Timestamp,
    ) -> bool {
        let id = owner.id.to_string();
        let new = self.of_providers().entry(id.clone()).or_default().notice(&id, what, at.unix(), act.id);
        let Some(new) = new else { return false };
        let sighted = vec![new.sighting.clone()];
        let deed = SightingDeed { sighted, acknowledged: None, records: vec![act] };
        if let Err(fault) = recorder.work(StoreWork::Sight(deed)).await {
            tracing::warn!(event = "sighting-not-recorded", owner.name = %owner.name, "an alarm cannot be written: {fault}");
            self.forget(owner, &[new]);
            return false;
        }
        let Sighting { code, id, .. } = &new.sighting;
        let said = summary(&new.sighting, owner.name.as_str(), &[]);
        tracing::warn!(event = "alarm", code, alarm.id = id, owner.name = %owner.name, "{said}");
        true
    }

    /// Every alarm, newest first.
    pub(crate) fn alarms(&self) -> Vec<Arc<Seen>> {
        let providers = self.of_providers();
        let all = providers.values().flat_map(|provider| &provider.seen).filter(|seen| seen.sighting.alarm);
        let mut alarms: Vec<_> = all.cloned().collect();
        alarms.sort_by(|one, two| {
            let key =
                |seen: &Seen| (-seen.sighting.first_seen, seen.sighting.code.clone(), seen.sighting.thing.clone());
            key(one).cmp(&key(two))
        });
        alarms
    }

    /// The formats that the subjects of a provider were seen in, in the order of their first sight.
    pub(crate) fn formats(&self, provider: &str) -> Vec<(String, i64)> {
        let providers = self.of_providers();
        let all = providers.get(provider).into_iter().flat_map(|provider| &provider.seen);
        let formats = all.filter(|seen| seen.sighting.code == Code::FormatChanged.text());
        let mut formats: Vec<_> = formats.map(|seen| (seen.sighting.thing.clone(), seen.sighting.first_seen)).collect();
        formats.sort_by_key(|(_, first)| *first);
        formats
    }

    /// What was seen again and is not on the disk yet: ids and times.
    pub(crate) fn unwritten(&self) -> Vec<(String, i64)> {
        let providers = self.of_providers();
        providers.values().flat_map(|provider| &provider.seen).filter_map(|seen| seen.take_unwritten()).collect()
    }

    /// Forgets providers that are gone.
    pub(crate) fn retain(&self, keep: impl Fn(&str) -> bool) {
        self.of_providers().retain(|provider, _| keep(provider));
        self.muted.rcu(|muted| {
            let mut left = HashMap::clone(muted);
            left.retain(|provider, _| keep(&provider.to_string()));
            left
        });
    }

    /// The names of the claims in their order, and the subject's format.
    fn shape(&self, token: &Shown<'_>) -> u64 {
        let mut hasher = DefaultHasher::new();
        // Nobody can make a token that looks like one seen before.
        self.hash_key.hash(&mut hasher);
        token.provider.id.bits().hash(&mut hasher);
        if let Some((code, thing)) = subject(token.known, token.claims) {
            (code as u8).hash(&mut hasher);
            thing.hash(&mut hasher);
        }
        token.claims.iter().for_each(|(name, _)| name.hash(&mut hasher));
        hasher.finish()
    }

    async fn put_down(
        &self,
        recorder: &Recorder,
        world: &World,
        token: &Shown<'_>,
        new: &[Arc<Seen>],
    ) -> Result<(), RecordFault> {
        let provider = token.provider.name.as_str();
        let record = |seen: &Arc<Seen>| {
            let Sighting { code, thing, id, alarm, .. } = &seen.sighting;
            let event = if *alarm { "alarm-raised" } else { "sighting-learned" };
            let detail = json!({
                "code": code, "provider": provider, "providerId": token.provider.id.to_string(), "thing": thing,
                "alarm": id, "decision": token.decision.to_string(),
            });
            record::admin_act(event, token.at, "server", world.sequence, &detail)
        };
        let deed = SightingDeed {
            sighted: new.iter().map(|seen| seen.sighting.clone()).collect(),
            acknowledged: None,
            records: new.iter().map(record).collect(),
        };
        recorder.work(StoreWork::Sight(deed)).await?;
        for seen in new.iter().filter(|seen| seen.sighting.alarm) {
            let Sighting { code, id, .. } = &seen.sighting;
            let said = summary(&seen.sighting, provider, &self.formats(&seen.sighting.provider));
            tracing::warn!(event = "alarm", code, alarm.id = id, provider.name = provider, decision.id = %token.decision, "{said}");
        }
        Ok(())
    }

    fn forget(&self, provider: &Resource, new: &[Arc<Seen>]) {
        if let Some(of) = self.of_providers().get_mut(&provider.id.to_string()) {
            of.seen.retain(|seen| !new.iter().any(|new| Arc::ptr_eq(new, seen)));
        }
    }

    fn of_providers(&self) -> MutexGuard<'_, HashMap<String, seen::OfProvider>> {
        self.providers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the subject shows: its format's name, or how it begins when it fits none. Nothing where no format is known.
fn subject<'t>(known: &Provider, claims: &'t Object<'_>) -> Option<(Code, &'t str)> {
    let subject = claims.get("sub").and_then(Json::as_str).filter(|_| known.kind.knows_its_tokens())?;
    Some(match known.kind.subject_format(subject) {
        Some(format) => (Code::FormatChanged, format),
        None if known.audits("sub") => (Code::FormatUnknown, subject.split(':').next().unwrap_or(subject)),
        None => (Code::FormatUnknown, ""),
    })
}

/// The id of a new sighting.
fn new_id() -> String {
    DecisionId::new(chance::bits()).to_string().replacen("dec_", "alarm_", 1)
}

const SHARDS: usize = 64;
/// So many shapes are remembered in a shard, 16,384 in all; then it begins anew. Providers have a handful each.
const SHAPES_OF_A_SHARD: usize = 256;

#[cfg(test)]
mod tests;
