//! `accredit login URL`: from an identity to a context that every verb can use.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use accredit_api::admin::{LoginOptions, LoginProvider};
use accredit_client::admin::AdminClient;
use accredit_client::inert::Inert;
use accredit_client::login::{CodeFlow, DeviceFlow, Evidence, Issuer, Kept, LoginServer, ProofKey, Session, Tokens};
use accredit_id::secret::Secret;

use super::whoami;
use crate::cli::Common;
use crate::contexts::{self, Contexts, Keeper};
use crate::documents::read_file;
use crate::exit::{Exit, Failure};
use crate::paths;
use crate::render::{explanation::labelled, problem};
use crate::terminal::Terminal;

/// Log in at a server's admin listener, by a browser or with a workload's token
///
/// The login is kept as a context, which the other verbs use from then on. Its key never leaves this machine, and what is
/// kept of it is in a file that only you can read.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The server's admin listener; that of the context in use when absent
    #[arg(value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Provider to log in by, where the server has several
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<String>,
    /// Log in by a browser on another machine, with a code that is shown here
    #[arg(long, conflicts_with = "token_file")]
    pub(crate) device: bool,
    /// File with a workload's token, read anew whenever the login is renewed; `-` for stdin, which is read once
    #[arg(long, value_name = "FILE", alias = "token")]
    pub(crate) token_file: Option<PathBuf>,
    /// Print the address instead of opening a browser
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// PEM file of certificate authorities to trust beside the system's
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
}

/// Logs in, keeps the context, and says who one is now.
pub(crate) async fn run(common: &Common, args: &Args, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let contexts = Contexts::of_user()?;
    let (name, url, ca) = place(common, args, &contexts)?;
    let roots = ca.as_deref().map(contexts::read_roots).transpose()?;
    let server = LoginServer::new(&url, roots.as_deref()).map_err(problem::login)?;
    let options = server.options().await.map_err(problem::login)?;
    let seed = Kept::new_seed().map_err(problem::login)?;
    let key = Kept::key_of(&seed).map_err(problem::login)?;
    let (evidence, login) = evidence(args, &options, &key, roots.as_deref(), terminal).await?;
    let kept = Kept::of(seed, evidence);
    let keeper = Keeper { contexts: contexts.clone(), name: name.clone(), url: url.clone(), ca, login };
    let session = Session::new(&url, roots.as_deref(), kept, Box::new(keeper)).map_err(problem::login)?;
    // Nothing is kept before the server has let us in.
    session.token().await.map_err(problem::login)?;
    contexts.set_current(&name)?;
    let who = AdminClient::remote(Arc::new(session)).whoami().await?;
    match common.output().structured(&who)? {
        Some(text) => terminal.show(&text)?,
        None => {
            terminal.show(&whoami::rendered(&who))?;
            terminal.show(&labelled("context", &format!("{name}   {}", Inert(&url))))?;
        }
    }
    Ok(Exit::Done)
}

/// Name of the context, URL and certificate authorities: as said, else those of the context in use.
fn place(common: &Common, args: &Args, contexts: &Contexts) -> Result<(String, String, Option<PathBuf>), Failure> {
    let named = common.context.clone().or_else(paths::context_variable);
    if let Some(name) = &named {
        contexts::check_name(name)?;
    }
    let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
    let ca = args.ca.as_ref().map(absolute);
    if let Some(url) = &args.url {
        let url = if url.contains("://") { url.clone() } else { format!("https://{url}") };
        let url = url.trim_end_matches('/').to_owned();
        return Ok((named.unwrap_or_else(|| name_for(&url)), url, ca));
    }
    let name = match named {
        Some(name) => Some(name),
        None => contexts.current()?,
    };
    let name = name.ok_or_else(|| {
        Failure::misused("argument is missing: URL").hint("name the server's admin listener: `accredit login URL`")
    })?;
    let known = contexts.read(&name)?;
    Ok((name, known.url, ca.or(known.ca)))
}

/// `a.example.org-7443` of `https://a.example.org:7443`.
fn name_for(url: &str) -> String {
    let rest = url.split("://").nth(1).unwrap_or(url);
    let name: String =
        rest.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_') { c } else { '-' }).collect();
    let name = name.trim_matches(['-', '.']).to_owned();
    if name == contexts::LOCAL || name.is_empty() { "server".to_owned() } else { name.chars().take(100).collect() }
}

async fn evidence(
    args: &Args,
    options: &LoginOptions,
    key: &ProofKey,
    roots: Option<&[u8]>,
    terminal: &mut Terminal<'_>,
) -> Result<(Evidence, String), Failure> {
    if let Some(path) = &args.token_file {
        return workload(path, terminal);
    }
    let provider = choose(args, options)?;
    let login = format!("provider {}", provider.name);
    let issuer = Issuer::discover(provider.clone(), roots).await.map_err(problem::login)?;
    let tokens = match args.device {
        true => device(&issuer, terminal).await?,
        false => browser(&issuer, key, args.no_browser, terminal).await?,
    };
    let Tokens { id_token, refresh_token } = tokens;
    Ok((Evidence::Person { provider, id_token, refresh_token }, login))
}

fn workload(path: &Path, terminal: &mut Terminal<'_>) -> Result<(Evidence, String), Failure> {
    if path != Path::new("-") {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let login = format!("token file {}", path.display());
        return Ok((Evidence::File { path }, login));
    }
    let bytes = read_file(path, TOKEN_CAP, terminal)?;
    let token = std::str::from_utf8(&bytes).map(str::trim_ascii).unwrap_or_default();
    match token.is_empty() {
        true => Err(Failure::failed("stdin holds no token")),
        false => Ok((Evidence::Token { token: Secret::new(token.to_owned()) }, "token".to_owned())),
    }
}

fn choose(args: &Args, options: &LoginOptions) -> Result<LoginProvider, Failure> {
    let names = || options.providers.iter().map(|provider| provider.name.as_str()).collect::<Vec<_>>().join(", ");
    let chosen = match (&args.provider, options.providers.as_slice()) {
        (_, []) => {
            return Err(Failure::failed("server has no provider that people log in by").hint(format!(
                "log in with a workload's token for the audience {}: --token-file FILE",
                options.audience
            )));
        }
        (Some(name), providers) => providers.iter().find(|provider| provider.name == *name).ok_or_else(|| {
            Failure::misused(format!("people do not log in by provider `{name}`, expected {}", names()))
        })?,
        (None, [only]) => only,
        (None, _) => {
            return Err(Failure::misused("server has several providers that people log in by")
                .hint(format!("choose with --provider: {}", names())));
        }
    };
    Ok(chosen.clone())
}

async fn browser(
    issuer: &Issuer,
    key: &ProofKey,
    no_browser: bool,
    terminal: &mut Terminal<'_>,
) -> Result<Tokens, Failure> {
    let flow = CodeFlow::begin(issuer, key).await.map_err(problem::login)?;
    terminal.say(&format!("log in at this address, in a browser on this machine:\n\n  {}\n\n", flow.url()));
    if !no_browser {
        open(flow.url());
    }
    flow.finish().await.map_err(problem::login)
}

async fn device(issuer: &Issuer, terminal: &mut Terminal<'_>) -> Result<Tokens, Failure> {
    let flow = DeviceFlow::begin(issuer).await.map_err(problem::login)?;
    let (place, code) = (flow.verification_uri(), flow.user_code());
    terminal.say(&format!("log in at this address, in any browser, and enter the code:\n\n  {place}\n  {code}\n\n"));
    if let Some(complete) = flow.verification_uri_complete() {
        terminal.say(&format!("or at once at {complete}\n\n"));
    }
    flow.finish().await.map_err(problem::login)
}

/// Opens a browser, if there is one; the address is on the terminal all the same.
fn open(url: &str) {
    let usual = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let program = paths::browser().unwrap_or_else(|| usual.into());
    let nothing = Stdio::null;
    let _ = Command::new(program).arg(url).stdin(nothing()).stdout(nothing()).stderr(nothing()).spawn();
}

/// Longer than any token that is accepted, so that the refusal of a long one is the server's.
const TOKEN_CAP: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_is_called_by_its_server() {
        for (url, name) in [
            ("https://a.example.org:7443", "a.example.org-7443"),
            ("https://a.example.org", "a.example.org"),
            ("http://[::1]:7071", "::1]-7071"),
            ("https://local", "server"),
        ] {
            let name = name.replace([':', ']'], "-");
            assert_eq!(name_for(url), name.trim_matches(['-', '.']));
            assert!(contexts::check_name(&name_for(url)).is_ok());
        }
    }
}
