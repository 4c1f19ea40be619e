//! A foreign trust domain, `partner.example`: its bundle, where that is served, and what a server says to hold of it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use crate::issuer::{Issuer, now};
use crate::server::{PUBLIC_URL, Server};
use accredit_id::base64url;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose, SanType};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

pub fn shown(server: &Server) -> Value {
    let (status, told) = server.admin("GET", "/v1/federation-bundle?federation=partner", &Value::Null);
    assert_eq!(status, 200, "{told}");
    told
}

/// A JWT-SVID of a workload in `partner.example`.
pub fn svid(issuer: &Issuer) -> String {
    let claims =
        json!({"sub": "spiffe://partner.example/ci/web", "aud": [PUBLIC_URL], "iat": now(), "exp": now() + 300});
    issuer.sign(&claims)
}

pub fn federation(endpoint: &Endpoint, profile: &str, more: &str) -> String {
    let url = format!("https://127.0.0.1:{}/bundle", endpoint.port);
    format!(
        "kind: TrustDomain\nname: ours.example\n---\nkind: Federation\nname: partner\nspec:\n  trustDomain: ours.example\n  \
         foreignTrustDomain: partner.example\n  url: {url}\n  profile: {profile}\n{more}---\nkind: Provider\nname: mesh\n\
         spec: {{type: spiffe, trustDomain: partner.example, keys: {{federation: partner}}}}\n"
    )
}

/// Whose keys they are, and a mapping of one workload.
pub fn documents(keys: &str) -> String {
    format!("{keys}---\n{REST}")
}

pub fn jwt_svid_key(issuer: &Issuer) -> Value {
    let mut key = issuer.key_set()["keys"][0].clone();
    key["use"] = "jwt-svid".into();
    key
}

pub fn bundle(sequence: Option<u64>, keys: &[Value]) -> String {
    let mut document = json!({"keys": keys, "spiffe_refresh_hint": 3600});
    if let Some(sequence) = sequence {
        document["spiffe_sequence"] = sequence.into();
    }
    document.to_string()
}

/// An authority: of the web, or of `partner.example`.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key.
pub type Identity = (CertificateDer<'static>, Vec<u8>);

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.subject_alt_names = vec![SanType::URI("spiffe://partner.example".try_into().unwrap())];
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn pem(&self) -> String {
        self.0.as_ref().pem()
    }

    fn signed(&self, name: SanType) -> Identity {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names = vec![name];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, &self.0).unwrap();
        (leaf.der().clone(), key.serialize_der())
    }

    pub fn leaf(&self, address: &str) -> Identity {
        self.signed(SanType::IpAddress(address.parse().unwrap()))
    }

    pub fn svid(&self, id: &str) -> Identity {
        self.signed(SanType::URI(id.try_into().unwrap()))
    }

    /// Its entry of a bundle.
    pub fn key(&self) -> Value {
        let x5c: String = self.pem().lines().filter(|line| !line.starts_with('-')).collect();
        json!({"kty": "EC", "crv": "P-256", "use": "x509-svid", "x": base64url::encode(&[0; 32]), "y": base64url::encode(&[0; 32]), "x5c": [x5c]})
    }
}

/// Serves one document over TLS, each connection by what was said last.
pub struct Endpoint {
    pub port: u16,
    served: Arc<Mutex<(Arc<ServerConfig>, String)>>,
}

impl Endpoint {
    pub fn serve(identity: Identity) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let served = Arc::new(Mutex::new((config(identity), String::new())));
        let behind = Arc::clone(&served);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (config, document) = behind.lock().unwrap().clone();
                let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
                let mut lines = BufReader::new(&mut stream).lines();
                while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
                let _ = write!(stream, "{head}content-length: {}\r\n\r\n{document}", document.len());
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        });
        Self { port, served }
    }

    pub fn say(&self, document: &str) {
        document.clone_into(&mut self.served.lock().unwrap().1);
    }

    pub fn be(&self, identity: Identity) {
        self.served.lock().unwrap().0 = config(identity);
    }
}

fn config((certificate, key): Identity) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_no_client_auth();
    Arc::new(builder.with_single_cert(vec![certificate], PrivatePkcs8KeyDer::from(key).into()).unwrap())
}

const REST: &str = r#"kind: Project
name: ci
---
kind: Project
name: shop
---
kind: API
name: shop/payments
spec: {audience: "https://payments.test", permissions: [payments.read]}
---
kind: ServiceAccount
name: ci/web
---
kind: Grant
name: shop/ci-web
spec: {api: shop/payments, permissions: [payments.read], to: ci/web}
---
kind: Mapping
name: ci/mesh
spec: {provider: mesh, serviceAccount: ci/web, match: {sub: "spiffe://partner.example/ci/web"}}
"#;
