//! `accredit demo`: the main job end to end, with real parts on loopback and nothing left behind.

mod api;
mod resources;

use std::fs::Permissions;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Instant;

use accredit_client::admin::AdminClient;
use accredit_client::exchange::{ExchangeError, Request, TokenEndpoint};
use accredit_server::{Config, DemoIssuer};

use super::server::Signals;
use crate::exit::{Exit, Failure};
use crate::render::explanation;
use crate::terminal::Terminal;

/// See the main job work: a CI job exchanges its token, calls an API, is refused, and learns why
///
/// Everything runs on loopback with a store in a temporary folder, which is removed at the end.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Leave everything running and say what to try
    #[arg(long)]
    stay: bool,
}

/// Plays the demo.
pub(crate) async fn run(args: &Args, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    // A token lies in it, which is nobody else's on this machine.
    let folder = tempfile::Builder::new()
        .prefix("accredit-demo-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir()
        .map_err(|error| failed("temporary folder", &error))?;
    let started = Instant::now();
    let config = Config::demo(free_address(7070), folder.path());
    let running = accredit_server::serve(&config).await.map_err(|error| failed("server", &error))?;
    terminal.show(&format!("server   {} (temporary, {} ms)\n", config.public_url, started.elapsed().as_millis()))?;
    let issuer = DemoIssuer::start(free_address(7071)).await.map_err(|error| failed("issuer", &error))?;
    terminal.show(&format!("issuer   {} plays GitHub Actions\n", issuer.url()))?;
    let api = api::Balance::start(&config.public_url, free_address(7072)).await?;
    let admin = AdminClient::new(&config.admin.socket);
    admin.apply(&resources::request(issuer.url(), api.audience())?).await?;
    let play = Play { config: &config, issuer: &issuer, admin: &admin, api: &api };
    play.allowed(terminal).await?;
    play.denied(terminal).await?;
    match args.stay {
        true => {
            let token = folder.path().join("token");
            let job = issuer.job_token("main", &config.public_url).map_err(|error| failed("issuer", &error))?;
            tokio::fs::write(&token, job).await.map_err(|error| failed("token file", &error))?;
            terminal.show(&play.to_try(&token))?;
            Signals::new().next().await;
        }
        false => terminal.show("next     accredit demo --stay, or: accredit server\n         accredit init github --repository YOU/REPO --ref main --api URL --permission NAME\n")?,
    }
    running.stop(std::future::pending()).await;
    Ok(Exit::Done)
}

struct Play<'p> {
    config: &'p Config,
    issuer: &'p DemoIssuer,
    admin: &'p AdminClient,
    api: &'p api::Balance,
}

impl Play<'_> {
    /// The job on `main` gets a token, and the API takes it.
    async fn allowed(&self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        let token =
            self.exchange("main").await?.map_err(|error| Failure::failed(format!("exchange was refused: {error}")))?;
        let decision = token.decision_id.clone().unwrap_or_default();
        let minutes = token.expires_in / 60;
        let scope = token.scope.clone().unwrap_or_default();
        terminal.show(&format!("allowed  acme/web main -> ci/web   {scope}   {minutes}m   {decision}\n"))?;
        let (status, answer) = self.api.call(&token.access_token).await?;
        terminal.show(&format!("called   GET /balance -> {status}   {answer}\n"))?;
        match status {
            200 => Ok(()),
            _ => Err(Failure::failed(format!("the API answered {status}, expected 200"))),
        }
    }

    /// The job on `dev` gets none, and its operator learns why.
    async fn denied(&self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        let refusal = match self.exchange("dev").await? {
            Ok(_) => return Err(Failure::failed("the job on `dev` was given a token, expected a refusal")),
            Err(ExchangeError::Refused(refusal)) => refusal,
            Err(other) => return Err(Failure::failed(format!("exchange failed: {other}"))),
        };
        let decision = refusal.decision_id.clone().unwrap_or_default();
        terminal.show(&format!(
            "denied   acme/web dev              {}   {decision}\n",
            refusal.reason.clone().unwrap_or_default()
        ))?;
        let told = self.admin.decision(&decision).await?;
        for line in explanation::considered(&told.considered) {
            terminal.show(&format!("         {line}\n"))?;
        }
        terminal
            .show("         fix: run from main, or add refs/heads/dev to `ref`: `accredit decision` prints the YAML\n")
    }

    async fn exchange(
        &self,
        branch: &str,
    ) -> Result<Result<accredit_api::token::TokenResponse, ExchangeError>, Failure> {
        let job = self.issuer.job_token(branch, &self.config.public_url).map_err(|error| failed("issuer", &error))?;
        let endpoint = TokenEndpoint::new(&format!("{}/oauth/token", self.config.public_url))
            .map_err(|error| failed("endpoint", &error))?;
        let request = Request { service_account: Some("ci/web".to_owned()), ..Request::new(job) };
        Ok(endpoint.exchange(&request).await)
    }

    fn to_try(&self, token: &std::path::Path) -> String {
        let (url, socket, token) = (&self.config.public_url, self.config.admin.socket.display(), token.display());
        let api = self.api.audience();
        format!(
            "\nrunning until Ctrl-C; a token of the job lies in {token} for five minutes. Try:\n\n\
             curl -s {url}/oauth/token -d grant_type=urn:ietf:params:oauth:grant-type:token-exchange \\\n\
             \x20    -d subject_token_type=urn:ietf:params:oauth:token-type:jwt --data-urlencode subject_token@{token}\n\
             curl -s {api}/balance -H \"Authorization: Bearer ACCESS_TOKEN\"\n\
             accredit --socket {socket} explain --token {token} --service-account ci/web\n\
             accredit --socket {socket} audit list\n\
             accredit --socket {socket} export\n"
        )
    }
}

/// A loopback address with the usual port, or with any free one.
fn free_address(port: u16) -> SocketAddr {
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    if TcpListener::bind(usual).is_ok() {
        return usual;
    }
    let any = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).and_then(|listener| listener.local_addr());
    any.unwrap_or(usual)
}

fn failed(what: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::failed(format!("{what}: {error}"))
}
