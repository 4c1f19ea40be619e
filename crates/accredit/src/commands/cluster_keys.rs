//! `accredit cluster keys NAME`.

use accredit_api::admin::{ClusterKeys, JobIssuerKeys, ProviderKey};
use accredit_client::inert::Inert;

use crate::cli::Common;
use crate::exit::{Exit, Failure};
use crate::render::explanation::labelled;
use crate::render::held_keys::held_keys;
use crate::render::table;
use crate::terminal::Terminal;

/// Whose jobs.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name or id
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}

/// Prints how the keys of each issuer are, then a line a key.
pub(crate) async fn run(common: &Common, args: &Args, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let keys = common.admin()?.cluster_keys(&args.name).await?;
    match common.output().structured(&keys)? {
        Some(text) => terminal.show(&text)?,
        None => terminal.show(&described(&keys))?,
    }
    for (issuer, warning) in
        keys.issuers.iter().flat_map(|one| one.held.warnings.iter().map(move |text| (&one.issuer, text)))
    {
        terminal.say(&format!("warning: {}: {}\n", Inert(issuer), Inert(warning)));
    }
    Ok(Exit::Done)
}

fn described(keys: &ClusterKeys) -> String {
    let ClusterKeys { cluster, takes_jobs, issuers } = keys;
    let mut out = labelled("cluster", &Inert(cluster).to_string());
    if !takes_jobs {
        out.push_str(&labelled("", "takes no jobs: it, or `jwt.enabled` of its WorkloadAttestation, is off"));
    }
    issuers.iter().for_each(|issuer| out.push_str(&one(issuer)));
    out
}

fn one(keys: &JobIssuerKeys) -> String {
    let JobIssuerKeys { issuer, audiences, held } = keys;
    let mut out = format!("\n{}", labelled("issuer", &Inert(issuer).to_string()));
    out.push_str(&labelled("for", &Inert(&audiences.join(" ")).to_string()));
    out.push_str(&held_keys(held));
    if !held.keys.is_empty() {
        out.push('\n');
        let row = |key: &ProviderKey| vec![key.kid.clone(), key.algorithms.join(" "), key.thumbprint.clone()];
        out.push_str(&table::table(
            &["KEY", "ALGORITHMS", "THUMBPRINT"],
            &held.keys.iter().map(row).collect::<Vec<_>>(),
        ));
    }
    out
}
