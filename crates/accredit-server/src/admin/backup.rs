//! A backup of the store, for the server's own user alone: it holds everything.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use accredit_store::archive::Asked;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, Response, header};
use hyper::body::Frame;
use serde_json::json;
use tokio::sync::mpsc::{self, Receiver};
use tokio::task::JoinHandle;

use super::actor::Caller;
use super::problem::AdminFault;
use crate::app::App;
use crate::{clock, record};

/// The pieces of a backup as they are made. What is broken off ends the connection, not the answer.
struct Pieces {
    pieces: Receiver<Vec<u8>>,
    making: Option<JoinHandle<Result<(), String>>>,
}

/// `POST /v1/backup`: the store as it is now. Others read and write meanwhile.
pub(super) async fn make(State(app): State<Arc<App>>, caller: Caller) -> Result<Response<Body>, AdminFault> {
    let sequence = app.read_model.now().world.sequence;
    let by = caller.actor.recorded(caller.source, &app.read_model.now().world);
    let made = record::admin_act("backup-made", clock::now(), &caller.actor.name, sequence, &json!({"by": by}));
    app.recorder.note(made).await?;
    let (to, pieces) = mpsc::channel(PIECES_AHEAD);
    let asked = Asked {
        made_at: clock::now().unix(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        public_url: app.public_url.clone(),
    };
    let making = tokio::spawn(async move {
        match app.store.archive(&asked, &to).await {
            Ok(rows) => {
                tracing::info!(event = "backup-made", rows, "backup made");
                Ok(())
            }
            Err(fault) => {
                tracing::warn!(event = "backup-broken-off", code = fault.code(), "a backup was broken off: {fault}");
                Err(fault.to_string())
            }
        }
    });
    let mut response = Response::new(Body::new(Pieces { pieces, making: Some(making) }));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = String;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, String>>> {
        if let Some(piece) = std::task::ready!(self.pieces.poll_recv(context)) {
            return Poll::Ready(Some(Ok(Frame::data(piece.into()))));
        }
        let Some(making) = &mut self.making else { return Poll::Ready(None) };
        let ended = std::task::ready!(Pin::new(making).poll(context));
        self.making = None;
        match ended {
            Ok(Ok(())) => Poll::Ready(None),
            Ok(Err(fault)) => Poll::Ready(Some(Err(fault))),
            Err(fault) => Poll::Ready(Some(Err(fault.to_string()))),
        }
    }
}

/// A mebibyte of them.
const PIECES_AHEAD: usize = 4;
