//! `accredit key VERB`: the server's own signing keys.

use accredit_api::admin::{
    CondemnKeyRequest, KeyStep, KeysChanged, KeysRewrapped, RewrapKeysRequest, RotateKeysRequest, SigningKey,
};
use accredit_client::inert::Inert;

use crate::cli::Common;
use crate::exit::{Exit, Failure};
use crate::render::table;
use crate::terminal::Terminal;

/// The verbs of keys.
#[derive(Debug, clap::Subcommand)]
#[command(disable_help_subcommand = true)]
pub(crate) enum Verb {
    /// List them: what each signs, where it stands in its life, and what comes next
    List(List),
    /// End the turn of keys: their successors sign as soon as every reader knows them
    Rotate(Rotate),
    /// Stop signing with a key; what it signed counts until it ends
    Taint(Condemn),
    /// Take a key out of the key set at once; what it signed is refused
    Revoke(Condemn),
    /// Seal every stored key under the key-encryption key of the configuration
    Rewrap(Rewrap),
}

/// Which keys.
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// Removed ones too
    #[arg(long)]
    pub(crate) all: bool,
}

/// Which keys have signed long enough.
#[derive(Debug, clap::Args)]
pub(crate) struct Rotate {
    /// Only those that sign this: access, internal, audit, jwt-svid or x509-ca
    #[arg(long, value_name = "PURPOSE", value_parser = PURPOSES, hide_possible_values = true)]
    pub(crate) purpose: Option<String>,
    /// Only those of this algorithm: ES256, RS256 or ES384
    #[arg(long, value_name = "NAME", value_parser = ["ES256", "RS256", "ES384"], hide_possible_values = true)]
    pub(crate) algorithm: Option<String>,
    /// Only those of this trust domain
    #[arg(long, value_name = "NAME")]
    pub(crate) trust_domain: Option<String>,
    /// Say what would happen, change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Which key, and why.
#[derive(Debug, clap::Args)]
pub(crate) struct Condemn {
    /// Its id, from `accredit key list`
    // A thumbprint may begin with a hyphen.
    #[arg(allow_hyphen_values = true)]
    pub(crate) id: String,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Say what would happen and what breaks, change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// How.
#[derive(Debug, clap::Args)]
pub(crate) struct Rewrap {
    /// Say what would happen, change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Does what the verb says.
pub(crate) async fn run(common: &Common, verb: &Verb, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let admin = common.admin()?;
    let changed = match verb {
        Verb::List(List { all }) => {
            let mut list = admin.keys().await?;
            list.keys.retain(|key| *all || key.state != "removed");
            match common.output().structured(&list)? {
                Some(text) => terminal.show(&text)?,
                None => terminal.show(&rendered(&list.keys))?,
            }
            return Ok(Exit::Done);
        }
        Verb::Rewrap(Rewrap { dry_run }) => {
            let rewrapped = admin.rewrap_keys(&RewrapKeysRequest { dry_run: *dry_run }).await?;
            match common.output().structured(&rewrapped)? {
                Some(text) => terminal.show(&text)?,
                None => terminal.show(&sealed(&rewrapped))?,
            }
            return Ok(Exit::Done);
        }
        Verb::Rotate(Rotate { purpose, algorithm, trust_domain, dry_run }) => {
            let request = RotateKeysRequest {
                purpose: purpose.clone(),
                algorithm: algorithm.clone(),
                trust_domain: trust_domain.clone(),
                dry_run: *dry_run,
            };
            admin.rotate_keys(&request).await?
        }
        Verb::Taint(condemn) => admin.taint_key(&request(condemn)).await?,
        Verb::Revoke(condemn) => admin.revoke_key(&request(condemn)).await?,
    };
    match common.output().structured(&changed)? {
        Some(text) => terminal.show(&text)?,
        None => terminal.show(&told(&changed))?,
    }
    Ok(Exit::Done)
}

fn request(Condemn { id, reason, dry_run }: &Condemn) -> CondemnKeyRequest {
    CondemnKeyRequest { id: id.clone(), reason: reason.clone(), dry_run: *dry_run }
}

const PURPOSES: [&str; 5] = ["access", "internal", "audit", "jwt-svid", "x509-ca"];

/// A line a key. A key's id is what its tokens bear as `kid`. Where there are trust domains, theirs are told apart.
pub(super) fn rendered(keys: &[SigningKey]) -> String {
    let has_domains = keys.iter().any(|key| key.trust_domain.is_some());
    let row = |key: &SigningKey| {
        let SigningKey {
            id,
            purpose,
            algorithm,
            trust_domain,
            kid: _,
            state,
            since,
            signs_from,
            ends_at: _,
            leaves_at,
            tainted_at,
            sealed_by,
        } = key;
        let state = if tainted_at.is_some() { format!("{state}, tainted") } else { state.clone() };
        let [signs_from, leaves_at] = [signs_from, leaves_at].map(|at| at.clone().unwrap_or_default());
        let domain = has_domains.then(|| trust_domain.clone().unwrap_or_default());
        let first = [id.clone(), purpose.clone(), algorithm.clone()];
        first
            .into_iter()
            .chain(domain)
            .chain([state, since.clone(), signs_from, leaves_at, sealed_by.clone()])
            .collect()
    };
    let domain = has_domains.then_some("TRUST DOMAIN");
    let headings = ["ID (KID)", "PURPOSE", "ALG"].into_iter().chain(domain);
    let headings: Vec<&str> = headings.chain(["STATE", "SINCE", "SIGNS FROM", "LEAVES AT", "SEALED BY"]).collect();
    table::table(&headings, &keys.iter().map(row).collect::<Vec<_>>())
}

fn told(changed: &KeysChanged) -> String {
    let KeysChanged { steps, consequences, sequence: _, dry_run } = changed;
    let mut out = String::new();
    for KeyStep { id, signs, step, state } in steps {
        out.push_str(&format!("{} {}  {}, now {}\n", Inert(step), Inert(id), Inert(signs), Inert(state)));
    }
    if steps.is_empty() {
        out.push_str("nothing to do: it was ordered before\n");
    }
    for sentence in consequences {
        out.push_str(&format!("{}\n", Inert(sentence)));
    }
    if *dry_run {
        out.push_str("nothing was changed: dry run\n");
    }
    out
}

fn sealed(rewrapped: &KeysRewrapped) -> String {
    let KeysRewrapped { rewrapped, sealed_by, dry_run } = rewrapped;
    match (rewrapped.len(), dry_run) {
        (0, _) => format!("every key is sealed under `{}` already\n", Inert(sealed_by)),
        (count, true) => format!("{count} would be sealed under `{}`: dry run\n", Inert(sealed_by)),
        (count, false) => format!(
            "{count} sealed under `{}`\n`keys.previous` can be taken out of the configuration, and its key destroyed\n",
            Inert(sealed_by)
        ),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn a_key_may_be_called_like_a_flag() {
        for words in [["x", "-Tz4", "--reason", "leaked"], ["x", "--reason", "leaked", "-Tz4"]] {
            #[derive(clap::Parser)]
            struct Line {
                #[command(flatten)]
                condemn: Condemn,
            }
            let Condemn { id, reason, .. } = Line::try_parse_from(words).unwrap().condemn;
            assert_eq!((&*id, &*reason), ("-Tz4", "leaked"));
        }
    }
}
