//! Documents of `accredit apply`: what is taken reads back as it was written, and applies to nothing a second time.

use accredit_core::model::{Document, Resource, yaml};
use accredit_core::plan::{self, Action, Context, Stored};
use accredit_core::world::World;
use accredit_id::time::Timestamp;

use crate::seeds;

pub(crate) fn yaml(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let located = match yaml::parse("here.yaml", text) {
        Ok(located) => located,
        Err(faults) => {
            assert!(!faults.is_empty() && faults.iter().all(|fault| fault.line >= 1));
            return;
        }
    };
    let documents: Vec<Document> = located.into_iter().map(|located| located.document).collect();
    for document in &documents {
        let written = yaml::write(document);
        let again = yaml::parse("written.yaml", &written);
        let again = again.unwrap_or_else(|faults| panic!("what was written is refused: {faults:?}\n{written}"));
        assert!(again.len() == 1 && again[0].document == *document, "another document was written:\n{written}");
    }
    let Ok(plan) = planned(&World::default(), &documents) else { return };
    let exported: Vec<Document> = plan.next.iter().map(|resource| resource.document()).collect();
    match planned(&plan.next, &exported) {
        Err(faults) => panic!("an export is refused: {:?}", faults.0),
        Ok(again) => {
            let changed = again.changes.iter().find(|change| change.action != Action::Unchanged);
            assert!(changed.is_none(), "an export changes what it came from: {changed:?}");
        }
    }
    restored(&plan.next);
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = seeds::files(&["lint", "faces"], "yaml");
    seeds.extend(
        seeds::fields("resources", &["given", "apply", "documents", "yaml", "text"])
            .into_iter()
            .map(String::into_bytes),
    );
    seeds.extend(seeds::fields("exchange", &["given", "resources", "world"]).into_iter().map(String::into_bytes));
    seeds
}

/// What a store would hold makes the same world.
fn restored(world: &World) {
    let rows = world.iter().map(|resource| Stored {
        id: resource.id,
        name: resource.name.to_string(),
        enabled: resource.enabled,
        revision: resource.revision,
        body: resource.body(),
    });
    match plan::restore(world.sequence, rows.collect(), &CONTEXT) {
        Err(fault) => panic!("a stored world is refused: {} {}", fault.field, fault.message),
        Ok(again) => {
            let bodies = |world: &World| {
                let mut all: Vec<_> =
                    world.iter().map(|one: &std::sync::Arc<Resource>| (one.id.to_string(), one.body())).collect();
                all.sort_unstable();
                all
            };
            assert_eq!(bodies(&again), bodies(world));
        }
    }
}

fn planned(world: &World, documents: &[Document]) -> Result<plan::Plan, accredit_core::model::Faults> {
    let mut number = 0u128;
    plan::apply(world, documents, false, &CONTEXT, &mut || {
        number += 1;
        number.to_be_bytes()
    })
}

const CONTEXT: Context<'static> = Context {
    public_url: "https://accredit.example.org",
    reserved: &[],
    plain_http: false,
    now: Timestamp::from_unix(1_800_000_000),
};
