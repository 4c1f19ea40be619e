//! The documents of a cluster's managed configuration: which sections they are, and their form.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::model::{AgentAttestationSpec, ConfigDocument, Fault, IssuancePolicySpec, Section, WorkloadAttestationSpec};
use crate::nearest_name::nearest;

/// The sections that there are, each with the path of its `spec`.
#[derive(Default)]
pub(super) struct Sections {
    pub(super) agents: Option<(String, AgentAttestationSpec)>,
    pub(super) attestation: Option<(String, WorkloadAttestationSpec)>,
    pub(super) issuance: Option<(String, IssuancePolicySpec)>,
}

// === impl Sections ===

impl Sections {
    /// Reads every document; a section stands there once.
    pub(super) fn read(documents: &[ConfigDocument]) -> Result<Self, Fault> {
        let mut sections = Self::default();
        for (place, ConfigDocument { section, schema, spec }) in documents.iter().enumerate() {
            let at = format!("spec.config[{place}]");
            let known = Section::named(section).ok_or_else(|| unknown_section(&at, section))?;
            if schema != Section::SCHEMA {
                let message = format!("`{}` is no schema of `{section}`", schema.escape_debug());
                return Err(
                    Fault::at(format!("{at}.schema"), message).hint(format!("say `schema: {}`", Section::SCHEMA))
                );
            }
            let within = format!("{at}.spec");
            let is_second = match known {
                Section::AgentAttestation => sections.agents.replace((within.clone(), read(spec, &within)?)).is_some(),
                Section::IssuancePolicy => sections.issuance.replace((within.clone(), read(spec, &within)?)).is_some(),
                Section::WorkloadAttestation => {
                    sections.attestation.replace((within.clone(), read(spec, &within)?)).is_some()
                }
            };
            if is_second {
                let message = format!("section `{section}` stands there twice");
                return Err(Fault::at(format!("{at}.section"), message).hint("make one document of the two"));
            }
        }
        Ok(sections)
    }
}

fn unknown_section(at: &str, section: &str) -> Fault {
    let names = Section::ALL.map(Section::name);
    let shown: String = section.chars().take(100).collect();
    let fault = Fault::at(format!("{at}.section"), format!("`{}` is not a section", shown.escape_debug()));
    match nearest(section, names) {
        Some(meant) => fault.hint(format!("did you mean `{meant}`?")),
        None => fault.hint(format!("sections are {}", names.join(", "))),
    }
}

fn read<T: DeserializeOwned>(spec: &Value, at: &str) -> Result<T, Fault> {
    let empty = Value::Object(Map::new());
    let spec = if spec.is_null() { &empty } else { spec };
    serde_path_to_error::deserialize(spec).map_err(|error| {
        let path = match error.path().to_string() {
            path if path == "." => at.to_owned(),
            path => format!("{at}.{path}"),
        };
        told(path, &error.inner().to_string())
    })
}

/// A fault of the form; a field that is not known comes with the one that was meant.
fn told(path: String, message: &str) -> Fault {
    let unknown = message.strip_prefix("unknown field `").and_then(|rest| rest.split_once("`, "));
    let Some((field, expected)) = unknown else { return Fault::at(path, crate::model::plain(message)) };
    let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
    let fault = Fault::at(path, format!("`{}` is not a field", field.escape_debug()));
    match (nearest(field, known.iter().copied()), known.as_slice()) {
        (Some(meant), _) => fault.hint(format!("did you mean `{meant}`?")),
        (None, []) => fault,
        (None, known) => fault.hint(format!("fields are {}", known.join(", "))),
    }
}
