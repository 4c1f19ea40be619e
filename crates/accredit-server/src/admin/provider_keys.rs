//! A provider's keys: how they are, and which sets it was seen to have.

use std::sync::Arc;

use accredit_api::admin::{
    DroppedProviderKey, HeldKeys, KeyFetchFault, KeyTally, ProviderKey, ProviderKeys, SeenKeySet,
};
use accredit_core::model::{DecisionId, Kind, Provider};
use accredit_id::jose::jwk::{KeySet, PublicKey};
use accredit_id::time::Timestamp;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::Value;

use super::actor::Caller;
use super::problem::{AdminFault, Answer};
use super::resources::existing;
use crate::app::App;
use crate::clock;
use crate::gather::{FetchFault, KeyHealth, KeyState};
use crate::key_history::{self, SeenRow};

/// Whose keys, and when.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    provider: String,
    at: Option<i64>,
}

/// `GET /v1/provider-keys`. Fetches nothing: whoever looks changes nothing.
pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Answer<ProviderKeys> {
    let Query(Wanted { provider, at }) = wanted?;
    let resource = existing(&app, &caller, Kind::Provider, &provider)?;
    let Some(known) = resource.as_provider().filter(|known| known.signed_requests.is_none()) else {
        return Err(AdminFault::Request(format!(
            "provider `{}` accepts signed requests and has no keys",
            resource.name
        )));
    };
    let keys = app.keys_of(&resource, known);
    app.note_key_sets().await;
    let now = clock::now();
    let health = keys.health(now);
    let latest = keys.latest();
    let mut rows = app.key_history.of(resource.id);
    if let Some((set, location)) = latest.as_ref().filter(|_| health.state != KeyState::Expired) {
        let held = key_history::set_name(set, location);
        rows.iter_mut().filter(|row| row.set == held).for_each(|row| row.last = row.last.max(now));
    }
    let since = match health.state {
        KeyState::Uploaded => rows
            .iter()
            .find(|row| latest.as_ref().is_some_and(|(set, _)| row.set == key_history::set_name(set, "")))
            .map(|row| row.first),
        _ => health.fetched_at,
    };
    if let Some(time) = at {
        rows = key_history::at(rows, Timestamp::from_unix(time));
    }
    let told = latest.as_ref().map(|(set, _)| told_keys(set, known)).unwrap_or_default();
    rows.truncate(MOST_ROWS);
    let mut history = Vec::with_capacity(rows.len());
    for row in rows {
        history.push(told_row(&app, row).await?);
    }
    let warnings = warnings(&health, &told, since, &history, now);
    let held = told_held(&health, latest.as_ref(), told, since, warnings);
    Ok(Json(ProviderKeys { provider: resource.name.to_string(), held, history }))
}

/// A set that is held, and where it is from; `keys` are those of it that verify.
pub(super) fn told_held(
    health: &KeyHealth,
    latest: Option<&(Arc<KeySet>, String)>,
    keys: Vec<ProviderKey>,
    since: Option<Timestamp>,
    warnings: Vec<String>,
) -> HeldKeys {
    let text = |time: Option<Timestamp>| time.map(|time| time.to_string());
    HeldKeys {
        source: health.source.word().to_owned(),
        location: latest.map(|(_, location)| location.clone()).filter(|location| !location.is_empty()),
        state: health.state.word().to_owned(),
        since: text(since),
        refresh_at: text(health.refresh_at),
        usable_until: text(health.usable_until),
        tried_at: text(health.tried_at),
        next_try_at: text(health.next_try),
        last_error: health.last_error.as_deref().map(told_fault),
        fetches: health.fetches,
        failures: health.failures,
        keys,
        dropped: latest.into_iter().flat_map(|(set, _)| set.dropped()).map(told_dropped).collect(),
        warnings,
    }
}

/// The keys of all providers in numbers.
pub(super) fn tally(app: &App) -> KeyTally {
    let mut tally = KeyTally::default();
    app.provider_keys.health(clock::now()).iter().for_each(|(_, health)| add(&mut tally, health));
    tally
}

pub(super) fn add(tally: &mut KeyTally, health: &KeyHealth) {
    tally.providers += 1;
    tally.usable += health.usable;
    tally.dropped += health.dropped;
    match health.state {
        KeyState::Stale => tally.stale += 1,
        KeyState::Failing | KeyState::Expired => tally.failing += 1,
        KeyState::Unasked | KeyState::Uploaded | KeyState::Fresh | KeyState::Due => {}
    }
}

pub(super) fn told_fault(fault: &FetchFault) -> KeyFetchFault {
    KeyFetchFault {
        code: fault.code().to_owned(),
        message: fault.operator_text(),
        hint: fault.hint().map(str::to_owned),
    }
}

pub(super) fn told_keys(set: &KeySet, known: &Provider) -> Vec<ProviderKey> {
    let next = known.next_keys.as_ref().and_then(|next| next.get("keys")).and_then(Value::as_array);
    let is_staged = |key: &PublicKey| {
        next.is_some_and(|next| next.iter().any(|staged| staged.get("kid").and_then(Value::as_str) == Some(key.kid())))
    };
    set.keys().map(|key| told_key(key, is_staged(key))).collect()
}

pub(super) fn told_key(key: &PublicKey, staged: bool) -> ProviderKey {
    let (not_before, not_after) = key.window();
    ProviderKey {
        kid: key.kid().to_owned(),
        algorithms: key.algorithms().iter().map(|algorithm| algorithm.as_str().to_owned()).collect(),
        thumbprint: key.thumbprint().to_string(),
        staged,
        not_before: not_before.map(|time| time.to_string()),
        not_after: not_after.map(|time| time.to_string()),
    }
}

fn told_dropped(key: &accredit_id::jose::jwk::DroppedKey) -> DroppedProviderKey {
    DroppedProviderKey { kid: key.kid.to_string(), reason: key.fault.to_string() }
}

/// What a set held is in its audit record.
async fn told_row(app: &App, row: SeenRow) -> Result<SeenKeySet, AdminFault> {
    let found = app.store.find_record(&row.record).await?;
    let record: Value = found.and_then(|found| serde_json::from_slice(&found.record.bytes).ok()).unwrap_or_default();
    let detail = &record["detail"];
    let location = detail["location"].as_str().filter(|location| !location.is_empty()).map(str::to_owned);
    Ok(SeenKeySet {
        first_seen: row.first.to_string(),
        last_seen: row.last.to_string(),
        record: DecisionId::new(row.record).to_string().replacen("dec_", "adm_", 1),
        location,
        keys: serde_json::from_value(detail["keys"].clone()).unwrap_or_default(),
    })
}

/// What somebody should look at.
pub(super) fn warnings(
    health: &KeyHealth,
    keys: &[ProviderKey],
    since: Option<Timestamp>,
    history: &[SeenKeySet],
    now: Timestamp,
) -> Vec<String> {
    let mut warnings = Vec::new();
    let age = since.map(|since| age(since, now)).unwrap_or_default();
    match (health.state, &health.last_error) {
        (KeyState::Stale, Some(fault)) => {
            let until = health.usable_until.map(|until| until.to_string()).unwrap_or_default();
            warnings.push(format!(
                "the keys were fetched {age} ago, and not since: {}; they are used until {until}",
                fault.operator_text()
            ));
        }
        (KeyState::Failing, Some(fault)) => {
            warnings.push(format!("there are no keys, so every token is refused: {}", fault.operator_text()));
        }
        (KeyState::Expired, _) => {
            warnings
                .push(format!("the keys were fetched {age} ago and are too old to be used; the next token asks anew"));
        }
        (KeyState::Uploaded, _) if since.is_some_and(|since| now.seconds_since(since) >= OLD_UPLOAD) => {
            warnings.push(format!("the keys were uploaded {age} ago and do not follow their issuer"));
        }
        _ => {}
    }
    for key in keys.iter().filter(|key| key.staged) {
        let seen = history.iter().filter(|set| set.keys.iter().any(|seen| seen.thumbprint == key.thumbprint));
        let Some(staged) = seen.map(|set| set.first_seen.as_str()).min() else { continue };
        warnings.push(format!(
            "key `{}` is staged since {staged}; once its issuer signs with it, make its set `keys.uploaded`",
            accredit_id::shown::Shown::of(&key.kid)
        ));
    }
    let is_over = |key: &&ProviderKey| key.not_after.as_deref().is_some_and(|end| end <= now.to_string().as_str());
    for key in keys.iter().filter(is_over) {
        warnings.push(format!("key `{}` has ended by its own `exp`", accredit_id::shown::Shown::of(&key.kid)));
    }
    warnings
}

/// `40 s`, `12 min`, `5 h`, `94 days`.
fn age(since: Timestamp, now: Timestamp) -> String {
    match now.seconds_since(since).max(0) {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

/// So many sets are told of at once; `at` asks for older ones.
const MOST_ROWS: usize = 50;

/// After this an upload is told of: most issuers have changed their keys by then.
const OLD_UPLOAD: i64 = 90 * 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_in_one_unit() {
        let told = |seconds| age(Timestamp::from_unix(0), Timestamp::from_unix(seconds));
        assert_eq!(
            [-5, 119, 120, 7_199, 7_200, 172_799, 172_800].map(told),
            ["0 s", "119 s", "2 min", "119 min", "2 h", "47 h", "2 days"]
        );
    }
}
