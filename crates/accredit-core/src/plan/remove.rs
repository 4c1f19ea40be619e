//! Deleting, enabling and disabling one resource, with a preview of what that newly allows.

use std::sync::Arc;

use super::{Action, Change, Context, Draft, FieldChange, Plan};
use crate::lint::overlapping;
use crate::model::{Fault, Faults, Kind, Resource};
use crate::world::World;

/// Plans to delete one resource.
///
/// # Errors
/// It does not exist, or something still refers to it.
pub fn delete(world: &World, kind: Kind, name: &str, context: &Context<'_>) -> Result<Plan, Faults> {
    let resource = existing(world, kind, name)?;
    let mut draft = Draft::new(world);
    draft.take_away(vec![resource]);
    draft.finish(context)
}

/// Plans to enable or disable one resource.
///
/// # Errors
/// It does not exist.
pub fn set_enabled(
    world: &World,
    kind: Kind,
    name: &str,
    enabled: bool,
    context: &Context<'_>,
) -> Result<Plan, Faults> {
    let resource = existing(world, kind, name)?;
    let mut draft = Draft::new(world);
    let mut change = Change {
        action: Action::Unchanged,
        kind,
        name: resource.name.clone(),
        id: resource.id,
        fields: Vec::new(),
        newly_allowed: Vec::new(),
    };
    if resource.enabled != enabled {
        change.action = Action::Update;
        change.fields =
            vec![FieldChange { field: "enabled".into(), old: Some((!enabled).into()), new: Some(enabled.into()) }];
        let next = Arc::new(Resource { enabled, revision: resource.revision + 1, ..Resource::clone(&resource) });
        draft.next.put(Arc::clone(&next));
        draft.puts.push(next);
    }
    if enabled {
        draft.places.insert(resource.id, 0);
    }
    draft.changes.insert(0, change);
    draft.finish(context)
}

/// What other mappings would newly allow once this one no longer counts: tokens that matched both were refused as
/// ambiguous until now (L06).
pub(super) fn newly_allowed(resource: &Resource, world: &World) -> Vec<String> {
    let Some(mapping) = resource.as_mapping() else { return Vec::new() };
    let account = world.by_id(mapping.account).map(|account| account.name.to_string()).unwrap_or_default();
    overlapping(resource, world)
        .into_iter()
        .map(|other| format!("tokens that match `{}` and `{}` become `{account}` through `{}` alone; until now they were refused as ambiguous", resource.name, other.name, other.name))
        .collect()
}

fn existing(world: &World, kind: Kind, name: &str) -> Result<Arc<Resource>, Faults> {
    world.find(kind, name).cloned().ok_or_else(|| {
        let shown: String = name.chars().take(130).collect();
        Faults(vec![Fault::at("name", format!("{} `{}` does not exist", kind.noun(), shown.escape_debug()))])
    })
}
