//! What was seen of one provider, and whether the next thing is news.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use accredit_core::providers::{self, is_listed};
use accredit_core::world::World;
use accredit_id::shown;
use accredit_store::Sighting;

use super::{Shown, new_id, subject};

/// What kind of thing was seen. The code is public, documented and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// A claim that neither its kind, nor its provider, nor a mapping lists.
    ClaimUnlisted,
    /// A subject in another known format than before.
    FormatChanged,
    /// A subject in no known format.
    FormatUnknown,
    /// So much is new that it is no longer told apart.
    Many,
    /// The first token at all: since then it is learned what is usual.
    FirstToken,
    /// A bundle that is older than the one that is held (L15).
    BundleOlder,
    /// A bundle with other keys than the one that is held, and the same sequence (L15).
    BundleUncounted,
}

/// One thing that was seen.
#[derive(Debug)]
pub(crate) struct Seen {
    /// As it was put down at first.
    pub(crate) sighting: Sighting,
    last: AtomicI64,
    written: AtomicI64,
    /// Why somebody says that it is all right.
    pub(crate) acknowledged: OnceLock<String>,
}

/// Everything that was seen of one provider.
#[derive(Default)]
pub(super) struct OfProvider {
    pub(super) seen: Vec<Arc<Seen>>,
    /// Claims that some mapping reads: looking for them is dear.
    matched: Vec<Box<str>>,
}

/// What a token shows.
#[derive(Default)]
pub(super) struct Found {
    pub(super) new: Vec<Arc<Seen>>,
    pub(super) again: Vec<Arc<Seen>>,
    /// The alarm that says that the provider has shown so much that nobody looks any more.
    pub(super) too_much: Option<Arc<Seen>>,
}

// === impl Code ===

impl Code {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Code::ClaimUnlisted => "claim-unlisted",
            Code::FormatChanged => "subject-format-changed",
            Code::FormatUnknown => "subject-format-unknown",
            Code::Many => "alarms-many",
            Code::FirstToken => "first-token",
            Code::BundleOlder => "bundle-older",
            Code::BundleUncounted => "bundle-uncounted",
        }
    }
}

// === impl Seen ===

impl Seen {
    pub(super) fn new(sighting: Sighting) -> Self {
        let acknowledged = OnceLock::new();
        if let Some(reason) = &sighting.acknowledged {
            let _ = acknowledged.set(reason.clone());
        }
        let last = sighting.last_seen;
        Self { sighting, last: AtomicI64::new(last), written: AtomicI64::new(last), acknowledged }
    }

    /// When it was seen last, Unix seconds.
    pub(crate) fn last(&self) -> i64 {
        self.last.load(Ordering::Relaxed)
    }

    pub(super) fn again(&self, at: i64) {
        // Most tokens come within the second of another one: a look is cheaper than a write that every core must hear of.
        if self.last() < at {
            self.last.fetch_max(at, Ordering::Relaxed);
        }
    }

    /// Its id and the time that is to be written, if that is news.
    pub(super) fn take_unwritten(&self) -> Option<(String, i64)> {
        let last = self.last();
        (self.sighting.alarm && self.written.fetch_max(last, Ordering::Relaxed) < last)
            .then(|| (self.sighting.id.clone(), last))
    }
}

// === impl OfProvider ===

impl OfProvider {
    /// What is stored of a thing: whoever saw it first, that is what counts.
    pub(super) fn hear(&mut self, sighting: Sighting) -> Arc<Seen> {
        let same = |seen: &Arc<Seen>| seen.sighting.code == sighting.code && seen.sighting.thing == sighting.thing;
        let Some(place) = self.seen.iter().position(same) else {
            let heard = Arc::new(Seen::new(sighting));
            self.seen.push(Arc::clone(&heard));
            return heard;
        };
        if self.seen[place].sighting.id == sighting.id {
            if let Some(reason) = sighting.acknowledged {
                let _ = self.seen[place].acknowledged.set(reason);
            }
        } else {
            let last = self.seen[place].last();
            self.seen[place] = Arc::new(Seen::new(sighting));
            self.seen[place].again(last);
        }
        Arc::clone(&self.seen[place])
    }

    /// What a token shows that is to be put down. It counts as seen at once, so that nobody else puts it down too.
    pub(super) fn judge(&mut self, world: &World, token: &Shown<'_>) -> Found {
        let mut found = Found::default();
        if let Some(many) = self.find(Code::Many, "") {
            many.again(token.at.unix());
            found.too_much = Some(many);
            return found;
        }
        let learns = !token.known.kind.knows_its_tokens();
        if learns && self.find(Code::FirstToken, "").is_none() {
            self.see(&mut found, token, Code::FirstToken, "", false);
        }
        if let Some((code, thing)) = subject(token.known, token.claims) {
            let is_first = !self.seen.iter().any(|seen| seen.sighting.code == Code::FormatChanged.text());
            self.see(&mut found, token, code, thing, code == Code::FormatUnknown || !is_first);
        }
        for name in self.unlisted(world, token) {
            let is_usual = learns && self.is_learning(token.at.unix());
            self.see(&mut found, token, Code::ClaimUnlisted, name, !is_usual);
        }
        found
    }

    /// The claims that nobody lists or reads.
    fn unlisted<'t>(&mut self, world: &World, token: &Shown<'t>) -> Vec<&'t str> {
        let is_known = |name: &str| is_listed(token.known, name) || self.matched.iter().any(|known| **known == *name);
        let mut unlisted: Vec<&str> =
            token.claims.iter().map(|(name, _)| name).filter(|name| !is_known(name)).collect();
        let unseen = |name: &&str| self.find(Code::ClaimUnlisted, &kept(name)).is_none();
        let unseen: Vec<&str> = unlisted.iter().copied().filter(unseen).collect();
        if !unseen.is_empty() {
            let matched = providers::matched(world, token.provider.id, &unseen);
            unlisted.retain(|name| !matched.contains(name));
            self.matched.extend(matched.into_iter().map(|name| kept(name).into()));
        }
        unlisted
    }

    fn see(&mut self, found: &mut Found, token: &Shown<'_>, code: Code, thing: &str, alarm: bool) {
        let thing = kept(thing);
        if let Some(seen) = self.find(code, &thing) {
            seen.again(token.at.unix());
            found.again.push(seen);
            return;
        }
        let (code, thing) =
            if alarm && self.count(true) >= MAX_ALARMS { (Code::Many, String::new()) } else { (code, thing) };
        if code == Code::Many && self.find(code, &thing).is_some() {
            return;
        }
        let (at, decision) = (token.at.unix(), *token.decision.bits());
        found.new.push(self.put(&token.provider.id.to_string(), (code, thing), alarm, at, decision));
    }

    /// What became of a bundle, if that is news. It counts as seen at once, as what a token shows.
    pub(super) fn notice(
        &mut self,
        owner: &str,
        (code, thing): (Code, &str),
        at: i64,
        act: [u8; 16],
    ) -> Option<Arc<Seen>> {
        if let Some(seen) = self.find(code, thing) {
            seen.again(at);
            return None;
        }
        (self.count(true) < MAX_ALARMS).then(|| self.put(owner, (code, thing.to_owned()), true, at, act))
    }

    fn put(
        &mut self,
        provider: &str,
        (code, thing): (Code, String),
        alarm: bool,
        at: i64,
        decision: [u8; 16],
    ) -> Arc<Seen> {
        let seen = Arc::new(Seen::new(Sighting {
            provider: provider.to_owned(),
            code: code.text().to_owned(),
            thing,
            id: new_id(),
            alarm,
            first_seen: at,
            last_seen: at,
            decision,
            acknowledged: None,
        }));
        self.seen.push(Arc::clone(&seen));
        seen
    }

    fn find(&self, code: Code, thing: &str) -> Option<Arc<Seen>> {
        self.seen.iter().find(|seen| seen.sighting.code == code.text() && seen.sighting.thing == thing).cloned()
    }

    fn count(&self, alarm: bool) -> usize {
        self.seen.iter().filter(|seen| seen.sighting.alarm == alarm).count()
    }

    /// Whether it is still being learned what is usual of a kind that nothing is known of.
    fn is_learning(&self, now: i64) -> bool {
        let since = self.find(Code::FirstToken, "").map(|first| first.sighting.first_seen);
        since.is_some_and(|since| now - since < LEARNING) && self.count(false) < MAX_LEARNED
    }
}

/// A thing as it is kept: nothing in it can drive a terminal, and it is not long.
fn kept(thing: &str) -> String {
    let short: String = thing.chars().take(MAX_THING).collect();
    shown::Shown::of(&short).to_string()
}

/// Alarms of one provider, after which one more says that there are many: whoever holds valid tokens must not be able to
/// fill the disk with them.
pub(super) const MAX_ALARMS: usize = 32;
/// Claims that are learned of one provider.
const MAX_LEARNED: usize = 128;
/// Seconds after the first token in which claims are learned: optional ones do not come in the first token.
pub(super) const LEARNING: i64 = 24 * 3600;
/// Characters of a thing.
const MAX_THING: usize = 64;
