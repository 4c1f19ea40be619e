//! An issuance of the past, told again: by its record, and by the cluster's configuration of then.

use std::sync::Arc;

use accredit_api::admin::{Clause, ConsideredPolicy, Explanation, IdentityShown, Outcome, SvidShown};
use accredit_api::svid::SvidType;
use accredit_core::decide::issue::{Entrance, IdentityAsk, JobFacts, Wanted, explain_issue};
use accredit_core::decide::{ClauseTrace, Held};
use accredit_core::model::{Id, Resource};
use accredit_core::plan::{self, Stored};
use accredit_core::world::World;
use accredit_id::json::{Json, Object};
use accredit_id::time::Timestamp;
use accredit_store::{Row, StoreError};
use serde_json::{Map, Value};

use crate::app::App;
use crate::record::MAX_UNLISTED;
use crate::tell;

/// The explanation with everything that the record does not say by itself. The claims are those of the log, so that what it
/// does not keep is said to be unknown, and never taken for absent.
pub(super) async fn svid(app: &App, told: Explanation, detail: &Map<String, Value>) -> Result<Explanation, StoreError> {
    let at = detail.get("at").and_then(Value::as_i64).map_or(Timestamp::from_unix(0), Timestamp::from_unix);
    let svids: Vec<SvidShown> = members(detail, "svids").iter().filter_map(|svid| recorded(svid, at)).collect();
    let policy = ConsideredPolicy {
        policy: text(detail, "policy").to_owned(),
        counts: true,
        when: Vec::new(),
        template: Some(text(detail, "template").to_owned()),
    };
    let known = IdentityShown { policies: vec![policy], svids, ..IdentityShown::default() };
    // What an operator minted rests on no job.
    let identity = match text(detail, "issuer").is_empty() {
        true => known,
        false => match as_it_was(app, detail).await? {
            Was::There(world, cluster) => again(app, known, detail, &told.claims, (&world, &cluster), at),
            Was::Unreadable(why) => IdentityShown { unknown: Some(why), ..known },
        },
    };
    Ok(Explanation { identity: Some(identity), ..told })
}

/// The cluster of then.
enum Was {
    There(Box<World>, Arc<Resource>),
    Unreadable(String),
}

async fn as_it_was(app: &App, detail: &Map<String, Value>) -> Result<Was, StoreError> {
    let in_force = app.read_model.now();
    let gone = || Was::Unreadable("what the cluster said then is not known any more".to_owned());
    let sequence = detail.get("sequence").and_then(Value::as_i64).unwrap_or_default();
    let Ok(id) = text(detail, "clusterId").parse::<Id>() else { return Ok(gone()) };
    let world = match app.store.resource_behind(text(detail, "clusterId"), sequence).await? {
        None => in_force.world.clone(),
        Some(None) => return Ok(gone()),
        Some(Some(Row { name, enabled, revision, body, .. })) => {
            let row = Stored { id, name, enabled, revision, body };
            match plan::follow(&in_force.world, sequence, vec![row], &[], &app.context()) {
                Ok(world) => world,
                Err(fault) => {
                    let why = format!("what the cluster said then cannot be read any more: {}", fault.message);
                    return Ok(Was::Unreadable(why));
                }
            }
        }
    };
    let cluster = world.by_id(id).cloned();
    Ok(cluster.map_or_else(gone, |cluster| Was::There(Box::new(world), cluster)))
}

fn again(
    app: &App,
    known: IdentityShown,
    detail: &Map<String, Value>,
    claims: &Map<String, Value>,
    (world, cluster): (&World, &Resource),
    at: Timestamp,
) -> IdentityShown {
    let place = detail.get("allowedIssuer").and_then(Value::as_u64).and_then(|place| usize::try_from(place).ok());
    let entries = cluster.as_cluster().map(|known| &known.attestation.jwt.allowed_issuers);
    let Some(entry) = entries.and_then(|entries| entries.get(place?)) else { return known };
    let Json::Object(object): Json<'static> = Json::from(Value::Object(claims.clone())) else { return known };
    let object: Object<'_> = object;
    let wanted: Vec<Wanted<'_>> = known.svids.iter().map(wanted).collect();
    let job = JobFacts::typed_in(entry, &object, None);
    let ask = IdentityAsk { cluster, path: Entrance::Direct, wanted: &wanted, held: Held::default() };
    let mut explained = explain_issue(&ask, &job, world, &app.context(), at);
    let unlisted: Vec<&str> = members(detail, "unlisted").iter().filter_map(Value::as_str).collect();
    let is_whole = !claims.is_empty() && unlisted.len() < MAX_UNLISTED;
    explained.forget(&|claim| claims.contains_key(claim) || is_whole && !unlisted.contains(&claim));
    let IdentityShown { issuers, mut required, mut policies, mut attributes, .. } =
        tell::identity(&explained, vec![tell::taken(entry)], at);
    unknown(&mut required, &explained.required);
    policies.iter_mut().zip(&explained.policies).for_each(|(policy, trace)| unknown(&mut policy.when, &trace.when));
    // Where a condition reads what was not kept, another policy may seem to count: the record knows better.
    let [given] = &known.policies[..] else { return known };
    let place = policies.iter().position(|policy| policy.policy == given.policy);
    if policies.last().is_none_or(|last| last.policy != given.policy) {
        attributes.clear();
        policies.truncate(place.map_or(policies.len(), |place| place + 1));
        policies.iter_mut().for_each(|policy| policy.counts = policy.policy == given.policy);
        if place.is_none() {
            policies.push(given.clone());
        }
    }
    IdentityShown { issuers, required, policies, attributes, svids: known.svids, unknown: None }
}

/// Clauses on claims that the log has not kept: how they came out is not known from here.
fn unknown(clauses: &mut [Clause], traces: &[ClauseTrace]) {
    for (clause, _) in clauses.iter_mut().zip(traces).filter(|(_, trace)| !trace.recorded) {
        (clause.outcome, clause.seen) = (Outcome::NotRecorded, None);
    }
}

/// One SVID of the record.
fn recorded(svid: &Value, at: Timestamp) -> Option<SvidShown> {
    let texts = |name: &str| -> Vec<String> {
        let items = svid.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    };
    let expires_at = Timestamp::from_unix(svid.get("expiresAt")?.as_i64()?);
    Some(SvidShown {
        kind: if svid.get("type")? == "x509" { SvidType::X509 } else { SvidType::Jwt },
        audience: texts("audience"),
        lifetime: u64::try_from(expires_at.seconds_since(at)).unwrap_or_default(),
        expires_at: expires_at.to_string(),
        claims: Map::new(),
        dns_names: texts("dnsNames"),
        subject: Vec::new(),
    })
}

fn wanted(svid: &SvidShown) -> Wanted<'_> {
    match svid.kind {
        SvidType::Jwt => Wanted::Jwt { audiences: &svid.audience, lifetime: None },
        SvidType::X509 => Wanted::X509 { lifetime: None },
    }
}

fn members<'d>(detail: &'d Map<String, Value>, name: &str) -> &'d [Value] {
    detail.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn text<'d>(detail: &'d Map<String, Value>, name: &str) -> &'d str {
    detail.get(name).and_then(Value::as_str).unwrap_or_default()
}
