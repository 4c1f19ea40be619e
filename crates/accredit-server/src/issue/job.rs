//! Whose token a job shows, and whether its issuer vouches for it: resolve, gather, verify.

use accredit_core::decide::issue::IssueDenial;
use accredit_core::model::{AllowedIssuer, Cluster, Id, Kind, Resource};
use accredit_core::world::World;
use accredit_id::digest::sha256;
use accredit_id::json::Object;
use accredit_id::time::Timestamp;
use accredit_id::trust_domain::TrustDomain;
use accredit_id::verify::{self, Buffer, Rejected, TokenFault, Verified};

use crate::app::App;
use crate::exchange::is_another_providers;
use crate::gather::KeysUnavailable;
use crate::provider;
use crate::traces::Step;

/// A job whose issuer vouches for it.
pub(super) struct Job<'j> {
    /// The entry of the cluster's `allowedIssuers` that takes it.
    pub(super) issuer: &'j AllowedIssuer,
    pub(super) verified: Verified<'j>,
}

/// Nobody vouches for a job, or its token does not hold all the same.
pub(super) enum NoJob<'j> {
    /// It has not the form of a token, or says itself that it ended long ago.
    Faulty(TokenFault),
    /// The cluster lists no such issuer.
    Unknown(IssueDenial),
    /// Many share the issuer, and no entry says whose tokens are meant (L27). The claims are as typed in.
    Unpinned(&'j AllowedIssuer, Object<'j>),
    /// Nobody can tell now.
    KeysUnavailable(&'j AllowedIssuer, KeysUnavailable),
    /// Its issuer does not take it.
    Rejected(&'j AllowedIssuer, Box<Rejected<'j>>),
    /// The world contradicts itself.
    Internal,
}

/// How the keys of issuers are come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gathering {
    /// As it must be: a key that is not at hand is fetched.
    Fetching,
    /// Without asking anybody, for whoever only explains.
    AtHand,
}

/// An entry that does not take a token, and why.
pub(crate) struct Passed {
    pub(crate) place: usize,
    pub(crate) code: &'static str,
    pub(crate) told: String,
}

/// Memory for reading one token as often as it has entries to be tried.
pub(super) type Buffers = [Buffer; provider::MOST];

/// Finds the entry that takes a token, and has it verified by that one's keys. A cluster lists an issuer several times where its
/// audiences differ.
pub(super) async fn job<'j>(
    app: &App,
    world: &World,
    (cluster, known): (&'j Resource, &'j Cluster),
    token: &'j str,
    (now, gathering): (Timestamp, Gathering),
    buffers: &'j mut Buffers,
    mut passed: Option<&mut Vec<Passed>>,
) -> Result<Job<'j>, NoJob<'j>> {
    let mut buffers = buffers.iter_mut();
    let first = buffers.next().ok_or(NoJob::Internal)?;
    let unverified = verify::read(token, first).map_err(NoJob::Faulty)?;
    let candidates = candidates(world, known, unverified.issuer(), unverified.subject_trust_domain());
    if candidates.is_empty() {
        return Err(NoJob::Unknown(IssueDenial::unknown_issuer(cluster.name.as_str(), unverified.issuer())));
    }
    // Before keys are looked for, or fetched, and a signature is checked.
    if let Some(first) = candidates.first().filter(|_| candidates.iter().all(|issuer| !issuer.is_pinned)) {
        return Err(NoJob::Unpinned(first, unverified.into_typed_in()));
    }
    if let Some(fault) = unverified.long_expired(now) {
        return Err(NoJob::Faulty(fault));
    }
    let mut unverified = Some(unverified);
    let mut unreachable = None;
    let mut candidates = candidates.into_iter().peekable();
    while let Some(issuer) = candidates.next() {
        let unverified = match unverified.take() {
            Some(first) => first,
            None => {
                let next = buffers.next().ok_or(NoJob::Internal)?;
                verify::read(token, next).map_err(NoJob::Faulty)?
            }
        };
        let step = app.traces.step(Step::Gather);
        let keys = app.keys_of_job(&issuer.provider);
        let keys = match gathering {
            Gathering::Fetching => keys.keys_for(unverified.key_id(), now).await,
            Gathering::AtHand => keys.current(now).ok_or(KeysUnavailable { fault: None, next_try: None }),
        };
        drop(step);
        let keys = match keys {
            Ok(keys) => keys,
            Err(unavailable) => {
                if let Some(passed) = &mut passed {
                    let told = "its keys are not at hand".to_owned();
                    passed.push(Passed { place: issuer.place, code: "key-not-cached", told });
                }
                unreachable.get_or_insert((issuer, unavailable));
                continue;
            }
        };
        let expected = provider::expectations(&issuer.provider);
        match app.traces.during(Step::Verify, || verify::verify(unverified, &expected, &keys, now)) {
            Ok(verified) => return Ok(Job { issuer, verified }),
            Err(rejected) => {
                if let Some(passed) = &mut passed {
                    let (code, told) = (rejected.fault.code(), rejected.fault.operator_text());
                    passed.push(Passed { place: issuer.place, code, told });
                }
                let is_the_last = candidates.peek().is_none() && unreachable.is_none();
                if is_the_last || !is_another_providers(rejected.fault.code()) {
                    return Err(NoJob::Rejected(issuer, Box::new(rejected)));
                }
            }
        }
    }
    match unreachable {
        Some((issuer, unavailable)) => Err(NoJob::KeysUnavailable(issuer, unavailable)),
        None => Err(NoJob::Internal),
    }
}

/// The entries of the token's issuer; a JWT-SVID may leave that to its subject's trust domain.
pub(super) fn candidates<'c>(
    world: &World,
    known: &'c Cluster,
    issuer: Option<&str>,
    subject_trust_domain: Option<TrustDomain>,
) -> Vec<&'c AllowedIssuer> {
    let domain = subject_trust_domain.map(|domain| format!("spiffe://{domain}"));
    let named = [issuer, domain.as_deref()].into_iter().flatten();
    let mut found: Vec<_> = named.flat_map(|issuer| world.allowed_issuers(known, issuer)).collect();
    found.sort_by_key(|issuer| issuer.place);
    found.dedup_by_key(|issuer| issuer.place);
    found.truncate(provider::MOST);
    found
}

/// Whose budgets and marks are meant by an issuer of jobs: those of all clusters that list it.
pub(super) fn issuer_id(issuer: &str) -> Id {
    digested(&["issuer of jobs", issuer])
}

/// An id that no resource has: ids of those are random.
pub(super) fn digested(parts: &[&str]) -> Id {
    let digest = sha256(parts.join("\0").as_bytes());
    let mut bits = [0; 16];
    bits.copy_from_slice(&digest[..16]);
    Id::new(Kind::Provider, bits)
}
