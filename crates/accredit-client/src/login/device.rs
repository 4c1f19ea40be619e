//! A person at a browser elsewhere (RFC 8628): for terminals that no browser can come back to.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use super::fault::LoginError;
use super::issuer::{Issuer, Tokens};
use crate::exchange::lenient_error;
use crate::form;

/// A login that waits for somebody to enter its code.
#[derive(Debug)]
pub struct DeviceFlow<'i> {
    issuer: &'i Issuer,
    begun: Begun,
    until: Instant,
}

/// RFC 8628 section 3.2.
#[derive(Debug, Deserialize)]
struct Begun {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: Option<String>,
    expires_in: u64,
    #[serde(default = "usual_interval")]
    interval: u64,
}

// === impl DeviceFlow ===

impl<'i> DeviceFlow<'i> {
    /// Begins.
    ///
    /// # Errors
    /// [`LoginError`]; a provider without a device authorization endpoint has no such login.
    pub async fn begin(issuer: &'i Issuer) -> Result<Self, LoginError> {
        let url = issuer.metadata.device_authorization_endpoint.as_deref();
        let url = url.ok_or_else(|| issuer.malformed("no device authorization endpoint: it has no such login"))?;
        let endpoint = issuer.endpoint(url)?;
        let form = form::encode(&[("client_id", &issuer.provider.client_id), ("scope", &issuer.scope())]);
        let answer = endpoint.post_form(form, None, CAP).await.map_err(|fault| LoginError::web(url, fault))?;
        if answer.status.as_u16() != 200 {
            return Err(issuer.not_let_in(&answer));
        }
        let begun: Begun = serde_json::from_slice(&answer.body)
            .map_err(|_| issuer.malformed("a body that is no device authorization response"))?;
        let until = Instant::now() + Duration::from_secs(begun.expires_in.min(LONGEST));
        Ok(Self { issuer, begun, until })
    }

    /// Where somebody goes who has a browser.
    pub fn verification_uri(&self) -> &str {
        &self.begun.verification_uri
    }

    /// The same with the code in it, where the provider has one.
    pub fn verification_uri_complete(&self) -> Option<&str> {
        self.begun.verification_uri_complete.as_deref()
    }

    /// What is entered there.
    pub fn user_code(&self) -> &str {
        &self.begun.user_code
    }

    /// Asks until somebody has entered the code, at the pace that the provider wants (RFC 8628 section 3.5).
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn finish(self) -> Result<Tokens, LoginError> {
        let mut interval = Duration::from_secs(self.begun.interval.clamp(1, 60));
        loop {
            if Instant::now() + interval > self.until {
                return Err(LoginError::Late { minutes: self.begun.expires_in.min(LONGEST) / 60 });
            }
            tokio::time::sleep(interval).await;
            let pairs = [
                ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
                ("client_id", &self.issuer.provider.client_id),
                ("device_code", &self.begun.device_code),
            ];
            let answer = match self.issuer.ask(&pairs).await {
                Ok(answer) => answer,
                // A connection that was lost is no answer; asking less often is what the section says.
                Err(LoginError::Unreachable { .. }) => {
                    interval *= 2;
                    continue;
                }
                Err(other) => return Err(other),
            };
            if answer.status.as_u16() == 200 {
                return self.issuer.success(&answer, None);
            }
            match lenient_error(&answer.body).map(|error| error.error) {
                Ok(code) if code == "authorization_pending" => {}
                Ok(code) if code == "slow_down" => interval += Duration::from_secs(5),
                _ => return Err(self.issuer.not_let_in(&answer)),
            }
        }
    }
}

const fn usual_interval() -> u64 {
    5
}

/// Half an hour, whatever a provider says.
const LONGEST: u64 = 1800;
const CAP: usize = 64 * 1024;
