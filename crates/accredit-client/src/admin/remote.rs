//! The wire to a server elsewhere: HTTPS, a token, and a proof for each request.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;

use super::{ANSWER_CAP, AdminError, Asked};
use crate::login::Session;
use crate::proving::ToSend;
use crate::web::{Answer, WebFault};

/// A login in use.
#[derive(Clone, Debug)]
pub(super) struct Remote(pub(super) Arc<Session>);

// === impl Remote ===

impl Remote {
    pub(super) fn url(&self) -> &str {
        self.0.server.url()
    }

    /// Sends the request; once more with another token when the server takes this one no more, as after a change of who is
    /// administrator.
    pub(super) async fn send(&self, asked: &Asked) -> Result<(StatusCode, Bytes), AdminError> {
        let token = self.0.token().await?;
        let mut answer = self.once(asked, token.reveal()).await?;
        if answer.status.as_u16() == 401 {
            self.0.forget(&token).await;
            let token = self.0.token().await?;
            answer = self.once(asked, token.reveal()).await?;
        }
        Ok((answer.status, answer.body.into()))
    }

    async fn once(&self, asked: &Asked, token: &str) -> Result<Answer, AdminError> {
        let Asked { method, target, body, patience } = asked;
        let request = ToSend {
            method,
            target,
            token: Some(token),
            content_type: "application/json",
            body,
            patience: *patience,
            cap: ANSWER_CAP,
        };
        self.0.server.proving.send(&self.0.key, request).await.map_err(|fault| match fault {
            WebFault::Unreachable(cause) => AdminError::RemoteUnreachable { url: self.url().to_owned(), cause },
            WebFault::TooLarge => {
                AdminError::Malformed { place: self.url().to_owned(), message: "more than 64 MiB".to_owned() }
            }
        })
    }
}
