//! `vectors/providers`: tokens as each kind of provider sends them, and what the kind knows of them.

use accredit_core::providers::{KINDS, ProviderKind, Shape};
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    #[serde(default, rename = "case")]
    _case: String,
    name: String,
    claims: Map<String, Value>,
    /// The name of the format that `sub` is written in; null where it fits none.
    subject_format: Option<String>,
    /// Claims that the kind does not list: each would raise an alarm.
    unlisted: Vec<String>,
    /// Claims whose values a record leaves out.
    not_recorded: Vec<String>,
}

#[test]
fn every_kind_knows_its_tokens() {
    let mut failures = Vec::new();
    let mut count = 0;
    for kind in KINDS {
        let vectors = load(kind);
        count += vectors.len();
        failures.extend(vectors.iter().filter_map(|vector| judge(kind, vector).err()));
        failures.extend(coverage(kind, &vectors));
    }
    crate::settle(count, &failures);
}

/// A folder of a kind that is not in the list would be taken for a test.
#[test]
#[expect(clippy::disallowed_methods, reason = "vectors are files")]
fn every_folder_belongs_to_a_kind() {
    for entry in std::fs::read_dir(crate::repository("vectors/providers")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            name == "README.md" || KINDS.iter().any(|kind| kind.name == name),
            "vectors/providers/{name} belongs to no kind"
        );
    }
}

fn load(kind: &ProviderKind) -> Vec<Vector> {
    let read = |path: &std::path::PathBuf| {
        serde_json::from_str(&crate::text(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    crate::files(&format!("providers/{}", kind.name), "json").iter().map(read).collect()
}

fn judge(kind: &ProviderKind, vector: &Vector) -> Result<(), String> {
    let fault = |what: String| Err(format!("{}: {}: {what}", kind.name, vector.name));
    let subject = vector.claims.get("sub").and_then(Value::as_str).unwrap_or_default();
    let format = kind.subject_format(subject);
    if format != vector.subject_format.as_deref() {
        return fault(format!("subject has format {format:?}"));
    }
    let unlisted: Vec<&String> = vector.claims.keys().filter(|name| kind.claim(name).is_none()).collect();
    if unlisted != vector.unlisted.iter().collect::<Vec<_>>() {
        return fault(format!("claims {unlisted:?} are not listed"));
    }
    let not_recorded: Vec<&String> =
        vector.claims.keys().filter(|name| !kind.claim(name).is_some_and(|fact| fact.audited)).collect();
    if not_recorded != vector.not_recorded.iter().collect::<Vec<_>>() {
        return fault(format!("values of {not_recorded:?} are not recorded"));
    }
    let is_other = |(name, value): &(&String, &Value)| {
        kind.claim(name).is_some_and(|fact| fact.shape == Shape::Text) && !value.is_string()
    };
    match vector.claims.iter().find(is_other) {
        Some((name, value)) => fault(format!("`{name}` is listed as a text and is {value}")),
        None => Ok(()),
    }
}

/// What is listed is shown by a token, so that nobody lists what nobody sends.
fn coverage(kind: &ProviderKind, vectors: &[Vector]) -> Vec<String> {
    let claims = kind.claims.iter().filter(|fact| !vectors.iter().any(|vector| vector.claims.contains_key(fact.name)));
    let claims = claims.map(|fact| format!("{}: no token shows claim `{}`", kind.name, fact.name));
    let is_shown = |name: &str| vectors.iter().any(|vector| vector.subject_format.as_deref() == Some(name));
    let formats = kind.subject.formats.iter().filter(|format| !is_shown(format.name));
    claims
        .chain(formats.map(|format| format!("{}: no token shows subject format `{}`", kind.name, format.name)))
        .collect()
}
