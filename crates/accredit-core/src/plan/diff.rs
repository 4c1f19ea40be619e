//! What differs between two states of a resource, field by field.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::model::Resource;

/// One field before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldChange {
    /// Its path, e.g. `spec.match.ref`.
    pub field: String,
    /// Before; `None` when it was absent.
    pub old: Option<Value>,
    /// After; `None` when it is absent.
    pub new: Option<Value>,
}

pub(super) fn fields(old: &Resource, new: &Resource) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    if old.enabled != new.enabled {
        changes.push(FieldChange {
            field: "enabled".into(),
            old: Some(old.enabled.into()),
            new: Some(new.enabled.into()),
        });
    }
    walk("spec", Some(&old.document().spec), Some(&new.document().spec), &mut changes);
    changes
}

fn walk(path: &str, old: Option<&Value>, new: Option<&Value>, changes: &mut Vec<FieldChange>) {
    match (old, new) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for name in names {
                walk(&format!("{path}.{name}"), old.get(name), new.get(name), changes);
            }
        }
        (old, new) if old == new => {}
        (old, new) => changes.push(FieldChange { field: path.to_owned(), old: old.cloned(), new: new.cloned() }),
    }
}
