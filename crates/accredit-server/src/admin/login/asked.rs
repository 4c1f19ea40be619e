//! What a request for an admin token says.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, header};

use super::refused::{NO_CLIENT, Refused};
use crate::faces::{Media, Params};

/// What is asked for.
pub(super) struct Asked {
    pub(super) token: String,
    /// The provider, where one is named.
    pub(super) provider: Option<String>,
}

impl Asked {
    /// Reads it from a form.
    ///
    /// # Errors
    /// It asks for something else, or in another way.
    pub(super) fn read(headers: &HeaderMap, body: &[u8], audience: &str) -> Result<Self, Refused> {
        let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).and_then(Media::named);
        if media != Some(Media::Form) || body.len() > MAX_BODY {
            return Err(Refused::request("the body is not application/x-www-form-urlencoded of at most 64 KiB"));
        }
        let params = Params::read(Media::Form, body).map_err(|fault| Refused::request(fault.sentence))?;
        match params.find("grant_type") {
            Some("urn:ietf:params:oauth:grant-type:token-exchange") => {}
            _ => {
                let sentence = "grant_type is not urn:ietf:params:oauth:grant-type:token-exchange";
                return Err(Refused { error: "unsupported_grant_type", ..Refused::request(sentence) });
            }
        }
        match params.find("subject_token_type") {
            Some("urn:ietf:params:oauth:token-type:jwt" | "urn:ietf:params:oauth:token-type:id_token") => {}
            _ => return Err(Refused::request("subject_token_type is not that of a jwt or an id_token")),
        }
        if ["actor_token", "actor_token_type", "client_secret", "client_assertion"]
            .iter()
            .any(|name| params.find(name).is_some())
        {
            return Err(Refused::request(NO_CLIENT));
        }
        if params.all("audience").chain(params.all("resource")).any(|asked| asked != audience) {
            let sentence = "an admin token is for no other audience";
            return Err(Refused { error: "invalid_target", ..Refused::request(sentence) });
        }
        let token = params.find("subject_token").ok_or(Refused::request("subject_token is missing"))?;
        Ok(Self {
            token: token.trim_ascii().to_owned(),
            provider: params.find("identity_provider_id").map(str::to_owned),
        })
    }
}

/// Reads a body whole, which nobody has vouched for: within ten seconds, and no more of it than a token takes.
///
/// # Errors
/// It is larger, or does not come.
pub(super) async fn whole(body: Body) -> Result<Bytes, Refused> {
    match tokio::time::timeout(PATIENCE, to_bytes(body, MAX_BODY)).await {
        Ok(read) => read.map_err(|_| Refused::request("the body cannot be read, or has more than 64 KiB")),
        Err(_) => Err(Refused { status: 408, ..Refused::request("the body took longer than ten seconds") }),
    }
}

/// A subject token of 16 KiB, every byte of it percent-encoded.
const MAX_BODY: usize = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(10);
