//! The log: list, show, verify.

use std::sync::Arc;

use accredit_api::admin::{ActorShown, AuditBreak, AuditList, AuditRecord, AuditVerification, Explanation, Verdict};
use accredit_core::model::DecisionId;
use accredit_id::time::Timestamp;
use accredit_store::Found;
use accredit_store::audit::{Break, Value as Erasable};
use axum::Json;
use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::actor::Caller;
use super::filter::{Filter, Head};
use super::page::page_size;
use super::problem::{AdminFault, Answer};
use crate::app::App;

/// Which record is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct One {
    id: String,
}

/// `GET /v1/audit`: newest first, what is wanted and may be read.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Answer<AuditList> {
    let Query(filter) = filter?;
    let size = match filter.limit {
        Some(limit) => limit.clamp(1, 1000),
        None => page_size(filter.page_size)?,
    };
    let before = filter.page_token.as_ref().or(filter.before.as_ref()).map(|text| text.parse());
    let before =
        before.transpose().map_err(|fault: accredit_store::PlaceFault| AdminFault::Request(fault.to_string()))?;
    let in_force = app.read_model.now();
    // Records come in the order of writing: well before `from`, there are none any more.
    let mut is_past = false;
    let keep = |found: &Found| {
        is_past |= filter.from.is_some_and(|from| found.written_at < from.saturating_sub(AT_MOST_LATE));
        !is_past
            && Head::of(&found.record.bytes).is_some_and(|head| {
                filter.takes(&head, found.written_at) && head.is_for(&caller.actor, &in_force.world)
            })
    };
    let page = app.store.audit_page(before, size, keep).await?;
    let records = page.records.iter().map(told).collect();
    let next = page.next.filter(|_| !is_past).map(|next| next.to_string());
    Ok(Json(AuditList { records, next_page_token: next }))
}

/// `GET /v1/audit/{id}`.
pub(super) async fn one(
    app: State<Arc<App>>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
) -> Answer<AuditRecord> {
    find(&app.0, &caller, &id?.0).await
}

/// `GET /v1/audit/record?id=ID`.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    one: Result<Query<One>, QueryRejection>,
) -> Answer<AuditRecord> {
    let Query(One { id }) = one?;
    find(&app, &caller, &id).await
}

async fn find(app: &App, caller: &Caller, id: &str) -> Answer<AuditRecord> {
    // Acts were called `adm_...` once, as administrators still are; whoever wrote such an id down finds his record.
    let hex = id.strip_prefix("act_").or_else(|| id.strip_prefix("adm_"));
    let as_decision = hex.map_or_else(|| id.to_owned(), |hex| format!("dec_{hex}"));
    let parsed: DecisionId =
        as_decision.parse().map_err(|fault: accredit_core::model::IdFault| AdminFault::Request(fault.to_string()))?;
    let found = app.store.find_record(parsed.bits()).await?;
    let world = &app.read_model.now().world;
    found
        .filter(|found| Head::of(&found.record.bytes).is_some_and(|head| head.is_for(&caller.actor, world)))
        .as_ref()
        .map(told)
        .map(Json)
        .ok_or_else(|| AdminFault::NotFound(format!("record `{}` does not exist", id.escape_debug())))
}

/// `POST /v1/audit/verify`.
pub(super) async fn verify(State(app): State<Arc<App>>, caller: Caller, body: Body) -> Answer<AuditVerification> {
    caller.actor.reads_everything("the whole audit log")?;
    let outside = super::audit_heads::outside(body).await?;
    let verified = app.store.verify_audit(&outside, |head| app.signing.signed(head)).await?;
    let breaks = verified.breaks.iter().map(broken).collect();
    Ok(Json(AuditVerification {
        chains: verified.chains,
        batches: verified.batches,
        records: verified.records,
        heads: verified.heads,
        erased: verified.erased,
        removed: verified.removed,
        breaks,
    }))
}

/// Where the log is not what was written; batch 0 where a whole chain is meant.
fn broken(found: &Break) -> AuditBreak {
    let (chain, batch) = match found {
        Break::BatchAltered { chain, number }
        | Break::BatchMisplaced { chain, number, belongs_at: _ }
        | Break::BatchRepeated { chain, number }
        | Break::BatchSpliced { chain, number, from: _ }
        | Break::BatchUnlinked { chain, number }
        | Break::BatchUnreadable { chain, number }
        | Break::BatchesMissing { chain, first: number, last: _ }
        | Break::ChainExtended { chain, sealed_at: number, last: _ }
        | Break::ChainTruncated { chain, last: number, seen: _ }
        | Break::CheckpointForged { chain, number, key_id: _ }
        | Break::HeadDisagrees { chain, number }
        | Break::HeadForged { chain, number, key_id: _ }
        | Break::SummaryAltered { chain, number }
        | Break::ValueAltered { chain, number, record: _ } => (chain, *number),
        Break::ChainAltered { chain } | Break::ChainMissing { chain } | Break::ChainUnlinked { chain } => (chain, 0),
    };
    AuditBreak { chain: chain.to_string(), batch, message: found.to_string() }
}

/// A record as an operator reads it.
fn told(found: &Found) -> AuditRecord {
    let mut detail = read(&found.record.bytes);
    let event = text(&detail, "event");
    if let Erasable::Present(bytes) = &found.record.value {
        detail.extend(read(bytes));
    }
    let is_decision = ["exchange-", "login-", "svid-"].iter().any(|prefix| event.starts_with(prefix));
    let id = if is_decision { DecisionId::new(found.record.id).to_string() } else { act_id(found.record.id) };
    let at = detail.get("at").and_then(Value::as_i64).unwrap_or(found.written_at);
    let summary = summary(&event, &detail);
    detail.remove("explanation");
    AuditRecord {
        position: found.place.to_string(),
        id,
        at: Timestamp::from_unix(at).to_string(),
        event,
        summary,
        detail: Value::Object(detail),
    }
}

/// The id of a record that is no decision: 32 hexadecimal digits like a decision's, behind a prefix of their own.
pub(super) fn act_id(bits: [u8; 16]) -> String {
    DecisionId::new(bits).to_string().replacen("dec_", "act_", 1)
}

fn summary(event: &str, detail: &Map<String, Value>) -> String {
    let part = |name: &str| text(detail, name);
    match event {
        "exchange-allowed" => {
            format!("{} -> {}  {}  {}", part("provider"), part("serviceAccount"), part("api"), part("scope"))
        }
        "exchange-denied" | "login-denied" => {
            let said = detail
                .get("explanation")
                .and_then(|explanation| explanation.get("summary"))
                .and_then(Value::as_str)
                .unwrap_or_default();
            format!("{}  {}  {said}", part("provider"), part("reason"))
        }
        "login-allowed" => format!("{} as {}", part("actor"), part("administrators")),
        "svid-issued" => {
            let svids = detail.get("svids").and_then(Value::as_array);
            format!("{} -> {}  {} SVIDs", part("cluster"), part("spiffeId"), svids.map_or(0, Vec::len))
        }
        "svid-denied" => {
            let said = detail.get("explanation").and_then(|told| told.get("summary")).and_then(Value::as_str);
            format!("{}  {}  {}", part("cluster"), part("reason"), said.unwrap_or_default())
        }
        "refusals-counted" => {
            let rows = detail.get("detail").and_then(|detail| detail.get("refused")).and_then(Value::as_array);
            let count: u64 =
                rows.into_iter().flatten().filter_map(|row| row.get("count").and_then(Value::as_u64)).sum();
            format!("{count} refused before their signature was verified")
        }
        "act-refused" => {
            let inner = detail.get("detail");
            let part = |name: &str| inner.and_then(|inner| inner.get(name)).and_then(Value::as_str).unwrap_or_default();
            format!("{} {}  {}", part("method"), part("path"), part("why"))
        }
        _ => {
            let inner = detail.get("detail");
            let changes = inner.and_then(|inner| inner.get("changes")).and_then(Value::as_array);
            match changes {
                Some(changes) => changes.iter().take(4).filter_map(changed).collect::<Vec<_>>().join("  "),
                None => inner.filter(|inner| inner.to_string().len() < 200).map(Value::to_string).unwrap_or_default(),
            }
        }
    }
}

fn changed(change: &Value) -> Option<String> {
    let (before, after) = (change.get("before"), change.get("after"));
    let is_null = |side: Option<&Value>| side.is_some_and(Value::is_null);
    let sign = match (is_null(before), is_null(after)) {
        (true, _) => '+',
        (false, true) => '-',
        // Also where a record has one side alone, because both would be too large for it.
        (false, false) => '~',
    };
    let shown = after.filter(|after| !after.is_null()).or(before)?;
    Some(format!("{sign} {} {}", shown.get("kind")?.as_str()?, shown.get("name")?.as_str()?))
}

/// Everything that a record says, with the values that are there still.
pub(super) fn detail(found: &Found) -> Map<String, Value> {
    let mut detail = read(&found.record.bytes);
    if let Erasable::Present(bytes) = &found.record.value {
        detail.extend(read(bytes));
    }
    detail
}

/// What a recorded decision says of itself.
pub(super) fn explanation(found: &Found, decision: DecisionId) -> Option<Explanation> {
    let detail = detail(found);
    let event = text(&detail, "event");
    let erased = matches!(found.record.value, Erasable::Erased);
    let claims = detail.get("claims").and_then(Value::as_object).cloned().unwrap_or_default();
    let actor = detail.get("actorProvider").and_then(Value::as_str).map(|provider| ActorShown {
        provider: provider.to_owned(),
        claims: detail.get("actor").and_then(|actor| actor.get("claims")?.as_object().cloned()).unwrap_or_default(),
    });
    if let Some(told) =
        detail.get("explanation").cloned().and_then(|told| serde_json::from_value::<Explanation>(told).ok())
    {
        return Some(Explanation { decision: Some(decision.to_string()), claims, actor, ..told });
    }
    let name = |name: &str| Some(text(&detail, name)).filter(|text| !text.is_empty());
    let at = detail.get("at").and_then(Value::as_i64).unwrap_or(found.written_at);
    let lifetime = detail.get("expiresAt").and_then(Value::as_i64).and_then(|end| u64::try_from(end - at).ok());
    let verdict = match event.as_str() {
        "exchange-allowed" | "login-allowed" | "svid-issued" => Verdict::Allow,
        "exchange-denied" | "login-denied" | "svid-denied" => Verdict::Deny,
        _ => return None,
    };
    let summary = match (verdict, erased) {
        (Verdict::Allow, _) if event == "login-allowed" => {
            format!("`{}` logged in as {}", text(&detail, "actor"), text(&detail, "administrators"))
        }
        (Verdict::Allow, _) if event == "svid-issued" => {
            format!("policy `{}` gave `{}`", text(&detail, "policy"), text(&detail, "spiffeId"))
        }
        (Verdict::Allow, _) => match text(&detail, "madeFrom").rsplit(' ').next().filter(|parent| !parent.is_empty()) {
            Some(parent) => {
                format!("it narrows the token of `{parent}`, which mapping `{}` allowed", text(&detail, "mapping"))
            }
            None => format!("mapping `{}` allowed it", text(&detail, "mapping")),
        },
        (Verdict::Deny, true) => "its values were erased".to_owned(),
        (Verdict::Deny, false) => String::new(),
    };
    Some(Explanation {
        decision: Some(decision.to_string()),
        verdict,
        reason: name("reason"),
        summary,
        hint: None,
        at: Timestamp::from_unix(at).to_string(),
        standing: "verified".to_owned(),
        provider: name("provider"),
        service_account: name("serviceAccount").or_else(|| name("askedServiceAccount")),
        api: name("api").or_else(|| name("askedApi")),
        permissions: text(&detail, "scope").split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect(),
        lifetime,
        claims,
        sequence: detail.get("sequence").and_then(Value::as_i64).unwrap_or_default(),
        considered: Vec::new(),
        cluster: name("cluster"),
        spiffe_id: name("spiffeId"),
        identity: None,
        ranked: None,
        fix: None,
        actor,
    })
}

fn read(bytes: &[u8]) -> Map<String, Value> {
    serde_json::from_slice(bytes).unwrap_or_default()
}

fn text(detail: &Map<String, Value>, name: &str) -> String {
    detail.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Seconds between a decision and its record, at the very most.
const AT_MOST_LATE: i64 = 600;
