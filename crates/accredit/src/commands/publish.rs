//! `accredit trust-domain publish NAME --to DIR`: the public documents of a trust domain as a static site.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use accredit_client::inert::Inert;
use accredit_core::model::Kind;

use super::noun;
use crate::cli::Common;
use crate::exit::{Exit, Failure};
use crate::terminal::Terminal;

/// The verbs of trust domains.
#[derive(Debug, clap::Subcommand)]
#[command(disable_help_subcommand = true)]
pub(crate) enum Verb {
    #[command(flatten)]
    OfAnyKind(noun::Verb),
    /// Write its public documents as a static site, for servers that clouds cannot reach
    Publish(Args),
}

/// Which one, and where to.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name or id
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// The folder, which is served below the issuer's URL
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
}

/// Does what the verb says.
pub(crate) async fn run(common: &Common, verb: &Verb, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    match verb {
        Verb::OfAnyKind(verb) => noun::run(common, Kind::TrustDomain, verb, terminal).await,
        Verb::Publish(args) => publish(common, args, terminal).await,
    }
}

async fn publish(common: &Common, args: &Args, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let Args { name, to } = args;
    let published = common.admin()?.trust_domain_documents(name).await?;
    let mut written = 0;
    for document in &published.documents {
        // A server that is not ours could name any path.
        if !PATHS.contains(&document.path.as_str()) {
            return Err(Failure::failed(format!(
                "the server publishes `{}`, which is not known here",
                Inert(&document.path)
            )));
        }
        let file = to.join(&document.path);
        let is_new = replace(&file, document.text.as_bytes())
            .map_err(|error| Failure::failed(format!("file `{}` cannot be written: {error}", file.display())))?;
        written += usize::from(is_new);
    }
    let (issuer, seconds) = (Inert(&published.issuer), published.write_again_seconds);
    match common.output().structured(&published)? {
        Some(text) => terminal.show(&text)?,
        None => terminal.show(&format!(
            "{written} of {} documents were new; they must be served below {issuer}\nwrite them again within {seconds} s\n",
            published.documents.len()
        ))?,
    }
    Ok(Exit::Done)
}

/// Replaces a file as a whole, so that nobody reads half of it. False where it is so already.
fn replace(file: &Path, bytes: &[u8]) -> io::Result<bool> {
    if fs::read(file).is_ok_and(|before| before == bytes) {
        return Ok(false);
    }
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let draft = folder.join(format!(".{name}.{}", std::process::id()));
    let outcome = fs::File::create(&draft)
        .and_then(|mut draft| draft.write_all(bytes).and_then(|()| draft.sync_all()))
        .and_then(|()| fs::rename(&draft, file));
    if outcome.is_err() {
        let _ = fs::remove_file(&draft);
    }
    outcome?;
    fs::File::open(folder)?.sync_all()?;
    Ok(true)
}

/// What a trust domain publishes.
const PATHS: &[&str] = &["jwks", "bundle", ".well-known/openid-configuration"];
