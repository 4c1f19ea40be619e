//! The orchestrator of an issuance. This file alone knows the order of the road:
//! gather, verify, facts, decide, mint, sign, check as a stranger would, record.

mod explaining;
mod job;
mod keys;
mod making;
mod mint;
mod refusing;

use std::net::IpAddr;
use std::sync::Arc;

use accredit_api::svid::{SvidResponse, SvidType, Wanted as Asked};
use accredit_core::decide::Held;
use accredit_core::decide::issue::{Entrance, Identity, IdentityAsk, IssueDenial, JobFacts, Wanted, issue as decide};
use accredit_core::model::{AllowedIssuer, Cluster, DecisionId, Kind, Lifetime, Replay, Resource};
use accredit_id::digest::sha256;
use accredit_id::svid::csr::Request;
use accredit_id::time::Timestamp;
use accredit_id::verify::Verified;
use accredit_store::{Entry, Mark};

use crate::app::App;
use crate::read_model::InForce;
use crate::record::{self, By, Issued, RecordFault, Recorded, Shown};
use crate::spending::Spending;
use crate::traces::Step;
use crate::{chance, clock};
pub(crate) use explaining::{Explaining, explain};
use job::{Gathering, Job, NoJob, job};
pub(crate) use keys::OfCluster;
pub(crate) use making::Activated;
use making::Made;
pub(crate) use mint::{Minting, mint};
pub(crate) use refusing::{Fault, NotIssued};

/// What is asked for, and by which proof.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'r> {
    /// The cluster, by name or id.
    pub(crate) cluster: &'r str,
    /// The job's token.
    pub(crate) token: &'r str,
    /// 1 to 64 SVIDs, of one identity.
    pub(crate) wanted: &'r [Asked],
    pub(crate) source: IpAddr,
}

/// Gives a job SVIDs for its token: all that it asks for, or none and why.
pub(crate) async fn issue(app: &App, asking: Asking<'_>) -> Result<(DecisionId, SvidResponse), NotIssued> {
    let decision = DecisionId::new(chance::bits());
    let mut decided_on = 0;
    // A decision on resources that were revoked meanwhile is made again, on what is in force by then.
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            app.await_what_is_newer(decided_on, attempt).await;
        }
        let walk = Walk { app, asking, decision, in_force: app.read_model.now(), now: clock::now() };
        decided_on = walk.in_force.revocation;
        if let Some(issued) = walk.walk().await? {
            return Ok((decision, issued));
        }
    }
    Err(NotIssued::unavailable(decision, 1))
}

/// One walk along the road, on one snapshot at one time.
struct Walk<'w> {
    app: &'w App,
    asking: Asking<'w>,
    decision: DecisionId,
    in_force: Arc<InForce>,
    now: Timestamp,
}

/// A job, once its issuer has vouched for it.
#[derive(Clone, Copy)]
struct Evident<'e> {
    cluster: &'e Resource,
    known: &'e Cluster,
    issuer: &'e AllowedIssuer,
    verified: &'e Verified<'e>,
}

impl Walk<'_> {
    /// `Ok(None)` when something was revoked on the way.
    async fn walk(&self) -> Result<Option<SvidResponse>, NotIssued> {
        let mut buffers = job::Buffers::default();
        let world = &self.in_force.world;
        let found = world.find(Kind::Cluster, self.asking.cluster);
        let Some((cluster, known)) = found.and_then(|cluster| Some((cluster, cluster.as_cluster()?))) else {
            return Err(self.unknown(&IssueDenial::unknown_cluster(self.asking.cluster), None));
        };
        let by = (self.now, Gathering::Fetching);
        match job(self.app, world, (cluster, known), self.asking.token, by, &mut buffers, None).await {
            Ok(Job { issuer, verified }) => self.judge(Evident { cluster, known, issuer, verified: &verified }).await,
            Err(NoJob::Faulty(fault)) => Err(self.unverified(&fault, cluster)),
            Err(NoJob::Unknown(denial)) => Err(self.unknown(&denial, Some(cluster))),
            Err(NoJob::Unpinned(issuer, claims)) => Err(self.unpinned(cluster, issuer, &claims)),
            Err(NoJob::KeysUnavailable(issuer, unavailable)) => {
                Err(self.keys_unavailable(cluster, issuer, &unavailable))
            }
            Err(NoJob::Rejected(issuer, rejected)) => Err(self.rejected(cluster, issuer, &rejected).await),
            Err(NoJob::Internal) => Err(NotIssued::internal(self.decision)),
        }
    }

    async fn judge(&self, job: Evident<'_>) -> Result<Option<SvidResponse>, NotIssued> {
        self.pay(job)?;
        let requests = match requests(self.asking.wanted) {
            Ok(requests) => requests,
            Err(fault) => return Err(self.csr_refused(job, &fault).await),
        };
        let wanted: Vec<Wanted<'_>> = self.asking.wanted.iter().map(as_decided).collect();
        let decided = {
            let facts = JobFacts::verified(job.issuer, job.verified);
            let ask =
                IdentityAsk { cluster: job.cluster, path: Entrance::Direct, wanted: &wanted, held: Held::default() };
            let (world, context) = (&self.in_force.world, self.app.context());
            let decide = || decide(&ask, &facts, world, &context, self.now);
            self.app.traces.during(Step::Decide, decide).map_err(|denial| {
                let told = self.explained(&ask, &facts, &denial);
                (denial, told)
            })
        };
        match decided {
            Ok(identity) => self.make(job, &requests, identity).await,
            Err((denial, told)) => Err(self.denied(job, denial.reason, told).await),
        }
    }

    /// Mints, signs, looks at what came out, records, and only then answers.
    async fn make(
        &self,
        job: Evident<'_>,
        requests: &[Option<Request>],
        identity: Identity,
    ) -> Result<Option<SvidResponse>, NotIssued> {
        if let Some(fault) = making::other_names(&identity, requests) {
            return Err(self.csr_refused(job, &fault).await);
        }
        let made = match self.app.make_svids(job.known.trust_domain, &identity, requests, self.now).await {
            Ok(made) => made,
            Err(fault) => {
                tracing::error!(event = "svid-not-made", decision.id = %self.decision, code = fault.code(), "an SVID could not be made: {fault}");
                self.app.metrics.svids.refused(Some(job.cluster), fault.code());
                return Err(NotIssued::unavailable(self.decision, 5));
            }
        };
        let recording = self.app.traces.step(Step::Record);
        let recorded = self.app.recorder.record(self.entry(job, &identity, &made)?).await;
        drop(recording);
        match recorded {
            Ok(Recorded::Durably) => {
                let (tokens, certificates) = made.counts();
                self.app.budgets.served(self.asking.source);
                self.app.metrics.svids.issued(job.cluster, tokens, certificates);
                Ok(Some(made.answer(&identity, self.decision)))
            }
            Ok(Recorded::Replayed { first }) => Err(self.replayed(job, first).await),
            // No proof is claimed with it.
            Ok(Recorded::ProofShown) => Err(NotIssued::internal(self.decision)),
            Ok(Recorded::Stale) => Ok(None),
            Err(RecordFault::Marks) => Err(self.no_room(job.cluster)),
            Err(fault) => {
                tracing::warn!(event = "svid-not-recorded", decision.id = %self.decision, "no SVID without its record: {fault}");
                self.app.metrics.svids.refused(Some(job.cluster), "store-unavailable");
                Err(NotIssued::unavailable(self.decision, 1))
            }
        }
    }

    /// The record of all that was made, and what it spends.
    fn entry(&self, job: Evident<'_>, identity: &Identity, made: &Made) -> Result<Entry, NotIssued> {
        let internal = || NotIssued::internal(self.decision);
        let world = &self.in_force.world;
        let issued = Issued {
            cluster: job.cluster,
            trust_domain: world.by_id(job.known.trust_domain).ok_or_else(internal)?,
            by: By::Job { shown: self.shown(job), source: self.asking.source, entry: job.issuer.place },
            spiffe_id: &identity.spiffe_id,
            policy: &identity.policy,
            template: &identity.template,
            svids: &made.records,
            at: self.now,
            sequence: world.sequence,
            trace: self.app.traces.id(),
        };
        Ok(Entry {
            id: *self.decision.bits(),
            record: record::svids_issued(&issued),
            mark: self.spends(job, identity.replay)?,
            proof: None,
            if_replayed: None,
            pins: Vec::new(),
            rests_on: Vec::new(),
            decided_on: self.in_force.revocation,
        })
    }

    /// The use that a token of an issuer with `replay: once` has: one, in whichever cluster.
    fn spends(&self, job: Evident<'_>, replay: Replay) -> Result<Option<Mark>, NotIssued> {
        if replay == Replay::Reuse {
            return Ok(None);
        }
        // The decision has refused a token without a name; here it would go unmarked.
        let name = job.verified.token_id().ok_or_else(|| NotIssued::internal(self.decision))?;
        let times = (job.verified.issued_at(), job.verified.expires_at());
        Ok(Some(mark(job.cluster, job.known, job.issuer, name, times)))
    }

    fn shown<'j>(&self, job: Evident<'j>) -> Shown<'j> {
        Shown {
            known: &job.issuer.provider,
            claims: job.verified.claims(),
            token_hash: sha256(self.asking.token.as_bytes()),
            key: Some((job.verified.key_id(), job.verified.key_thumbprint())),
        }
    }
}

/// The mark that a token of an issuer with `replay: once` leaves.
fn mark(
    cluster: &Resource,
    known: &Cluster,
    issuer: &AllowedIssuer,
    name: &str,
    (issued_at, expires_at): (Option<Timestamp>, Timestamp),
) -> Mark {
    let spending = Spending {
        provider: job::issuer_id(&issuer.provider.issuer),
        name,
        issued_at,
        expires_at,
        longest: issuer.provider.max_token_lifetime.duration(),
        holder: None,
        account: cluster.id,
        api: known.trust_domain,
        actors: &[],
    };
    spending.mark()
}

/// Reads what certificates are asked for by. Each shows by a signature that its key is held, so this comes after the token has
/// shown who pays for it.
fn requests(wanted: &[Asked]) -> Result<Vec<Option<Request>>, accredit_id::svid::csr::RequestFault> {
    wanted.iter().map(|wanted| wanted.csr.as_deref().map(Request::from_pem).transpose()).collect()
}

fn as_decided(asked: &Asked) -> Wanted<'_> {
    let Asked { kind, audience, lifetime, csr: _ } = asked;
    // What is longer than anything is cut by policy all the same.
    let lifetime = lifetime.map(|seconds| Lifetime::from_secs(u32::try_from(seconds).unwrap_or(u32::MAX)));
    match kind {
        SvidType::Jwt => Wanted::Jwt { audiences: audience.as_deref().unwrap_or_default(), lifetime },
        SvidType::X509 => Wanted::X509 { lifetime },
    }
}

const ATTEMPTS: u64 = 8;
