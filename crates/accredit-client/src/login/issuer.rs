//! An OpenID provider, as far as a public client on somebody's machine needs it.

use accredit_api::admin::LoginProvider;
use accredit_id::json::{Json, Number};
use accredit_id::secret::Secret;
use accredit_id::verify::{self, Buffer};
use serde::Deserialize;

use super::fault::LoginError;
use crate::exchange::lenient_error;
use crate::web::{Answer, Endpoint};
use crate::{clock, form};

/// An OpenID provider whose discovery document has been read.
#[derive(Debug)]
pub struct Issuer {
    pub(super) provider: LoginProvider,
    pub(super) metadata: Metadata,
    extra_roots: Option<Vec<u8>>,
    token_endpoint: Endpoint,
}

/// What a provider gives for a code.
#[derive(Debug)]
pub struct Tokens {
    /// Who it is (OpenID Connect Core 1.0 section 2).
    pub id_token: Secret<String>,
    /// What gives another identity token later, if the provider gave one.
    pub refresh_token: Option<Secret<String>>,
}

/// The members of the discovery document that are used (OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2).
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    issuer: String,
    pub(super) authorization_endpoint: Option<String>,
    token_endpoint: String,
    pub(super) device_authorization_endpoint: Option<String>,
    /// RFC 9207 section 3.
    #[serde(default)]
    pub(super) authorization_response_iss_parameter_supported: bool,
}

#[derive(Deserialize)]
struct Granted {
    id_token: Option<String>,
    refresh_token: Option<String>,
}

// === impl Issuer ===

impl Issuer {
    /// Reads the provider's discovery document.
    ///
    /// # Errors
    /// [`LoginError`]; the document must be that of the issuer, byte for byte.
    pub async fn discover(provider: LoginProvider, extra_roots: Option<&[u8]>) -> Result<Self, LoginError> {
        let url = format!("{}/.well-known/openid-configuration", provider.issuer.trim_end_matches('/'));
        let endpoint = Endpoint::parse(&url, extra_roots)?;
        let answer = endpoint.fetch(CAP).await.map_err(|fault| LoginError::web(&url, fault))?;
        if answer.status.as_u16() != 200 {
            return Err(LoginError::malformed(&url, format!("status {}, expected 200", answer.status.as_u16())));
        }
        let metadata: Metadata = serde_json::from_slice(&answer.body)
            .map_err(|_| LoginError::malformed(&url, "no discovery document with a token endpoint"))?;
        if metadata.issuer != provider.issuer {
            let seen = crate::inert::Inert(&metadata.issuer);
            return Err(LoginError::malformed(&url, format!("issuer is `{seen}`, expected `{}`", provider.issuer)));
        }
        let token_endpoint = endpoint.also(&metadata.token_endpoint, extra_roots)?;
        Ok(Self { provider, metadata, extra_roots: extra_roots.map(<[u8]>::to_vec), token_endpoint })
    }

    /// Another identity token for the refresh token (OpenID Connect Core 1.0 section 12).
    ///
    /// # Errors
    /// [`LoginError::NotLetIn`] when the provider says that this has ended.
    pub async fn refresh(&self, refresh_token: &Secret<String>) -> Result<Tokens, LoginError> {
        let answer = self
            .ask(&[
                ("grant_type", "refresh_token"),
                ("client_id", &self.provider.client_id),
                ("refresh_token", refresh_token.reveal()),
            ])
            .await?;
        let granted = self.granted(&answer)?;
        // A nonce may be left out here; if it is there, it is that of the login and the server looks at it.
        self.checked(granted, None)
    }

    /// Asks the token endpoint.
    pub(super) async fn ask(&self, pairs: &[(&str, &str)]) -> Result<Answer, LoginError> {
        let url = self.metadata.token_endpoint.as_str();
        self.token_endpoint.post_form(form::encode(pairs), None, CAP).await.map_err(|fault| LoginError::web(url, fault))
    }

    /// Another endpoint of the provider.
    pub(super) fn endpoint(&self, url: &str) -> Result<Endpoint, LoginError> {
        Ok(self.token_endpoint.also(url, self.extra_roots.as_deref())?)
    }

    pub(super) fn success(&self, answer: &Answer, nonce: Option<&str>) -> Result<Tokens, LoginError> {
        let granted = self.granted(answer)?;
        self.checked(granted, nonce)
    }

    /// The OAuth error of an answer.
    pub(super) fn not_let_in(&self, answer: &Answer) -> LoginError {
        match lenient_error(&answer.body) {
            Ok(error) => LoginError::NotLetIn {
                issuer: self.provider.issuer.clone(),
                code: error.error,
                description: error.error_description,
            },
            Err(_) => self.malformed(format!("status {} without an OAuth error", answer.status.as_u16())),
        }
    }

    pub(super) fn malformed(&self, message: impl Into<String>) -> LoginError {
        LoginError::malformed(&self.provider.issuer, message)
    }

    /// What to ask for.
    pub(super) fn scope(&self) -> String {
        let mut scopes: Vec<&str> = self.provider.scopes.iter().map(String::as_str).collect();
        if !scopes.contains(&"openid") {
            scopes.insert(0, "openid");
        }
        scopes.join(" ")
    }

    fn granted(&self, answer: &Answer) -> Result<Granted, LoginError> {
        if answer.status.as_u16() != 200 {
            return Err(self.not_let_in(answer));
        }
        serde_json::from_slice(&answer.body).map_err(|_| self.malformed("a body that is no token response"))
    }

    /// OpenID Connect Core 1.0 section 3.1.3.7. The token came straight from the provider over TLS, which stands for its
    /// signature here; the server verifies that.
    fn checked(&self, granted: Granted, nonce: Option<&str>) -> Result<Tokens, LoginError> {
        let Granted { id_token, refresh_token } = granted;
        let id_token = id_token.ok_or_else(|| self.malformed("no identity token; is `openid` among the scopes?"))?;
        let mut buffer = Buffer::new();
        let read = verify::read(&id_token, &mut buffer).map_err(|fault| self.malformed(fault.operator_text()))?;
        if read.issuer() != Some(self.provider.issuer.as_str()) {
            return Err(self.malformed("an identity token of another issuer"));
        }
        let claims = read.into_typed_in();
        let is_ours = |audience: &Json<'_>| audience.as_str() == Some(self.provider.client_id.as_str());
        let for_us = match claims.get("aud") {
            Some(Json::Array(audiences)) => audiences.iter().any(is_ours),
            Some(audience) => is_ours(audience),
            None => false,
        };
        if !for_us {
            return Err(self.malformed("an identity token for another client"));
        }
        if nonce.is_some() && claims.get("nonce").and_then(Json::as_str) != nonce {
            return Err(self.malformed("an identity token of another login: its nonce is not ours"));
        }
        Ok(Tokens { id_token: Secret::new(id_token), refresh_token: refresh_token.map(Secret::new) })
    }
}

/// Whether a token says that it is good for half a minute more. To save a request by, not to believe.
pub(super) fn is_fresh(token: &str) -> bool {
    let mut buffer = Buffer::new();
    let Ok(read) = verify::read(token.trim_ascii(), &mut buffer) else { return false };
    match read.into_typed_in().get("exp") {
        Some(Json::Number(Number::Int(end))) => *end > clock::now().unix() + MARGIN,
        _ => false,
    }
}

/// Seconds before its end in which a token counts as ended.
pub(super) const MARGIN: i64 = 30;
const CAP: usize = 1024 * 1024;
