//! The remote admin listener as its clients meet it: tokens that are bound to keys, and proofs, honest and forged.

use std::net::SocketAddr;

use accredit_id::jose::dpop::{ProofKey, ToProve};
use accredit_id::secret::Secret;
use accredit_id::time::Timestamp;
use aws_lc_rs::rand;

use crate::http::{Answer, Connection, encoded};
use crate::issuer::now;
use crate::server::Server;

/// The remote admin listener of a server, and the nonce that it told last.
pub struct AdminListener {
    /// Where it listens.
    pub address: SocketAddr,
    /// The nonce to prove with.
    pub nonce: String,
}

/// A key of somebody's own.
///
/// # Panics
/// Without random numbers.
pub fn key() -> ProofKey {
    let mut seed = [0; 32];
    rand::fill(&mut seed).unwrap();
    ProofKey::from_seed(&Secret::new(seed)).unwrap()
}

// === impl AdminListener ===

impl AdminListener {
    /// The one of this server, once it has told a nonce.
    ///
    /// # Panics
    /// The server has none.
    pub fn of(server: &Server) -> Self {
        let log = server.log();
        let said = log.lines().rfind(|line| line.contains("administrators elsewhere are served")).unwrap();
        let address = said.split_once("address=").unwrap().1.split(' ').next().unwrap().parse().unwrap();
        let nonce = Connection::tcp(address).get("/v1/status").header("dpop-nonce").unwrap().to_owned();
        Self { address, nonce }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What is proved for a request to this path.
    ///
    /// # Panics
    /// Without random numbers.
    pub fn to_prove<'p>(&'p self, method: &'p str, url: &'p str, token: Option<&'p str>) -> ToProve<'p> {
        let mut token_id = [0; 16];
        rand::fill(&mut token_id).unwrap();
        let now = Timestamp::from_unix(now());
        ToProve { method, url, nonce: Some(&self.nonce), access_token: token, token_id, now }
    }

    /// An honest proof of a request.
    pub fn proof(&self, key: &ProofKey, method: &str, path: &str, token: Option<&str>) -> String {
        let url = format!("{}{path}", self.url());
        key.prove(&self.to_prove(method, &url, token))
    }

    /// Asks for an admin token with these headers and this evidence.
    pub fn token_with(&self, headers: &[(&str, &str)], evidence: &str) -> Answer {
        let body = format!("grant_type={GRANT}&subject_token_type={JWT}&subject_token={}", encoded(evidence));
        let form = ("content-type", "application/x-www-form-urlencoded");
        self.ask("POST", "/admin/token", &[headers, &[form]].concat(), &body)
    }

    /// The same with an honest proof.
    pub fn token(&self, key: &ProofKey, evidence: &str) -> Answer {
        self.token_with(&[("dpop", &self.proof(key, "POST", "/admin/token", None))], evidence)
    }

    /// A read with a token and an honest proof.
    pub fn get(&self, key: &ProofKey, path: &str, token: &str) -> Answer {
        let (plain, _) = path.split_once('?').unwrap_or((path, ""));
        let proof = self.proof(key, "GET", plain, Some(token));
        self.ask("GET", path, &[("authorization", &format!("DPoP {token}")), ("dpop", &proof)], "")
    }

    /// Any request.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.address);
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        Connection::tcp(self.address).ask(request.as_bytes())
    }
}

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
