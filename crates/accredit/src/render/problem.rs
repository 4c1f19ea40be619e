//! What the admin API, or its absence, says about a request: every fault in a line, at its file and line where known.

use accredit_api::problem::{Fault, Problem};
use accredit_client::admin::AdminError;
use accredit_client::login::LoginError;

use super::changes::short;
use crate::exit::{Complaint, Exit, Failure};

/// The complaints about a refused request. `place_of` says where a fault's field is written: `web.yaml:14`.
pub(crate) fn refused(problem: Problem, place_of: impl Fn(&Fault) -> Option<String>) -> Failure {
    let exit = match problem.status {
        401 | 403 => Exit::Denied,
        429 | 502 | 503 | 504 => Exit::Unavailable,
        _ => Exit::Failed,
    };
    if problem.faults.is_empty() {
        return Failure::many(exit, vec![Complaint { message: problem.detail, hint: problem.hint }]);
    }
    let complaint = |fault: &Fault| Complaint {
        message: match place_of(fault) {
            Some(place) => format!("{place} {}", sentence(&fault.field, &fault.message)),
            None => sentence(&fault.field, &fault.message),
        },
        hint: fault.hint.clone(),
    };
    Failure::many(exit, problem.faults.iter().map(complaint).collect())
}

impl From<AdminError> for Failure {
    fn from(error: AdminError) -> Self {
        let (message, hint) = (error.to_string(), error.hint());
        match error {
            AdminError::Unreachable { socket, cause } => unreachable(&socket, &cause),
            AdminError::RemoteUnreachable { .. } => unavailable(message, hint),
            AdminError::NotFromElsewhere => {
                Failure::many(Exit::Misused, vec![Complaint { message, hint: hint.map(str::to_owned) }])
            }
            AdminError::NotKept(_) => Self::failed(message),
            AdminError::Login(fault) => login(fault),
            AdminError::Refused(problem) => refused(problem, |_| None),
            AdminError::Malformed { .. } => {
                Self::failed(message).hint("check that client and server are of one version")
            }
        }
    }
}

/// What keeps somebody from being logged in.
pub(crate) fn login(fault: LoginError) -> Failure {
    let (message, hint) = (fault.to_string(), fault.hint());
    match fault {
        LoginError::Ended { .. } => {
            Failure::many(Exit::Denied, vec![Complaint { message, hint: Some("`accredit login`".to_owned()) }])
        }
        LoginError::Refused(refusal) if refusal.status >= 500 => Failure::unavailable(message),
        LoginError::Refused(refusal) => {
            let hint = refusal
                .decision_id
                .map(|id| format!("who administers the server learns why by `accredit decision {id}`"));
            Failure::many(Exit::Denied, vec![Complaint { message, hint }])
        }
        LoginError::NotLetIn { .. } | LoginError::Late { .. } => {
            Failure::many(Exit::Denied, vec![Complaint { message, hint: None }])
        }
        LoginError::Unreachable { .. } => unavailable(message, hint),
        LoginError::Endpoint(_) => Failure::misused(message),
        LoginError::Malformed { .. } | LoginError::Local { .. } => Failure::failed(message),
    }
}

fn unavailable(message: String, hint: Option<&str>) -> Failure {
    let failure = Failure::unavailable(message);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn unreachable(socket: &std::path::Path, cause: &std::io::Error) -> Failure {
    use std::io::ErrorKind;

    let at = socket.display();
    match cause.kind() {
        ErrorKind::NotFound => Failure::unavailable(format!("no server at `{at}`: there is no such socket"))
            .hint("start one with `accredit server`, or name its socket with --socket"),
        ErrorKind::ConnectionRefused => Failure::unavailable(format!("no server at `{at}`: nobody listens there"))
            .hint("start it again with `accredit server`"),
        // Not `denied`: that code says that a policy decided, and trying again does not help either.
        ErrorKind::PermissionDenied => Failure::failed(format!("socket `{at}` belongs to another user"))
            .hint("run this as the user that the server runs as"),
        ErrorKind::TimedOut => Failure::unavailable(format!("server at `{at}` does not answer")),
        _ => Failure::unavailable(format!("server at `{at}` cannot be reached: {cause}")),
    }
}

/// A fault's message with the name of its field, unless the message says it already.
pub(crate) fn sentence(field: &str, message: &str) -> String {
    let field = short(field);
    // The line says that it is one of the claims; a claim's own name may hold dots.
    let field = field.strip_prefix("match.").unwrap_or(field);
    let names_it = message.contains(&format!("`{field}`"));
    match (field.is_empty() || names_it, is_predicate(message)) {
        (true, _) => message.to_owned(),
        (false, true) => format!("`{field}` {message}"),
        (false, false) => format!("`{field}`: {message}"),
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
            pointer: String::new(),
            field: field.to_owned(),
            message: message.to_owned(),
            hint: Some("quote it".to_owned()),
        };
        let problem = Problem {
            kind: "urn:accredit:problem:documents-refused".to_owned(),
            code: "documents-refused".to_owned(),
            status: 422,
            title: "a document is faulty".to_owned(),
            detail: "5 faults".to_owned(),
            hint: None,
            decision: None,
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
