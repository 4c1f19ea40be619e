//! The smallest edit by which a cluster would take a token whose issuer it does not list.

use accredit_id::json::Object;
use accredit_id::time::Timestamp;
use serde_json::{Map, Value, json};

use super::explain::configured;
use super::{IdentityAsk, JobFacts, fix, issue};
use crate::facts::TypedIn;
use crate::model::{AllowedIssuer, ConfigDocument, Section, yaml};
use crate::plan::{self, Context, Plan};
use crate::world::World;

/// The cluster's `WorkloadAttestation` with the issuer of these claims: for tokens that say for whom they are as these do, and,
/// where many share the issuer, of this tenant alone. `None` where the same question would be refused all the same, or no
/// permanent id says whose the token is. For whoever shows the token himself: nobody else's word is to be trusted for it.
pub fn admission<'c>(
    ask: &IdentityAsk<'_>,
    claims: &'c Object<'c>,
    expires_at: Option<Timestamp>,
    world: &World,
    context: &Context<'_>,
    now: Timestamp,
) -> Option<String> {
    let issuer = fix::plain(claims.get("iss")?.as_str()?)?;
    let mut documents = configured(ask.cluster);
    let name = Section::WorkloadAttestation.name();
    let found = documents.iter().position(|document| document.section == name);
    let place = found.unwrap_or_else(|| {
        documents.push(ConfigDocument { section: name.to_owned(), schema: "v1".to_owned(), spec: json!({}) });
        documents.len() - 1
    });
    let jwt = member(documents[place].spec.as_object_mut()?, "jwt", json!({}))?;
    jwt.insert("enabled".to_owned(), json!(true));
    let entries = jwt.entry("allowedIssuers").or_insert_with(|| json!([])).as_array_mut()?;
    if !entries.iter().any(|entry| entry["issuer"] == *issuer) {
        let usual = format!("spiffe://{}", ask.cluster.as_cluster()?.trust_domain_name);
        let audience = claims.get("aud").and_then(|audience| audience.as_str());
        let mut entry = json!({"issuer": issuer});
        if let Some(audience) = audience.filter(|audience| *audience != usual) {
            entry["audiences"] = json!([fix::plain(audience)?]);
        }
        entries.push(entry);
    }
    let planned = |documents: &[ConfigDocument]| -> Option<Plan> {
        plan::apply(world, &[fix::with(ask.cluster, documents)?], false, context, &mut || [0xff; 16]).ok()
    };
    // Whether many share it is known of an entry that was compiled.
    let listed = planned(&documents)?;
    let entry = entry_of(&listed.next, ask, issuer)?;
    if !entry.is_pinned {
        let job = JobFacts::<TypedIn>::typed_in(entry, claims, expires_at);
        fix::pinned(&mut documents[place].spec, &job)?;
    }
    let plan = planned(&documents)?;
    let entry = entry_of(&plan.next, ask, issuer)?;
    let job = JobFacts::<TypedIn>::typed_in(entry, claims, expires_at);
    let again = IdentityAsk { cluster: plan.next.by_id(ask.cluster.id)?, ..*ask };
    issue(&again, &job, &plan.next, context, now).ok()?;
    Some(yaml::write_config(&documents[place..=place]))
}

/// The last entry of the issuer: the one that was added.
fn entry_of<'w>(world: &'w World, ask: &IdentityAsk<'_>, issuer: &str) -> Option<&'w AllowedIssuer> {
    let cluster = world.by_id(ask.cluster.id)?.as_cluster()?;
    cluster.attestation.jwt.of_issuer(issuer).max_by_key(|entry| entry.place)
}

fn member<'v>(object: &'v mut Map<String, Value>, name: &str, usual: Value) -> Option<&'v mut Map<String, Value>> {
    object.entry(name).or_insert(usual).as_object_mut()
}
