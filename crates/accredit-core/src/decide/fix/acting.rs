//! The smallest edit that lets an actor act: an entry more in the mapping that matched.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Asked, writable};
use crate::decide::trace::{ClauseTrace, ClauseVerdict, MappingTrace};
use crate::model::{Claim, Document, Resource};
use crate::providers::Standing;

/// An entry for this very actor, pinned by permanent ids and by what its kind narrows to.
pub(super) fn let_act<S>(asked: &Asked<'_, S>, nearby: &[(MappingTrace, &Arc<Resource>)]) -> Option<Document> {
    let acting = asked.facts.acting()?;
    let (trace, resource) = nearby.iter().find(|(trace, _)| trace.matched && trace.enabled)?;
    let kind = acting.facts.provider().kind;
    // Whoever is of another tenant than the actors so far is not let in by a proposal.
    let is_of_tenant =
        |clause: &ClauseTrace| clause.verdict == ClauseVerdict::Held || !kind.tenancy.contains(&clause.clause.as_str());
    if !trace.actors.iter().flat_map(|entry| &entry.clauses).all(is_of_tenant) {
        return None;
    }
    let mut matches = serde_json::Map::new();
    let is_permanent = |name: &&&str| kind.standing(&Claim::named(name)) == Some(Standing::Permanent);
    for name in kind.tenancy.iter().filter(is_permanent).chain(kind.narrow) {
        if let Some(text) = writable(&acting.facts, &Claim::named(name)) {
            matches.insert((*name).to_owned(), json!(text));
        }
    }
    if matches.is_empty() {
        return None;
    }
    let mut document = resource.document();
    let entry = json!({"provider": acting.provider.name.as_str(), "match": matches});
    match document.spec.get_mut("actors").and_then(Value::as_array_mut) {
        Some(entries) => entries.push(entry),
        None => {
            document.spec.as_object_mut()?.insert("actors".to_owned(), json!([entry]));
        }
    }
    Some(document)
}
