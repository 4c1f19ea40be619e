//! The first remote administrator, from a file that counts only while there is none.
//!
//! It holds one document of kind Administrator with role owner, and the server's own providers that it stands on. Once
//! somebody administers this server, a file that is still named is no second way in: it is not even read, and the server
//! says so when it starts (L19).

use std::path::Path;

use accredit_core::decide::access::{Rights, Verb};
use accredit_core::model::{AdminRole, Document, Kind, Parsed, Spec, yaml};
use accredit_core::plan::{self, Prune};

use super::actor::{Actor, Caller, Source};
use super::change::Act;
use super::problem::AdminFault;
use crate::app::App;
use crate::chance;

/// Why the file does not count.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BootstrapFault {
    /// The file cannot be used.
    #[error("bootstrap file `{path}`: {what}")]
    File {
        /// The file.
        path: String,
        /// Seen and expected.
        what: String,
    },
}

/// Brings the first administrator into force; where there is one, the file means nothing.
///
/// # Errors
/// The file is not what it should be.
pub(crate) async fn bootstrap(app: &App, path: &Path) -> Result<(), BootstrapFault> {
    if app.read_model.now().world.has_administrators() {
        tracing::warn!(
            event = "bootstrap-not-used",
            config.field = "admin.bootstrap",
            "bootstrap file is not used any more: this server has an administrator; take the line out of the configuration"
        );
        return Ok(());
    }
    let fault = |what: String| BootstrapFault::File { path: path.display().to_string(), what };
    let documents = read(path).map_err(fault)?;
    let actor = Actor { name: "bootstrap file".to_owned(), rights: Rights::local() };
    let caller = Caller { actor, source: Source::default(), claim: None };
    let act = Act {
        app,
        caller: &caller,
        event: "administrator-bootstrapped",
        dry_run: false,
        verb: Verb::Write,
        precondition: None,
    };
    let planner = |in_force: &crate::read_model::InForce, app: &App| {
        plan::apply(&in_force.world, &documents, Prune::Nothing, &app.context(), &mut chance::bits)
    };
    act.carry_out(planner).await.map(|_| ()).map_err(|refused| match refused {
        AdminFault::Documents(faults) => {
            let told: Vec<String> =
                faults.0.iter().map(|found| format!("{} {}", found.field, found.message).trim().to_owned()).collect();
            fault(told.join("; "))
        }
        other => fault(format!("{other:?}")),
    })
}

#[expect(clippy::disallowed_methods, reason = "reading this file is this room's purpose")]
fn read(path: &Path) -> Result<Vec<Document>, String> {
    let text = std::fs::read_to_string(path).map_err(|cause| format!("cannot be read: {cause}"))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let located = yaml::parse(&name, &text)
        .map_err(|faults| faults.first().map(ToString::to_string).unwrap_or_else(|| "holds no document".to_owned()))?;
    let documents: Vec<Document> = located.into_iter().map(|located| located.document).collect();
    check(&documents)?;
    Ok(documents)
}

/// Nothing comes in on this way but the owner and who says that he is it.
fn check(documents: &[Document]) -> Result<(), String> {
    let parsed: Vec<Parsed> = documents
        .iter()
        .map(|document| document.parse().map_err(|fault| format!("{} {}", fault.field, fault.message)))
        .collect::<Result<_, _>>()?;
    let mut owners = 0;
    for document in &parsed {
        match (&document.spec, document.name.project()) {
            (Spec::Provider(_), None) => {}
            (Spec::Administrator(administrator), None) if administrator.role == AdminRole::Owner => owners += 1,
            (Spec::Administrator(administrator), None) => {
                let role = administrator.role.name();
                return Err(format!("administrator `{}` has role `{role}`, expected `owner`", document.name));
            }
            _ => {
                return Err(format!(
                    "{} `{}` is neither an administrator nor a provider of the server",
                    document.kind.noun(),
                    document.name
                ));
            }
        }
    }
    match owners {
        1 => Ok(()),
        count => Err(format!("holds {count} documents of kind {}, expected one", Kind::Administrator.document())),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    /// L19: the way in for the first administrator lets nothing else in.
    #[test]
    fn one_owner_and_its_provider() {
        let provider = "{kind: Provider, name: dex, spec: {type: oidc, issuer: 'https://dex.example.org'}}\n---\n";
        let owner = "{kind: Administrator, name: alice, spec: {provider: dex, match: {sub: a}, role: owner}}\n";
        let judge = |text: String| {
            let located = yaml::parse("first.yaml", &text).unwrap();
            check(&located.into_iter().map(|located| located.document).collect::<Vec<_>>())
        };
        assert_eq!(judge(format!("{provider}{owner}")), Ok(()));
        assert_eq!(judge(owner.to_owned()), Ok(()));
        for (text, said) in [
            (provider.trim_end_matches("---\n").to_owned(), "holds 0 documents"),
            (format!("{owner}---\n{}", owner.replace("alice", "bob")), "holds 2 documents"),
            (owner.replace("role: owner", "role: auditor"), "expected `owner`"),
            (format!("{owner}---\n{{kind: Project, name: ci}}"), "project `ci` is neither"),
            (format!("{}{owner}", provider.replace("name: dex", "name: ci/dex")), "provider `ci/dex` is neither"),
        ] {
            let fault = judge(text).unwrap_err();
            assert!(fault.contains(said), "{fault}");
        }
    }
}
