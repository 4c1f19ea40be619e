//! From stored rows back to a world.

use std::sync::Arc;

use super::compile;
use super::rules::Context;
use crate::model::{Document, Fault, Id, Kind};
use crate::world::World;

/// A resource as it is stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// Whether it counts.
    pub enabled: bool,
    /// Counts its changes.
    pub revision: i64,
    /// Its spec as JSON.
    pub body: String,
}

/// Builds the world that rows describe.
///
/// # Errors
/// A row that no longer compiles: the store was changed by something else than this program, or by a newer version.
pub fn restore(sequence: i64, mut rows: Vec<Stored>, context: &Context<'_>) -> Result<World, Fault> {
    rows.sort_by_key(|row| row.id.kind());
    let mut world = World::at(sequence);
    for row in rows {
        let kind: Kind = row.id.kind();
        let spec = serde_json::from_str(&row.body)
            .map_err(|error| Fault::at("spec", format!("{} `{}`: {error}", kind.noun(), row.name)))?;
        let document =
            Document { kind: kind.document().to_owned(), name: row.name, id: None, enabled: Some(row.enabled), spec };
        let parsed = document.parse()?;
        let resource = compile::resource(row.id, row.revision, &parsed, &world, context).map_err(|fault| Fault {
            message: format!("{} `{}`: {}", kind.noun(), document.name, fault.message),
            ..fault
        })?;
        world.put(Arc::new(resource));
    }
    Ok(world)
}
