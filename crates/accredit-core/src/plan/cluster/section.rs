//! The documents of a cluster's managed configuration: which sections they are, and their form.
//!
//! Whoever mends a document wants to know of all that is wrong with it. What cannot be read is told and left out, and the
//! rest is read and judged, but for what may only look wrong because something beside it was left out.

use std::collections::BTreeSet;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_path_to_error::{Path, Segment};

use crate::model::{
    AgentAttestationSpec, ConfigDocument, Fault, Faults, IssuancePolicySpec, Section, WorkloadAttestationSpec,
};
use crate::nearest_name::nearest;

/// The sections that there are.
#[derive(Default)]
pub(super) struct Sections {
    pub(super) agents: Option<Written<AgentAttestationSpec>>,
    pub(super) attestation: Option<Written<WorkloadAttestationSpec>>,
    pub(super) issuance: Option<Written<IssuancePolicySpec>>,
}

/// A section as far as it could be read.
pub(super) struct Written<T> {
    /// The path of its `spec`.
    at: String,
    /// What could be read.
    spec: Option<T>,
    /// The objects and lists that something was left out of.
    torn: BTreeSet<String>,
    /// The items that were left out, by their lists, in the places that their writer knows.
    gone: Vec<(String, usize)>,
}

// === impl Sections ===

impl Sections {
    /// Reads every document; a section stands there once.
    pub(super) fn read(documents: &[ConfigDocument], wrong: &mut Faults) -> Self {
        let mut sections = Self::default();
        for (place, ConfigDocument { section, schema, spec }) in documents.iter().enumerate() {
            let at = format!("spec.config[{place}]");
            let Some(known) = Section::named(section) else {
                wrong.push(unknown_section(&at, section));
                continue;
            };
            if schema != Section::SCHEMA {
                let message = format!("`{}` is no schema of `{section}`", schema.escape_debug());
                let hint = format!("say `schema: {}`", Section::SCHEMA);
                wrong.push(Fault::at(format!("{at}.schema"), message).hint(hint));
                continue;
            }
            let within = format!("{at}.spec");
            let again = match known {
                Section::AgentAttestation => is_second(&mut sections.agents, read(spec, within, wrong)),
                Section::IssuancePolicy => is_second(&mut sections.issuance, read(spec, within, wrong)),
                Section::WorkloadAttestation => is_second(&mut sections.attestation, read(spec, within, wrong)),
            };
            if again {
                let message = format!("section `{section}` stands there twice");
                wrong.push(Fault::at(format!("{at}.section"), message).hint("make one document of the two"));
            }
        }
        sections
    }
}

/// Keeps the first of a section, which is judged; whether there is one already.
fn is_second<T>(kept: &mut Option<Written<T>>, read: Written<T>) -> bool {
    let is_second = kept.is_some();
    kept.get_or_insert(read);
    is_second
}

// === impl Written ===

impl<T> Written<T> {
    /// Compiles what could be read. Of objects that something was left out of, no fault is told.
    pub(super) fn judged<U: Default>(
        written: Option<Self>,
        compile: impl FnOnce(&T, &str) -> Result<U, Faults>,
    ) -> Result<U, Faults> {
        let Some(Written { at, spec: Some(spec), torn, gone }) = written else { return Ok(U::default()) };
        let Err(Faults(mut faults)) = (match compile(&spec, &at) {
            Ok(made) => return Ok(made),
            faulty => faulty,
        }) else {
            return Ok(U::default());
        };
        let around = |field: &str| field.rfind(['.', '[']).map_or_else(String::new, |end| field[..end].to_owned());
        for fault in &mut faults {
            fault.field = as_written(&fault.field, &gone);
        }
        faults.retain(|fault| !torn.contains(&fault.field) && !torn.contains(&around(&fault.field)));
        Faults(faults).unless(U::default())
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

/// Reads a section; what cannot be read is told, left out, and the rest read again.
fn read<T: DeserializeOwned + Serialize>(spec: &Value, at: String, wrong: &mut Faults) -> Written<T> {
    let mut left = if spec.is_null() { Value::Object(Map::new()) } else { spec.clone() };
    if left.is_array() {
        wrong.push(Fault::at(&at, "is a list, expected an object"));
        return Written { at, spec: None, torn: BTreeSet::new(), gone: Vec::new() };
    }
    let mut torn = BTreeSet::new();
    let mut gone: Vec<(String, usize)> = Vec::new();
    for _ in 0..MOST_FAULTS {
        let error = match serde_path_to_error::deserialize::<_, T>(&left) {
            Ok(spec) => {
                let before = wrong.0.len();
                lists(&left, &serde_json::to_value(&spec).unwrap_or_default(), &at, wrong);
                let found = wrong.0.iter_mut().skip(before);
                found.for_each(|fault| fault.field = as_written(&fault.field, &gone));
                let is_plain = wrong.0.len() == before;
                return Written { at, spec: Some(spec).filter(|_| is_plain), torn, gone };
            }
            Err(error) => error,
        };
        let steps = steps(error.path());
        let path = written_path(&at, &steps, &gone);
        let message = error.inner().to_string();
        // Where something was left out, it is no news that something is missing.
        let is_missing = message.starts_with("missing field");
        if !(is_missing && torn.contains(&path)) {
            wrong.push(told(path.clone(), &message));
        }
        let Some((last, around)) = steps.split_last() else { break };
        let object = written_path(&at, around, &gone);
        match (parent(&mut left, around), last) {
            (Some(Value::Object(members)), Step::Member(name)) => {
                if members.remove(name).is_none() {
                    break;
                }
                torn.insert(object);
            }
            (Some(Value::Array(items)), Step::Item(place)) if *place < items.len() => {
                items.remove(*place);
                let place = known_place(&object, *place, &gone);
                torn.insert(object.clone());
                gone.push((object, place));
                gone.sort_unstable();
            }
            _ => break,
        }
    }
    Written { at, spec: None, torn, gone }
}

/// A list where an object is expected would be read as that object's fields by their places, which nobody means.
fn lists(written: &Value, read: &Value, at: &str, wrong: &mut Faults) {
    match (written, read) {
        (Value::Array(_), Value::Object(_)) => wrong.push(Fault::at(at, "is a list, expected an object")),
        (Value::Array(written), Value::Array(read)) => {
            let both = written.iter().zip(read).enumerate();
            both.for_each(|(place, (written, read))| lists(written, read, &format!("{at}[{place}]"), wrong));
        }
        (Value::Object(written), Value::Object(read)) => {
            let both = written.iter().filter_map(|(name, written)| Some((name, written, read.get(name)?)));
            both.for_each(|(name, written, read)| lists(written, read, &format!("{at}.{name}"), wrong));
        }
        _ => {}
    }
}

/// A step on the way to a field.
#[derive(Clone)]
enum Step {
    Item(usize),
    Member(String),
}

fn steps(path: &Path) -> Vec<Step> {
    let step = |segment: &Segment| match segment {
        Segment::Seq { index } => Some(Step::Item(*index)),
        Segment::Map { key } => Some(Step::Member(key.clone())),
        Segment::Enum { .. } | Segment::Unknown => None,
    };
    path.iter().map_while(step).collect()
}

/// The path that whoever wrote the document knows: `gone` items count.
fn written_path(at: &str, steps: &[Step], gone: &[(String, usize)]) -> String {
    let mut path = at.to_owned();
    for step in steps {
        match step {
            Step::Member(name) => path.push_str(&format!(".{name}")),
            Step::Item(place) => path.push_str(&format!("[{}]", known_place(&path, *place, gone))),
        }
    }
    path
}

/// The place of an item in a list, as whoever wrote the list counts.
fn known_place(list: &str, place: usize, gone: &[(String, usize)]) -> usize {
    let before = gone.iter().filter(|(of, _)| of == list);
    before.fold(place, |place, (_, gone)| place + usize::from(*gone <= place))
}

/// The same for a whole path: what is in brackets is a place, unless it is part of a name.
fn as_written(field: &str, gone: &[(String, usize)]) -> String {
    let mut parts = field.split('[');
    let mut path = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let place = part.split_once(']').and_then(|(place, rest)| Some((place.parse::<usize>().ok()?, rest)));
        match place {
            Some((place, rest)) => path = format!("{path}[{}]{rest}", known_place(&path, place, gone)),
            None => path = format!("{path}[{part}"),
        }
    }
    path
}

fn parent<'v>(value: &'v mut Value, steps: &[Step]) -> Option<&'v mut Value> {
    steps.iter().try_fold(value, |value, step| match step {
        Step::Item(place) => value.get_mut(place),
        Step::Member(name) => value.get_mut(name),
    })
}

/// A fault of the form; a field that is not known comes with the one that was meant.
fn told(path: String, message: &str) -> Fault {
    let unknown = message.strip_prefix("unknown field `").and_then(|rest| rest.split_once("`, "));
    let Some((field, expected)) = unknown else { return Fault::at(path, crate::model::plain(message)) };
    let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
    let shown: String = field.chars().take(100).collect();
    let fault = Fault::at(path, format!("`{}` is not a field", shown.escape_debug()));
    match (nearest(field, known.iter().copied()), known.as_slice()) {
        (Some(meant), _) => fault.hint(format!("did you mean `{meant}`?")),
        (None, []) => fault,
        (None, known) => fault.hint(format!("fields are {}", known.join(", "))),
    }
}

/// So many faults of one section's form are told.
const MOST_FAULTS: usize = 32;
