//! `accredit svid`: identities for a job that has nothing but its platform's token.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use accredit_api::svid::{Issued, MintRequest, SvidRequest, SvidResponse, SvidType, Wanted};
use accredit_client::svid::{SvidEndpoint, SvidError};
use accredit_core::model::Lifetime;
use accredit_id::svid::key::PrivateKey;
use accredit_id::svid::pem;
use clap::Subcommand;
use serde_json::Value;

use crate::cli::Common;
use crate::contexts;
use crate::documents::read_file;
use crate::exit::{Exit, Failure};
use crate::paths;
use crate::render::problem;
use crate::terminal::Terminal;

/// What to do about SVIDs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Trade the token of a job for JWT-SVIDs, or for an X509-SVID whose key is made here
    Fetch(Box<Fetch>),
    /// Mint SVIDs as an operator, for a test: where the cluster's policy lets operators, and with a reason for the log
    Mint(Box<Mint>),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Fetch {
    /// The cluster, by name or id
    #[arg(long, value_name = "NAME")]
    cluster: String,
    /// File with the job's token; `-` for stdin
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
    /// The server's public URL [env: ACCREDIT_SERVER]
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    #[command(flatten)]
    wants: Wants,
    /// PEM file of certificate authorities to trust beside the system's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Mint {
    /// The cluster, by name or id
    #[arg(long, value_name = "NAME")]
    cluster: String,
    /// The path of the SPIFFE ID, e.g. /build/test
    #[arg(long, value_name = "PATH")]
    path: String,
    /// Why, for the log
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    wants: Wants,
}

/// What is wanted, and where it goes.
#[derive(Debug, clap::Args)]
pub(crate) struct Wants {
    /// Whom a JWT-SVID is for; each one said gets its own
    #[arg(long, value_name = "AUDIENCE", required_unless_present = "x509")]
    audience: Vec<String>,
    /// File for the JWT-SVIDs, one on a line; stdout when absent
    #[arg(long, value_name = "FILE", requires = "audience")]
    out: Option<PathBuf>,
    /// Fetch an X509-SVID; its private key is made here and never leaves
    #[arg(long, requires_all = ["key_out", "cert_out"])]
    x509: bool,
    /// File for the private key (PKCS#8, PEM)
    #[arg(long, value_name = "FILE", requires = "x509")]
    key_out: Option<PathBuf>,
    /// File for the certificate and what stands above it (PEM, leaf first)
    #[arg(long, value_name = "FILE", requires = "x509")]
    cert_out: Option<PathBuf>,
    /// File for the trust domain's authorities (PEM), by which others are judged
    #[arg(long, value_name = "FILE", requires = "x509")]
    bundle_out: Option<PathBuf>,
    /// How long it is to live; policy may say less [default: as long as policy gives]
    #[arg(long, value_name = "LIFETIME")]
    lifetime: Option<Lifetime>,
}

/// Asks once, and writes what came. Files are for their owner alone, and whole or not there.
pub(crate) async fn run(common: &Common, verb: &Verb, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    match verb {
        Verb::Fetch(asked) => fetch(common, asked, terminal).await,
        Verb::Mint(asked) => mint(common, asked, terminal).await,
    }
}

async fn fetch(common: &Common, asked: &Fetch, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let Fetch { cluster, token_file, server, ca, wants } = asked;
    let server = server.clone().or_else(paths::server_variable).ok_or_else(|| {
        Failure::misused("server is not named").hint(format!("say --server URL, or set `{}`", paths::SERVER_VARIABLE))
    })?;
    let roots = ca.as_deref().map(contexts::read_roots).transpose()?;
    let endpoint =
        SvidEndpoint::of_server(&server, roots.as_deref()).map_err(|fault| Failure::misused(fault.to_string()))?;
    let token = read_file(token_file, MAX_TOKEN, terminal)?;
    let token = String::from_utf8(token).map_err(|_| Failure::failed("job's token is not text"))?;
    let key = wants.key()?;
    let svids = Some(wants.wanted(key.as_ref())?);
    let request =
        SvidRequest { cluster: cluster.clone(), token: token.trim().to_owned(), svids, ..SvidRequest::default() };
    let issued = endpoint.fetch(&request).await.map_err(refused)?;
    wants.deliver(common, key, &issued, terminal)
}

async fn mint(common: &Common, asked: &Mint, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let Mint { cluster, path, reason, wants } = asked;
    let key = wants.key()?;
    let (cluster, path, reason) = (cluster.clone(), path.clone(), reason.clone());
    let request = MintRequest { cluster, path, svids: wants.wanted(key.as_ref())?, reason };
    let issued = common.admin()?.mint_svids(&request).await?;
    wants.deliver(common, key, &issued, terminal)
}

// === impl Wants ===

impl Wants {
    fn key(&self) -> Result<Option<PrivateKey>, Failure> {
        let made = self.x509.then(PrivateKey::generate).transpose();
        made.map_err(|fault| Failure::failed(fault.to_string()))
    }

    fn wanted(&self, key: Option<&PrivateKey>) -> Result<Vec<Wanted>, Failure> {
        let lifetime = self.lifetime.map(|lifetime| u64::from(lifetime.as_secs()));
        let token = |audience: &String| {
            let audience = Some(vec![audience.clone()]);
            Wanted { kind: SvidType::Jwt, audience, lifetime, csr: None }
        };
        let mut wanted: Vec<Wanted> = self.audience.iter().map(token).collect();
        if let Some(key) = key {
            let csr = Some(key.request().map_err(|fault| Failure::failed(fault.to_string()))?);
            wanted.push(Wanted { kind: SvidType::X509, audience: None, lifetime, csr });
        }
        Ok(wanted)
    }

    fn deliver(
        &self,
        common: &Common,
        key: Option<PrivateKey>,
        issued: &SvidResponse,
        terminal: &mut Terminal<'_>,
    ) -> Result<Exit, Failure> {
        if issued.svids.len() != self.audience.len() + usize::from(self.x509) {
            return Err(Failure::failed("server answered with another number of SVIDs than were asked for"));
        }
        // The key first: a certificate without its key would be of no use to whoever sees it come.
        if let (Some(key), Some(path)) = (key, &self.key_out) {
            let pem = key.to_pem().map_err(|fault| Failure::failed(fault.to_string()))?;
            replace(path, pem.reveal().as_bytes())?;
        }
        let of = |kind| issued.svids.iter().filter(move |svid: &&Issued| svid.kind == kind);
        if let (Some(certificate), Some(path)) = (of(SvidType::X509).next(), &self.cert_out) {
            replace(path, certificate.svid.as_bytes())?;
        }
        if let Some(path) = &self.bundle_out {
            replace(path, authorities(issued)?.as_bytes())?;
        }
        let tokens: String = of(SvidType::Jwt).map(|svid| format!("{}\n", svid.svid)).collect();
        match (&self.out, common.output().structured(issued)?) {
            (Some(path), _) => replace(path, tokens.as_bytes())?,
            (None, Some(text)) => terminal.show(&text)?,
            (None, None) => terminal.show(&tokens)?,
        }
        if self.out.is_some() || self.x509 {
            terminal.say(&format!("{}   {}\n", issued.spiffe_id, issued.decision_id));
        }
        Ok(Exit::Done)
    }
}

/// The authorities of a SPIFFE bundle, in PEM (SPIFFE bundle section 4.2.2: `x5c` of the keys for `x509-svid`).
fn authorities(issued: &SvidResponse) -> Result<String, Failure> {
    let keys = issued.bundle.as_ref().and_then(|bundle| bundle.get("keys")?.as_array());
    let mut text = String::new();
    for key in keys.into_iter().flatten().filter(|key| key.get("use").and_then(Value::as_str) == Some("x509-svid")) {
        let encoded = key.get("x5c").and_then(|chain| chain.get(0)?.as_str());
        let der = encoded.and_then(|encoded| pem::only(&pem::framed(pem::CERTIFICATE, encoded), &[pem::CERTIFICATE]));
        let der = der.ok_or_else(|| Failure::failed("bundle of the trust domain cannot be read"))?;
        pem::write(pem::CERTIFICATE, &der, &mut text);
    }
    match text.is_empty() {
        true => Err(Failure::failed("server sent no bundle of the trust domain")),
        false => Ok(text),
    }
}

fn refused(error: SvidError) -> Failure {
    match error {
        SvidError::Refused(refusal) => {
            let id = refusal.problem.decision.clone();
            let failure = problem::refused(refusal.problem, |_| None);
            match id {
                Some(id) => failure.hint(format!("who administers the server learns why by `accredit decision {id}`")),
                None => failure,
            }
        }
        SvidError::Unreachable { .. } => Failure::unavailable(error.to_string()),
        SvidError::Malformed { .. } => {
            Failure::failed(error.to_string()).hint("check that --server names an Accredit server's public URL")
        }
    }
}

/// Whole or not at all, and never for a moment readable by others.
fn replace(path: &Path, text: &[u8]) -> Result<(), Failure> {
    let written = || -> io::Result<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let beside = path.with_file_name(format!(".{name}.{}.new", std::process::id()));
        let _ = fs::remove_file(&beside);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        let done = file.write_all(text).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&beside, path));
        if done.is_err() {
            let _ = fs::remove_file(&beside);
        }
        done
    };
    written().map_err(|error| Failure::failed(format!("file `{}` cannot be written: {error}", path.display())))
}

/// The longest token that a server looks at, and white space around it.
const MAX_TOKEN: usize = 17 * 1024;
