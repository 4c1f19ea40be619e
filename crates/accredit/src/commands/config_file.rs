//! A file of managed configuration: read, judged by itself, and laid over what a cluster has.

use std::path::Path;

use accredit_api::problem::Problem;
use accredit_core::model::yaml::{self, Located};
use accredit_core::model::{ConfigDocument, Document, Fault, Kind};
use accredit_core::plan::{self, Context, Review};
use accredit_id::time::Timestamp;
use serde_json::{Value, json};

use crate::documents::read_file;
use crate::exit::{Complaint, Exit, Failure};
use crate::render::problem;
use crate::terminal::Terminal;

/// The documents of a file, and why others in it are none.
pub(super) struct ConfigFile {
    documents: Vec<Located<ConfigDocument>>,
    /// Each with its line.
    faults: Vec<(usize, Complaint)>,
}

/// For each document of a configuration, the one of a file that says it.
pub(super) type Places<'l> = Vec<Option<&'l Located<ConfigDocument>>>;

/// Reads a file, whatever is wrong with the documents in it.
///
/// # Errors
/// It cannot be read, or there is none in it.
pub(super) fn read(file: &Path, terminal: &mut Terminal<'_>) -> Result<ConfigFile, Failure> {
    let bytes = read_file(file, FILE_CAP, terminal)?;
    let name = file.display().to_string();
    let text = String::from_utf8(bytes).map_err(|_| Failure::failed(format!("file `{name}` is not UTF-8")))?;
    let (documents, faults) = yaml::read_config(&name, &text);
    let told = |fault: yaml::YamlFault| (fault.line, Complaint { message: fault.to_string(), hint: None });
    let faults: Vec<_> = faults.into_iter().map(told).collect();
    match documents.is_empty() && faults.is_empty() {
        true => Err(Failure::failed(format!("file `{name}` holds no document"))),
        false => Ok(ConfigFile { documents, faults }),
    }
}

/// What is to be in force, and which document of the file says it.
pub(super) fn merged<'w>(
    present: &[ConfigDocument],
    wanted: &'w [Located<ConfigDocument>],
    prune: bool,
) -> (Vec<ConfigDocument>, Places<'w>) {
    let said = |section: &str| wanted.iter().find(|one| one.document.section == section);
    let mut merged: Vec<_> = present
        .iter()
        .filter(|document| !prune || said(&document.section).is_some())
        .map(|document| match said(&document.section) {
            Some(one) => (one.document.clone(), Some(one)),
            None => (document.clone(), None),
        })
        .collect();
    for one in wanted {
        if !merged.iter().any(|(document, _)| document.section == one.document.section) {
            merged.push((one.document.clone(), Some(one)));
        }
    }
    merged.into_iter().unzip()
}

/// The failure of a refused configuration, each fault at its file, line and field.
pub(super) fn refused(mut problem: Problem, places: &Places<'_>) -> Failure {
    for fault in &mut problem.faults {
        if let Some((_, told)) = told(&fault.field, &fault.message, places) {
            (fault.field, fault.message) = (String::new(), told);
        }
    }
    problem::refused(problem, |_| None)
}

// === impl ConfigFile ===

impl ConfigFile {
    /// The documents, each of which is one and each section at most once.
    ///
    /// # Errors
    /// Everything that is wrong with the file and can be told without a server, by line, where any of it keeps documents from
    /// being sent.
    pub(super) fn sound(self) -> Result<Vec<Located<ConfigDocument>>, Failure> {
        let sections = || self.documents.iter().enumerate().map(|(place, one)| (place, &one.document.section));
        let is_twice = sections().any(|(place, section)| sections().take(place).any(|(_, other)| other == section));
        match self.faults.is_empty() && !is_twice {
            true => Ok(self.documents),
            false => match self.warnings() {
                Err(failure) => Err(failure),
                Ok(_) => Ok(self.documents),
            },
        }
    }

    /// Judges the documents as if they were those of a cluster without a realm, on a server that has nothing else. What the linter
    /// says of them.
    ///
    /// # Errors
    /// Everything that is wrong, by line.
    pub(super) fn warnings(&self) -> Result<String, Failure> {
        let places: Places<'_> = self.documents.iter().map(Some).collect();
        let Review { faults, findings } = review(&self.documents);
        let complaint = |Fault { field, message, hint, .. }: Fault| {
            let (line, message) = told(&field, &message, &places).unwrap_or((0, message));
            (line, Complaint { message, hint })
        };
        let of_file = self.faults.iter().map(|(line, Complaint { message, hint })| {
            (*line, Complaint { message: message.clone(), hint: hint.clone() })
        });
        let mut complaints: Vec<_> = of_file.chain(faults.into_iter().map(complaint)).collect();
        complaints.sort_by_key(|(line, _)| *line);
        if !complaints.is_empty() {
            return Err(Failure::many(Exit::Failed, complaints.into_iter().map(|(_, complaint)| complaint).collect()));
        }
        let warning = |found: &accredit_core::lint::Found| {
            let place =
                placed(&found.finding.field, &places).map_or_else(String::new, |(place, _, _)| format!("{place} "));
            format!("warning: {place}{}\n", found.finding.message)
        };
        Ok(findings.iter().map(warning).collect())
    }
}

fn review(documents: &[Located<ConfigDocument>]) -> Review {
    let config: Vec<ConfigDocument> = documents.iter().map(|one| unlinked(one.document.clone())).collect();
    let document = |kind: Kind, name: &str, spec: Value| Document {
        kind: kind.document().to_owned(),
        name: name.to_owned(),
        id: None,
        enabled: None,
        spec,
    };
    let documents = [
        document(Kind::TrustDomain, "example.org", json!({})),
        document(Kind::Cluster, "cluster", json!({"trustDomain": "example.org", "config": config})),
    ];
    let now = Timestamp::from_unix(0);
    let context = Context { public_url: "https://accredit.invalid", reserved: &[], plain_http: false, now };
    let mut number = 0u128;
    let mut ids = || {
        number += 1;
        number.to_be_bytes()
    };
    plan::review(&documents, &context, &mut ids)
}

/// The document as if no entry named a profile: which there are, only the server knows.
fn unlinked(mut document: ConfigDocument) -> ConfigDocument {
    let entries = document.spec.pointer_mut("/jwt/allowedIssuers").and_then(Value::as_array_mut);
    for entry in entries.into_iter().flatten().filter_map(Value::as_object_mut) {
        if entry.get("profile").is_some_and(Value::is_string) {
            entry.remove("profile");
        }
    }
    document
}

/// A fault of a field of the cluster's spec, with its line, as whoever wrote the file reads it.
fn told(field: &str, message: &str, places: &Places<'_>) -> Option<(usize, String)> {
    let (place, line, own) = placed(field, places)?;
    Some((line, format!("{place} {}", problem::sentence(own, message))))
}

/// Where in the file a field of the cluster's spec is written: `web.yaml:7`, the line, and the field of its document.
fn placed<'f>(field: &'f str, places: &Places<'_>) -> Option<(String, usize, &'f str)> {
    let (number, rest) = field.strip_prefix("spec.config[")?.split_once(']')?;
    let located = places.get(number.parse::<usize>().ok()?)?.as_ref()?;
    let own = rest.trim_start_matches('.');
    let line = located.line_of(own);
    Some((format!("{}:{line}", located.file), line, own))
}

/// Far more than anybody writes by hand.
const FILE_CAP: usize = 1024 * 1024;
