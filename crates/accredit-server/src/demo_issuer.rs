//! An OpenID Connect issuer for `accredit demo`: real keys, real discovery, tokens in the shape of GitHub Actions.
//!
//! It signs whatever it is asked to by the process that holds it; over HTTP it only shows its keys.

use std::net::SocketAddr;

use accredit_core::keyring::{Purpose, Slot};
use accredit_id::hex;
use accredit_id::jose::Algorithm;
use accredit_id::jose::jws::signing_input;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::app::StartError;
use crate::keys::SigningKey;
use crate::{chance, clock};

/// An issuer that listens on loopback until it is dropped.
pub struct DemoIssuer {
    url: String,
    key: SigningKey,
    task: JoinHandle<()>,
}

impl DemoIssuer {
    /// Starts an issuer.
    ///
    /// # Errors
    /// It cannot listen there, or no key can be made.
    pub async fn start(listen: SocketAddr) -> Result<Self, StartError> {
        let fault = |cause| StartError::Listen { place: listen.to_string(), cause };
        let listener = TcpListener::bind(listen).await.map_err(fault)?;
        let address = listener.local_addr().map_err(fault)?;
        let url = format!("http://{address}");
        let key = SigningKey::generate(Slot { algorithm: Algorithm::Rs256, ..Slot::es256(Purpose::Access) })
            .await
            .map_err(|fault| StartError::Keys { message: fault.to_string(), hint: None })?;
        let discovery = json!({
            "issuer": url,
            "jwks_uri": format!("{url}/.well-known/jwks"),
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        });
        let keys = json!({"keys": [serde_json::to_value(key.public().to_json()).unwrap_or_default()]});
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(move || async move { Json(discovery) }))
            .route("/.well-known/jwks", get(move || async move { Json(keys) }));
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { url, key, task })
    }

    /// Its `iss`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The token of a job of `acme/web` on a branch, for an audience. It lives five minutes, as GitHub's do.
    ///
    /// # Errors
    /// The key does not sign.
    pub fn job_token(&self, branch: &str, audience: &str) -> Result<String, StartError> {
        let now = clock::now().unix();
        let git_ref = format!("refs/heads/{branch}");
        let mut claims = json!({
            "iss": self.url,
            "aud": audience,
            "sub": format!("repo:acme/web:ref:{git_ref}"),
            "iat": now,
            "nbf": now - 600,
            "exp": now + 300,
            "jti": id(),
            "repository": "acme/web",
            "repository_id": "123",
            "repository_owner": "acme",
            "repository_owner_id": "98",
            "repository_visibility": "private",
            "ref": git_ref,
            "ref_type": "branch",
            "event_name": "push",
            "actor": "ada",
            "actor_id": "7",
            "run_id": "1001",
            "run_number": "42",
            "run_attempt": "1",
            "runner_environment": "github-hosted",
        });
        claims["workflow_ref"] = Value::from(format!("acme/web/.github/workflows/deploy.yml@{git_ref}"));
        let header = json!({"alg": "RS256", "kid": self.key.id(), "typ": "JWT"}).to_string();
        self.key
            .sign(signing_input(&header, &claims.to_string()))
            .map_err(|fault| StartError::Keys { message: fault.to_string(), hint: None })
    }
}

impl Drop for DemoIssuer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn id() -> String {
    hex::encode(&chance::bits())
}
