//! `accredit federation VERB`: what every kind has, and the bundle that one holds.

use accredit_api::admin::{FederationAuthority, FederationBundle, ProviderKey};
use accredit_client::inert::Inert;
use accredit_core::model::Kind;

use super::{get, noun};
use crate::cli::Common;
use crate::exit::{Exit, Failure};
use crate::render::explanation::labelled;
use crate::render::{Output, table};
use crate::terminal::Terminal;

/// The verbs of federations.
#[derive(Debug, clap::Subcommand)]
#[command(disable_help_subcommand = true)]
pub(crate) enum Verb {
    #[command(flatten)]
    OfAnyKind(noun::Verb),
    /// Ask for its bundle now, and say what came of it
    Refresh(Args),
}

/// Which one.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name or id
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}

/// Does what the verb says.
pub(crate) async fn run(common: &Common, verb: &Verb, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    match verb {
        Verb::OfAnyKind(noun::Verb::Get(args)) if common.output() == Output::Text => {
            get::run(common, Kind::Federation, args, terminal).await?;
            let bundle = common.admin()?.federation_bundle(&args.name).await?;
            terminal.show(&format!("\n{}", described(&bundle)))?;
            Ok(Exit::Done)
        }
        Verb::OfAnyKind(verb) => noun::run(common, Kind::Federation, verb, terminal).await,
        Verb::Refresh(args) => refresh(common, args, terminal).await,
    }
}

async fn refresh(common: &Common, args: &Args, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let bundle = common.admin()?.refresh_federation(&args.name).await?;
    match common.output().structured(&bundle)? {
        Some(text) => terminal.show(&text)?,
        None => terminal.show(&described(&bundle))?,
    }
    // What is held counts all the same; whoever asked for a newer one has not got it.
    Ok(if bundle.last_error.is_some() { Exit::Failed } else { Exit::Done })
}

fn described(bundle: &FederationBundle) -> String {
    let FederationBundle { federation, foreign_trust_domain, url, profile, state, .. } = bundle;
    let mut out = labelled("federation", &Inert(federation).to_string());
    out.push_str(&labelled("foreign", &Inert(foreign_trust_domain).to_string()));
    out.push_str(&labelled("from", &format!("{} ({})", Inert(url), Inert(profile))));
    out.push_str(&labelled("state", &Inert(state).to_string()));
    let (sequence, hint) = (bundle.sequence, bundle.refresh_hint);
    let lines = [
        ("sequence", sequence.map(|sequence| sequence.to_string())),
        ("hint", hint.map(|seconds| format!("{seconds} s"))),
        ("since", bundle.since.clone()),
        ("age", bundle.age.map(|seconds| format!("{seconds} s"))),
        ("next", bundle.next_refresh.clone()),
        ("tried", bundle.tried_at.clone()),
    ];
    for (label, value) in lines {
        if let Some(value) = value {
            out.push_str(&labelled(label, &Inert(&value).to_string()));
        }
    }
    if let Some(fault) = &bundle.last_error {
        out.push_str(&labelled("error", &format!("{} ({})", Inert(&fault.message), Inert(&fault.code))));
        if let Some(hint) = &fault.hint {
            out.push_str(&labelled("", &format!("hint: {}", Inert(hint))));
        }
    }
    for entry in &bundle.dropped {
        let what = format!("key {} (`{}`): {}", entry.index + 1, Inert(&entry.kid), Inert(&entry.reason));
        out.push_str(&labelled("dropped", &what));
    }
    if !bundle.authorities.is_empty() {
        let row = |authority: &FederationAuthority| {
            let FederationAuthority { fingerprint, names, not_before, not_after } = authority;
            vec![fingerprint.clone(), names.join(" "), not_before.clone(), not_after.clone()]
        };
        let rows: Vec<_> = bundle.authorities.iter().map(row).collect();
        out.push_str(&format!("\n{}", table::table(&["AUTHORITY", "NAME", "FROM", "TO"], &rows)));
    }
    if !bundle.keys.is_empty() {
        let row = |key: &ProviderKey| vec![key.kid.clone(), key.algorithms.join(" "), key.thumbprint.clone()];
        let rows: Vec<_> = bundle.keys.iter().map(row).collect();
        out.push_str(&format!("\n{}", table::table(&["KEY", "ALGORITHMS", "THUMBPRINT"], &rows)));
    }
    out
}
