//! The wire to a server elsewhere: HTTPS, a token, and a proof for each request.

use std::sync::Arc;
use std::time::Duration;

use accredit_api::problem::Problem;
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
        let mut answer = self.answered(asked, token.reveal()).await?;
        if answer.status.as_u16() == 401 {
            self.0.forget(&token).await;
            let token = self.0.token().await?;
            answer = self.answered(asked, token.reveal()).await?;
        }
        Ok((answer.status, answer.body.into()))
    }

    /// Sends it; where it has a key and its answer was lost on the way, once more. The server, or another one on its store, then
    /// answers what it answered, or does what was not done; while the first is still at it, it is waited for.
    async fn answered(&self, asked: &Asked, token: &str) -> Result<Answer, AdminError> {
        let first = self.once(asked, token).await;
        if asked.key.is_none() || !is_lost(&first) {
            return first.map_err(|fault| self.fault(fault));
        }
        let mut again = self.once(asked, token).await;
        for _ in 0..MOST_WAITS {
            if !again.as_ref().is_ok_and(is_in_flight) {
                break;
            }
            tokio::time::sleep(WAIT).await;
            again = self.once(asked, token).await;
        }
        again.map_err(|fault| self.fault(fault))
    }

    async fn once(&self, asked: &Asked, token: &str) -> Result<Answer, WebFault> {
        let Asked { method, target, body, patience, key } = asked;
        let request = ToSend {
            method,
            target,
            token: Some(token),
            content_type: "application/json",
            idempotency_key: key.as_deref(),
            body,
            patience: *patience,
            cap: ANSWER_CAP,
        };
        self.0.server.proving.send(&self.0.key, request).await
    }

    fn fault(&self, fault: WebFault) -> AdminError {
        match fault {
            WebFault::Unreachable(cause) | WebFault::Broken(cause) => {
                AdminError::RemoteUnreachable { url: self.url().to_owned(), cause }
            }
            WebFault::TooLarge => {
                AdminError::Malformed { place: self.url().to_owned(), message: "more than 64 MiB".to_owned() }
            }
        }
    }
}

/// Whether a request may have been carried out and its answer is nowhere: the connection broke, or a load balancer says that
/// its own to the server did (RFC 9110 section 15.6.3), which this server never says.
fn is_lost(answer: &Result<Answer, WebFault>) -> bool {
    match answer {
        Ok(answer) => answer.status.as_u16() == 502,
        Err(WebFault::Broken(_)) => true,
        Err(WebFault::Unreachable(_) | WebFault::TooLarge) => false,
    }
}

fn is_in_flight(answer: &Answer) -> bool {
    let problem = || serde_json::from_slice::<Problem>(&answer.body).ok();
    answer.status.as_u16() == 409 && problem().is_some_and(|problem| problem.code == "idempotency-key-in-flight")
}

/// How long the first of two requests may take that lost its client: as long as a set of 100,000 mappings does.
const MOST_WAITS: u32 = 60;
const WAIT: Duration = Duration::from_millis(500);
