//! The bare server: what no server can be faster than that verifies a token and signs another over HTTP.
//!
//! The same HTTP stack, allocator and verifier as the product, and nothing else: no face, no mapping, no policy, no record. It
//! is no token service; whoever holds a token of the one issuer gets one.

use std::cell::RefCell;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use accredit_id::jose::jwk::{KeySet, Purpose, Source};
use accredit_id::jose::{Algorithm, Algorithms};
use accredit_id::time::Timestamp;
use accredit_id::verify::{self, Buffer, Expectations, ExpectedIssuer, ExpectedType, IssuedAtRule, KeyIdRule};
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::cast;
use crate::fault::{Because as _, Fault};

/// `accredit-bench ceiling`: serves exchanges until it is killed.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS")]
    listen: SocketAddr,
    /// JWK set of the one issuer
    #[arg(long, value_name = "FILE")]
    jwks: PathBuf,
    /// The `iss` of its tokens
    #[arg(long, value_name = "URL")]
    issuer: String,
    /// Let other requests be computed before an answer is written, so that answers go out in bursts
    #[arg(long = "yield")]
    yields: bool,
}

/// What every exchange needs.
struct Ceiling {
    issuer: String,
    audiences: [String; 1],
    keys: KeySet,
    signing: EcdsaKeyPair,
    random: SystemRandom,
    yields: bool,
}

/// Serves exchanges on two workers, as the product does.
pub(crate) fn serve(arguments: Arguments) -> Result<(), Fault> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .because(|| "runtime".to_owned())?;
    runtime.block_on(async {
        let listener = TcpListener::bind(arguments.listen).await.because(|| arguments.listen.to_string())?;
        let ceiling = Arc::new(Ceiling::new(arguments)?);
        loop {
            let (stream, _) = listener.accept().await.because(|| "accept".to_owned())?;
            stream.set_nodelay(true).because(|| "no delay".to_owned())?;
            let ceiling = Arc::clone(&ceiling);
            tokio::spawn(async move {
                let service = service_fn(|request| answer(Arc::clone(&ceiling), request));
                // A connection that breaks is its client's to notice.
                let _ =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    })
}

async fn answer(ceiling: Arc<Ceiling>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.method() != Method::POST {
        return Ok(response(StatusCode::OK, String::new()));
    }
    let body = match request.into_body().collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return Ok(response(StatusCode::BAD_REQUEST, String::new())),
    };
    let answer = match ceiling.exchange(&body) {
        Ok(body) => response(StatusCode::OK, body),
        Err(fault) => response(StatusCode::BAD_REQUEST, fault),
    };
    if ceiling.yields {
        tokio::task::yield_now().await;
    }
    Ok(answer)
}

// === impl Ceiling ===

impl Ceiling {
    fn new(arguments: Arguments) -> Result<Self, Fault> {
        let document = std::fs::read(&arguments.jwks).because(|| arguments.jwks.display().to_string())?;
        let keys = KeySet::parse(&document, Source::Uploaded, Purpose::Signature)
            .map_err(|fault| Fault::new(format!("{}: {fault:?}", arguments.jwks.display())))?;
        Ok(Self {
            issuer: arguments.issuer,
            audiences: [cast::SUBJECT_AUDIENCE.to_owned()],
            keys,
            signing: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).because(|| "signing key".to_owned())?,
            random: SystemRandom::new(),
            yields: arguments.yields,
        })
    }

    fn exchange(&self, form: &[u8]) -> Result<String, String> {
        let token = subject_token(form).ok_or("no subject_token")?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|fault| fault.to_string())?.as_secs() as i64;
        let expected = Expectations {
            token_type: ExpectedType::Subject,
            issuer: ExpectedIssuer::Exact(&self.issuer),
            audiences: &self.audiences,
            single_audience: true,
            algorithms: [Algorithm::Rs256, Algorithm::Es256].into_iter().collect::<Algorithms>(),
            max_lifetime: Duration::from_secs(3600),
            max_age: None,
            leeway: Duration::from_secs(30),
            key_id: KeyIdRule::Required,
            issued_at: IssuedAtRule::Required,
        };
        BUFFER.with_borrow_mut(|buffer| {
            let unverified = verify::read(token, buffer).map_err(|fault| fault.code().to_owned())?;
            let verified = verify::verify(unverified, &expected, &self.keys, Timestamp::from_unix(now))
                .map_err(|rejected| rejected.fault.code().to_owned())?;
            self.mint(verified.subject(), now)
        })
    }

    /// A token of the product's shape and length (RFC 9068), and the answer around it.
    fn mint(&self, subject: &str, now: i64) -> Result<String, String> {
        let mut random = [0; 16];
        self.random.fill(&mut random).map_err(|fault| fault.to_string())?;
        let expiry = now + LIFETIME;
        let mut claims = String::with_capacity(512);
        let written = write!(
            claims,
            r#"{{"iss":"http://127.0.0.1:7070","sub":"sa_4z8w2k6m0q1r5t9v3x7y2b6d0f","client_id":"sa_4z8w2k6m0q1r5t9v3x7y2b6d0f","aud":"{}","exp":{expiry},"iat":{now},"jti":"dec_{:032x}","org_id":"proj_2b6d0f4z8w2k6m0q1r5t9v3x7y","scope":"{}","act_sub":"{subject}"}}"#,
            cast::API_AUDIENCE,
            u128::from_be_bytes(random),
            cast::PERMISSION,
        );
        written.map_err(|fault| fault.to_string())?;
        let mut token = String::with_capacity(1024);
        URL_SAFE_NO_PAD.encode_string(HEADER, &mut token);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = self.signing.sign(&self.random, token.as_bytes()).map_err(|fault| fault.to_string())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(format!(
            r#"{{"access_token":"{token}","issued_token_type":"urn:ietf:params:oauth:token-type:access_token","token_type":"Bearer","expires_in":{LIFETIME},"scope":"{}","expires_at":{expiry}}}"#,
            cast::PERMISSION,
        ))
    }
}

/// The value of the form's `subject_token`. A token has no character that a form must escape.
fn subject_token(form: &[u8]) -> Option<&str> {
    const NAME: &[u8] = b"subject_token=";
    let begin = memchr::memmem::find(form, NAME)? + NAME.len();
    let value = &form[begin..];
    std::str::from_utf8(&value[..memchr::memchr(b'&', value).unwrap_or(value.len())]).ok()
}

fn response(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

thread_local! {
    static BUFFER: RefCell<Buffer> = RefCell::new(Buffer::default());
}

/// Seconds that a token lives.
const LIFETIME: i64 = 900;
const HEADER: &str = r#"{"typ":"at+jwt","alg":"ES256","kid":"pT6Cq0wYxq8d0nZr3mYwq1Vb6X2kq5mHs9uJc4eLr0o"}"#;
