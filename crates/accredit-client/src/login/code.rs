//! A person at a browser on this machine: the authorization code with a proof key for it.

use std::time::Duration;

use accredit_id::base64url;
use accredit_id::digest::sha256;
use accredit_id::jose::dpop::ProofKey;

use super::fault::LoginError;
use super::issuer::{Issuer, Tokens};
use super::loopback::Loopback;
use crate::{chance, form};

/// A login that waits for its browser.
#[derive(Debug)]
pub struct CodeFlow<'i> {
    issuer: &'i Issuer,
    loopback: Loopback,
    url: String,
    state: String,
    nonce: String,
    verifier: String,
}

// === impl CodeFlow ===

impl<'i> CodeFlow<'i> {
    /// Begins: a port is open when this returns, and [`CodeFlow::url`] is where the browser goes.
    ///
    /// # Errors
    /// [`LoginError`]; a provider without an authorization endpoint has no browser login.
    pub async fn begin(issuer: &'i Issuer, key: &ProofKey) -> Result<Self, LoginError> {
        let endpoint = issuer.metadata.authorization_endpoint.as_deref();
        let endpoint = endpoint.ok_or_else(|| issuer.malformed("no authorization endpoint"))?;
        // A browser is sent there: the same rule as for what is sent by ourselves.
        issuer.endpoint(endpoint)?;
        let loopback = Loopback::open()
            .await
            .map_err(|cause| LoginError::Local { what: "a port of 127.0.0.1 cannot be had".to_owned(), cause })?;
        let (state, random, verifier) = (random()?, random()?, random()?);
        let nonce = bound_nonce(key, &random);
        let redirect_uri = loopback.redirect_uri();
        let challenge = base64url::encode(&sha256(verifier.as_bytes()));
        let scope = issuer.scope();
        let mut pairs = vec![
            ("response_type", "code"),
            ("client_id", &issuer.provider.client_id),
            ("redirect_uri", &redirect_uri),
            ("scope", &scope),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        if scope.split(' ').any(|scope| scope == "offline_access") {
            // OpenID Connect Core 1.0 section 11: who is not asked does not consent to be renewed.
            pairs.push(("prompt", "consent"));
        }
        let query = form::encode(&pairs);
        let joint = if endpoint.contains('?') { '&' } else { '?' };
        let url = format!("{endpoint}{joint}{query}");
        Ok(Self { issuer, loopback, url, state, nonce, verifier })
    }

    /// Where the browser goes.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits for the browser to come back, and redeems what it brings.
    ///
    /// # Errors
    /// [`LoginError`]; after ten minutes nobody comes any more.
    pub async fn finish(self) -> Result<Tokens, LoginError> {
        let Self { issuer, loopback, url: _, state, nonce, verifier } = self;
        let redirect_uri = loopback.redirect_uri();
        let redirected = tokio::time::timeout(PATIENCE, loopback.redirected(&state))
            .await
            .map_err(|_| LoginError::Late { minutes: PATIENCE.as_secs() / 60 })?
            .map_err(|cause| LoginError::Local { what: "the browser's answer was lost".to_owned(), cause })?;
        // RFC 9207 section 2.4: before anything else of it is believed.
        match redirected.issuer.as_deref() {
            Some(seen) if seen != issuer.provider.issuer => {
                return Err(issuer.malformed("the browser came back from another provider"));
            }
            None if issuer.metadata.authorization_response_iss_parameter_supported => {
                return Err(issuer.malformed("the browser came back without `iss`, which this provider sends"));
            }
            _ => {}
        }
        if let Some(code) = redirected.error {
            let description = redirected.error_description.unwrap_or_default();
            return Err(LoginError::NotLetIn { issuer: issuer.provider.issuer.clone(), code, description });
        }
        let code = redirected.code.ok_or_else(|| issuer.malformed("the browser came back without a code"))?;
        let answer = issuer
            .ask(&[
                ("grant_type", "authorization_code"),
                ("client_id", &issuer.provider.client_id),
                ("code", &code),
                ("redirect_uri", &redirect_uri),
                ("code_verifier", &verifier),
            ])
            .await?;
        issuer.success(&answer, Some(&nonce))
    }
}

/// A nonce that names the key: a server that sees it takes no proof of another one.
fn bound_nonce(key: &ProofKey, random: &str) -> String {
    format!("{}.{random}", key.thumbprint())
}

/// 256 random bits.
fn random() -> Result<String, LoginError> {
    Ok(base64url::encode(&chance::bytes::<32>().map_err(LoginError::chance)?))
}

/// As long as providers keep a login page open.
const PATIENCE: Duration = Duration::from_secs(600);
