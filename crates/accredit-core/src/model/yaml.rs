//! YAML in and out: documents with the line of each field, and documents as `export` writes them.

use std::collections::BTreeMap;
use std::fmt;

use accredit_id::shown::Shown;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::{DuplicateKeyPolicy, Error, Spanned};

use super::resource::plain;
use super::{ConfigDocument, Document};

/// A document and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Located<D = Document> {
    /// The document.
    pub document: D,
    /// The file it was read from, as the reader named it.
    pub file: String,
    /// The line that it begins on, from 1.
    pub line: usize,
    lines: BTreeMap<String, usize>,
}

/// Why a file is no set of documents.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line} {message}")]
pub struct YamlFault {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The field, when it is known.
    pub field: String,
    /// What is wrong.
    pub message: String,
}

/// Reads the documents of a file; JSON is YAML too. Empty documents are passed over.
///
/// # Errors
/// Where the text is no YAML, repeats a key, or a document has members that no document has.
pub fn parse(file: &str, text: &str) -> Result<Vec<Located>, Vec<YamlFault>> {
    whole(read(file, text))
}

/// Nothing, where anything is wrong.
fn whole<D>((located, faults): Readable<D>) -> Result<Vec<Located<D>>, Vec<YamlFault>> {
    if faults.is_empty() { Ok(located) } else { Err(faults) }
}

/// The documents of a form, and why others are none.
type Readable<D> = (Vec<Located<D>>, Vec<YamlFault>);

/// Reads documents of a form.
fn read<D: serde::de::DeserializeOwned>(file: &str, text: &str) -> Readable<D> {
    let fault = |line: usize, field: &str, message: String| YamlFault {
        file: file.to_owned(),
        line,
        field: field.to_owned(),
        message,
    };
    let nodes = match nodes(file, text) {
        Ok(nodes) => nodes,
        Err(faults) => return (Vec::new(), faults),
    };
    let mut located = Vec::with_capacity(nodes.len());
    let mut faults = Vec::new();
    for node in nodes {
        let line = node.referenced.line() as usize;
        if matches!(node.value, Node::Null) {
            continue;
        }
        let mut lines = BTreeMap::new();
        let value = node.value.into_value("", &mut lines);
        match serde_path_to_error::deserialize::<_, D>(&value) {
            Ok(document) => located.push(Located { document, file: file.to_owned(), line, lines }),
            Err(error) => {
                let field = if matches!(value, Value::Object(_)) { error.path().to_string() } else { String::new() };
                let line = lines.get(&field).copied().unwrap_or(line);
                let message = if value.is_array() {
                    "is a list, expected a document".to_owned()
                } else {
                    plain(&error.inner().to_string())
                };
                let field = if field == "." { String::new() } else { field };
                let message = if field.is_empty() || message.contains(&format!("`{field}`")) {
                    message
                } else {
                    format!("`{field}` {message}")
                };
                faults.push(fault(line, &field, message));
            }
        }
    }
    (located, faults)
}

/// Reads one YAML document that is none of ours, by the same strict rules: no key twice, no anchors.
///
/// # Errors
/// Where the text is no YAML, or holds none or several documents.
pub fn value(file: &str, text: &str) -> Result<Value, YamlFault> {
    let fault =
        |message: &str| YamlFault { file: file.to_owned(), line: 1, field: String::new(), message: message.to_owned() };
    let nodes =
        nodes(file, text).map_err(|faults| faults.into_iter().next().unwrap_or_else(|| fault("is not YAML")))?;
    let mut nodes = nodes.into_iter();
    match (nodes.next(), nodes.next()) {
        (Some(node), None) => Ok(node.value.into_value("", &mut BTreeMap::new())),
        (None, _) => Err(fault("holds no document")),
        (Some(_), Some(_)) => Err(fault("holds several documents, expected one")),
    }
}

/// Writes a document so that [`parse`] reads the same again.
pub fn write(document: &Document) -> String {
    serde_saphyr::to_string(document).unwrap_or_default()
}

/// Writes managed configuration, a document after the other, as `accredit config get` prints it.
pub fn write_config(documents: &[ConfigDocument]) -> String {
    let texts: Vec<String> = documents.iter().map(|one| serde_saphyr::to_string(one).unwrap_or_default()).collect();
    texts.join("---\n")
}

/// On which line of [`write_config`]'s text a field of a section stands, from 1; `None` where there is no such section.
pub fn config_line(documents: &[ConfigDocument], section: &str, field: &str) -> Option<usize> {
    let read = parse_config("config", &write_config(documents)).ok()?;
    read.iter().find(|located| located.document.section == section).map(|located| located.line_of(field))
}

/// Reads managed configuration: documents of `section`, `schema` and `spec`, each with its lines.
///
/// # Errors
/// Where the text is no YAML, repeats a key, or a document has other members.
pub fn parse_config(file: &str, text: &str) -> Result<Vec<Located<ConfigDocument>>, Vec<YamlFault>> {
    whole(read_config(file, text))
}

/// As [`parse_config`], for whoever wants to know of everything that is wrong: the documents that are some, and why others are
/// none.
pub fn read_config(file: &str, text: &str) -> (Vec<Located<ConfigDocument>>, Vec<YamlFault>) {
    read(file, text)
}

impl<D> Located<D> {
    /// The line of a field, or of the nearest one around it.
    pub fn line_of(&self, field: &str) -> usize {
        let mut path = field;
        loop {
            if let Some(line) = self.lines.get(path) {
                return *line;
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = &path[..end],
                None => return self.line,
            }
        }
    }
}

fn nodes(file: &str, text: &str) -> Result<Vec<Spanned<Node>>, Vec<YamlFault>> {
    let fault = |line: usize, message: String| YamlFault { file: file.to_owned(), line, field: String::new(), message };
    if text.len() > MAX_FILE {
        return Err(vec![fault(1, format!("file has {} bytes, at most {MAX_FILE} are read", text.len()))]);
    }
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::Error,
        strict_booleans: true,
        budget: serde_saphyr::budget! {
            max_events: 8_000_000,
            max_nodes: 8_000_000,
            max_documents: 200_000,
            max_depth: 64,
            max_aliases: 0,
            max_anchors: 0,
        },
    };
    serde_saphyr::from_multiple_with_options(text, options).map_err(|error| {
        let line = error.location().map_or(1, |location| location.line() as usize);
        vec![fault(line, refusal(error.without_snippet()))]
    })
}

/// Why the text is no YAML that is read here, in the words of whoever wrote it.
fn refusal(error: &Error) -> String {
    match error {
        Error::DuplicateMappingKey { key: Some(key), .. } => format!("`{}` stands there twice", Shown::of(key)),
        Error::Budget { breach, .. } => match format!("{breach:?}") {
            breach if breach.starts_with("Anchors") || breach.starts_with("Aliases") => {
                "anchors and aliases are not read, expected the value itself".to_owned()
            }
            breach if breach.starts_with("Depth") => "is nested too deep".to_owned(),
            _ => "is larger than what is read".to_owned(),
        },
        other => {
            let message = other.to_string();
            let message = message.lines().next().unwrap_or("is not YAML");
            message.split(" at line ").next().unwrap_or(message).to_owned()
        }
    }
}

/// A YAML node with the places of its children.
enum Node {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Spanned<Node>>),
    Map(Vec<(String, Spanned<Node>)>),
}

impl Node {
    fn into_value(self, path: &str, lines: &mut BTreeMap<String, usize>) -> Value {
        match self {
            Node::Null => Value::Null,
            Node::Bool(truth) => Value::Bool(truth),
            Node::Number(number) => Value::Number(number),
            Node::Text(text) => Value::String(text),
            Node::List(items) => {
                let value = |(place, item): (usize, Spanned<Node>)| descend(format!("{path}[{place}]"), item, lines);
                Value::Array(items.into_iter().enumerate().map(value).collect())
            }
            Node::Map(members) => {
                let mut map = Map::new();
                for (key, member) in members {
                    let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    map.insert(key, descend(inner, member, lines));
                }
                Value::Object(map)
            }
        }
    }
}

fn descend(path: String, node: Spanned<Node>, lines: &mut BTreeMap<String, usize>) -> Value {
    let line = node.referenced.line() as usize;
    let value = node.value.into_value(&path, lines);
    lines.insert(path, line);
    value
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Node;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_bool<E>(self, truth: bool) -> Result<Node, E> {
                Ok(Node::Bool(truth))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Node, E> {
                Ok(Node::Number(number.into()))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Node, E> {
                Ok(Node::Number(number.into()))
            }
            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Node, E> {
                Number::from_f64(number).map(Node::Number).ok_or_else(|| E::custom("not a finite number"))
            }
            fn visit_str<E>(self, text: &str) -> Result<Node, E> {
                Ok(Node::Text(text.to_owned()))
            }
            fn visit_unit<E>(self) -> Result<Node, E> {
                Ok(Node::Null)
            }
            fn visit_none<E>(self) -> Result<Node, E> {
                Ok(Node::Null)
            }
            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
                Node::deserialize(deserializer)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Node::List(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Node::Map(members))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// 64 MiB: far more than anybody writes by hand, little enough to hold in memory.
const MAX_FILE: usize = 64 * 1024 * 1024;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn every_field_knows_its_line() {
        let text = "kind: Provider\nname: github\nspec:\n  type: github\n---\nkind: Mapping\nname: ci/web\nspec:\n  match:\n    ref: [a,\n      b]\n    repository_id: 123\n";
        let located = parse("web.yaml", text).unwrap();
        assert_eq!(located.len(), 2);
        assert_eq!((located[0].line, located[1].line), (1, 6));
        for (field, line) in
            [("spec.match.repository_id", 12), ("spec.match.ref[1]", 11), ("spec.match.missing", 10), ("nothing", 6)]
        {
            assert_eq!(located[1].line_of(field), line, "{field}");
        }
    }

    #[test]
    fn what_is_no_document_is_refused_with_its_line() {
        for (text, line) in [
            ("kind: A\nkind: B\n", 2),
            ("kind: A\nname: b\nspec: {}\nother: 1\n", 4),
            ("kind: A\nname: [1\n", 2),
            ("kind: &a A\nname: *a\n", 1),
            ("- a\n", 1),
            ("kind: A\nname: 5\n", 2),
        ] {
            let faults = parse("web.yaml", text).unwrap_err();
            assert_eq!(faults[0].line, line, "{text}: {faults:?}");
        }
        assert!(parse("empty.yaml", "\n---\n").unwrap().is_empty());
    }

    #[test]
    fn what_is_written_reads_back() {
        let document = Document {
            kind: "Mapping".into(),
            name: "ci/web".into(),
            id: None,
            enabled: Some(false),
            spec: serde_json::json!({"match": {"id": "123", "yes": "no", "t": "true", "n": 5, "b": true, "s": "a: b #c", "w": " x ", "e": "1e3", "star": "*a", "x": ["~", "null", "0x1f", "2026-01-01", "é\u{202e}"]}, "condition": "assertion.a == \"x\"\n&& true"}),
        };
        let text = write(&document);
        assert_eq!(parse("x", &text).unwrap()[0].document, document, "{text}");
    }
}
