//! The admin API described (OpenAPI 3.1): one row a route, schemas from the types that go over the wire.

use std::sync::LazyLock;

use accredit_api::problem::MEDIA_TYPE;
use accredit_core::model::schema::{id_pattern, name_pattern};
use accredit_core::model::{Kind, Ownership};
use axum::body::Bytes;
use axum::http::header;
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};

use super::operation::Operation;
use super::operations::OPERATIONS;
use super::operations_of_authority::OPERATIONS_OF_AUTHORITY;
use super::schemas::{of, schemas, words};

/// The document, as it is checked in and served. It is the same on every server of this version: it knows nothing of theirs.
pub fn document() -> String {
    let mut paths: Map<String, Value> = Map::new();
    for operation in OPERATIONS.iter().chain(OPERATIONS_OF_AUTHORITY) {
        for route in routes(operation) {
            let methods = paths.entry(route.path.clone()).or_insert_with(|| json!({}));
            methods[operation.method] = described(operation, &route);
        }
    }
    let problems = STATUSES.iter().map(|status| {
        let content = json!({MEDIA_TYPE: {"schema": of("Problem")}});
        (problem(*status), json!({"description": reason(*status), "content": content}))
    });
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Accredit admin API",
            "version": "1",
            "description": "Resources, decisions and the audit log. Errors are problem details (RFC 9457).",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"dpop": []}],
        "paths": paths,
        "components": {
            "responses": problems.collect::<Map<_, _>>(),
            "schemas": schemas(),
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

/// `GET /openapi.json`, to anybody.
pub(super) async fn serve() -> impl IntoResponse {
    static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(document()));
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.clone())
}

/// A route of the document: of a kind, where the row stands for all of them.
struct Route {
    path: String,
    kind: Option<Kind>,
    is_of_project: bool,
}

/// A row that is about kinds is one route a kind, and a resource is named by its name or id, or where a project owns it by two
/// segments.
fn routes(operation: &Operation) -> Vec<Route> {
    if !operation.path.contains("{kinds}") {
        return vec![Route { path: operation.path.to_owned(), kind: None, is_of_project: false }];
    }
    let of_kind = |kind: Kind| {
        let path = operation.path.replace("{kinds}", &format!("{}s", kind.noun()));
        let of_project = path.replace("{name}", "{project}/{name}");
        let has_two = path.contains("{name}") && kind.ownership() != Ownership::Server;
        let two = has_two.then_some(Route { path: of_project, kind: Some(kind), is_of_project: true });
        [Route { path, kind: Some(kind), is_of_project: false }].into_iter().chain(two)
    };
    Kind::ALL.into_iter().flat_map(of_kind).collect()
}

fn described(operation: &Operation, route: &Route) -> Value {
    let Operation { method: _, path: _, id, summary, query, asks, answers, refuses, open, keyed, oauth } = operation;
    let filled = |text: &str| match route.kind {
        Some(kind) => text.replace("{Kind}", kind.document()).replace("{noun}", &words(kind)),
        None => text.to_owned(),
    };
    let mut parameters = in_path(route);
    for (name, schema, sentence) in *query {
        let schema: Value = serde_json::from_str(schema).unwrap_or_default();
        parameters.push(json!({"name": name, "in": "query", "schema": schema, "description": sentence}));
    }
    let mut header = |name: &str, schema: Value, sentence: &str| {
        parameters.push(json!({"name": name, "in": "header", "schema": schema, "description": sentence}));
    };
    if refuses.contains(&412) && asks.is_none_or(|schema| schema != "NamedResource") {
        let sentence = "Only while the resource is at one of these revisions: its entity tags, or `*`.";
        header("If-Match", json!({"type": "string"}), sentence);
    }
    if *keyed {
        let sentence = "The same key with the same request has the same answer for a day. A text in quotes of 1 to 255 characters.";
        header("Idempotency-Key", json!({"type": "string", "pattern": KEY}), sentence);
    }
    if *oauth {
        header("DPoP", json!({"type": "string"}), "The proof of the key (RFC 9449 section 4).");
    }
    let mut responses = Map::new();
    for (status, schema) in *answers {
        let schema = filled(schema);
        let content = if schema.is_empty() { json!({"type": "object"}) } else { of(&schema) };
        let mut answer = json!({"description": "Done.", "content": {"application/json": {"schema": content}}});
        if route.kind.is_some_and(|kind| schema == kind.document() || schema.starts_with("Written")) {
            answer["headers"] =
                json!({"ETag": {"schema": {"type": "string"}, "description": "The revision, in quotes."}});
        }
        responses.insert(status.to_string(), answer);
    }
    let body: &[u16] = if asks.is_some() && !oauth { &[408, 413, 415] } else { &[] };
    let known: &[u16] = if *open { &[404, 405, 421] } else { &[400, 401, 403, 404, 405, 421, 429, 503] };
    for status in known.iter().chain(body).chain(*refuses) {
        responses.insert(status.to_string(), json!({"$ref": format!("#/components/responses/{}", problem(*status))}));
    }
    for status in if *oauth { [400, 401, 403, 408, 429, 503].as_slice() } else { &[] } {
        let content = json!({"application/json": {"schema": of("TokenError")}});
        responses.insert(status.to_string(), json!({"description": reason(*status), "content": content}));
    }
    let suffix = if route.is_of_project { "InProject" } else { "" };
    let mut described = json!({
        "operationId": format!("{}{suffix}", filled(id)),
        "summary": filled(summary),
        "parameters": parameters,
        "responses": responses,
    });
    if let Some(schema) = asks {
        let media = if *oauth { "application/x-www-form-urlencoded" } else { "application/json" };
        let schema = json!({"schema": of(&filled(schema))});
        described["requestBody"] = json!({"required": true, "content": {media: schema}});
    }
    if *open {
        described["security"] = json!([]);
    }
    described
}

fn in_path(route: &Route) -> Vec<Value> {
    let text = |pattern: &str| json!({"type": "string", "pattern": pattern});
    let (name, said) = match route.kind {
        Some(kind) if route.is_of_project => (text(NAME), format!("The name of the {} in the project.", words(kind))),
        Some(kind) if kind.ownership() == Ownership::Project => (text(&id_pattern(kind)), "Its id.".to_owned()),
        Some(kind) => {
            let either = json!({"anyOf": [text(NAME), text(&id_pattern(kind))]});
            (either, "Its name, or its id.".to_owned())
        }
        None => (json!({"type": "string"}), String::new()),
    };
    let project = text(&name_pattern(Kind::Project));
    let record = text("^(act|adm|dec)_[0-9a-f]{32}$");
    let known = [
        ("project", project, "The project that owns it."),
        ("name", name, said.as_str()),
        ("id", record, "`dec_...`, or `act_...` for an act of administration."),
    ];
    let has = |name: &str| route.path.contains(&format!("{{{name}}}"));
    let described = |(name, schema, sentence): (&str, Value, &str)| json!({"name": name, "in": "path", "required": true, "schema": schema, "description": sentence});
    known.into_iter().filter(|(name, ..)| has(name)).map(described).collect()
}

/// The name of the answer that a refusal of this status has.
fn problem(status: u16) -> String {
    format!("Problem{status}")
}

const fn reason(status: u16) -> &'static str {
    match status {
        400 => "The request is not well formed.",
        401 => "The request names no administrator.",
        403 => "The administrator may not do that.",
        404 => "No such thing, or none that the administrator may know of.",
        405 => "The method does not go with the route.",
        408 => "The body took too long.",
        409 => "There is another one already, or a request with the same key is being answered.",
        412 => "The resource is at another revision.",
        413 => "The body is too large.",
        415 => "The body is not JSON.",
        421 => "The host is not this server's.",
        422 => {
            "The documents cannot be brought into force; each error says where. Or the key came with another request."
        }
        429 => "Too much from this address has failed; wait as long as `Retry-After` says.",
        _ => "The server cannot answer now; try again.",
    }
}

const STATUSES: [u16; 14] = [400, 401, 403, 404, 405, 408, 409, 412, 413, 415, 421, 422, 429, 503];
const NAME: &str = "^[a-z0-9][a-z0-9._-]{0,62}$";
const KEY: &str = r#"^"[!#-\[\]-~]{1,255}"$"#;
