//! From stored rows back to a world.

use std::sync::Arc;

use super::compile;
use super::rules::Context;
use crate::model::{Document, Fault, Id, Kind, Resource};
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
pub fn restore(sequence: i64, rows: Vec<Stored>, context: &Context<'_>) -> Result<World, Fault> {
    follow(&World::default(), sequence, rows, &[], context)
}

/// Builds the world that a world becomes when rows are written, and resources deleted, by somebody else: another server of
/// the same store, which has judged them. Pins stay.
///
/// # Errors
/// A row that does not compile: the other one is newer, or something else than this program wrote it.
pub fn follow(
    world: &World,
    sequence: i64,
    mut puts: Vec<Stored>,
    deletes: &[Id],
    context: &Context<'_>,
) -> Result<World, Fault> {
    let mut next = world.clone();
    next.sequence = sequence;
    // All of them first: what is unique may have gone from one to the other.
    deletes.iter().for_each(|id| next.remove(*id));
    puts.iter().for_each(|row| next.remove(row.id));
    // What others refer to comes before them.
    puts.sort_by_key(|row| row.id.kind());
    for row in puts {
        let resource = compile_one(row, &next, context)?;
        next.put(Arc::new(resource));
    }
    Ok(next)
}

/// Builds the world that rows describe, where some were left out because somebody else had changed them: what refers to those
/// is left out too, and named.
pub fn restore_what_holds(sequence: i64, mut rows: Vec<Stored>, context: &Context<'_>) -> (World, Vec<Fault>) {
    rows.sort_by_key(|row| row.id.kind());
    let (mut world, mut left_out) = (World::at(sequence), Vec::new());
    for row in rows {
        match compile_one(row, &world, context) {
            Ok(resource) => {
                world.put(Arc::new(resource));
            }
            Err(fault) => left_out.push(fault),
        }
    }
    (world, left_out)
}

fn compile_one(row: Stored, world: &World, context: &Context<'_>) -> Result<Resource, Fault> {
    let kind: Kind = row.id.kind();
    let spec = serde_json::from_str(&row.body)
        .map_err(|error| Fault::at("spec", format!("{} `{}`: {error}", kind.noun(), row.name)))?;
    let document =
        Document { kind: kind.document().to_owned(), name: row.name, id: None, enabled: Some(row.enabled), spec };
    let parsed = document.parse()?;
    compile::resource(row.id, row.revision, &parsed, world, context).map_err(|faults| {
        let first = faults.0.into_iter().next().unwrap_or_else(|| Fault::at("", "is not understood"));
        Fault { message: format!("{} `{}`: {}", kind.noun(), document.name, first.message), ..first }
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use accredit_id::time::Timestamp;

    use super::*;
    use crate::model::{Resource, yaml};
    use crate::plan;

    const CONTEXT: Context<'_> =
        Context { public_url: "https://a.example.org", reserved: &[], plain_http: false, now: Timestamp::from_unix(0) };

    /// The world behind another set of documents, and what was written and taken away for it.
    fn applied(world: &World, documents: &str, number: &mut u128) -> (World, Vec<Stored>, Vec<Id>) {
        let documents = yaml::parse("t", documents).unwrap();
        let documents: Vec<_> = documents.into_iter().map(|located| located.document).collect();
        let mut random = || {
            *number += 1;
            number.to_be_bytes()
        };
        let plan = plan::apply(world, &documents, true, &CONTEXT, &mut random).unwrap();
        let row = |put: &Arc<Resource>| {
            let Resource { id, enabled, revision, .. } = **put;
            Stored { id, name: put.name.to_string(), enabled, revision, body: put.body() }
        };
        let (puts, deletes) =
            (plan.puts.iter().map(row).rev().collect(), plan.deletes.iter().map(|gone| gone.id).collect());
        (plan.next, puts, deletes)
    }

    fn exported(world: &World) -> Vec<String> {
        let all = Kind::ALL.iter().flat_map(|kind| world.of_kind(*kind));
        all.map(|resource| format!("{} {} {:?}", resource.id, resource.revision, resource.document())).collect()
    }

    /// What is unique may go from one to another, what is referred to may be replaced with what refers to it.
    #[test]
    fn a_world_becomes_what_another_server_made_of_it() {
        let steps = [
            "kind: Project\nname: p\n---\nkind: API\nname: p/a\nspec: {audience: 'https://a', permissions: [x]}\n---\n\
             kind: API\nname: p/b\nspec: {audience: 'https://b', permissions: [x]}\n---\n\
             kind: ServiceAccount\nname: p/s\n---\nkind: Grant\nname: p/g\nspec: {api: p/a, permissions: [x], to: p/s}\n",
            "kind: Project\nname: p\n---\nkind: API\nname: p/a\nspec: {audience: 'https://c', permissions: [x, y]}\n---\n\
             kind: ServiceAccount\nname: p/s\n---\nkind: Grant\nname: p/g\nspec: {api: p/a, permissions: [y], to: p/s}\n",
            "kind: Project\nname: p\n---\nkind: API\nname: p/a\nspec: {audience: 'https://b', permissions: [x, y]}\n---\n\
             kind: API\nname: p/b\nspec: {audience: 'https://c', permissions: [x]}\n",
            "kind: Project\nname: q\n",
        ];
        let (mut here, mut there, mut number) = (World::default(), World::default(), 0);
        for (step, documents) in (1..).zip(steps) {
            let (next, puts, deletes) = applied(&there, documents, &mut number);
            here = follow(&here, step, puts, &deletes, &CONTEXT).unwrap();
            assert_eq!(here.sequence, step);
            assert_eq!(exported(&here), exported(&next), "step {step}");
            there = next;
        }
    }

    #[test]
    fn what_is_not_understood_changes_nothing() {
        let world = World::default();
        let id = Id::new(Kind::Project, [1; 16]);
        let row = Stored { id, name: "p".to_owned(), enabled: true, revision: 1, body: r#"{"later":1}"#.to_owned() };
        let fault = follow(&world, 1, vec![row], &[], &CONTEXT).unwrap_err();
        assert!(fault.message.contains("later"), "{}", fault.message);
    }
}
