//! Two clusters of a trust domain that can give the same SPIFFE ID: whoever runs one is somebody in the other.

use super::configured::{field, paths};
use super::{Check, Finding, Rule, Severity};
use crate::model::{Cluster, Resource, Section};
use crate::template::PathTemplate;
use crate::world::World;

pub(super) static RULE: Rule = Rule {
    id: "paths-collide",
    sentence: "two clusters of a trust domain can give the same SPIFFE ID",
    severity: Severity::Warning,
    check: Check::Resource(check),
};

fn check(resource: &Resource, world: &World) -> Vec<Finding> {
    let Some(cluster) = resource.as_cluster() else { return Vec::new() };
    let mut others: Vec<_> = world
        .referrers(cluster.trust_domain)
        .filter(|other| other.id != resource.id)
        .filter_map(|other| Some((&other.name, other.as_cluster()?)))
        .take(MOST)
        .collect();
    others.sort_unstable_by_key(|(name, _)| *name);
    let mut findings = Vec::new();
    for (within, path) in paths(cluster) {
        let meets =
            |(_, other): &&(_, &Cluster)| paths(other).iter().any(|(_, its)| collide((path, cluster), (its, other)));
        if let Some((name, _)) = others.iter().find(meets) {
            let message = format!("`{}` can give the same SPIFFE ID as cluster `{name}`", path.source());
            let finding = Finding::new(field(resource, Section::IssuancePolicy, &within), message);
            findings.push(finding.fix("begin it with `/{{cluster.name}}/`"));
        }
    }
    findings
}

/// Whether some values make one path of both. A last value may be several segments.
fn collide((one, first): (&PathTemplate, &Cluster), (two, second): (&PathTemplate, &Cluster)) -> bool {
    let segments =
        |path: &PathTemplate, cluster: &Cluster| path.segments(cluster.name.as_str(), cluster.realm.as_deref());
    let (one, two) = (segments(one, first), segments(two, second));
    let (short, long) = if one.len() <= two.len() { (one, two) } else { (two, one) };
    let is_open = short.last().is_some_and(Option::is_none);
    let same = |(one, two): (&Option<String>, &Option<String>)| one.is_none() || two.is_none() || one == two;
    (short.len() == long.len() || is_open) && short.iter().zip(&long).all(same)
}

/// So many clusters are looked at.
const MOST: usize = 512;
