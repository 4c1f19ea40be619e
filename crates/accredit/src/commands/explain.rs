//! `accredit explain`: what would be decided, and why. Issues nothing, spends nothing, fetches nothing.

use std::path::{Path, PathBuf};

use accredit_api::admin::{ExplainRequest, Verdict};
use accredit_api::svid::{SvidType, Wanted};
use accredit_core::model::{Kind, Lifetime, yaml};
use accredit_id::json::{self, Limits};
use serde_json::{Map, Value};

use super::whole_name;
use crate::cli::Common;
use crate::documents::read_file;
use crate::exit::{Exit, Failure};
use crate::moment;
use crate::render::explanation;
use crate::terminal::Terminal;

/// Say what would be decided about a token, and why; nothing is issued
///
/// Exits with 3 when the answer is a denial. Claims typed in by hand are judged as if they had been verified, and the
/// answer says that nobody vouches for them. Without --provider they are judged for the providers of their `iss`, or,
/// when they have none, for the provider that they come nearest to. With --cluster the question is which identity a job
/// would have in a cluster, and what its SVIDs would say.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("evidence").args(["token", "claims"]).required(true).multiple(true))]
pub(crate) struct Args {
    /// File with the subject token, `-` for stdin; never the token itself, which would stay in the shell's history
    #[arg(long, value_name = "FILE")]
    pub(crate) token: Option<PathBuf>,
    /// File with claims as a JSON or YAML object, `-` for stdin, instead of a token or laid over the token's
    #[arg(long, value_name = "FILE")]
    pub(crate) claims: Option<PathBuf>,
    /// Provider, by name or id; found by the token's issuer when absent
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<String>,
    /// Service account to become, by name or id
    #[arg(long, value_name = "[PROJECT/]NAME")]
    pub(crate) service_account: Option<String>,
    /// The one mapping to be judged by, by name or id, as a request may name it
    #[arg(long, value_name = "[PROJECT/]NAME")]
    pub(crate) mapping: Option<String>,
    /// API that the token is for: its audience, name or id
    #[arg(long, value_name = "AUDIENCE")]
    pub(crate) api: Option<String>,
    /// Permissions asked for, separated by spaces
    #[arg(long, value_name = "PERMISSIONS")]
    pub(crate) scope: Option<String>,
    /// File with the token of whoever acts for the subject, `-` for stdin
    #[arg(long, value_name = "FILE")]
    pub(crate) actor_token: Option<PathBuf>,
    /// File with the actor's claims, `-` for stdin, instead of his token
    #[arg(long, value_name = "FILE", conflicts_with = "actor_token")]
    pub(crate) actor_claims: Option<PathBuf>,
    /// The actor's provider, by name or id; found by his token's issuer when absent
    #[arg(long, value_name = "NAME")]
    pub(crate) actor_provider: Option<String>,
    /// Cluster whose SVIDs are asked for, by name or id, in place of an access token
    #[arg(long, value_name = "NAME", conflicts_with_all = OF_AN_EXCHANGE)]
    pub(crate) cluster: Option<String>,
    /// Which SVID: jwt, or x509 where no --audience says whom it is for
    #[arg(long = "type", value_name = "KIND", requires = "cluster", value_parser = ["jwt", "x509"])]
    pub(crate) kind: Option<String>,
    /// Whom a JWT-SVID is for; each one said gets its own
    #[arg(long, value_name = "AUDIENCE", requires = "cluster")]
    pub(crate) audience: Vec<String>,
    /// How long the SVIDs are to live; policy may say less
    #[arg(long, value_name = "LIFETIME", requires = "cluster")]
    pub(crate) lifetime: Option<Lifetime>,
    /// Judge as if the request proved a key: of a DPoP proof, of a client certificate, or both
    #[arg(long, value_name = "KIND", value_parser = ["dpop", "mtls", "any"])]
    pub(crate) bound: Option<String>,
    /// Rank every mapping of every provider, nearest first, whatever is asked for
    #[arg(long)]
    pub(crate) all: bool,
    /// How many mappings --all shows
    #[arg(long, value_name = "N", requires = "all", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) top: Option<u32>,
    /// Judge as if it were this time
    #[arg(long, value_name = "RFC3339")]
    pub(crate) at: Option<String>,
    /// The project of the service account and the mapping, when their names do not say it
    #[arg(short, long, value_name = "NAME")]
    pub(crate) project: Option<String>,
}

/// Asks and prints the explanation.
pub(crate) async fn run(common: &Common, args: &Args, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let question = question(args, terminal)?;
    let explanation = common.admin()?.explain(&question).await?;
    match common.output().structured(&explanation)? {
        Some(text) => terminal.show(&text)?,
        None => terminal.show(&explanation::explanation(&explanation))?,
    }
    Ok(match explanation.verdict {
        Verdict::Allow => Exit::Done,
        Verdict::Deny => Exit::Denied,
    })
}

fn question(args: &Args, terminal: &mut Terminal<'_>) -> Result<ExplainRequest, Failure> {
    let Args { token, claims, provider, service_account, mapping, api, scope, all, top, at, project, .. } = args;
    let Args { actor_token, actor_claims, actor_provider, bound, cluster, .. } = args;
    let stdin = Some(Path::new("-"));
    let files = [token, claims, actor_token, actor_claims];
    if files.into_iter().filter(|file| file.as_deref() == stdin).count() > 1 {
        return Err(Failure::misused("stdin is named twice").hint("put the claims into a file"));
    }
    let at = at.as_deref().map(moment::parse).transpose().map_err(Failure::misused)?;
    let whole = |kind: Kind, name: &Option<String>| Some(whole_name(kind, name.as_ref()?, project.as_deref()));
    Ok(ExplainRequest {
        token: token.as_deref().map(|path| read_token(path, terminal)).transpose()?,
        claims: claims.as_deref().map(|path| read_claims(path, terminal)).transpose()?,
        provider: provider.clone(),
        service_account: whole(Kind::ServiceAccount, service_account),
        mapping: whole(Kind::Mapping, mapping),
        api: api.clone(),
        scope: scope.clone(),
        actor_token: actor_token.as_deref().map(|path| read_token(path, terminal)).transpose()?,
        actor_claims: actor_claims.as_deref().map(|path| read_claims(path, terminal)).transpose()?,
        actor_provider: actor_provider.clone(),
        bound: bound.clone(),
        cluster: cluster.clone(),
        svids: cluster.as_ref().map(|_| wanted(args)).transpose()?,
        at: at.map(|at| at.unix()),
        all: *all,
        top: *top,
    })
}

/// What would be asked of the cluster.
fn wanted(args: &Args) -> Result<Vec<Wanted>, Failure> {
    let Args { kind, audience, lifetime, .. } = args;
    let lifetime = lifetime.map(|lifetime| u64::from(lifetime.as_secs()));
    let one = |kind, audience| Wanted { kind, audience, lifetime, csr: None };
    match kind.as_deref() {
        Some("x509") if !audience.is_empty() => {
            Err(Failure::misused("an X509-SVID has no audience").hint("leave --audience or --type away"))
        }
        Some("jwt") if audience.is_empty() => Ok(vec![one(SvidType::Jwt, Some(Vec::new()))]),
        _ if audience.is_empty() => Ok(vec![one(SvidType::X509, None)]),
        _ => Ok(audience.iter().map(|audience| one(SvidType::Jwt, Some(vec![audience.clone()]))).collect()),
    }
}

/// White space around the token is not part of it: files end with a line feed.
fn read_token(path: &Path, terminal: &mut Terminal<'_>) -> Result<String, Failure> {
    let bytes = read_file(path, TOKEN_CAP, terminal)?;
    let token = std::str::from_utf8(&bytes).map(str::trim_ascii).unwrap_or_default();
    match token.is_empty() {
        true => Err(Failure::failed(format!("file `{}` holds no token", path.display()))),
        false => Ok(token.to_owned()),
    }
}

/// By the strict readers: claims with a member twice mean nothing.
fn read_claims(path: &Path, terminal: &mut Terminal<'_>) -> Result<Map<String, Value>, Failure> {
    let bytes = read_file(path, CLAIMS_CAP, terminal)?;
    let name = if path == Path::new("-") { "stdin".to_owned() } else { path.display().to_string() };
    let text = bytes.trim_ascii();
    let claims = if text.starts_with(b"{") {
        let object = json::object(text, &Limits::DOCUMENT);
        object.ok().and_then(|object| serde_json::to_value(&object).ok())
    } else {
        let text = std::str::from_utf8(text).unwrap_or_default();
        Some(yaml::value(&name, text).map_err(|fault| Failure::failed(fault.to_string()))?)
    };
    match claims {
        Some(Value::Object(claims)) => Ok(claims),
        _ => Err(Failure::failed(format!("file `{}` holds no object of claims", path.display()))
            .hint("expected JSON or YAML: one value for each claim, none twice")),
    }
}

/// What says nothing of a cluster.
const OF_AN_EXCHANGE: [&str; 9] =
    ["provider", "service_account", "mapping", "api", "scope", "actor_token", "actor_claims", "actor_provider", "all"];
/// Longer than any token that is accepted, so that the refusal of a long one is the server's.
const TOKEN_CAP: usize = 64 * 1024;
const CLAIMS_CAP: usize = 1024 * 1024;
