//! `accredit provider keys NAME`.

use accredit_api::admin::{HeldKeys, ProviderKey, ProviderKeys};
use accredit_client::inert::Inert;
use accredit_core::model::Kind;

use super::whole_name;
use crate::cli::Common;
use crate::exit::{Exit, Failure};
use crate::moment;
use crate::render::explanation::labelled;
use crate::render::held_keys::held_keys;
use crate::render::table;
use crate::terminal::Terminal;

/// Whose keys.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name or id
    #[arg(value_name = "[PROJECT/]NAME")]
    pub(crate) name: String,
    /// The project, when the name does not say it
    #[arg(short, long, value_name = "NAME")]
    pub(crate) project: Option<String>,
    /// Only sets that may have counted then, e.g. 2026-11-21T10:05:43Z
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
}

/// Prints how they are, then a line a key of each set that was seen.
pub(crate) async fn run(common: &Common, args: &Args, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let Args { name, project, at } = args;
    let at = at.as_deref().map(moment::parse).transpose().map_err(Failure::misused)?;
    let name = whole_name(Kind::Provider, name, project.as_deref());
    let keys = common.admin()?.provider_keys(&name, at.map(|at| at.unix())).await?;
    match common.output().structured(&keys)? {
        Some(text) => terminal.show(&text)?,
        None => {
            if at.is_none() {
                terminal.show(&described(&keys))?;
            }
            terminal.show(&seen(&keys))?;
        }
    }
    for warning in &keys.held.warnings {
        terminal.say(&format!("warning: {}\n", Inert(warning)));
    }
    Ok(Exit::Done)
}

/// How they are in one line: for whoever reads the provider.
pub(super) fn in_brief(keys: &ProviderKeys) -> String {
    let HeldKeys { state, keys, since, last_error, .. } = &keys.held;
    let mut line = format!("keys: {}", Inert(state));
    if !keys.is_empty() {
        let names: Vec<_> = keys.iter().map(|key| format!("`{}`", Inert(&key.kid))).collect();
        line.push_str(&format!(", {}", names.join(" ")));
    }
    if let Some(since) = since {
        line.push_str(&format!(", since {}", Inert(since)));
    }
    if let Some(fault) = last_error {
        line.push_str(&format!("; {}", Inert(&fault.message)));
    }
    line
}

fn described(keys: &ProviderKeys) -> String {
    let ProviderKeys { provider, held, .. } = keys;
    let mut out = labelled("provider", &Inert(provider).to_string());
    out.push_str(&held_keys(held));
    if !held.keys.is_empty() {
        out.push('\n');
        let row = |key: &ProviderKey| {
            let ProviderKey { kid, algorithms, thumbprint, staged, not_before, not_after } = key;
            let staged = if *staged { "staged" } else { "" }.to_owned();
            let (from, to) = (not_before.clone().unwrap_or_default(), not_after.clone().unwrap_or_default());
            vec![kid.clone(), algorithms.join(" "), thumbprint.clone(), staged, from, to]
        };
        let headings = ["KEY", "ALGORITHMS", "THUMBPRINT", "STATE", "FROM", "TO"];
        out.push_str(&table::table(&headings, &held.keys.iter().map(row).collect::<Vec<_>>()));
    }
    out
}

/// A line a key of each set, newest first.
fn seen(keys: &ProviderKeys) -> String {
    let rows = keys.history.iter().flat_map(|set| {
        set.keys.iter().map(|key| {
            let cells = [&set.first_seen, &set.last_seen, &key.kid, &key.thumbprint, &set.record];
            cells.map(String::clone).to_vec()
        })
    });
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        return String::new();
    }
    format!("\n{}", table::table(&["FIRST SEEN", "LAST SEEN", "KEY", "THUMBPRINT", "RECORD"], &rows))
}
