//! Identities that an operator mints for a test, where the cluster's policy lets him, bounded by path.

use std::marker::PhantomData;

use accredit_id::shown::Shown;
use accredit_id::spiffe_id::SpiffeId;
use accredit_id::time::Timestamp;
use serde_json::Map;

use super::{Identity, IssueDenial, IssueReason, SvidTerms, Wanted, in_force, number, terms};
use crate::facts::Proved;
use crate::model::{Lifetime, OperatorPath, Replay, Resource};
use crate::plan::Context;
use crate::world::World;

/// What an operator asks for. That he is one, and may write in this cluster, was judged before.
#[derive(Clone, Copy)]
pub struct OperatorAsk<'a> {
    /// The cluster.
    pub cluster: &'a Resource,
    /// The path of the SPIFFE ID, with its leading slash.
    pub path: &'a str,
    /// The SVIDs, 1 to 64.
    pub wanted: &'a [Wanted<'a>],
}

/// Decides what an operator may mint. Nothing is known of a workload then, so no claims and no names are made.
///
/// # Errors
/// The first reason to refuse.
pub fn issue_to_operator(
    ask: &OperatorAsk<'_>,
    world: &World,
    context: &Context<'_>,
    now: Timestamp,
) -> Result<Identity<Proved>, IssueDenial> {
    let cluster = in_force(ask.cluster, world)?;
    number(ask.wanted.len())?;
    let refused = |told: String| IssueDenial::new(IssueReason::OperatorNotAllowed, told);
    if !cluster.issuance.operators.iter().any(|path: &OperatorPath| path.takes(ask.path)) {
        let told = format!("cluster `{}` lets operators mint nothing at `{}`", ask.cluster.name, Shown::of(ask.path));
        return Err(refused(told).hint("add the path to `operators.paths` of its SVIDIssuancePolicy"));
    }
    let text = format!("spiffe://{}{}", cluster.trust_domain_name, ask.path);
    let spiffe_id: SpiffeId = text.parse().map_err(|fault| refused(format!("{fault}")))?;
    let policy = &cluster.issuance.base;
    let svid = |wanted: &Wanted<'_>| {
        let end = |asked: Option<Lifetime>, usual| terms::expiry(asked, usual, cluster, None, now);
        match wanted {
            Wanted::Jwt { audiences, lifetime } => {
                terms::allowed(audiences, policy, context)?;
                let expires_at = end(*lifetime, policy.jwt_ttl)?;
                Ok(SvidTerms::Jwt { audiences: audiences.to_vec(), issued_at: now, expires_at, claims: Map::new() })
            }
            Wanted::X509 { lifetime } => {
                let (not_before, expires_at) = (now.minus(terms::BACKDATED), end(*lifetime, policy.x509_ttl)?);
                Ok(SvidTerms::X509 { not_before, expires_at, dns_names: Vec::new(), subject: Vec::new() })
            }
        }
    };
    let svids = ask.wanted.iter().map(svid).collect::<Result<_, _>>()?;
    let (policy, template) = ("operators".to_owned(), ask.path.into());
    Ok(Identity { spiffe_id, policy, template, svids, facts: Vec::new(), replay: Replay::Reuse, standing: PhantomData })
}
