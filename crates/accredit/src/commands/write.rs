//! `create` and `update`: one resource, its fields said on the command line or read from a file.

use std::path::PathBuf;

use accredit_api::admin::{NewResource, Written};
use accredit_core::model::{Kind, yaml};
use serde_json::{Map, Value};

use super::{kinds, whole_name};
use crate::cli::Common;
use crate::documents::read_file;
use crate::exit::{Exit, Failure};
use crate::render::{Output, changes, findings};
use crate::terminal::Terminal;

/// What a new resource is to be.
#[derive(Debug, clap::Args)]
pub(crate) struct Create {
    #[command(flatten)]
    pub(crate) fields: Fields,
    /// The id that it is to have; made up when absent
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
    /// Do not let it count yet
    #[arg(long)]
    pub(crate) disabled: bool,
}

/// What of a resource is to change.
#[derive(Debug, clap::Args)]
pub(crate) struct Update {
    #[command(flatten)]
    pub(crate) fields: Fields,
    /// A field to leave out from now on; may be repeated
    #[arg(long, value_name = "FIELD")]
    pub(crate) unset: Vec<String>,
    /// Only while the resource is at this revision; the one that was read when absent
    #[arg(long, value_name = "N")]
    pub(crate) revision: Option<i64>,
}

/// Which resource, and its fields.
#[derive(Debug, clap::Args)]
pub(crate) struct Fields {
    /// Name, or for an update also the id
    #[arg(value_name = "[PROJECT/]NAME")]
    pub(crate) name: String,
    /// Fields of the spec: `provider=github`, `match.repository_id=123` (a text), `lifetime=15m`; the same field again makes
    /// a list; `manyAudiences:=true` reads the value as YAML
    #[arg(value_name = "FIELD=VALUE")]
    pub(crate) assignments: Vec<String>,
    /// File with the spec as YAML or JSON, `-` for stdin; fields on the command line are laid over it
    #[arg(long, value_name = "FILE")]
    pub(crate) spec: Option<PathBuf>,
    /// The project, when the name does not say it
    #[arg(short, long, value_name = "NAME")]
    pub(crate) project: Option<String>,
    /// Say what would happen, change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// The verb-first forms.
#[derive(Debug, clap::Args)]
pub(crate) struct CreateOfAnyKind {
    /// Which kind
    #[arg(value_name = "KIND", value_parser = kinds())]
    pub(crate) kind: Kind,
    #[command(flatten)]
    pub(crate) create: Create,
}

/// As [`CreateOfAnyKind`].
#[derive(Debug, clap::Args)]
pub(crate) struct UpdateOfAnyKind {
    /// Which kind
    #[arg(value_name = "KIND", value_parser = kinds())]
    pub(crate) kind: Kind,
    #[command(flatten)]
    pub(crate) update: Update,
}

/// Creates a resource. The same one again is no change; another one under its name is refused.
pub(crate) async fn create(
    common: &Common,
    kind: Kind,
    args: &Create,
    terminal: &mut Terminal<'_>,
) -> Result<Exit, Failure> {
    let Create { fields, id, disabled } = args;
    let mut spec = fields.file(terminal)?.unwrap_or_default();
    assign(&mut spec, &fields.assignments)?;
    let new = NewResource {
        kind: None,
        name: Some(fields.whole_name(kind)),
        id: id.clone(),
        enabled: disabled.then_some(false),
        revision: None,
        spec: Value::Object(spec),
    };
    let written = common.admin()?.create(kind.noun(), &new, fields.dry_run).await?;
    show(common, written, terminal)
}

/// Changes fields of a resource, of the revision that is read first.
pub(crate) async fn update(
    common: &Common,
    kind: Kind,
    args: &Update,
    terminal: &mut Terminal<'_>,
) -> Result<Exit, Failure> {
    let Update { fields, unset, revision } = args;
    let name = fields.whole_name(kind);
    let admin = common.admin()?;
    let present = admin.resource(kind.document(), &name).await?;
    let mut spec = match (fields.file(terminal)?, present.spec) {
        (Some(spec), _) | (None, Value::Object(spec)) => spec,
        (None, _) => Map::new(),
    };
    for field in unset {
        let path = path(field);
        if remove(&mut spec, &path).is_none() {
            return Err(Failure::failed(format!("field `{field}` is not set")));
        }
    }
    assign(&mut spec, &fields.assignments)?;
    let new = NewResource {
        kind: None,
        name: None,
        id: None,
        enabled: present.enabled,
        revision: revision.or(present.revision),
        spec: Value::Object(spec),
    };
    let written = admin.put(kind.noun(), &name, &new, fields.dry_run).await?;
    show(common, written, terminal)
}

/// Prints what was written.
pub(super) fn show(common: &Common, written: Written, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let output = common.output();
    if let Some(text) = output.structured(&written)? {
        terminal.show(&text)?;
        return Ok(Exit::Done);
    }
    let Written { resource: _, changes, findings, sequence, dry_run } = written;
    let response = accredit_api::admin::ApplyResponse { changes, findings, sequence, dry_run };
    terminal.show(&changes::brief(&response, terminal.width()))?;
    if output == Output::Text {
        terminal.say(&findings::brief(&response.findings, "accredit lint", |_| None));
    }
    Ok(Exit::Done)
}

// === impl Fields ===

impl Fields {
    fn whole_name(&self, kind: Kind) -> String {
        whole_name(kind, &self.name, self.project.as_deref())
    }

    fn file(&self, terminal: &mut Terminal<'_>) -> Result<Option<Map<String, Value>>, Failure> {
        let Some(path) = &self.spec else { return Ok(None) };
        let bytes = read_file(path, SPEC_CAP, terminal)?;
        let no_spec = || Failure::failed(format!("file `{}` holds no fields of a spec", path.display()));
        let text = std::str::from_utf8(&bytes).map_err(|_| no_spec())?;
        match value(text) {
            Some(Value::Object(spec)) => Ok(Some(spec)),
            _ => Err(no_spec()),
        }
    }
}

/// Sets fields; one that is set twice is a list, and so is one that is always a list.
fn assign(spec: &mut Map<String, Value>, assignments: &[String]) -> Result<(), Failure> {
    let mut set: Vec<(Vec<&str>, Vec<Value>)> = Vec::new();
    for assignment in assignments {
        let misused =
            |what: &str| Failure::misused(format!("`{assignment}` {what}, expected FIELD=VALUE or FIELD:=YAML"));
        let (field, text) = assignment.split_once('=').ok_or_else(|| misused("is no assignment"))?;
        let (field, read) = match field.strip_suffix(':') {
            Some(field) => (field, value(text).ok_or_else(|| misused("holds no YAML"))?),
            None => (field, Value::from(text)),
        };
        if field.is_empty() {
            return Err(misused("names no field"));
        }
        let path = path(field);
        match set.iter_mut().find(|(other, _)| *other == path) {
            Some((_, values)) => values.push(read),
            None => set.push((path, vec![read])),
        }
    }
    for (path, mut values) in set {
        let is_list = values.len() > 1 || matches!(path[..], [only] if LISTS.contains(&only)) && !values[0].is_array();
        let new = match values.pop() {
            Some(last) if is_list => {
                values.push(last);
                Value::Array(values)
            }
            Some(only) => only,
            None => continue,
        };
        put(spec, &path, new).map_err(|field| Failure::failed(format!("field `{field}` holds no fields")))?;
    }
    Ok(())
}

/// `match.https://a.example/b` is one claim of `match`: whatever it is called, it holds no fields.
fn path(field: &str) -> Vec<&str> {
    match field.split_once('.') {
        Some((map, key)) if MAPS.contains(&map) => vec![map, key],
        _ => field.split('.').collect(),
    }
}

fn put<'f>(spec: &mut Map<String, Value>, path: &[&'f str], new: Value) -> Result<(), &'f str> {
    match path {
        [] => Ok(()),
        [last] => {
            spec.insert((*last).to_owned(), new);
            Ok(())
        }
        [first, rest @ ..] => {
            let inner = spec.entry(*first).or_insert_with(|| Value::Object(Map::new()));
            put(inner.as_object_mut().ok_or(*first)?, rest, new)
        }
    }
}

fn remove(spec: &mut Map<String, Value>, path: &[&str]) -> Option<Value> {
    match path {
        [] => None,
        [last] => spec.remove(*last),
        [first, rest @ ..] => remove(spec.get_mut(*first)?.as_object_mut()?, rest),
    }
}

/// One YAML value, read as the spec of a document is.
fn value(text: &str) -> Option<Value> {
    let indented = text.lines().map(|line| format!("  {line}\n")).collect::<String>();
    let document = format!("kind: K\nname: n\nspec:\n{indented}");
    let mut located = yaml::parse("value", &document).ok()?;
    match located.len() {
        1 => located.pop().map(|located| located.document.spec),
        _ => None,
    }
}

/// Fields whose keys are names of others: everything behind the first dot is one key.
const MAPS: &[&str] = &["attributes", "match", "permissions", "requiredClaims"];
/// Fields that are lists also when they hold one value.
const LISTS: &[&str] = &["algorithms", "audiences", "audit", "permissions"];
const SPEC_CAP: usize = 1024 * 1024;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn assignments_make_a_spec() {
        let mut spec = Map::new();
        let assignments = [
            "provider=github",
            "match.repository_id=123",
            "match.https://a.example/groups:={any: [a, b]}",
            "match.ref=refs/heads/main",
            "match.ref=refs/tags/v*",
            "permissions=read",
            "manyAudiences:=true",
            "keys.discovery.url=https://a.example.org",
            "description=a = b",
        ];
        assign(&mut spec, &assignments.map(str::to_owned)).unwrap();
        assert_eq!(
            Value::Object(spec.clone()),
            json!({
                "provider": "github",
                "match": {
                    "repository_id": "123",
                    "https://a.example/groups": {"any": ["a", "b"]},
                    "ref": ["refs/heads/main", "refs/tags/v*"],
                },
                "permissions": ["read"],
                "manyAudiences": true,
                "keys": {"discovery": {"url": "https://a.example.org"}},
                "description": "a = b",
            })
        );
        assert!(remove(&mut spec, &path("match.ref")).is_some() && remove(&mut spec, &path("match.ref")).is_none());
        for text in ["provider", "=a", ":=a", "a:={", "provider.name=a"] {
            assert!(assign(&mut spec, &[text.to_owned()]).is_err(), "{text}");
        }
    }
}
