//! The same road for an operator: his own word is the proof, and the cluster's policy bounds what he may say.

use accredit_api::svid::{SvidResponse, Wanted as Asked};
use accredit_core::decide::issue::{OperatorAsk, issue_to_operator};
use accredit_core::model::{DecisionId, Resource};
use accredit_store::Entry;
use serde_json::Value;

use super::{as_decided, making, requests};
use crate::admin::AdminFault;
use crate::app::App;
use crate::read_model::InForce;
use crate::record::{self, By, Issued, Recorded};
use crate::{chance, clock};

/// What an operator asks for.
#[derive(Clone, Copy)]
pub(crate) struct Minting<'m> {
    pub(crate) cluster: &'m Resource,
    /// The path of the SPIFFE ID.
    pub(crate) path: &'m str,
    pub(crate) wanted: &'m [Asked],
    /// What the log calls him.
    pub(crate) operator: &'m str,
    /// What admitted him, and from where.
    pub(crate) by: &'m Value,
    pub(crate) reason: &'m str,
}

/// Decides, mints, signs, checks and records; then answers.
pub(crate) async fn mint(app: &App, in_force: &InForce, minting: Minting<'_>) -> Result<SvidResponse, AdminFault> {
    let Minting { cluster, path, wanted, operator, by, reason } = minting;
    let (decision, now, world) = (DecisionId::new(chance::bits()), clock::now(), &in_force.world);
    let requests = requests(wanted).map_err(|fault| AdminFault::Request(fault.to_string()))?;
    let decided: Vec<_> = wanted.iter().map(as_decided).collect();
    let ask = OperatorAsk { cluster, path, wanted: &decided };
    let identity = issue_to_operator(&ask, world, &app.context(), now).map_err(|denial| {
        let hint = denial.hint.map_or_else(String::new, |hint| format!("; {hint}"));
        AdminFault::Request(format!("{}: {}{hint}", denial.reason.code(), denial.operator))
    })?;
    if let Some(fault) = making::other_names(&identity, &requests) {
        return Err(AdminFault::Request(fault.to_string()));
    }
    let gone = || AdminFault::Unavailable("the trust domain is gone".to_owned());
    let domain = cluster.as_cluster().map(|known| known.trust_domain).ok_or_else(gone)?;
    let made = app.make_svids(domain, &identity, &requests, now).await;
    let made = made.map_err(|fault| AdminFault::Unavailable(fault.to_string()))?;
    let issued = Issued {
        cluster,
        trust_domain: world.by_id(domain).ok_or_else(gone)?,
        by: By::Operator { name: operator, admitted: by, reason },
        spiffe_id: &identity.spiffe_id,
        policy: &identity.policy,
        template: &identity.template,
        svids: &made.records,
        at: now,
        sequence: world.sequence,
        trace: app.traces.id(),
    };
    let entry = Entry {
        id: *decision.bits(),
        record: record::svids_issued(&issued),
        mark: None,
        proof: None,
        if_replayed: None,
        pins: Vec::new(),
        rests_on: Vec::new(),
        decided_on: in_force.revocation,
    };
    match app.recorder.record(entry).await? {
        Recorded::Durably => Ok(made.answer(&identity, decision)),
        Recorded::ProofShown | Recorded::Stale | Recorded::Replayed { .. } => {
            Err(AdminFault::Conflict("something was changed meanwhile; ask again".to_owned()))
        }
    }
}
