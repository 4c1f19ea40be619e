//! Suppressions: findings of the linter that somebody has looked at and lets stand, why, and until when.
//!
//! Every kind of document may have them, so they are read before the kind's own fields, and stand in no kind's schema.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::resource::plain;
use super::{Date, Fault};

/// One entry of `spec.lint`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Suppression {
    /// The rule whose findings of this resource are not shown.
    pub rule: Box<str>,
    /// Why they may stand.
    #[cfg_attr(feature = "openapi", schema(pattern = r"\S", max_length = 500))]
    pub reason: Box<str>,
    /// The last day on which they are not shown.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Date, pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    pub until: Date,
}

/// Takes the suppressions out of a spec; what is left is its kind's own.
///
/// # Errors
/// The first entry that is none, with its path.
pub(super) fn split(spec: &Value) -> Result<(Box<[Suppression]>, Cow<'_, Value>), Fault> {
    let Some(written) = spec.get(FIELD) else { return Ok((Box::default(), Cow::Borrowed(spec))) };
    let entries: Vec<Suppression> = serde_path_to_error::deserialize(written).map_err(|error| {
        let path = match error.path().to_string() {
            path if path == "." => String::new(),
            path => path,
        };
        let fault = Fault::at(format!("spec.{FIELD}{path}"), plain(&error.inner().to_string()));
        fault.hint("an entry is `{rule: RULE, reason: \"why it may stand\", until: YYYY-MM-DD}`")
    })?;
    for (place, entry) in entries.iter().enumerate() {
        let length = entry.reason.chars().count();
        if entry.reason.trim().is_empty() || length > MAX_REASON {
            let seen = if length > MAX_REASON { format!("has {length} letters") } else { "says nothing".to_owned() };
            let message = format!("{seen}, expected 1 to {MAX_REASON} letters");
            let fault = Fault::at(format!("spec.{FIELD}[{place}].reason"), message);
            return Err(fault.hint("say why the finding may stand"));
        }
        if entries[..place].iter().any(|other| other.rule == entry.rule) {
            let rule: String = entry.rule.chars().take(60).collect();
            let message = format!("`{}` stands there twice", rule.escape_debug());
            return Err(Fault::at(format!("spec.{FIELD}[{place}].rule"), message));
        }
    }
    let mut rest = spec.clone();
    if let Value::Object(fields) = &mut rest {
        fields.remove(FIELD);
    }
    Ok((entries.into(), Cow::Owned(rest)))
}

/// Puts them back where they were written.
pub(super) fn join(mut spec: Value, suppressions: &[Suppression]) -> Value {
    if let (Value::Object(fields), false) = (&mut spec, suppressions.is_empty()) {
        fields.insert(FIELD.to_owned(), serde_json::to_value(suppressions).unwrap_or_default());
    }
    spec
}

pub(super) const FIELD: &str = "lint";
const MAX_REASON: usize = 500;
