//! `accredit list KIND`, `accredit KIND list`.

use accredit_api::admin::Resource;
use accredit_core::model::Kind;
use serde_json::Value;

use super::kinds;
use crate::cli::Common;
use crate::exit::{Exit, Failure};
use crate::render::{self, table, yaml};
use crate::terminal::Terminal;

/// Which resources.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only what this project owns
    #[arg(short, long, value_name = "NAME")]
    pub(crate) project: Option<String>,
}

/// List resources
#[derive(Debug, clap::Args)]
pub(crate) struct OfAnyKind {
    /// Which kind; all when absent
    #[arg(value_name = "KIND", value_parser = kinds())]
    pub(crate) kind: Option<Kind>,
    #[command(flatten)]
    pub(crate) list: Args,
}

/// Prints a table.
pub(crate) async fn run(
    common: &Common,
    kind: Option<Kind>,
    args: &Args,
    terminal: &mut Terminal<'_>,
) -> Result<Exit, Failure> {
    let list = common.admin()?.list(kind.map(Kind::document), args.project.as_deref()).await?;
    match common.output().structured(&list)? {
        Some(text) => terminal.show(&text)?,
        None if list.resources.is_empty() => {
            let what = kind.map_or("resource", Kind::noun);
            terminal.say(&format!("no {what} yet\n"));
        }
        None => terminal.show(&rendered(kind, &list.resources))?,
    }
    Ok(Exit::Done)
}

fn rendered(kind: Option<Kind>, resources: &[Resource]) -> String {
    let columns = kind.map(columns).unwrap_or_default();
    let mut headings = vec!["NAME"];
    headings.extend(columns.iter().map(|(heading, _)| heading));
    headings.extend(["STATE", "ID"]);
    let row = |resource: &Resource| {
        let name = match kind {
            Some(_) => resource.name.clone(),
            None => render::resource(&resource.kind, &resource.name),
        };
        let mut cells = vec![name];
        cells.extend(columns.iter().map(|(_, field)| cell(resource.spec.get(field))));
        cells.push(if resource.enabled == Some(false) { "disabled".to_owned() } else { "enabled".to_owned() });
        cells.push(resource.id.clone().unwrap_or_default());
        cells
    };
    table::table(&headings, &resources.iter().map(row).collect::<Vec<_>>())
}

/// What is worth a column of its own: heading and member of `spec`.
fn columns(kind: Kind) -> &'static [(&'static str, &'static str)] {
    match kind {
        Kind::Administrator => &[("ROLE", "role"), ("PROJECT", "project"), ("PROVIDER", "provider")],
        Kind::TrustDomain => &[("TRUST DOMAIN", "trustDomain"), ("DESCRIPTION", "description")],
        Kind::Federation => &[
            ("TRUST DOMAIN", "trustDomain"),
            ("FOREIGN", "foreignTrustDomain"),
            ("PROFILE", "profile"),
            ("URL", "url"),
        ],
        Kind::Cluster => &[("TRUST DOMAIN", "trustDomain"), ("REALM", "realm"), ("DESCRIPTION", "description")],
        Kind::CiCdProfile => &[("TYPE", "type"), ("ISSUER", "issuer"), ("AUDIENCES", "audiences")],
        Kind::Project | Kind::ServiceAccount => &[("DESCRIPTION", "description")],
        Kind::Provider => &[("TYPE", "type"), ("ISSUER", "issuer"), ("TRUST DOMAIN", "trustDomain")],
        Kind::Api => &[("AUDIENCE", "audience"), ("PERMISSIONS", "permissions")],
        Kind::Role => &[("API", "api"), ("PERMISSIONS", "permissions")],
        Kind::Grant => &[("API", "api"), ("TO", "to"), ("ROLE", "role"), ("PERMISSIONS", "permissions")],
        Kind::Mapping => {
            &[("PROVIDER", "provider"), ("SERVICE ACCOUNT", "serviceAccount"), ("PERMISSIONS", "permissions")]
        }
    }
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => items.iter().map(|item| cell(Some(item))).collect::<Vec<_>>().join(" "),
        Some(other) => yaml::inline(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_kind_shows_its_own_columns() {
        let grant = |name: &str, enabled: Option<bool>, spec: Value| Resource {
            kind: "Grant".to_owned(),
            name: name.to_owned(),
            id: Some("grant_1".to_owned()),
            enabled,
            revision: None,
            spec,
        };
        let grants = [
            grant("shop/ci-web", None, json!({"api": "shop/payments", "to": "ci/web", "permissions": ["a", "b"]})),
            grant("shop/x", Some(false), json!({"api": "shop/payments", "to": "ci/x", "permissions": ["a"]})),
        ];
        assert_eq!(
            rendered(Some(Kind::Grant), &grants),
            "NAME         API            TO      PERMISSIONS  STATE     ID\n\
             shop/ci-web  shop/payments  ci/web  a b          enabled   grant_1\n\
             shop/x       shop/payments  ci/x    a            disabled  grant_1\n"
        );
        assert!(rendered(None, &grants).contains("grant/shop/ci-web  enabled"));
    }
}
