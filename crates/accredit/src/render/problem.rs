//! Faults of a set of documents, each at its file and line.

use accredit_api::problem::{Fault, Problem};

use super::changes::short;
use crate::exit::{Complaint, Exit, Failure};

/// The complaints about a refused set. `place_of` says where a fault's field is written: `web.yaml:14`.
pub(crate) fn refused(problem: Problem, place_of: impl Fn(&Fault) -> Option<String>) -> Failure {
    if problem.faults.is_empty() {
        return accredit_client::admin::AdminError::Refused(problem).into();
    }
    let complaint = |fault: &Fault| Complaint {
        message: match place_of(fault) {
            Some(place) => format!("{place} {}", sentence(fault)),
            None => sentence(fault),
        },
        hint: fault.hint.clone(),
    };
    let complaints = problem.faults.iter().map(complaint).collect();
    let exit = if matches!(problem.status, 401 | 403) { Exit::Denied } else { Exit::Failed };
    Failure::many(exit, complaints)
}

/// A fault's message with the name of its field, unless the message says it already.
fn sentence(fault: &Fault) -> String {
    let field = short(&fault.field);
    // The line says that it is one of the claims; a claim's own name may hold dots.
    let field = field.strip_prefix("match.").unwrap_or(field);
    let names_it = fault.message.contains(&format!("`{field}`"));
    match (field.is_empty() || names_it, is_predicate(&fault.message)) {
        (true, _) => fault.message.clone(),
        (false, true) => format!("`{field}` {}", fault.message),
        (false, false) => format!("`{field}`: {}", fault.message),
    }
}

/// Whether a message wants its subject in front: `is a number, expected a string`.
fn is_predicate(message: &str) -> bool {
    ["is ", "has ", "names ", "must ", "lacks "].iter().any(|verb| message.starts_with(verb))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_names_file_line_and_field() {
        let fault = |field: &str, message: &str| Fault {
            document: 0,
            field: field.to_owned(),
            message: message.to_owned(),
            hint: Some("quote it".to_owned()),
        };
        let problem = Problem {
            code: "resource-faulty".to_owned(),
            status: 400,
            title: "a document is faulty".to_owned(),
            hint: None,
            faults: vec![
                fault("spec.match.repository_id", "is a number, expected a string"),
                fault("kind", "`Maping` is not a kind"),
                fault("spec.provider", "no provider `github`"),
                fault("spec.provider", "`provider` names nobody"),
                fault("", "appears twice"),
            ],
        };
        let text = refused(problem, |fault| Some(format!("web.yaml:{}", 10 + fault.field.len()))).text();
        let expected = "\
error: web.yaml:34 `repository_id` is a number, expected a string
error: web.yaml:14 `kind`: `Maping` is not a kind
error: web.yaml:23 `provider`: no provider `github`
error: web.yaml:23 `provider` names nobody
error: web.yaml:10 appears twice
";
        assert_eq!(text.replace("hint: quote it\n", ""), expected);
        assert_eq!(text.matches("hint: quote it\n").count(), 5);
    }
}
