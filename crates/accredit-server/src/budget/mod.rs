//! Budgets: who pays for what a request costs.
//!
//! | payer | pays for | when there is nothing left |
//! |---|---|---|
//! | source: an IPv4 address, an IPv6 /64; sixteen times as much for all of an IPv6 /48 | requests that fail before anybody has vouched for them | refused before its body is read |
//! | token: one that its platform hands out again and again | each time that it comes | refused before its subject pays, unrecorded |
//! | subject: of one provider; a service account where a token of ours is narrowed, or where it introspects | what it asks for once its token has verified; a refusal counts fifty-fold | refused before it is decided, unrecorded |
//! | provider: all its subjects | the same, where the configuration says so | the same |
//! | refusals of a provider's tokens | explanations and records | refused as before, counted and not recorded |
//!
//! INVARIANT: before a signature verifies the source alone pays. Were a provider or subject charged for what a request merely
//! says, anybody could use up what belongs to others (L21).

mod buckets;
mod connections;
mod moments;
mod payers;
mod turnstile;

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use accredit_core::model::Id;
use accredit_core::providers::{Caches, ProviderKind};

pub(crate) use connections::{Connections, NoSeat, OfListeners, Seat};
pub(crate) use payers::network;

use crate::config::LimitsConfig;
use buckets::Buckets;
use moments::Payer;
use payers::Payers;
use turnstile::Turnstile;

/// All budgets of a server.
pub(crate) struct Budgets {
    begun: Instant,
    payers: Payers,
    sources: Buckets,
    turnstile: Turnstile,
    /// Of IPv6 sources, the sites that they may be given to: a host with a /48 is 65,536 sources.
    sites: Buckets,
    tokens: Buckets,
    subjects: Buckets,
    providers: Option<Buckets>,
    recorded_refusals: Buckets,
    /// Requests that were refused for want of a budget.
    pub(crate) throttled: Throttled,
}

/// Counts of what was refused for want of a budget.
#[derive(Default)]
pub(crate) struct Throttled {
    pub(crate) sources: AtomicU64,
    pub(crate) tokens: AtomicU64,
    pub(crate) subjects: AtomicU64,
    pub(crate) providers: AtomicU64,
    /// Uses of evidence that its provider has no replay marks left for.
    pub(crate) marks: AtomicU64,
    /// Refusals that were counted and not recorded.
    pub(crate) unrecorded: AtomicU64,
}

/// What a failed request costs its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cost {
    /// It asked for a nonce: a client that proves a key cannot know ours before, and nothing was computed for it.
    Nonce,
    /// It was looked at.
    Look,
    /// A signature was computed for it, or somebody was asked.
    Verification,
}

/// Nothing is left; how many seconds until there is, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spent {
    pub(crate) retry_after: u32,
}

// === impl Budgets ===

impl Budgets {
    /// `threads` is how many of them serve.
    pub(crate) fn new(limits: &LimitsConfig, threads: usize) -> Self {
        Self {
            begun: Instant::now(),
            payers: Payers::new(),
            sources: Buckets::new(limits.source),
            turnstile: Turnstile::new(threads),
            sites: Buckets::new(limits.source.times(SOURCES_OF_A_SITE)),
            tokens: Buckets::new(limits.token),
            subjects: Buckets::new(limits.subject),
            providers: limits.provider.map(Buckets::new),
            recorded_refusals: Buckets::new(limits.recorded_refusals),
            throttled: Throttled::default(),
        }
    }

    /// Refuses a source that has spent its budget. Costs it nothing.
    pub(crate) fn admit(&self, source: IpAddr) -> Result<(), Spent> {
        let now = self.now();
        let of_site = || self.payers.site(source).and_then(|site| self.sites.wait(site, now));
        match self.sources.wait(self.payers.source(source), now).or_else(of_site) {
            None => Ok(()),
            Some(wait) => Err(spent(wait, &self.throttled.sources)),
        }
    }

    /// Lets a source in that has something left, when it is its turn: where there is more to do than time, those that were served
    /// lately go first.
    pub(crate) async fn enter(&self, source: IpAddr) -> Result<(), Spent> {
        // First: where there are many to refuse, that takes its time, too.
        self.turnstile.pass(self.payers.source(source), self.now()).await;
        self.admit(source)
    }

    /// This source got what it asked for.
    pub(crate) fn served(&self, source: IpAddr) {
        self.turnstile.served(self.payers.source(source), self.now());
    }

    /// How many requests found others of strangers before them.
    pub(crate) fn queued(&self) -> &AtomicU64 {
        &self.turnstile.queued
    }

    /// A request of this source failed before anybody had vouched for it.
    pub(crate) fn failed(&self, source: IpAddr, cost: Cost) {
        let (own, now) = (self.payers.source(source), self.now());
        if cost != Cost::Nonce {
            self.turnstile.failed(own);
        }
        let of_site = self.payers.site(source).map(|site| (&self.sites, site));
        for (buckets, payer) in std::iter::once((&self.sources, own)).chain(of_site) {
            match cost {
                Cost::Nonce => buckets.spend_tenth(payer, now),
                Cost::Look => buckets.spend(payer, 1, now),
                Cost::Verification => buckets.spend(payer, VERIFICATION, now),
            }
        }
    }

    /// A token verified that its platform hands out until it is nearly over, so that nobody can tell an honest use from the next
    /// (I06). It pays before its subject does: who shows one in a loop, or found one, leaves to others what they share with him, as
    /// all pods of a service account do. `name` is its `jti`, if it has one.
    ///
    /// Of other kinds nothing is charged, nor computed.
    pub(crate) fn came_again(
        &self,
        provider: Id,
        kind: &ProviderKind,
        name: Option<&str>,
        token: &str,
    ) -> Result<(), Spent> {
        match kind.caches {
            Caches::Never | Caches::Sometimes => Ok(()),
            Caches::Always => {
                take(&self.tokens, self.payers.token(provider, name, token), self.now(), &self.throttled.tokens)
            }
        }
    }

    /// A service account asks about tokens. It pays as a subject does, and apart from what is asked for in its name, so that
    /// neither keeps the other waiting.
    pub(crate) fn asks(&self, account: &str) -> Result<(), Spent> {
        take(&self.subjects, self.payers.introspecting(account), self.now(), &self.throttled.subjects)
    }

    /// A token of this subject verified: it pays for what comes now.
    pub(crate) fn verified(&self, provider: Id, subject: &str) -> Result<(), Spent> {
        let now = self.now();
        let payer = self.payers.subject(provider, subject);
        if let Some(wait) = self.subjects.wait(payer, now) {
            return Err(spent(wait, &self.throttled.subjects));
        }
        if let Some(providers) = &self.providers {
            let payer = self.payers.provider(provider);
            if let Some(wait) = providers.wait(payer, now) {
                return Err(spent(wait, &self.throttled.providers));
            }
            providers.spend(payer, 1, now);
        }
        self.subjects.spend(payer, 1, now);
        Ok(())
    }

    /// A token that the provider has signed is refused, and says whether that is explained and recorded by itself. It costs
    /// the subject only where the token was good: anybody may have found an old one, or one that was meant for others.
    pub(crate) fn refused(&self, provider: Id, subject: Option<&str>) -> bool {
        let now = self.now();
        if let Some(subject) = subject {
            self.subjects.spend(self.payers.subject(provider, subject), REFUSAL, now);
        }
        self.is_recorded(self.payers.provider(provider), now)
    }

    /// The same of a token of ours that has ended or was revoked: nobody looks up any more by which provider it came.
    pub(crate) fn refused_of_ours(&self) -> bool {
        self.is_recorded(self.payers.ours(), self.now())
    }

    fn is_recorded(&self, payer: Payer, now: u64) -> bool {
        let is_recorded = self.recorded_refusals.wait(payer, now).is_none();
        if is_recorded {
            self.recorded_refusals.spend(payer, 1, now);
        } else {
            self.throttled.unrecorded.fetch_add(1, Relaxed);
        }
        is_recorded
    }

    /// How many sources have spent something that is not back yet.
    pub(crate) fn sources_in_debt(&self) -> usize {
        self.sources.spending(self.now())
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// One unit, if there is one.
fn take(buckets: &Buckets, payer: Payer, now: u64, counter: &AtomicU64) -> Result<(), Spent> {
    match buckets.wait(payer, now) {
        Some(wait) => Err(spent(wait, counter)),
        None => {
            buckets.spend(payer, 1, now);
            Ok(())
        }
    }
}

fn spent(wait: u64, counter: &AtomicU64) -> Spent {
    counter.fetch_add(1, Relaxed);
    let seconds = Duration::from_nanos(wait).as_secs() + 1;
    Spent { retry_after: u32::try_from(seconds).unwrap_or(u32::MAX) }
}

/// A site may spend as much as so many sources.
const SOURCES_OF_A_SITE: u32 = 16;
/// What a verification costs, in units of a look.
const VERIFICATION: u32 = 5;
/// What a refusal costs a subject, in units of an exchange: it is explained at length, and recorded.
const REFUSAL: u32 = 50;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use accredit_core::providers::github::GITHUB;
    use accredit_core::providers::kubernetes::KUBERNETES;

    use super::*;
    use crate::config::Allowance;

    fn id(text: &str) -> Id {
        text.parse().unwrap()
    }

    fn budgets(limits: LimitsConfig) -> Budgets {
        Budgets::new(&limits, 1)
    }

    /// J15, L21: who floods is refused, and nobody else is; a verification costs more than a look.
    #[test]
    fn a_source_pays_for_its_failures_alone() {
        let source = Allowance { burst: 100, per_second: 1 };
        let budgets = budgets(LimitsConfig { source, ..LimitsConfig::default() });
        let [bad, worse, new, good] = [1, 2, 3, 4].map(|last| IpAddr::from([192, 0, 2, last]));
        let failures = |address, cost| {
            (0..).take_while(|_| budgets.admit(address).inspect(|()| budgets.failed(address, cost)).is_ok()).count()
        };
        assert_eq!(failures(bad, Cost::Look), 100);
        assert_eq!(failures(worse, Cost::Verification), 20);
        assert!((991..=1010).contains(&failures(new, Cost::Nonce)), "who needs a nonce pays a tenth");
        assert!(budgets.admit(bad).unwrap_err().retry_after >= 1);
        assert!((0..10_000).all(|_| budgets.admit(good).is_ok()), "who fails at nothing pays nothing");
        assert_eq!(budgets.throttled.sources.load(Relaxed), 4);
        assert_eq!(budgets.sources_in_debt(), 3);
    }

    /// I06: whoever repeats one token waits; another one of the same subject, or of that name elsewhere, does not. A token without a
    /// name is known by what was signed.
    #[test]
    fn a_token_that_comes_again_pays_for_itself() {
        let token = Allowance { burst: 20, per_second: 1 };
        let budgets = budgets(LimitsConfig { token, ..LimitsConfig::default() });
        let (one, other) = (id("idp_00000000000000000000000001"), id("idp_00000000000000000000000002"));
        for (provider, name, token, is_let_in) in [
            (one, Some("a"), "h.a.s", 20),
            (one, Some("a"), "h.another.s", 0),
            (one, Some("b"), "h.b.s", 20),
            (other, Some("a"), "h.a.s", 20),
            (one, None, "h.a.s", 20),
            (one, Some(""), "h.a.s2", 0),
            (one, None, "h.c.s", 20),
            (one, Some("h.c"), "h.d.s", 20),
        ] {
            let times = (0..40).filter(|_| budgets.came_again(provider, &KUBERNETES, name, token).is_ok()).count();
            assert_eq!(times, is_let_in, "{provider} {name:?} {token}");
        }
        assert_eq!(budgets.throttled.tokens.load(Relaxed), 200);
        assert!(budgets.came_again(one, &KUBERNETES, Some("a"), "h.a.s").unwrap_err().retry_after >= 1);
        // What its platform makes anew each time is not counted.
        assert!((0..100).all(|_| budgets.came_again(one, &GITHUB, Some("a"), "h.a.s").is_ok()));
    }

    /// I06: by default sixteen processes of a pod may each ask for twenty APIs at once. One that does nothing but ask is told to wait
    /// within a second, before it has spent what its service account has for all pods: also where each time is a refusal.
    #[test]
    fn a_loop_meets_the_default_and_processes_of_a_pod_do_not() {
        let budgets = budgets(LimitsConfig::default());
        let provider = id("idp_00000000000000000000000001");
        let ask = |jti: &str| {
            budgets.came_again(provider, &KUBERNETES, Some(jti), "").and_then(|()| budgets.verified(provider, "pods"))
        };
        assert!((0..16 * 20).all(|_| ask("honest").is_ok()));
        let looped = |_: &u32| ask("looping").inspect(|()| _ = budgets.refused(provider, Some("pods"))).is_ok();
        assert!((0..1000).take_while(looped).count() < 600);
        assert!(ask("honest").is_ok() && budgets.throttled.subjects.load(Relaxed) == 0);
    }

    /// J15: a host that changes its address within all that its site has been given is told to wait, and others are not.
    #[test]
    fn j15_a_site_pays_for_all_its_networks() {
        let source = Allowance { burst: 100, per_second: 1 };
        let budgets = budgets(LimitsConfig { source, ..LimitsConfig::default() });
        let at = |site: u16, network: u16| IpAddr::from([0x2001, 0xdb8, site, network, 0, 0, 0, 1]);
        let fails = |address| budgets.admit(address).map(|()| budgets.failed(address, Cost::Verification));
        let looked_at = (0..10_000).filter(|network| fails(at(7, *network)).is_ok()).count();
        assert!((320..330).contains(&looked_at), "{looked_at}");
        assert!(budgets.admit(at(7, 65_000)).is_err() && budgets.admit(at(8, 0)).is_ok());
        // An IPv4 address is nobody's network.
        let looked_at =
            (0..2_000_u32).filter(|last| fails(IpAddr::from((0xc000_0000 + last).to_be_bytes())).is_ok()).count();
        assert_eq!(looked_at, 2_000);
    }

    #[test]
    fn a_subject_pays_once_its_token_has_verified() {
        let subject = Allowance { burst: 200, per_second: 1 };
        let budgets = budgets(LimitsConfig { subject, ..LimitsConfig::default() });
        let (one, other) = (id("idp_00000000000000000000000001"), id("idp_00000000000000000000000002"));
        assert_eq!((0..300).filter(|_| budgets.verified(one, "a").is_ok()).count(), 200);
        assert!(budgets.verified(one, "b").is_ok() && budgets.verified(other, "a").is_ok());
        let refusals =
            (0..300).filter(|_| budgets.verified(other, "c").is_ok() && budgets.refused(other, Some("c"))).count();
        assert_eq!(refusals, 4);
    }

    /// A provider whose tokens anybody can get fills no disk with refusals; its other subjects are served.
    #[test]
    fn refusals_of_a_provider_are_recorded_up_to_a_point() {
        let recorded_refusals = Allowance { burst: 10, per_second: 1 };
        let budgets = budgets(LimitsConfig { recorded_refusals, ..LimitsConfig::default() });
        let (one, other) = (id("idp_00000000000000000000000001"), id("idp_00000000000000000000000002"));
        assert_eq!((0..50).filter(|number| budgets.refused(one, Some(&number.to_string()))).count(), 10);
        assert!(budgets.refused(other, None) && budgets.verified(one, "honest").is_ok());
        assert_eq!(budgets.throttled.unrecorded.load(Relaxed), 40);
    }

    #[test]
    fn a_provider_pays_where_it_is_told_to() {
        let provider = Some(Allowance { burst: 5, per_second: 1 });
        let budgets = budgets(LimitsConfig { provider, ..LimitsConfig::default() });
        let (one, other) = (id("idp_00000000000000000000000001"), id("idp_00000000000000000000000002"));
        assert_eq!((0..50).filter(|number| budgets.verified(one, &number.to_string()).is_ok()).count(), 5);
        assert!(budgets.verified(other, "a").is_ok());
    }
}
