//! `accredit whoami`: who one is to the server, and what one may do there.

use accredit_api::admin::{RoleHeld, WhoAmI};
use accredit_client::inert::Inert;

use crate::cli::Common;
use crate::exit::{Exit, Failure};
use crate::render::explanation::labelled;
use crate::terminal::Terminal;

/// Asks the server and prints its answer.
pub(crate) async fn run(common: &Common, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let who = common.admin()?.whoami().await?;
    match common.output().structured(&who)? {
        Some(text) => terminal.show(&text)?,
        None => terminal.show(&rendered(&who))?,
    }
    Ok(Exit::Done)
}

/// A line for the name, one for each role.
pub(crate) fn rendered(who: &WhoAmI) -> String {
    let mut text = labelled("you", &Inert(&who.name).to_string());
    for (place, RoleHeld { role, project, trust_domain, realm, administrator }) in who.roles.iter().enumerate() {
        let project = project.as_deref().map(|project| format!(" of {}", Inert(project)));
        let realm = trust_domain.as_deref().zip(realm.as_deref());
        let realm = realm.map(|(domain, realm)| format!(" of {}/{}", Inert(domain), Inert(realm)));
        let place_held = project.or(realm).unwrap_or_default();
        let through = administrator.as_deref().map(|name| format!("   by {}", Inert(name))).unwrap_or_default();
        let label = if place == 0 { "role" } else { "" };
        text.push_str(&labelled(label, &format!("{}{place_held}{through}", Inert(role))));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_says_where_it_comes_from() {
        let held = |role: &str, project: Option<&str>, administrator: Option<&str>| RoleHeld {
            role: role.to_owned(),
            project: project.map(str::to_owned),
            trust_domain: None,
            realm: None,
            administrator: administrator.map(str::to_owned),
        };
        let mut of_realm = held("realm-admin", None, Some("pay"));
        (of_realm.trust_domain, of_realm.realm) = (Some("example.org".to_owned()), Some("payments".to_owned()));
        let roles =
            vec![held("auditor", None, Some("audit")), held("project-admin", Some("ci"), Some("ci/leads")), of_realm];
        let who = WhoAmI { name: "people:ada@example.org".to_owned(), roles };
        let expected = "you      people:ada@example.org\nrole     auditor   by audit\n         project-admin of ci   by ci/leads\n         realm-admin of example.org/payments   by pay\n";
        assert_eq!(rendered(&who), expected);
        let local = WhoAmI { name: "local socket".to_owned(), roles: vec![held("owner", None, None)] };
        assert_eq!(rendered(&local), "you      local socket\nrole     owner\n");
    }
}
