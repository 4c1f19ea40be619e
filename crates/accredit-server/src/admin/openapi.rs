//! The admin API described (OpenAPI 3.1): one row a route, schemas from the types that go over the wire.

use accredit_api::problem::MEDIA_TYPE;
use accredit_core::model::Kind;
use axum::http::header;
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};

use super::operations::{OPERATIONS, Operation};

/// The document, as it is checked in and served.
pub fn document() -> String {
    let mut paths: Map<String, Value> = Map::new();
    for operation in OPERATIONS {
        for path in spread(operation.path) {
            let methods = paths.entry(path.clone()).or_insert_with(|| json!({}));
            methods[operation.method] = described(operation, &path);
        }
    }
    let mut schemas = accredit_api::openapi::schemas();
    plain(&mut schemas);
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Accredit admin API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Resources, decisions and the audit log. Errors are problem details (RFC 9457).",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"dpop": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"dpop": {
                "type": "http",
                "scheme": "DPoP",
                "description": "A token bound to a key (RFC 9449). The local socket asks for none.",
            }},
        },
    });
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

/// `GET /openapi.json`.
pub(super) async fn serve() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], document())
}

/// A resource is named by its name or id, and where a project owns it by two segments.
fn spread(path: &str) -> Vec<String> {
    match path.contains("{name}") {
        true => vec![path.to_owned(), path.replace("{name}", "{project}/{name}")],
        false => vec![path.to_owned()],
    }
}

fn described(operation: &Operation, path: &str) -> Value {
    let Operation { method, path: _, id, summary, query, asks, answers, refuses } = operation;
    let is_of_project = path.contains("{project}");
    let mut parameters: Vec<Value> = Vec::new();
    let kinds: Vec<String> = Kind::ALL.iter().map(|kind| format!("{}s", kind.noun())).collect();
    for (name, schema, sentence) in [
        ("kinds", json!({"type": "string", "enum": kinds}), "The kind's noun in the plural."),
        ("project", json!({"type": "string", "pattern": NAME}), "The project that owns it."),
        ("name", json!({"type": "string", "pattern": NAME}), "Its name in the project; without one also its id."),
        ("id", json!({"type": "string", "pattern": "^(dec|adm)_[0-9a-f]{32}$"}), "`dec_...` or `adm_...`."),
    ] {
        if path.contains(&format!("{{{name}}}")) {
            let described =
                json!({"name": name, "in": "path", "required": true, "schema": schema, "description": sentence});
            parameters.push(described);
        }
    }
    for (name, schema, sentence) in *query {
        let schema: Value = serde_json::from_str(schema).unwrap_or_default();
        parameters.push(json!({"name": name, "in": "query", "schema": schema, "description": sentence}));
    }
    if refuses.contains(&412) {
        let schema = json!({"type": "string"});
        let sentence = "Only while the resource is at one of these revisions: its entity tags, or `*`.";
        parameters.push(json!({"name": "If-Match", "in": "header", "schema": schema, "description": sentence}));
    }
    let mut responses = Map::new();
    for (status, schema) in *answers {
        let mut answer = json!({"description": "Done.", "content": {"application/json": {"schema": of(schema)}}});
        if matches!(*schema, "Resource" | "Written") {
            answer["headers"] =
                json!({"ETag": {"schema": {"type": "string"}, "description": "The revision, in quotes."}});
        }
        responses.insert(status.to_string(), answer);
    }
    let body: &[u16] = if asks.is_some() { &[408, 413, 415] } else { &[] };
    for status in [400, 401, 403, 404, 405, 421, 503].iter().chain(body).chain(*refuses) {
        let problem = json!({"description": reason(*status), "content": {MEDIA_TYPE: {"schema": of("Problem")}}});
        responses.insert(status.to_string(), problem);
    }
    let suffix = if is_of_project { "InProject" } else { "" };
    let mut described = json!({
        "operationId": format!("{id}{suffix}"),
        "summary": summary,
        "parameters": parameters,
        "responses": responses,
    });
    if let Some(schema) = asks {
        described["requestBody"] = json!({"required": true, "content": {"application/json": {"schema": of(schema)}}});
    }
    let _ = method;
    described
}

fn of(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

const fn reason(status: u16) -> &'static str {
    match status {
        400 => "The request is not well formed.",
        401 => "The request names no administrator.",
        403 => "The administrator may not do that.",
        404 => "No such thing, or none that the administrator may know of.",
        405 => "The method does not go with the route.",
        408 => "The body took too long.",
        409 => "There is another one already.",
        412 => "The resource is at another revision.",
        413 => "The body is too large.",
        415 => "The body is not JSON.",
        421 => "The host is not this server's.",
        422 => "The documents cannot be brought into force; each fault says where.",
        _ => "The server cannot answer now; try again.",
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

const NAME: &str = "^[a-z0-9][a-z0-9._-]{0,62}$";
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_somewhere() {
        let document: Value = serde_json::from_str(&document()).unwrap();
        let text = document.to_string();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let mut seen = 0;
        for (place, _) in text.match_indices("#/components/schemas/") {
            let name: String = text[place + 21..].chars().take_while(|letter| letter.is_alphanumeric()).collect();
            assert!(schemas.contains_key(&name), "{name}");
            seen += 1;
        }
        assert!(seen > 200, "{seen}");
        let ids: Vec<_> = text.match_indices("\"operationId\"").collect();
        assert_eq!(ids.len(), OPERATIONS.iter().map(|operation| spread(operation.path).len()).sum::<usize>());
    }
}
