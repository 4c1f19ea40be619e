//! What it costs to explain a refusal: `cargo run --release -p accredit-bench --example refusal`.
//!
//! A holder of a valid token can be refused as often as he likes, and each refusal is explained. The explanation looks at
//! up to 256 mappings of the provider; this measures one with that many near it, and the bare decision beside it.

#![expect(clippy::unwrap_used, reason = "a measurement fails by panicking")]
#![expect(clippy::print_stdout, reason = "it prints what it measured")]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use accredit_core::decide::{self, Ask, Limits};
use accredit_core::facts::{Facts, TypedIn};
use accredit_core::model::{Kind, yaml};
use accredit_core::plan::{self, Context};
use accredit_core::world::World;
use accredit_id::json::{Json, Object};
use accredit_id::time::Timestamp;
use serde_json::json;

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
const ROUNDS: u32 = 200;

fn main() {
    for (mappings, near) in [(1, "enabled"), (300, "condition"), (300, "enabled"), (5000, "enabled")] {
        let world = world(mappings);
        // Near its mapping but for the ref, which whoever starts a job may choose: a fix is proposed and tried.
        let reference = if near == "enabled" { "refs/heads/dev" } else { "refs/heads/main" };
        let claims = claims(reference, if near == "enabled" { "github-hosted" } else { "self-hosted" });
        let provider = world.find(Kind::Provider, "github").unwrap();
        let limits = Limits { max_lifetime: Duration::from_secs(3600), reserved: Vec::new() };
        let ends = Some(NOW.plus(Duration::from_secs(600)));
        let known = provider.as_provider().unwrap();
        let ask = Ask::default();
        let decided = timed(|| {
            let facts = Facts::<TypedIn>::typed_in(known, &claims, ends);
            decide::exchange(&ask, &facts, provider, &world, &limits, NOW).is_ok()
        });
        let explained = timed(|| {
            let facts = Facts::<TypedIn>::typed_in(known, &claims, ends);
            decide::explain(&ask, &facts, provider, &world, &limits, NOW).considered.is_empty()
        });
        println!("{mappings:>5} mappings, {reference}: decided in {decided:?}, explained in {explained:?}");
    }
}

fn timed(mut once: impl FnMut() -> bool) -> Duration {
    (0..ROUNDS / 10).for_each(|_| assert!(!once()));
    let began = Instant::now();
    (0..ROUNDS).for_each(|_| assert!(!once()));
    began.elapsed() / ROUNDS
}

fn claims(reference: &str, runner: &str) -> Object<'static> {
    let claims = json!({
        "sub": format!("repo:acme/r0:ref:{reference}"), "repository": "acme/r0", "repository_id": "0",
        "repository_owner": "acme", "repository_owner_id": "98", "ref": reference, "ref_type": "branch",
        "event_name": "push", "actor": "ada", "runner_environment": runner, "jti": "1",
    });
    match Json::from(claims) {
        Json::Object(claims) => claims,
        _ => Object::new(),
    }
}

fn world(mappings: usize) -> World {
    let mut text = "kind: Project\nname: ci\n---\nkind: Provider\nname: github\nspec: {type: github}\n---\nkind: ServiceAccount\nname: ci/web\n\
                    ---\nkind: API\nname: ci/api\nspec: {audience: https://api.example.org, permissions: [read]}\n\
                    ---\nkind: Grant\nname: ci/web\nspec: {api: ci/api, permissions: [read], to: ci/web}\n"
        .to_owned();
    for number in 0..mappings {
        write!(
            text,
            "---\nkind: Mapping\nname: ci/m{number}\nspec:\n  provider: github\n  serviceAccount: ci/web\n  \
             match: {{repository_id: \"{number}\", repository_owner_id: \"98\", ref: [refs/heads/main, refs/tags/v*], event_name: [push, workflow_dispatch]}}\n  \
             condition: assertion.runner_environment == 'github-hosted' && assertion.ref_type in ['branch', 'tag'] && !assertion.sub.contains('pull_request')\n"
        )
        .unwrap();
    }
    let documents: Vec<_> = yaml::parse("t", &text).unwrap().into_iter().map(|located| located.document).collect();
    let context = Context {
        public_url: "https://a.example.org",
        reserved: &[],
        plain_http: false,
        now: accredit_id::time::Timestamp::from_unix(0),
    };
    let mut number = 0u128;
    let mut random = || {
        number += 1;
        number.to_be_bytes()
    };
    plan::apply(&World::default(), &documents, false, &context, &mut random).unwrap().next
}
