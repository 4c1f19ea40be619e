//! The keys of issuers of jobs: held by where they lie, shown by the clusters that list them.

use std::collections::BTreeMap;
use std::sync::Arc;

use accredit_core::model::{Cluster, Id, Kind, Provider, Resource};
use accredit_id::time::Timestamp;

use super::job::digested;
use crate::app::App;
use crate::gather::{KeyHealth, ProviderKeys};
use crate::provider;

/// The keys of a cluster's issuers that were asked for, with its name.
pub(crate) struct OfCluster {
    pub(crate) name: String,
    /// Each by what they are held under: clusters share them.
    pub(crate) health: Vec<(Id, KeyHealth)>,
}

impl App {
    /// The keys of an issuer of jobs. Clusters that have them from the same place share them, and one fetch.
    pub(crate) fn keys_of_job(&self, known: &Provider) -> Arc<ProviderKeys> {
        let id = held_under(known);
        let held = self.job_keys.held(id);
        held.unwrap_or_else(|| self.job_keys.provider(id, &Arc::new(provider::key_source(known))))
    }

    /// How the keys are of the issuers whose jobs clusters take, by cluster: of those that were asked for. Fetches nothing.
    pub(crate) fn keys_by_cluster(&self, now: Timestamp) -> Vec<OfCluster> {
        let held: BTreeMap<Id, KeyHealth> = self.job_keys.health(now).into_iter().collect();
        if held.is_empty() {
            return Vec::new();
        }
        let in_force = self.read_model.now();
        let clusters = in_force.world.of_kind(Kind::Cluster);
        let of_cluster = |cluster: &&Arc<Resource>| {
            let known = cluster.as_cluster().filter(|_| cluster.enabled)?;
            let asked = |known: &Provider| {
                let id = held_under(known);
                held.get(&id).map(|health| (id, health.clone()))
            };
            let health: Vec<_> = issuers(known).filter_map(asked).collect();
            (!health.is_empty()).then(|| OfCluster { name: cluster.name.to_string(), health })
        };
        clusters.iter().filter_map(of_cluster).collect()
    }
}

/// Who says who a cluster's jobs are, while it takes any.
fn issuers(cluster: &Cluster) -> impl Iterator<Item = &Provider> {
    let jwt = &cluster.attestation.jwt;
    jwt.allowed_issuers.iter().filter(|_| jwt.enabled).map(|entry| &*entry.provider)
}

/// The place that keys are from, whichever cluster names it.
fn held_under(known: &Provider) -> Id {
    let place = serde_json::to_string(&known.keys).unwrap_or_default();
    let kind = if known.kind.spiffe { "spiffe" } else { "" };
    digested(&["keys of jobs", &known.issuer, &place, kind])
}
