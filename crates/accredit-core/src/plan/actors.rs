//! Compiling a mapping's `actors`.

use super::mapping::clauses;
use super::rules::reference;
use crate::model::{Actors, Fault, Kind, MappingSpec, Name};
use crate::world::World;

pub(super) fn compile(spec: &MappingSpec, name: &Name, world: &World) -> Result<Box<[Actors]>, Fault> {
    if spec.actor_required && spec.actors.is_empty() {
        return Err(Fault::at("spec.actorRequired", "an actor is required and nobody may be one")
            .hint("say in `actors` who may act"));
    }
    if spec.actors.len() > MOST_ENTRIES {
        let seen = spec.actors.len();
        return Err(Fault::at("spec.actors", format!("has {seen} entries, at most {MOST_ENTRIES} are allowed")));
    }
    spec.actors
        .iter()
        .enumerate()
        .map(|(place, entry)| {
            let field = |rest: &str| format!("spec.actors[{place}].{rest}");
            let provider = reference(&field("provider"), Kind::Provider, &entry.provider, world)?;
            if provider.name.project().is_some() && provider.name.project() != name.project() {
                let message = format!("provider `{}` serves its own project alone", provider.name);
                return Err(Fault::at(field("provider"), message));
            }
            let known = provider.as_provider().ok_or_else(|| Fault::at(field("provider"), "is no provider"))?;
            if known.signed_requests.is_some() {
                return Err(Fault::at(
                    field("provider"),
                    format!("provider `{}` takes signed requests", provider.name),
                )
                .hint("an actor shows a token: name a provider of tokens"));
            }
            let clauses = clauses(&field("match"), &entry.matches, known, world)?;
            if clauses.is_empty() {
                return Err(Fault::at(field("match"), "matches nothing, so anybody of its provider could act")
                    .hint("add the claims that the actor's tokens must have"));
            }
            Ok(Actors { provider: provider.id, provider_name: provider.name.clone(), clauses })
        })
        .collect()
}

/// Who needs more of them means a claim that all of them have.
const MOST_ENTRIES: usize = 16;
