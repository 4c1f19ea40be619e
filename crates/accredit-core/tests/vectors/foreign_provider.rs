//! What may not be written must not work either, should it stand in the store all the same.

use std::sync::Arc;
use std::time::Duration;

use accredit_core::decide::{Ask, Limits, Reason, exchange, explain};
use accredit_core::facts::Facts;
use accredit_core::model::{Compiled, Kind, Mapping, Resource};
use accredit_core::world::World;
use accredit_id::json::{Json, Object};
use accredit_id::time::Timestamp;
use serde_json::json;

use crate::stage::{Stage, documents};

/// F23: a mapping of one project on another project's provider, smuggled past the plan.
#[test]
fn a_mapping_on_another_projects_provider_matches_nothing() {
    let mut stage = Stage::empty(1);
    stage.bring(&documents(GIVEN));
    assert_eq!(asked(&stage.world), Ok(()), "the mapping works on the provider of its own project");

    let foreign = stage.world.find(Kind::Provider, "shop/dex").unwrap().id;
    let mapping = stage.world.find(Kind::Mapping, "ci/web").unwrap();
    let compiled = Mapping { provider: foreign, ..mapping.as_mapping().unwrap().clone() };
    stage.world.put(Arc::new(Resource { compiled: Compiled::Mapping(compiled), ..Resource::clone(mapping) }));
    assert_eq!(asked_of(&stage.world, "shop/dex", None), Err(Reason::NoMappingMatched));
    assert_eq!(asked_of(&stage.world, "shop/dex", Some("ci/web")), Err(Reason::NoMappingMatched));
}

fn asked(world: &World) -> Result<(), Reason> {
    asked_of(world, "ci/dex", None)
}

fn asked_of(world: &World, provider: &str, mapping: Option<&str>) -> Result<(), Reason> {
    let provider = world.find(Kind::Provider, provider).unwrap();
    let claims = claims();
    let facts = Facts::typed_in(provider.as_provider().unwrap(), &claims, None);
    let ask = Ask { mapping, ..Ask::default() };
    let limits = Limits { max_lifetime: Duration::from_secs(3600), reserved: Vec::new() };
    let now = Timestamp::from_unix(1_800_000_000);
    let explained = explain(&ask, &facts, provider, world, &limits, now);
    let verdict = exchange(&ask, &facts, provider, world, &limits, now).map(|_| ()).map_err(|denial| denial.reason);
    assert_eq!(explained.verdict.map(|_| ()).map_err(|denial| denial.reason), verdict);
    assert_eq!(explained.fix, None);
    verdict
}

fn claims() -> Object<'static> {
    match Json::from(json!({"sub": "web"})) {
        Json::Object(claims) => claims,
        _ => panic!("claims are an object"),
    }
}

const GIVEN: &str = "
{kind: Project, name: ci}
---
{kind: Project, name: shop}
---
{kind: Provider, name: ci/dex, spec: {type: oidc, issuer: 'https://dex.ci.example.org'}}
---
{kind: Provider, name: shop/dex, spec: {type: oidc, issuer: 'https://dex.shop.example.org'}}
---
{kind: ServiceAccount, name: ci/web}
---
{kind: API, name: shop/api, spec: {audience: 'https://api.example.org', permissions: [read]}}
---
{kind: Grant, name: shop/ci-web, spec: {api: shop/api, permissions: [read], to: ci/web}}
---
{kind: Mapping, name: ci/web, spec: {provider: ci/dex, serviceAccount: ci/web, match: {sub: web}}}
";
