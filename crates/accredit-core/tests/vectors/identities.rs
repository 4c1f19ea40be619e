//! `vectors/identities`: which recorded SPIFFE IDs a change would change.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use accredit_core::decide::issue::Entrance;
use accredit_core::model::{DecisionId, Id, Kind};
use accredit_core::replay::{Again, ChangedIdentity, IdentityReplay, IdentityReport, RecordedIdentity};
use accredit_core::world::World;
use accredit_id::time::Timestamp;
use serde::Deserialize;

use crate::past::{Change, claims, either_way, one_by_one};
use crate::stage::{Stage, overlaid};

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
    then: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    id: String,
    #[serde(default = "own_issuer")]
    issuer: String,
    claims: BTreeMap<String, serde_json::Value>,
    #[serde(default)]
    unlisted: Vec<String>,
    #[serde(default)]
    cut: bool,
    #[serde(default)]
    agent: bool,
    #[serde(default = "once")]
    times: usize,
}

#[test]
fn changes_mean_for_identities_what_the_vectors_say() {
    crate::judge_all("identities", |file: &File| &file.vector, |vector| &vector.name, judge);
}

fn judge(file: &File, vector: &Vector) -> Result<(), String> {
    let mut stage = Stage::empty(1);
    stage.bring(&overlaid(&file.given, &vector.given));
    vector.disabled.iter().for_each(|named| stage.turn(named, false));
    let before = stage.world.clone();
    let Vector { apply, prune, delete, disable, enable, .. } = vector;
    let after = Change { apply, prune: *prune, delete, disable, enable }.planned(&mut stage)?.next;
    let cluster = before.find(Kind::Cluster, "build").ok_or("no cluster")?.id;
    either_way(&vector.then, |reverse| Ok(shown(&replay(vector, cluster, [&before, &after], reverse))))
}

fn replay(vector: &Vector, cluster: Id, [before, after]: [&World; 2], reverse: bool) -> IdentityReport {
    let mut replay = IdentityReplay::new(before, after);
    let records = one_by_one(&vector.records, |record| record.times, reverse);
    for (place, record) in records.into_iter().enumerate() {
        let claims = claims(&record.claims);
        let unlisted: Vec<&str> = record.unlisted.iter().map(String::as_str).collect();
        replay.take(&RecordedIdentity {
            decision: DecisionId::new((place as u128).to_be_bytes()),
            at: Timestamp::from_unix(1_799_000_000 - i64::try_from(place).unwrap()),
            cluster,
            issuer: &record.issuer,
            path: if record.agent { Entrance::Agent } else { Entrance::Direct },
            claims: &claims,
            unlisted: &unlisted,
            unlisted_is_cut: record.cut,
            spiffe_id: &record.id,
        });
    }
    replay.finish()
}

fn shown(report: &IdentityReport) -> String {
    let IdentityReport { records, identities, same, changed, .. } = report;
    let mut out = format!("{records} records of {identities} identities, {same} stay\n");
    for ChangedIdentity { spiffe_id, before, after, records, .. } in changed {
        let sign = match (before, after) {
            (Again::Unknown(_), _) | (_, Again::Unknown(_)) => '?',
            (Again::Given(_), Again::Given(_)) => '~',
            (Again::Refused(_), _) => '+',
            (_, Again::Refused(_)) => '-',
        };
        let now = match before {
            Again::Given(id) if id.as_str() == &**spiffe_id => String::new(),
            other => format!(" (now {})", side(other)),
        };
        writeln!(out, "{sign} {records}x {spiffe_id}{now} -> {}", side(after)).unwrap();
    }
    out
}

fn side(side: &Again) -> String {
    match side {
        Again::Given(id) => id.to_string(),
        Again::Refused(denial) => format!("{}: {}", denial.reason.code(), denial.operator),
        Again::Unknown(claim) => format!("unknown {claim}"),
    }
}

fn own_issuer() -> String {
    "https://idp.example.org".to_owned()
}

fn once() -> usize {
    1
}
