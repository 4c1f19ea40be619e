//! The admin API described (OpenAPI 3.1): one row a route, schemas from the types that go over the wire.

use accredit_api::problem::MEDIA_TYPE;
use accredit_core::model::Kind;
use axum::http::header;
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};

/// One route and method.
struct Operation {
    method: &'static str,
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    query: &'static [Query],
    /// The schema of the request's body.
    asks: Option<&'static str>,
    /// Statuses of success and their schema.
    answers: &'static [(u16, &'static str)],
    /// Statuses of refusal beside those of every operation.
    refuses: &'static [u16],
}

/// A parameter of the query: its name, its schema, its sentence.
type Query = (&'static str, &'static str, &'static str);

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
const TEXT: &str = r#"{"type": "string"}"#;
const SECONDS: &str = r#"{"type": "integer", "format": "int64"}"#;
const DRY_RUN: Query =
    ("dry_run", r#"{"type": "boolean", "default": false}"#, "Say what would happen, change nothing.");
const PAGE_SIZE: Query =
    ("page_size", r#"{"type": "integer", "minimum": 1, "maximum": 500, "default": 100}"#, "How many at most.");
const PAGE_TOKEN: Query = ("page_token", TEXT, "`nextPageToken` of the page before.");
const PROJECT: Query = ("project", TEXT, "Only what this project owns.");

/// Every route that is promised. A test compares it with the router.
const OPERATIONS: &[Operation] = &[
    Operation {
        method: "get",
        path: "/v1/{kinds}",
        id: "listResources",
        summary: "A page of the resources of a kind that the caller may read, by name.",
        query: &[PROJECT, PAGE_SIZE, PAGE_TOKEN],
        asks: None,
        answers: &[(200, "ResourcePage")],
        refuses: &[],
    },
    Operation {
        method: "post",
        path: "/v1/{kinds}",
        id: "createResource",
        summary: "Creates a resource; the same document again is the same resource.",
        query: &[DRY_RUN],
        asks: Some("NewResource"),
        answers: &[(200, "Written"), (201, "Written")],
        refuses: &[409, 422],
    },
    Operation {
        method: "get",
        path: "/v1/{kinds}/{name}",
        id: "getResource",
        summary: "One resource.",
        query: &[],
        asks: None,
        answers: &[(200, "Resource")],
        refuses: &[],
    },
    Operation {
        method: "put",
        path: "/v1/{kinds}/{name}",
        id: "putResource",
        summary: "Creates or replaces a resource.",
        query: &[DRY_RUN],
        asks: Some("NewResource"),
        answers: &[(200, "Written"), (201, "Written")],
        refuses: &[412, 422],
    },
    Operation {
        method: "delete",
        path: "/v1/{kinds}/{name}",
        id: "deleteResource",
        summary: "Deletes a resource, and says what that newly allows.",
        query: &[DRY_RUN],
        asks: None,
        answers: &[(200, "ApplyResponse")],
        refuses: &[412, 422],
    },
    Operation {
        method: "post",
        path: "/v1/{kinds}/{name}/enable",
        id: "enableResource",
        summary: "Makes a resource count.",
        query: &[DRY_RUN],
        asks: None,
        answers: &[(200, "Written")],
        refuses: &[412, 422],
    },
    Operation {
        method: "post",
        path: "/v1/{kinds}/{name}/disable",
        id: "disableResource",
        summary: "Makes a resource count no longer, without deleting it.",
        query: &[DRY_RUN],
        asks: None,
        answers: &[(200, "Written")],
        refuses: &[412, 422],
    },
    Operation {
        method: "post",
        path: "/v1/apply",
        id: "apply",
        summary: "Brings a set of documents into force, all or nothing.",
        query: &[],
        asks: Some("ApplyRequest"),
        answers: &[(200, "ApplyResponse")],
        refuses: &[422],
    },
    Operation {
        method: "post",
        path: "/v1/diff",
        id: "diff",
        summary: "Says what `apply` would change.",
        query: &[],
        asks: Some("ApplyRequest"),
        answers: &[(200, "ApplyResponse")],
        refuses: &[422],
    },
    Operation {
        method: "get",
        path: "/v1/resources",
        id: "exportResources",
        summary: "Every resource that the caller may read, as of one moment.",
        query: &[("kind", TEXT, "Only this kind, by its noun or document name."), PROJECT],
        asks: None,
        answers: &[(200, "ResourceList")],
        refuses: &[],
    },
    Operation {
        method: "post",
        path: "/v1/explain",
        id: "explain",
        summary: "Says what would be decided, and why. Issues nothing, spends nothing, fetches nothing.",
        query: &[],
        asks: Some("ExplainRequest"),
        answers: &[(200, "Explanation")],
        refuses: &[],
    },
    Operation {
        method: "post",
        path: "/v1/replay",
        id: "replay",
        summary: "Tries a change on the decisions of the past: who would newly be allowed or denied. Writes nothing.",
        query: &[],
        asks: Some("ReplayRequest"),
        answers: &[(200, "ReplayReport")],
        refuses: &[422],
    },
    Operation {
        method: "get",
        path: "/v1/decisions/{id}",
        id: "getDecision",
        summary: "What was decided, and why.",
        query: &[],
        asks: None,
        answers: &[(200, "Explanation")],
        refuses: &[],
    },
    Operation {
        method: "get",
        path: "/v1/audit",
        id: "listAudit",
        summary: "Records of the audit log that the caller may read, newest first.",
        query: &[
            ("event", TEXT, "Only this event."),
            ("provider", TEXT, "Only about this provider, by name or id."),
            ("service_account", TEXT, "Only about this service account, by name or id."),
            ("mapping", TEXT, "Only what this mapping allowed, by name or id."),
            ("reason", TEXT, "Only refusals for this reason."),
            ("from", SECONDS, "Not before, Unix seconds."),
            ("to", SECONDS, "Before, Unix seconds."),
            PAGE_SIZE,
            PAGE_TOKEN,
        ],
        asks: None,
        answers: &[(200, "AuditList")],
        refuses: &[],
    },
    Operation {
        method: "get",
        path: "/v1/audit/{id}",
        id: "getAuditRecord",
        summary: "One record, whole.",
        query: &[],
        asks: None,
        answers: &[(200, "AuditRecord")],
        refuses: &[],
    },
    Operation {
        method: "post",
        path: "/v1/audit/verify",
        id: "verifyAudit",
        summary: "Walks every chain of the log and checks every signed head.",
        query: &[],
        asks: None,
        answers: &[(200, "AuditVerification")],
        refuses: &[],
    },
    Operation {
        method: "get",
        path: "/v1/pins",
        id: "pins",
        summary: "The permanent ids that the names of a mapping were pinned to at their first use.",
        query: &[("mapping", TEXT, "Name or id of the mapping.")],
        asks: None,
        answers: &[(200, "PinList")],
        refuses: &[],
    },
    Operation {
        method: "post",
        path: "/v1/pins/repin",
        id: "repin",
        summary: "Takes first-use pins of a mapping away, so that the next use pins anew.",
        query: &[],
        asks: Some("RepinRequest"),
        answers: &[(200, "RepinResponse")],
        refuses: &[],
    },
    Operation {
        method: "get",
        path: "/v1/alarms",
        id: "alarms",
        summary: "What issuers send that nobody expected, newest first.",
        query: &[
            ("provider", TEXT, "Only those of this provider."),
            ("all", r#"{"type": "boolean", "default": false}"#, "Acknowledged ones too."),
        ],
        asks: None,
        answers: &[(200, "AlarmList")],
        refuses: &[],
    },
    Operation {
        method: "get",
        path: "/v1/alarm",
        id: "alarm",
        summary: "One alarm.",
        query: &[("id", TEXT, "Its id.")],
        asks: None,
        answers: &[(200, "Alarm")],
        refuses: &[],
    },
    Operation {
        method: "post",
        path: "/v1/alarm/acknowledge",
        id: "acknowledgeAlarm",
        summary: "Says that an alarm is known and all right.",
        query: &[],
        asks: Some("AcknowledgeRequest"),
        answers: &[(200, "Alarm")],
        refuses: &[],
    },
    Operation {
        method: "get",
        path: "/v1/lint",
        id: "lint",
        summary: "What the linter says of everything that the caller may read.",
        query: &[],
        asks: None,
        answers: &[(200, "LintReport")],
        refuses: &[],
    },
    Operation {
        method: "get",
        path: "/v1/whoami",
        id: "whoami",
        summary: "Who the caller is, and which roles it holds.",
        query: &[],
        asks: None,
        answers: &[(200, "WhoAmI")],
        refuses: &[],
    },
    Operation {
        method: "get",
        path: "/v1/status",
        id: "status",
        summary: "How the server is.",
        query: &[],
        asks: None,
        answers: &[(200, "Status")],
        refuses: &[],
    },
];

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
