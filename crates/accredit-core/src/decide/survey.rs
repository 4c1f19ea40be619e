//! Every mapping of a provider beside the same facts, nearest first, whoever was asked for.

use super::explain::trace;
use super::nearest::Nearest;
use super::trace::MappingTrace;
use crate::facts::Facts;
use crate::model::Resource;
use crate::world::World;

/// Looks at every mapping of a provider that `shown` lets see, and tells the `most` nearest.
///
/// An exchange considers less: what a token could match, and what leads to the account that it asks for. This is for
/// whoever does not know yet which mapping it should have been.
pub fn survey<S>(
    facts: &Facts<'_, S>,
    provider: &Resource,
    world: &World,
    most: usize,
    shown: &dyn Fn(&Resource) -> bool,
) -> Vec<MappingTrace> {
    let mut nearest = Nearest::of(most);
    world
        .mappings_of(provider.id)
        .filter(|resource| shown(resource))
        .for_each(|resource| nearest.offer(resource, facts));
    let traced =
        |(_, resource): (usize, &std::sync::Arc<Resource>)| Some(trace(resource, resource.as_mapping()?, facts, world));
    nearest.kept().into_iter().filter_map(traced).collect()
}
