//! What `vectors/replay` and `vectors/identities` have in common: records of the past, and one change that is made to the world.

use std::collections::BTreeMap;

use accredit_core::plan::Plan;
use accredit_id::json::{Json, Object};
use serde_json::Value;

use crate::stage::{Stage, documents, told};

/// The members of a vector that change something; exactly one of them may be there.
pub(crate) struct Change<'v> {
    pub(crate) apply: &'v Option<String>,
    pub(crate) prune: bool,
    pub(crate) delete: &'v Option<String>,
    pub(crate) disable: &'v Option<String>,
    pub(crate) enable: &'v Option<String>,
}

// === impl Change ===

impl Change<'_> {
    /// What comes of it.
    pub(crate) fn planned(&self, stage: &mut Stage) -> Result<Plan, String> {
        let planned = match (self.apply, self.delete, self.disable, self.enable) {
            (Some(text), None, None, None) => stage.plan(&documents(text), self.prune),
            (None, Some(named), None, None) => stage.deleted(named),
            (None, None, Some(named), None) => stage.turned(named, false),
            (None, None, None, Some(named)) => stage.turned(named, true),
            _ => return Err("it has not one change".to_owned()),
        };
        planned.map_err(|faults| told(&faults.0))
    }
}

/// Compares what a report says of the records in their order, and in reverse, with what it must say.
pub(crate) fn either_way(expected: &str, mut report: impl FnMut(bool) -> Result<String, String>) -> Result<(), String> {
    for reverse in [false, true] {
        let seen = report(reverse)?;
        if seen.trim() != expected.trim() {
            return Err(format!("expected\n{expected}\nsaw{}\n{seen}", if reverse { " in reverse" } else { "" }));
        }
    }
    Ok(())
}

/// The records one by one, each as often as it says.
pub(crate) fn one_by_one<R>(records: &[R], times: impl Fn(&R) -> usize, reverse: bool) -> Vec<&R> {
    let mut all: Vec<&R> = records.iter().flat_map(|record| std::iter::repeat_n(record, times(record))).collect();
    if reverse {
        all.reverse();
    }
    all
}

/// Claims as a token has them.
pub(crate) fn claims(members: &BTreeMap<String, Value>) -> Object<'static> {
    match Json::from(Value::Object(members.clone().into_iter().collect())) {
        Json::Object(claims) => claims,
        _ => panic!("claims are no object"),
    }
}
