//! `accredit lint`: what is unwise about resources, on a server or in files.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use accredit_api::admin::{Finding, LintReport, Severity, Suppressed};
use accredit_core::lint as core;
use accredit_core::model::{Fault, Suppression};
use accredit_core::plan::{Context, review};
use accredit_id::time::Timestamp;

use crate::cli::Common;
use crate::documents::{Documents, Files};
use crate::exit::{Exit, Failure};
use crate::render::{Output, changes, findings, sarif};
use crate::terminal::Terminal;

/// Say what is unwise about resources: of the server, or of YAML files without any server
///
/// Exits with 1 when there is an error. In files, a reference to what is not in them is an error too.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A YAML or JSON file, a folder of them, or `-` for stdin; may be repeated [default: what the server holds]
    #[arg(short, long = "file", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Also exit with 1 when there is a warning
    #[arg(long, value_name = "WHAT", value_parser = ["warnings"])]
    pub(crate) deny: Option<String>,
    /// Also show what is suppressed, and why
    #[arg(long)]
    pub(crate) all: bool,
    /// The address of the server that the files are for
    #[arg(long, value_name = "URL", default_value = NOWHERE, hide_default_value = true)]
    pub(crate) public_url: String,
}

/// Looks, and prints what was found.
pub(crate) async fn run(common: &Common, args: &Args, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let Args { files, deny, all, public_url } = args;
    let documents = match files.is_empty() {
        true => None,
        false => Some(Documents::read(&Files { files: files.clone() }, terminal)?),
    };
    let report = match &documents {
        None => common.admin()?.lint().await?,
        Some(documents) => of_files(documents, public_url),
    };
    let place_of = |finding: &Finding| documents.as_ref()?.field_of(finding);
    let text = match common.output() {
        Output::Sarif => sarif::log(&report, place_of)?,
        output => match output.structured(&report)? {
            Some(text) => text,
            None => {
                let written = |finding: &Finding| place_of(finding).map(|(file, line)| format!("{file}:{line}"));
                let list = match all {
                    true => findings::all(&report.findings, written),
                    false => findings::shown(&report.findings, written),
                };
                format!("{list}{}\n", findings::summary(&report.findings))
            }
        },
    };
    terminal.show(&text)?;
    let least = if deny.is_some() { Severity::Warning } else { Severity::Error };
    let is_refused = report.findings.iter().any(|finding| finding.severity >= least && finding.suppressed.is_none());
    Ok(if is_refused { Exit::Failed } else { Exit::Done })
}

/// Everything is judged as the server would, but on nothing else than the files.
fn of_files(documents: &Documents, public_url: &str) -> LintReport {
    let documents: Vec<_> = documents.each().collect();
    let context = Context { public_url, reserved: &[], plain_http: false, now: now() };
    let mut last = 0_u128;
    // Ids that nobody sees.
    let mut ids = || {
        last += 1;
        last.to_be_bytes()
    };
    let reviewed = review(&documents, &context, &mut ids);
    let faults = reviewed.faults.iter().filter_map(|fault| {
        let document = documents.get(fault.document)?;
        Some(of_fault(fault, &document.kind, &document.name))
    });
    let findings = faults.chain(reviewed.findings.iter().map(of_rule)).collect();
    LintReport { findings, sequence: 0 }
}

/// The day decides which suppressions are still in force.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

fn of_fault(fault: &Fault, kind: &str, name: &str) -> Finding {
    let Fault { document: _, field, message, hint } = fault;
    Finding {
        rule: INVALID.to_owned(),
        severity: Severity::Error,
        kind: kind.to_owned(),
        name: name.to_owned(),
        message: match field.is_empty() {
            true => message.clone(),
            false => format!("{}: {message}", changes::short(field)),
        },
        field: field.clone(),
        fix: hint.clone(),
        suppressed: None,
    }
}

fn of_rule(found: &core::Found) -> Finding {
    let core::Found { rule, resource, finding, suppressed } = found;
    Finding {
        rule: rule.id.to_owned(),
        severity: match rule.severity {
            core::Severity::Note => Severity::Info,
            core::Severity::Warning => Severity::Warning,
            core::Severity::Error => Severity::Error,
        },
        kind: resource.kind().document().to_owned(),
        name: resource.name.to_string(),
        field: finding.field.to_string(),
        message: finding.message.clone(),
        fix: finding.fix.clone(),
        suppressed: suppressed.as_ref().map(|Suppression { rule: _, reason, until }| Suppressed {
            reason: reason.to_string(),
            until: until.to_string(),
        }),
    }
}

/// The rule of what is no rule's: a document that would be refused for its form or its references.
pub(crate) const INVALID: &str = "invalid";
/// A name that nobody can have (RFC 2606 section 2).
const NOWHERE: &str = "https://accredit.invalid";
