//! An issuer that signs whatever it is told to, and, where it is served, shows its keys and counts who asks.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use accredit_id::base64url;
use accredit_id::jose::jws::{append_signature, signing_input};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

/// An issuer with one ES256 key.
pub struct Issuer {
    /// Its `iss`.
    pub url: String,
    /// The name of its key.
    pub key_id: String,
    key: EcdsaKeyPair,
}

/// An issuer behind a loopback socket, for as long as the process lives.
pub struct Served {
    /// The issuer.
    pub issuer: Issuer,
    seen: Arc<Seen>,
}

/// What a served issuer has seen, and whether it answers at all.
#[derive(Default)]
struct Seen {
    discoveries: AtomicUsize,
    fetches: AtomicUsize,
    hangs: AtomicBool,
}

/// Seconds since 1970.
///
/// # Panics
/// The clock is set before that.
pub fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

// === impl Issuer ===

impl Issuer {
    /// An issuer with a fresh key.
    ///
    /// # Panics
    /// No key can be made.
    pub fn new(url: &str) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { url: url.to_owned(), key_id: "key-1".to_owned(), key }
    }

    /// Its JWK Set (RFC 7517 section 5).
    pub fn key_set(&self) -> Value {
        let point = self.key.public_key().as_ref();
        let (x, y) = (base64url::encode(&point[1..33]), base64url::encode(&point[33..]));
        json!({"keys": [{"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.key_id, "x": x, "y": y}]})
    }

    /// A token with these claims.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_under(&json!({"alg": "ES256", "kid": self.key_id, "typ": "JWT"}).to_string(), &claims.to_string())
    }

    /// A token with this text as its header and that as its payload, both as they stand.
    ///
    /// # Panics
    /// The key does not sign.
    pub fn sign_under(&self, header: &str, payload: &str) -> String {
        let input = signing_input(header, payload);
        let signature = self.key.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
        append_signature(input, signature.as_ref())
    }

    /// Serves discovery and keys on loopback, which makes its `iss` that address.
    ///
    /// # Panics
    /// It cannot listen.
    pub fn serve() -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = Self::new(&format!("http://{}", listener.local_addr().unwrap()));
        let seen = Arc::new(Seen::default());
        let (url, keys, behind) = (issuer.url.clone(), issuer.key_set().to_string(), Arc::clone(&seen));
        thread::spawn(move || {
            let discovery = json!({"issuer": url, "jwks_uri": format!("{url}/jwks")}).to_string();
            let mut kept = Vec::new();
            for stream in listener.incoming().map_while(Result::ok) {
                let _ = answer(&stream, &discovery, &keys, &behind);
                match behind.hangs.load(Ordering::SeqCst) {
                    true => kept.push(stream),
                    false => kept.clear(),
                }
            }
        });
        Served { issuer, seen }
    }
}

// === impl Served ===

impl Served {
    /// How often its keys were asked for.
    pub fn fetches(&self) -> usize {
        self.seen.fetches.load(Ordering::SeqCst)
    }

    /// How often anything was asked for.
    pub fn requests(&self) -> usize {
        self.fetches() + self.seen.discoveries.load(Ordering::SeqCst)
    }

    /// From now on it takes connections and requests, and answers none.
    pub fn hang(&self) {
        self.seen.hangs.store(true, Ordering::SeqCst);
    }

    /// From now on it answers again.
    pub fn answer_again(&self) {
        self.seen.hangs.store(false, Ordering::SeqCst);
    }
}

/// Answers one request, unless it hangs.
fn answer(mut stream: &TcpStream, discovery: &str, keys: &str, seen: &Seen) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let asked = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let (body, count) = match asked.split(' ').nth(1) {
        Some("/jwks") => (keys, &seen.fetches),
        _ => (discovery, &seen.discoveries),
    };
    count.fetch_add(1, Ordering::SeqCst);
    if seen.hangs.load(Ordering::SeqCst) {
        return Ok(());
    }
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
    write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len())
}

#[cfg(test)]
mod tests {
    use accredit_id::jose::jwk::{KeySet, Purpose, Source};

    use super::*;

    #[test]
    fn its_key_set_is_one_and_its_tokens_have_three_parts() {
        let issuer = Issuer::new("https://ci.test");
        let keys =
            KeySet::parse(issuer.key_set().to_string().as_bytes(), Source::Uploaded, Purpose::Signature).unwrap();
        assert!(!keys.is_empty());
        assert_eq!(issuer.sign(&json!({"a": 1})).split('.').count(), 3);
    }
}
