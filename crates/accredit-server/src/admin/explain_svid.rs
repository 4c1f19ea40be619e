//! Questions about SVIDs: what would be decided for a job in a cluster.

use accredit_api::admin::{ExplainRequest, Explanation};
use accredit_api::svid::{SvidType, Wanted};
use accredit_core::decide::access::{Refusal, Subject};
use accredit_core::decide::issue::IssueDenial;
use accredit_core::model::Kind;
use accredit_id::time::Timestamp;

use super::actor::Caller;
use super::problem::AdminFault;
use super::{acting, explain};
use crate::app::App;
use crate::clock;
use crate::issue::{self, Explaining};

/// Answers a question about a cluster. Issues nothing, spends nothing, fetches nothing, records nothing.
pub(super) async fn answer(
    app: &App,
    caller: &Caller,
    request: &ExplainRequest,
    cluster: &str,
) -> Result<Explanation, AdminFault> {
    let bound = check(request)?;
    let in_force = app.read_model.now();
    let now = request.at.map_or_else(clock::now, Timestamp::from_unix);
    let found = in_force.world.find(Kind::Cluster, cluster);
    let found = found.filter(|found| caller.actor.reads(&Subject::of(found)));
    let Some((cluster, known)) = found.and_then(|found| Some((found, found.as_cluster()?))) else {
        // Whoever does not read everything learns nothing of the clusters of others.
        if !caller.actor.rights.reads_everything() {
            let sentence = format!("`{}` may not ask about this cluster", caller.actor.name.escape_debug());
            return Err(AdminFault::NotPermitted(Refusal::NoRight, sentence));
        }
        let denial = IssueDenial::unknown_cluster(cluster);
        let told = explain::denial(denial.reason.code(), denial.operator, denial.hint, now, in_force.world.sequence);
        return Ok(told);
    };
    let usual = [Wanted { kind: SvidType::X509, audience: None, lifetime: None, csr: None }];
    let explaining = Explaining {
        cluster,
        known,
        token: request.token.as_deref().map(str::trim),
        claims: request.claims.as_ref(),
        wanted: request.svids.as_deref().unwrap_or(&usual),
        held: &|claims| acting::assumed(bound, claims),
        now,
    };
    Ok(issue::explain(app, &in_force, explaining).await?)
}

/// What is about an exchange says nothing of a cluster. Gives the kind of key that the question assumes to be proved.
fn check(request: &ExplainRequest) -> Result<Option<&str>, AdminFault> {
    let ExplainRequest { provider, service_account, mapping, api, scope, .. } = request;
    let ExplainRequest { actor_token, actor_provider, actor_claims, all, top, bound, token, claims, .. } = request;
    let texts = [provider, service_account, mapping, api, scope, actor_token, actor_provider];
    if texts.into_iter().any(Option::is_some) || actor_claims.is_some() || *all || top.is_some() {
        return Err(AdminFault::Request("cluster is asked about, and members of an exchange are there".to_owned()));
    }
    if token.is_none() && claims.is_none() {
        return Err(AdminFault::Request("the request has neither a token nor claims".to_owned()));
    }
    match bound.as_deref() {
        None | Some("dpop" | "mtls" | "any") => Ok(bound.as_deref()),
        Some(_) => Err(AdminFault::Request("bound is none of dpop, mtls and any".to_owned())),
    }
}
