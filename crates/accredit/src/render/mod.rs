//! From wire types to text for people. Pure: values in, text out; the terminal is elsewhere.

pub(crate) mod changes;
pub(crate) mod explanation;
pub(crate) mod findings;
pub(crate) mod held_keys;
pub(crate) mod identities;
mod identity;
pub(crate) mod problem;
pub(crate) mod replay;
pub(crate) mod sarif;
pub(crate) mod table;
pub(crate) mod yaml;

use accredit_client::inert;
use serde::Serialize;
use serde_json::Value;

use crate::exit::Failure;

/// How a result is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Output {
    /// For people. Not for programs: it may change.
    Text,
    /// The answer of the admin API.
    Json,
    /// The same as YAML.
    Yaml,
    /// Findings of `accredit lint`, as code hosts show them (SARIF 2.1.0).
    Sarif,
    /// Events of `accredit audit export` (Open Cybersecurity Schema Framework).
    Ocsf,
}

impl Output {
    /// The result as JSON or YAML, or `None` when it is asked for as text.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which no type of the wire does.
    pub(crate) fn structured<T: Serialize>(self, result: &T) -> Result<Option<String>, Failure> {
        let unwritable = |error: serde_json::Error| Failure::failed(format!("result cannot be written: {error}"));
        match self {
            Output::Text => Ok(None),
            Output::Json => {
                let text = serde_json::to_string_pretty(result).map_err(unwritable)?;
                Ok(Some(inert::json(&text) + "\n"))
            }
            Output::Sarif => Err(Failure::misused("format `sarif` is for `accredit lint` alone")),
            Output::Ocsf => Err(Failure::misused("format `ocsf` is for `accredit audit export` alone")),
            Output::Yaml => Ok(Some(yaml::document(&serde_json::to_value(result).map_err(unwritable)?))),
        }
    }
}

/// A kind as the command line and its output say it: `ServiceAccount` is `service-account`.
pub(crate) fn noun(kind: &str) -> &str {
    accredit_core::model::Kind::named(kind).map_or(kind, |kind| kind.noun())
}

/// A resource in one word: `mapping/ci/web-main`.
pub(crate) fn resource(kind: &str, name: &str) -> String {
    format!("{}/{}", noun(kind), inert::Inert(name))
}

/// A document in the order in which people write it: what it is, what it is called, then the rest.
///
/// Written by hand because a JSON object of this build sorts its members.
pub(crate) fn document(resource: &accredit_api::admin::Resource) -> String {
    let accredit_api::admin::Resource { kind, name, id, enabled, revision: _, spec } = resource;
    let mut out = String::new();
    let mut member = |name: &str, value: Value| out.push_str(&yaml::document(&serde_json::json!({ name: value })));
    member("kind", kind.as_str().into());
    member("name", name.as_str().into());
    if let Some(id) = id {
        member("id", id.as_str().into());
    }
    if let Some(enabled) = enabled {
        member("enabled", (*enabled).into());
    }
    if !spec.is_null() && spec != &Value::Object(serde_json::Map::new()) {
        member("spec", spec.clone());
    }
    out
}

/// `1 warning`, `2 warnings`.
pub(crate) fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use accredit_api::admin::Resource;
    use accredit_core::model::yaml;

    use super::*;

    /// What `export` prints is read back by `apply` as the same resources.
    #[test]
    fn an_export_reads_back() {
        let texts = [
            "123",
            "yes",
            "~",
            "a: b",
            "- x",
            "two\nlines",
            "\u{202e}x",
            "'q' \"d\" \\",
            " pad ",
            "1e3",
            "#",
            "*",
            "15m",
        ];
        let mut resources = vec![Resource {
            kind: "Project".to_owned(),
            name: "ci".to_owned(),
            id: None,
            enabled: None,
            revision: None,
            spec: serde_json::json!({}),
        }];
        for text in texts {
            resources.push(Resource {
                kind: "Mapping".to_owned(),
                name: "ci/web".to_owned(),
                id: Some("map_00000000000000000000000000".to_owned()),
                enabled: Some(false),
                revision: None,
                spec: serde_json::json!({
                    "condition": text,
                    "match": { text: [text, 7, true, -1.5], "repository_id": "123" },
                    "keys": {"uploaded": {"keys": [{"kid": text, "x5c": []}]}},
                }),
            });
        }
        let text = resources.iter().map(document).collect::<Vec<_>>().join("---\n");
        let read = yaml::parse("export.yaml", &text).unwrap();
        assert_eq!(read.len(), resources.len(), "{text}");
        for (read, resource) in read.iter().zip(&resources) {
            let read = &read.document;
            let spec = if read.spec.is_null() { serde_json::json!({}) } else { read.spec.clone() };
            let same = (&read.kind, &read.name, &read.id, read.enabled, &spec);
            assert_eq!(
                same,
                (&resource.kind, &resource.name, &resource.id, resource.enabled, &resource.spec),
                "{text}"
            );
        }
    }

    /// L24: JSON output stays the same JSON and cannot drive a terminal.
    #[test]
    fn json_output_is_inert() {
        let hostile = serde_json::json!({"ref": "\u{202e}\u{9b}31m\u{7f}"});
        let text = Output::Json.structured(&hostile).unwrap().unwrap();
        assert!(
            !text.chars().any(|character| character != '\n' && accredit_id::shown::is_deceptive(character)),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), hostile);
    }
}
