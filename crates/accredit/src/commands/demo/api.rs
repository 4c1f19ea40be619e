//! A small protected API: it answers `GET /balance` to whoever shows an access token with `payments.read`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use accredit_client::verifier::AccessTokenVerifier;
use accredit_id::time::Timestamp;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::exit::Failure;

/// The API, until it is dropped.
pub(super) struct Balance {
    url: String,
    task: JoinHandle<()>,
}

impl Balance {
    /// Starts it; it learns the server's keys by discovery, as any API would.
    pub(super) async fn start(issuer: &str, listen: SocketAddr) -> Result<Self, Failure> {
        let fault = |error: &dyn std::fmt::Display| Failure::failed(format!("api: {error}"));
        let listener = TcpListener::bind(listen).await.map_err(|error| fault(&error))?;
        let url = format!("http://{}", listener.local_addr().map_err(|error| fault(&error))?);
        let verifier = AccessTokenVerifier::discover(issuer, &url).await.map_err(|error| fault(&error))?;
        let router = Router::new().route("/balance", get(balance)).with_state(Arc::new(verifier));
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { url, task })
    }

    /// The audience of its tokens.
    pub(super) fn audience(&self) -> &str {
        &self.url
    }

    /// Calls it as a workload does.
    pub(super) async fn call(&self, access_token: &str) -> Result<(u16, String), Failure> {
        let fault = |error: reqwest::Error| Failure::failed(format!("api: {error}"));
        // A proxy that the environment names is not for loopback.
        let client = reqwest::Client::builder().no_proxy().build().map_err(fault)?;
        let request = client.get(format!("{}/balance", self.url)).bearer_auth(access_token);
        let answer = request.send().await.map_err(fault)?;
        Ok((answer.status().as_u16(), answer.text().await.map_err(fault)?))
    }
}

impl Drop for Balance {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn balance(
    State(verifier): State<Arc<AccessTokenVerifier>>,
    headers: HeaderMap,
) -> Result<String, (StatusCode, &'static str)> {
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = shown
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or((StatusCode::UNAUTHORIZED, "a bearer token is needed"))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default();
    let now = Timestamp::from_unix(i64::try_from(now).unwrap_or_default());
    match verifier.verify(token, now).await {
        Ok(token) if token.allows("payments.read") => Ok("{\"balance\": 42}".to_owned()),
        Ok(_) => Err((StatusCode::FORBIDDEN, "payments.read is needed")),
        Err(_) => Err((StatusCode::UNAUTHORIZED, "the token is not valid here")),
    }
}
