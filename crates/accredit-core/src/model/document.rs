//! One document of `accredit apply`, before anything about it is believed.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Fault, Id, Kind, Name, Ownership, Spec, Suppression, suppression};

/// A document as written: `kind`, `name`, optional `id`, optional `enabled`, `spec`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Document {
    /// The kind's document name.
    pub kind: String,
    /// The name.
    pub name: String,
    /// The id, when the writer wants a certain one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Whether it counts; absent means yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// What the kind's schema says.
    #[serde(default)]
    pub spec: Value,
}

/// A document whose form is right; its references are not looked up yet.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The kind.
    pub kind: Kind,
    /// The name.
    pub name: Name,
    /// The id asked for.
    pub id: Option<Id>,
    /// Whether it counts.
    pub enabled: bool,
    /// The kind's fields.
    pub spec: Spec,
    /// Which findings of the linter may stand.
    pub suppressions: Box<[Suppression]>,
}

impl Document {
    /// Parses the form: kind, name, id, and the spec against the kind's schema.
    ///
    /// # Errors
    /// The first fault, with the field's path.
    pub fn parse(&self) -> Result<Parsed, Fault> {
        let kind = Kind::named(&self.kind).filter(|kind| kind.document() == self.kind).ok_or_else(|| {
            let known: Vec<_> = Kind::ALL.iter().map(|kind| kind.document()).collect();
            Fault::at("kind", format!("`{}` is not a kind", self.kind.escape_debug()))
                .hint(format!("kinds are {}", known.join(", ")))
        })?;
        let name: Name = self.name.parse().map_err(|fault| Fault::at("name", format!("{fault}")))?;
        check_owner(kind, &name)?;
        let id = match &self.id {
            None => None,
            Some(text) => Some(parse_id(kind, text)?),
        };
        let (suppressions, spec) = suppression::split(&self.spec)?;
        let spec = Spec::parse(kind, &spec)?;
        Ok(Parsed { kind, name, id, enabled: self.enabled.unwrap_or(true), spec, suppressions })
    }
}

fn check_owner(kind: Kind, name: &Name) -> Result<(), Fault> {
    let noun = kind.noun();
    match (kind.ownership(), name.project()) {
        (Ownership::Server, Some(_)) => {
            Err(Fault::at("name", format!("`{name}` names a project, but a {noun} belongs to the server"))
                .hint(format!("name it `{}`", name.local())))
        }
        (Ownership::Project, None) => {
            Err(Fault::at("name", format!("`{name}` has no project, but a {noun} belongs to one"))
                .hint(format!("name it `PROJECT/{name}`")))
        }
        _ => Ok(()),
    }
}

fn parse_id(kind: Kind, text: &str) -> Result<Id, Fault> {
    let id: Id = text.parse().map_err(|fault| Fault::at("id", format!("{fault}")))?;
    if id.kind() == kind {
        return Ok(id);
    }
    Err(Fault::at("id", format!("`{text}` is the id of a {}, expected one of a {}", id.kind().noun(), kind.noun())))
}
