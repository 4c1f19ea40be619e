//! The product: a trust domain, a cluster that takes the jobs of one issuer, and what they ask for.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;

use nix::unistd::Pid;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

use super::TRUST_DOMAIN;
use crate::cast::Cast;
use crate::fault::{Because as _, Fault};
use crate::generator::{self, Load};
use crate::issuer::{self, Algorithm, Issuer};
use crate::measure;
use crate::process::{self, Server};
use crate::publisher::Publisher;
use crate::request::{self, Requests};
use crate::results::Figures;
use crate::world;

/// A server that is ready, with what it is told and what it is asked.
pub(crate) struct Accredit {
    server: Server,
    address: SocketAddr,
    single: Rc<Requests>,
    bulk: Rc<Requests>,
    x509: Rc<Requests>,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// One JWT-SVID.
    Jwt,
    /// As many JWT-SVIDs as may be asked for at once, each for an audience of its own.
    JwtBulk,
    /// One X509-SVID, for a key of the asker's.
    X509,
}

/// The most SVIDs that one request may ask for.
pub(crate) const BULK: usize = 64;

// === impl Accredit ===

impl Accredit {
    /// Starts the server `binary` on `core` with an empty store in `folder`, and applies the resources.
    pub(crate) fn start(binary: &Path, folder: &Path, core: usize, cores: &[usize]) -> Result<Self, Fault> {
        std::fs::create_dir_all(folder).because(|| folder.display().to_string())?;
        let publisher = Publisher::start()?;
        let cast = Cast { published_at: Some(publisher.address), ..Cast::plain(JOBS, 1) };
        let issuer = Issuer::generate(1, cores)?.remove(0);
        publisher.publish(&issuer.key_set()?);
        let address = process::free_address()?;
        let config = folder.join("accredit.toml");
        std::fs::write(&config, world::config(cast, folder, &world::sqlite(folder), address, address))
            .because(|| config.display().to_string())?;
        let server = world::start(binary, folder, core, address)?;
        let resources = folder.join("resources.yaml");
        std::fs::write(&resources, documents(cast)).because(|| resources.display().to_string())?;
        let mut apply = Command::new(binary);
        apply.arg("apply").arg("-f").arg(&resources).arg("--socket").arg(world::socket(folder));
        process::run(apply)?;
        let issuers = std::slice::from_ref(&issuer);
        let tokens = issuer::sign_tokens(cast, issuers, Algorithm::Rs256, JOBS, world::now()?, cores)?;
        let ask = |wish: Wish| {
            let requests: Result<Vec<_>, Fault> = tokens.iter().map(|token| request(address, wish, token)).collect();
            requests.map(|requests| Rc::new(Requests::of(requests)))
        };
        let (single, bulk, x509) = (ask(Wish::Jwt)?, ask(Wish::JwtBulk)?, ask(Wish::X509)?);
        let accredit = Self { server, address, single, bulk, x509 };
        [Wish::Jwt, Wish::JwtBulk, Wish::X509].into_iter().try_for_each(|wish| accredit.try_once(wish))?;
        Ok(accredit)
    }

    /// Asks for so much, for as long.
    pub(crate) fn measure(&self, wish: Wish, load: Load) -> Result<Figures, Fault> {
        let who = || format!("accredit, {wish:?}");
        let sample = generator::run(&self.address.into(), self.requests(wish), load, || measure::cpu_time(self.pid()))
            .because(who)?;
        if let Some(first) = sample.first_error {
            let errors = sample.errors;
            return Err(Fault::new(format!(
                "{}: {errors} requests failed, the run is void; the first: {first}",
                who()
            )));
        }
        Figures::of(&sample).ok_or_else(|| Fault::new(format!("{}: no answer within the window", who())))
    }

    /// The server's process.
    pub(crate) fn pid(&self) -> Pid {
        self.server.pid()
    }

    /// Ends it.
    pub(crate) fn stop(self) -> Result<(), Fault> {
        self.server.stop()
    }

    fn requests(&self, wish: Wish) -> &Rc<Requests> {
        match wish {
            Wish::Jwt => &self.single,
            Wish::JwtBulk => &self.bulk,
            Wish::X509 => &self.x509,
        }
    }

    /// One request whose answer is looked at: a run of answers without SVIDs would measure nothing.
    fn try_once(&self, wish: Wish) -> Result<(), Fault> {
        let (status, body) = generator::send_one(&self.address.into(), self.requests(wish).next())?;
        let answer: Value = serde_json::from_str(&body).unwrap_or_default();
        let svids = answer["svids"].as_array().map_or(0, |svids| {
            svids.iter().filter(|svid| svid["svid"].as_str().is_some_and(|svid| svid.len() > 200)).count()
        });
        if status == 200 && svids == wish.svids() {
            return Ok(());
        }
        Err(Fault::new(format!("accredit, {wish:?}: status {status}, {svids} SVIDs: {body}")))
    }
}

// === impl Wish ===

impl Wish {
    /// How many SVIDs it comes to.
    pub(crate) fn svids(self) -> usize {
        if self == Wish::JwtBulk { BULK } else { 1 }
    }
}

fn request(address: SocketAddr, wish: Wish, token: &str) -> Result<Box<[u8]>, Fault> {
    let jwt = |number: usize| json!({"type": "jwt", "audience": [format!("https://work-{number:02}.example.org")]});
    let svids = match wish {
        Wish::Jwt => vec![jwt(0)],
        Wish::JwtBulk => (0..BULK).map(jwt).collect(),
        Wish::X509 => vec![json!({"type": "x509", "csr": signing_request()?})],
    };
    let body = json!({"cluster": CLUSTER, "token": token, "svids": svids}).to_string();
    Ok(request::post_json(address, "/v1/svid", &body).into_bytes().into())
}

fn signing_request() -> Result<String, Fault> {
    let made = KeyPair::generate().and_then(|key| CertificateParams::default().serialize_request(&key)?.pem());
    made.because(|| "signing request".to_owned())
}

/// A job's token admits it as often as it likes: what is measured is not how often one can be used.
fn documents(cast: Cast) -> String {
    let issuer = cast.issuer(0);
    let documents = [
        json!({"kind": "TrustDomain", "name": TRUST_DOMAIN}),
        json!({"kind": "Cluster", "name": CLUSTER, "spec": {"trustDomain": TRUST_DOMAIN, "config": [
            {"section": "WorkloadAttestation", "schema": "v1", "spec": {"jwt": {"enabled": true, "allowedIssuers": [{
                "issuer": issuer,
                "jwksURI": format!("{issuer}/keys"),
                "audiences": [crate::cast::SUBJECT_AUDIENCE],
                "requiredClaims": {"repository_owner_id": crate::cast::OWNER_ID},
                "replay": "reuse",
            }]}}},
            {"section": "SVIDIssuancePolicy", "schema": "v1", "spec": {"policy": {
                "pathTemplate": "/{{cluster.name}}/repo/{{jwt.claim.repository}}",
                "jwt": {"ttl": "5m", "additionalClaims": {"run": "{{jwt.claim.run_id}}"}},
            }}},
        ]}}),
    ];
    documents.map(|document| format!("---\n{document}\n")).concat()
}

const CLUSTER: &str = "build";
/// Distinct jobs, of as many repositories.
const JOBS: usize = 1_000;
