//! `vectors/replay`: what a change would have meant for decisions of the past.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use accredit_core::decide::{Ask, Limits};
use accredit_core::model::{DecisionId, Id, Kind};
use accredit_core::replay::{Changed, Recorded, Replay, Report, Side, What};
use accredit_core::world::World;
use accredit_id::json::{Json, Object};
use accredit_id::time::Timestamp;
use serde::Deserialize;

use crate::past::{Change, claims, either_way, one_by_one};
use crate::stage::{Stage, overlaid, reserved};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    given: String,
    vector: Vec<Vector>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    #[serde(default, rename = "case")]
    _case: String,
    name: String,
    #[serde(default)]
    given: String,
    #[serde(default)]
    disabled: Vec<String>,
    records: Vec<Record>,
    apply: Option<String>,
    #[serde(default)]
    prune: bool,
    delete: Option<String>,
    disable: Option<String>,
    enable: Option<String>,
    #[serde(default = "ten")]
    top: usize,
    then: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Record {
    claims: BTreeMap<String, serde_json::Value>,
    unlisted: Vec<String>,
    cut: bool,
    account: Option<String>,
    mapping: Option<String>,
    api: Option<String>,
    scope: Option<String>,
    allowed_by: Option<String>,
    times: usize,
}

#[test]
fn changes_mean_for_the_past_what_the_vectors_say() {
    crate::judge_all("replay", |file: &File| &file.vector, |vector| &vector.name, judge);
}

fn judge(file: &File, vector: &Vector) -> Result<(), String> {
    let mut stage = Stage::empty(1);
    stage.bring(&overlaid(&file.given, &vector.given));
    vector.disabled.iter().for_each(|named| stage.turn(named, false));
    let before = stage.world.clone();
    let Vector { apply, prune, delete, disable, enable, .. } = vector;
    let after = Change { apply, prune: *prune, delete, disable, enable }.planned(&mut stage)?.next;
    either_way(&vector.then, |reverse| Ok(shown(&replay(vector, &before, &after, reverse)?)))
}

fn replay(vector: &Vector, before: &World, after: &World, reverse: bool) -> Result<Report, String> {
    let limits = Limits { max_lifetime: Duration::from_secs(3600), reserved: reserved() };
    let mut replay = Replay::new(before, after, &limits, Timestamp::from_unix(1_800_000_000));
    let provider = before.find(Kind::Provider, "github").ok_or("no provider")?;
    let records = one_by_one(&vector.records, |record| record.times, reverse);
    for (place, record) in records.into_iter().enumerate() {
        let claims = claims(&record.claims);
        take(&mut replay, record, &claims, provider.id, before, place);
    }
    Ok(replay.finish(vector.top))
}

fn take(replay: &mut Replay<'_>, record: &Record, claims: &Object<'_>, provider: Id, before: &World, place: usize) {
    let unlisted: Vec<&str> = record.unlisted.iter().map(String::as_str).collect();
    let allowed_by = record.allowed_by.as_ref().map(|name| before.find(Kind::Mapping, name).unwrap());
    replay.take(&Recorded {
        decision: DecisionId::new((place as u128).to_be_bytes()),
        at: Timestamp::from_unix(1_799_000_000 - i64::try_from(place).unwrap()),
        provider,
        claims,
        unlisted: &unlisted,
        unlisted_is_cut: record.cut,
        ask: Ask {
            account: record.account.as_deref(),
            mapping: record.mapping.as_deref(),
            api: record.api.as_deref(),
            scope: record.scope.as_deref(),
            lifetime: None,
            ..Ask::default()
        },
        allowed_by: allowed_by.map(|mapping| (mapping.id, mapping.revision)),
    });
}

fn shown(report: &Report) -> String {
    let mut out = format!("{} decisions of {} subjects:", report.records, report.subjects);
    for (what, tally) in report.tallies {
        let name = match what {
            What::NewlyAllowed => " newly allowed",
            What::NewlyDenied => ", newly denied",
            What::Otherwise => ", otherwise",
            What::Unknown => ", unknown",
        };
        write!(out, "{name} {} ({})", tally.subjects, tally.records).unwrap();
    }
    out.push('\n');
    for Changed { what, subject, records, before, after, .. } in &report.changed {
        let sign = match what {
            What::NewlyAllowed => '+',
            What::NewlyDenied => '-',
            What::Otherwise => '~',
            What::Unknown => '?',
        };
        let sub = subject.claims.get("sub").and_then(Json::as_str).unwrap_or_default();
        let asked = [("account", &subject.account), ("mapping", &subject.mapping), ("api", &subject.api)];
        let asked: Vec<_> =
            asked.iter().filter_map(|(name, asked)| Some(format!("{name} {}", asked.as_deref()?))).collect();
        let asked = if asked.is_empty() { String::new() } else { format!(" ({})", asked.join(", ")) };
        writeln!(out, "{sign} {records}x {sub}{asked}: {} -> {}", side(before), side(after)).unwrap();
    }
    out
}

fn side(side: &Side) -> String {
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    match side.allowed {
        Some(true) => format!(
            "allow {} {} {} {}",
            side.mappings.join(" "),
            text(&side.account),
            text(&side.api),
            text(&side.scope)
        ),
        Some(false) => format!("deny {}: {}", side.reason.unwrap_or_default(), side.summary),
        None => format!("unknown {}: {}", side.claims.join(" "), side.summary),
    }
}

fn ten() -> usize {
    10
}

impl Default for Record {
    fn default() -> Self {
        Self {
            claims: BTreeMap::new(),
            unlisted: Vec::new(),
            cut: false,
            account: None,
            mapping: None,
            api: None,
            scope: None,
            allowed_by: None,
            times: 1,
        }
    }
}
