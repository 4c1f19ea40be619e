//! The schemas of the OpenAPI document: those of the wire's types, with each kind's `spec` put where they say "anything".

use accredit_api::openapi;
use accredit_core::model::Kind;
use accredit_core::model::schema::{self, id_pattern, name_pattern, spec_of};
use serde_json::{Map, Value, json};

/// Every schema by name.
pub(super) fn schemas() -> Map<String, Value> {
    let mut all = members(openapi::schemas());
    all.extend(members(schema::schemas()));
    all.insert("LoginForm".to_owned(), login_form());
    for kind in Kind::ALL {
        all.extend(of_kind(kind, &all));
    }
    // What is general is one of the kinds; what only a kind's routes take and give is nothing by itself.
    let variants: Vec<Value> = Kind::ALL.iter().map(|kind| of(kind.document())).collect();
    let mapping: Map<String, Value> =
        Kind::ALL.iter().map(|kind| (kind.document().to_owned(), of(kind.document())["$ref"].clone())).collect();
    let any = json!({
        "description": "One resource of any kind: one YAML document of `accredit apply`.",
        "oneOf": variants,
        "discriminator": {"propertyName": "kind", "mapping": mapping},
    });
    all.insert("Resource".to_owned(), any);
    for general in ["NewResource", "ResourcePage", "Written"] {
        all.remove(general);
    }
    all.values_mut().for_each(plain);
    all
}

/// A reference to a schema.
pub(super) fn of(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

/// What the kind's routes take and give: the general schemas with its own spec, names and ids.
fn of_kind(kind: Kind, all: &Map<String, Value>) -> [(String, Value); 4] {
    let name = kind.document();
    let general = |schema: &str| all.get(schema).cloned().unwrap_or_default();
    let needs_spec = general(spec_of(kind))["required"].as_array().is_some_and(|required| !required.is_empty());
    let own = |schema: &str, said: Value| {
        let mut own = general(schema);
        own["description"] = json!(format!("One {}.", words(kind)));
        let fields = &mut own["properties"];
        fields["kind"] = said;
        fields["name"]["pattern"] = json!(name_pattern(kind));
        fields["id"]["pattern"] = json!(id_pattern(kind));
        fields["spec"] = of(spec_of(kind));
        if needs_spec && let Some(required) = own["required"].as_array_mut() {
            required.push(json!("spec"));
        } else if needs_spec {
            own["required"] = json!(["spec"]);
        }
        own
    };
    let mut page = general("ResourcePage");
    page["properties"]["resources"]["items"] = of(name);
    let mut written = general("Written");
    let said = json!({"type": "string", "enum": [name], "description": "The kind."});
    let perhaps = json!({"type": ["string", "null"], "enum": [name, null], "description": "The kind, if it is to be said twice."});
    written["properties"]["resource"] =
        json!({"oneOf": [{"type": "null"}, of(name)], "description": "As it stands; absent on a dry run."});
    [
        (name.to_owned(), own("Resource", said)),
        (format!("New{name}"), own("NewResource", perhaps)),
        (format!("{name}Page"), page),
        (format!("Written{name}"), written),
    ]
}

/// A kind as a sentence names it.
pub(super) fn words(kind: Kind) -> String {
    kind.noun().replace('-', " ")
}

/// The form of `POST /admin/token`.
fn login_form() -> Value {
    let text = |sentence: &str| json!({"type": "string", "description": sentence});
    json!({
        "type": "object",
        "description": "RFC 8693 section 2.1, as far as it is used here.",
        "required": ["grant_type", "subject_token", "subject_token_type"],
        "properties": {
            "grant_type": {"type": "string", "enum": ["urn:ietf:params:oauth:grant-type:token-exchange"]},
            "subject_token": text("The evidence: an identity token, or a workload's token for the audience of administrators."),
            "subject_token_type": {"type": "string", "enum": [
                "urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token",
            ]},
            "identity_provider_id": text("The provider, by name or id; absent: found by the token's issuer."),
            "audience": text("The audience of administrators; no other is issued for."),
        },
    })
}

fn members(schemas: Value) -> Map<String, Value> {
    match schemas {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// Doc comments speak to readers of the code; their links lead nowhere here.
fn plain(value: &mut Value) {
    match value {
        Value::String(text) => *text = text.replace("[`", "`").replace("`]", "`"),
        Value::Array(items) => items.iter_mut().for_each(plain),
        Value::Object(members) => members.values_mut().for_each(plain),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
