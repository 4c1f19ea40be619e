//! An issuer on loopback that answers as it is told and counts what it was asked.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use accredit_core::model::{Id, Kind};
use accredit_id::jose::Algorithm;
use accredit_id::jose::jwk::{KeySet, PublicKey, Purpose};
use accredit_id::time::Timestamp;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::gather::fetch::{Fetcher, LIMITS, Limits};
use crate::gather::guard::{Guard, Lookup, Names};
use crate::gather::{AllowList, Authorities, KeyPlace, KeySource, ProviderKeys};

/// An issuer on loopback. It lives as long as the test's runtime.
#[derive(Clone)]
pub(super) struct Stand {
    pub(super) address: SocketAddr,
    scheme: &'static str,
    state: Arc<Mutex<State>>,
}

/// What a path answers.
#[derive(Clone)]
pub(super) enum Answer {
    /// 200 with this body.
    Text(String),
    /// Anything else.
    Full { status: u16, headers: Vec<(&'static str, String)>, body: Vec<u8> },
    /// 200 with this tag, headers and body; 304 with this tag and the headers to whoever has it.
    Tagged { tag: &'static str, headers: Vec<(&'static str, String)>, body: String },
    /// Nothing, ever.
    Hang,
    /// Another answer, later.
    After(Duration, Box<Answer>),
    /// 200 and a body of spaces that does not end, a kibibyte at a time, this far apart.
    Endless(Duration),
    /// 200 and a body that stops before its announced end.
    CutOff,
}

#[derive(Default)]
struct State {
    answers: Vec<(String, Answer)>,
    asked: Vec<String>,
    hosts: Vec<String>,
}

// === impl Stand ===

impl Stand {
    pub(super) async fn start() -> Self {
        Self::listen(None).await
    }

    /// As [`Stand::start`], with TLS.
    pub(super) async fn start_tls(acceptor: TlsAcceptor) -> Self {
        Self::listen(Some(acceptor)).await
    }

    /// Sets what a path answers from now on; one that ends in `*` stands for all that begin so.
    pub(super) fn answer(&self, path: &str, answer: Answer) {
        let mut state = self.state.lock().unwrap();
        state.answers.retain(|(known, _)| known != path);
        state.answers.push((path.to_owned(), answer));
    }

    /// Answers as an issuer of keys with these names.
    pub(super) fn publish(&self, kids: &[&str]) {
        let (issuer, jwks_uri) = (self.url(""), self.url("/jwks"));
        let discovery = format!(
            r#"{{"issuer":"{issuer}","jwks_uri":"{jwks_uri}","id_token_signing_alg_values_supported":["none","HS256"]}}"#
        );
        self.answer("/.well-known/openid-configuration", Answer::Text(discovery));
        self.answer("/jwks", Answer::Text(jwks(kids)));
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    /// The paths that were asked for, in order.
    pub(super) fn asked(&self) -> Vec<String> {
        self.state.lock().unwrap().asked.clone()
    }

    /// The `Host` of each request, in order.
    pub(super) fn hosts(&self) -> Vec<String> {
        self.state.lock().unwrap().hosts.clone()
    }

    /// How often a path was asked for.
    pub(super) fn count(&self, path: &str) -> usize {
        self.asked().iter().filter(|asked| *asked == path).count()
    }

    pub(super) fn discovery(&self) -> KeySource {
        let place = KeyPlace::Discovery { issuer: self.url(""), base: None };
        KeySource { place, purpose: Purpose::Signature }
    }

    pub(super) fn jwks_url(&self) -> KeySource {
        KeySource { place: KeyPlace::JwksUrl(self.url("/jwks")), purpose: Purpose::Signature }
    }

    async fn listen(acceptor: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let scheme = if acceptor.is_some() { "https" } else { "http" };
        let stand = Self { address: listener.local_addr().unwrap(), scheme, state: Arc::default() };
        let state = Arc::clone(&stand.state);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (state, acceptor) = (Arc::clone(&state), acceptor.clone());
                tokio::spawn(async move {
                    let serve = service_fn(move |request| respond(Arc::clone(&state), request));
                    let http = http1::Builder::new();
                    match acceptor {
                        None => drop(http.serve_connection(TokioIo::new(stream), serve).await),
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                drop(http.serve_connection(TokioIo::new(stream), serve).await);
                            }
                        }
                    }
                });
            }
        });
        stand
    }
}

/// A name server that gives what it is told, in turn, and the last for ever after.
#[derive(Clone, Default)]
pub(super) struct PlayedNames {
    answers: Arc<Mutex<Vec<Vec<IpAddr>>>>,
    pub(super) asked: Arc<Mutex<Vec<String>>>,
}

impl PlayedNames {
    pub(super) fn new(answers: &[&[&str]]) -> Self {
        let parse = |answer: &&[&str]| answer.iter().map(|ip| ip.parse().unwrap()).collect();
        let answers = answers.iter().rev().map(parse).collect();
        Self { answers: Arc::new(Mutex::new(answers)), asked: Arc::default() }
    }
}

impl Names for PlayedNames {
    fn lookup(&self, host: &str) -> Lookup {
        self.asked.lock().unwrap().push(host.to_owned());
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop() } else { answers.last().cloned() };
        let answer = answer.ok_or_else(|| io::Error::other("no such host"));
        Box::pin(async move { answer })
    }
}

/// A fetcher that may dial loopback, and gives up early.
pub(super) fn fetcher() -> Arc<Fetcher> {
    fetcher_with(Limits { total: Duration::from_secs(2), connect: Duration::from_secs(1), ..LIMITS })
}

pub(super) fn fetcher_with(limits: Limits) -> Arc<Fetcher> {
    let guard = Guard::new(AllowList::parse(&["127.0.0.0/8"]).unwrap());
    Arc::new(Fetcher::with_limits(guard, Authorities::default(), None, limits))
}

/// A moment, so many seconds after an arbitrary beginning.
pub(super) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix(1_800_000_000).plus(Duration::from_secs(seconds))
}

pub(super) fn id(number: u128) -> Id {
    Id::new(Kind::Provider, number.to_be_bytes())
}

pub(super) fn keys_of(source: KeySource) -> Arc<ProviderKeys> {
    Arc::new(ProviderKeys::new(id(1), Arc::new(source), fetcher(), Arc::default()))
}

/// Lets a refresh that began behind come to its end.
pub(super) async fn settle(keys: &ProviderKeys) {
    while keys.is_refreshing() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(super) async fn names(keys: &Arc<ProviderKeys>, kid: &str, now: Timestamp) -> Vec<String> {
    let set = keys.keys_for(Some(kid), now).await.unwrap();
    kids(&set).into_iter().map(str::to_owned).collect()
}

/// A key set of fresh P-256 keys with these names.
pub(super) fn jwks(kids: &[&str]) -> String {
    let keys = kids.iter().map(|kid| {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        PublicKey::from_ec_point(Some(kid), Algorithm::Es256, pair.public_key().as_ref()).unwrap()
    });
    serde_json::to_string(&KeySet::from_keys(keys.collect()).unwrap().to_json()).unwrap()
}

pub(super) fn kids(set: &KeySet) -> Vec<&str> {
    set.keys().map(PublicKey::kid).collect()
}

/// An authority, and a TLS server with its certificate for `issuer.example` and `localhost`.
pub(super) fn authority() -> (CertificateDer<'static>, TlsAcceptor) {
    let authority_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&authority_key).unwrap().der().clone();
    let issuer = Issuer::new(params, authority_key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(["issuer.example".to_owned(), "localhost".to_owned()])
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    (authority, TlsAcceptor::from(Arc::new(config)))
}

async fn respond(
    state: Arc<Mutex<State>>,
    request: Request<hyper::body::Incoming>,
) -> Result<Response<Played>, Infallible> {
    let path = request.uri().path().to_owned();
    let mut answer = {
        let mut state = state.lock().unwrap();
        state.asked.push(path.clone());
        state.hosts.push(request.headers().get("host").unwrap().to_str().unwrap().to_owned());
        let fits = |known: &str| known == path || known.strip_suffix('*').is_some_and(|start| path.starts_with(start));
        let known = state.answers.iter().find(|(known, _)| fits(known));
        known.map_or(Answer::Full { status: 404, headers: Vec::new(), body: Vec::new() }, |(_, answer)| answer.clone())
    };
    loop {
        answer = match answer {
            Answer::Text(text) => return Ok(Response::new(Played::Whole(Some(text.into())))),
            Answer::Full { status, headers, body } => {
                let mut response = Response::builder().status(status);
                for (name, value) in headers {
                    response = response.header(name, value);
                }
                return Ok(response.body(Played::Whole(Some(body.into()))).unwrap());
            }
            Answer::Tagged { tag, headers, body } => {
                let mut response = Response::builder().header("etag", tag);
                for (name, value) in headers {
                    response = response.header(name, value);
                }
                let is_known = request.headers().get("if-none-match").is_some_and(|known| known == tag);
                let (status, body) = if is_known { (304, Bytes::new()) } else { (200, body.into()) };
                return Ok(response.status(status).body(Played::Whole(Some(body))).unwrap());
            }
            Answer::Hang => return std::future::pending().await,
            Answer::After(pause, later) => {
                tokio::time::sleep(pause).await;
                *later
            }
            Answer::Endless(pause) => {
                let sleep = Box::pin(tokio::time::sleep(pause));
                return Ok(Response::new(Played::Endless { pause, sleep }));
            }
            Answer::CutOff => return Ok(Response::new(Played::CutOff(true))),
        };
    }
}

/// The body of an answer.
enum Played {
    Whole(Option<Bytes>),
    Endless { pause: Duration, sleep: Pin<Box<tokio::time::Sleep>> },
    CutOff(bool),
}

impl Body for Played {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Endless { pause, sleep } => {
                std::task::ready!(sleep.as_mut().poll(context));
                *sleep = Box::pin(tokio::time::sleep(*pause));
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b' '; 1024])))))
            }
            Self::CutOff(first) => Poll::Ready(Some(match std::mem::take(first) {
                true => Ok(Frame::data(Bytes::from_static(b"{\"keys\":["))),
                false => Err(io::Error::other("gone")),
            })),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Endless { .. } => SizeHint::new(),
            Self::CutOff(_) => SizeHint::with_exact(1000),
        }
    }
}
