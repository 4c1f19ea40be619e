//! `vectors/template`: which SPIFFE IDs templates make of claims, and what is refused by name.

use accredit_core::facts::Facts;
use accredit_core::model::Kind;
use accredit_core::template::{PathTemplate, Sources};
use accredit_id::json::{Json, Object};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::expansion::expand;
use crate::stage::{Stage, documents};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// The type and issuer of the provider whose token it is.
    #[serde(default = "github")]
    provider: String,
    #[serde(default)]
    claims: String,
    vector: Vec<Vector>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    #[serde(default, rename = "case")]
    _case: String,
    name: String,
    template: String,
    provider: Option<String>,
    claims: Option<String>,
    realm: Option<String>,
    #[serde(default)]
    then: Then,
}

/// What must come of it; every field, also those that must be absent.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
struct Then {
    id: Option<String>,
    /// It is no template.
    refused: Option<String>,
    /// It is one, but not for this token.
    told: Option<String>,
    hint: Option<String>,
}

#[test]
fn templates_come_out_as_the_vectors_say() {
    let mut count = 0;
    let mut failures = Vec::new();
    for path in crate::files("template", "toml") {
        let file: File =
            toml::from_str(&crate::text(&path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for (place, vector) in file.vector.iter().enumerate() {
            count += 1;
            let seen = seen(&file, vector);
            if seen != vector.then {
                let answer = toml::to_string_pretty(&seen).unwrap();
                failures.push(format!(
                    "{} #{place} {}\nanswer is\n[vector.then]\n{answer}",
                    crate::name(&path),
                    vector.name
                ));
            }
        }
    }
    crate::settle(count, &failures);
}

fn seen(file: &File, vector: &Vector) -> Then {
    let template = match PathTemplate::parse(&expand(&vector.template)) {
        Ok(template) => template,
        Err(fault) => return Then { refused: Some(fault.message), hint: fault.hint, ..Then::default() },
    };
    let mut stage = Stage::empty(1);
    let provider = vector.provider.as_deref().unwrap_or(&file.provider);
    stage.bring(&documents(&format!("{{kind: Provider, name: jobs, spec: {provider}}}")));
    let provider = stage.world.find(Kind::Provider, "jobs").unwrap().as_provider().unwrap();
    let claims: Value = serde_json::from_str(&expand(vector.claims.as_deref().unwrap_or(&file.claims))).unwrap();
    let Json::Object(claims): Json<'static> = Json::from(claims) else { panic!("claims are no object") };
    let claims: Object<'_> = claims;
    let facts = Facts::typed_in(provider, &claims, None);
    let sources =
        Sources { cluster: "build", realm: vector.realm.as_deref(), trust_domain: "example.org", job: Some(&facts) };
    match template.render(&"example.org".parse().unwrap(), &sources) {
        Ok(id) => Then { id: Some(id.to_string()), ..Then::default() },
        Err(fault) => Then { told: Some(fault.operator_text()), hint: fault.hint_text(), ..Then::default() },
    }
}

fn github() -> String {
    "{type: github}".to_owned()
}
