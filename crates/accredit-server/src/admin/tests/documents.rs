//! The published schema of each kind beside the parser of `apply`: what one takes the other takes.
#![expect(clippy::panic, reason = "tests fail by panicking")]
#![expect(clippy::disallowed_methods, reason = "vectors are files")]

use std::collections::BTreeMap;
use std::path::Path;

use accredit_core::model::{Document, Kind, Provider, Spec, yaml};
use accredit_core::providers::ProviderKind;
use serde_json::{Value, json};

use crate::admin::document;

/// JSON Schema (2020-12), as far as the document uses it; an unknown keyword fails.
fn fits(value: &Value, schema: &Value, root: &Value) -> Result<(), String> {
    let Some(rules) = schema.as_object() else { return Ok(()) };
    let each = |list: &Value| list.as_array().unwrap().iter().filter(|one| fits(value, one, root).is_ok()).count();
    for (rule, said) in rules {
        let holds = match rule.as_str() {
            "$ref" => {
                let place = said.as_str().unwrap().trim_start_matches('#');
                fits(value, root.pointer(place).unwrap(), root)?;
                true
            }
            "additionalProperties" => {
                let known = rules.get("properties").and_then(Value::as_object);
                for (name, member) in value.as_object().into_iter().flatten() {
                    if !known.is_some_and(|known| known.contains_key(name)) {
                        let inner = if said == &json!(false) {
                            Err("is not known".to_owned())
                        } else {
                            fits(member, said, root)
                        };
                        inner.map_err(|fault| format!("{name}: {fault}"))?;
                    }
                }
                true
            }
            "anyOf" => each(said) > 0,
            "oneOf" => each(said) == 1,
            "enum" => said.as_array().unwrap().contains(value),
            "items" => {
                for item in value.as_array().into_iter().flatten() {
                    fits(item, said, root)?;
                }
                true
            }
            "maxItems" => value.as_array().is_none_or(|items| items.len() as u64 <= said.as_u64().unwrap()),
            "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= said.as_u64().unwrap()),
            "maxLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 <= said.as_u64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= said.as_f64().unwrap()),
            "minimum" => value.as_f64().is_none_or(|number| number >= said.as_f64().unwrap()),
            "pattern" => {
                let pattern = regex::Regex::new(said.as_str().unwrap()).unwrap();
                value.as_str().is_none_or(|text| pattern.is_match(text))
            }
            "properties" => {
                for (name, inner) in said.as_object().unwrap() {
                    if let Some(member) = value.get(name) {
                        fits(member, inner, root).map_err(|fault| format!("{name}: {fault}"))?;
                    }
                }
                true
            }
            "required" => said.as_array().unwrap().iter().all(|name| value.get(name.as_str().unwrap()).is_some()),
            "type" => {
                let is = |name: &str| match name {
                    "array" => value.is_array(),
                    "boolean" => value.is_boolean(),
                    "integer" => value.is_i64() || value.is_u64(),
                    "null" => value.is_null(),
                    "object" => value.is_object(),
                    "string" => value.is_string(),
                    other => panic!("type {other}"),
                };
                match said {
                    Value::String(name) => is(name),
                    names => names.as_array().unwrap().iter().any(|name| is(name.as_str().unwrap())),
                }
            }
            "default" | "description" | "discriminator" | "format" | "propertyNames" => true,
            other => panic!("keyword {other}"),
        };
        if !holds {
            return Err(format!("{rule} {said} does not hold of {value}"));
        }
    }
    Ok(())
}

/// Every document of every vector that is one, by kind.
fn documents() -> Vec<Document> {
    fn texts(value: &toml::Value, into: &mut Vec<String>) {
        match value {
            toml::Value::String(text) => into.push(text.clone()),
            toml::Value::Array(items) => items.iter().for_each(|item| texts(item, into)),
            toml::Value::Table(members) => members.values().for_each(|member| texts(member, into)),
            _ => {}
        }
    }
    fn walk(folder: &Path, into: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, into);
            } else if path.extension().is_some_and(|extension| extension == "toml") {
                texts(&toml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap(), into);
            }
        }
    }
    let mut all = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors"), &mut all);
    let located = all.iter().filter(|text| text.contains("kind")).filter_map(|text| yaml::parse("vector", text).ok());
    let more = yaml::parse("more", MORE).unwrap();
    located.flatten().chain(more).map(|located| located.document).collect()
}

/// Fields that no vector writes into a whole document.
const MORE: &str = "\
{kind: Provider, name: a, spec: {type: aws, signedRequests: {maxAge: 1m, regions: [eu-west-1]}}}
---
{kind: Provider, name: b, spec: {type: oidc, audit: [team], keyIdOptional: true, manyAudiences: true, maxTokenAge: 1h}}
";

fn as_json(document: &Document) -> Value {
    let mut value = serde_json::to_value(document).unwrap();
    if value["spec"].is_null() {
        value["spec"] = json!({});
    }
    value
}

/// What the parser takes fits the schema, and each field spoilt or invented is refused by both.
#[test]
fn parser_and_schema_agree() {
    let root: Value = serde_json::from_str(&document()).unwrap();
    let schema = json!({"$ref": "#/components/schemas/Resource"});
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    let mut fields: BTreeMap<(String, String), usize> = BTreeMap::new();
    for document in documents() {
        let Ok(parsed) = document.parse() else { continue };
        // Two of a provider's texts are looked up in lists when it is planned; the schema has the lists.
        if let Spec::Provider(provider) = &parsed.spec {
            let is_known = ProviderKind::named(&provider.kind).is_some();
            let algorithms = provider.algorithms.as_deref().unwrap_or_default();
            if !is_known || Provider::parse_algorithms(algorithms).is_err() {
                assert!(fits(&as_json(&document), &schema, &root).is_err(), "{document:?}");
                continue;
            }
        }
        // So is what the sections of a cluster's configuration say.
        if let Spec::Cluster(cluster) = &parsed.spec
            && !cluster.config.iter().all(|document| document.spec.is_object())
        {
            assert!(fits(&as_json(&document), &schema, &root).is_err(), "{document:?}");
            continue;
        }
        *taken.entry(document.kind.clone()).or_default() += 1;
        let value = as_json(&document);
        assert_eq!(fits(&value, &schema, &root).err(), None, "{value}");
        let Some(spec) = value["spec"].as_object() else { continue };
        let spoilt = |name: &str, member: Value| {
            let mut spoilt = document.clone();
            spoilt.spec = value["spec"].clone();
            spoilt.spec[name] = member;
            let parsed = spoilt.parse();
            let judged = fits(&as_json(&spoilt), &schema, &root);
            assert!(parsed.is_err() && judged.is_err(), "{name} {}: {parsed:?}, {judged:?}", spoilt.spec);
        };
        spoilt("invented", json!("x"));
        for name in spec.keys().filter(|name| *name != "description") {
            *fields.entry((document.kind.clone(), name.clone())).or_default() += 1;
            spoilt(name, json!(7.5));
        }
    }
    for kind in Kind::ALL {
        assert!(taken.get(kind.document()).is_some_and(|count| *count > 0), "no vector has a {}", kind.document());
    }
    assert!(taken.values().sum::<usize>() > 300, "{taken:?}");
    // Every field that is published is in some vector, so that none is published with another form than it has.
    let mut unseen = Vec::new();
    for kind in Kind::ALL {
        let schema = accredit_core::model::schema::spec_of(kind);
        for name in root["components"]["schemas"][schema]["properties"].as_object().unwrap().keys() {
            let key = (kind.document().to_owned(), name.clone());
            // `lint` is no kind's own: one schema of it serves all.
            if !["description", "lint"].contains(&&**name) && !fields.contains_key(&key) {
                unseen.push(key);
            }
        }
    }
    assert!(unseen.is_empty(), "no vector has {unseen:?}");
}

/// The schema of a kind's routes is that of its documents.
#[test]
fn each_kind_has_its_own_body() {
    let root: Value = serde_json::from_str(&document()).unwrap();
    for kind in Kind::ALL {
        let path = format!("/v1/{}s", kind.noun());
        let body = &root["paths"][&path]["post"]["requestBody"]["content"]["application/json"]["schema"];
        assert_eq!(body["$ref"], format!("#/components/schemas/New{}", kind.document()));
        assert!(fits(&json!({"name": "UPPER", "spec": {}}), body, &root).is_err(), "{path}");
        assert!(fits(&json!({"spec": {"nothing": 1}}), body, &root).is_err(), "{path}");
    }
    let provider = json!({"name": "github", "spec": {"type": "github"}});
    let body = json!({"$ref": "#/components/schemas/NewProvider"});
    assert_eq!(fits(&provider, &body, &root), Ok(()));
    assert!(fits(&json!({"name": "github", "spec": {"type": "githab"}}), &body, &root).is_err());
}
