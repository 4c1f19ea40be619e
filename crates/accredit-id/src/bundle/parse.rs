//! From a document to a bundle.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Bundle, BundleFault, DroppedEntry, EntryFault};
use crate::jose::jwk::{KeyFault, KeySet, PublicKey, Purpose, Source, refuse_secrets};
use crate::json::{self, Json, Number, Object};
use crate::shown::Shown;
use crate::svid::authority::{Authority, AuthorityFault};

/// Reads a document.
pub(super) fn document(document: &[u8], source: Source) -> Result<Bundle, BundleFault> {
    if document.len() > Bundle::MAX_BYTES {
        return Err(BundleFault::TooLarge { bytes: document.len() });
    }
    object(&json::object(document, &json::Limits::DOCUMENT)?, source)
}

/// Reads what has been read as JSON.
pub(super) fn object(document: &Object<'_>, source: Source) -> Result<Bundle, BundleFault> {
    let entries = match document.get("keys") {
        Some(Json::Array(entries)) => entries,
        other => return Err(BundleFault::Keys { seen: other.map_or("missing", Json::type_name) }),
    };
    if entries.len() > Bundle::MAX_KEYS {
        return Err(BundleFault::TooManyKeys { seen: entries.len() });
    }
    let mut bundle = Bundle {
        sequence: number(document, "spiffe_sequence")?,
        refresh_hint: number(document, "spiffe_refresh_hint")?,
        ..Bundle::default()
    };
    let mut jwt = Vec::new();
    for (index, item) in entries.iter().enumerate() {
        match entry(item) {
            Ok(Entry::Jwt(key)) => jwt.push(key),
            Ok(Entry::X509(authority)) if bundle.x509.contains(&authority) => {}
            Ok(Entry::X509(authority)) => bundle.x509.push(*authority),
            Err(fault) if source == Source::Uploaded && !fault.is_foreign() => {
                return Err(BundleFault::Entry { index, kid: Shown::of(key_id(item)), fault });
            }
            Err(fault) => bundle.dropped.push(DroppedEntry { index, kid: key_id(item).into(), fault }),
        }
    }
    bundle.jwt = KeySet::from_keys(jwt).map_err(BundleFault::KeySet)?;
    let mut broken = bundle.dropped.iter().filter(|entry| !entry.fault.is_foreign());
    match broken.next() {
        Some(first) if bundle.is_empty() => {
            Err(BundleFault::NoUsableKey { keys: 1 + broken.count(), first: first.fault.clone() })
        }
        _ => Ok(bundle),
    }
}

enum Entry {
    Jwt(PublicKey),
    X509(Box<Authority>),
}

fn entry(item: &Json<'_>) -> Result<Entry, EntryFault> {
    let jwk = item.as_object().ok_or_else(|| KeyFault::NotAnObject { seen: item.type_name() })?;
    refuse_secrets(jwk)?;
    match text(jwk, "use")?.ok_or(EntryFault::UseMissing)? {
        "jwt-svid" => {
            let key = PublicKey::from_jwk(item, Purpose::JwtSvid)?;
            if key.kid().is_empty() { Err(KeyFault::KeyIdMissing.into()) } else { Ok(Entry::Jwt(key)) }
        }
        "x509-svid" => authority(jwk).map(|authority| Entry::X509(Box::new(authority))),
        other => Err(KeyFault::OtherUse { seen: Shown::of(other) }.into()),
    }
}

/// The certificate is what counts; the key beside it says no more, and need not be read.
fn authority(jwk: &Object<'_>) -> Result<Authority, EntryFault> {
    match text(jwk, "kty")? {
        Some("RSA" | "EC" | "OKP") => {}
        Some(other) => return Err(KeyFault::KeyType { seen: Shown::of(other) }.into()),
        None => return Err(KeyFault::Member { name: "kty", seen: "missing", expected: "a string" }.into()),
    }
    // Whatever follows the first value is not looked at (X509-SVID section 6.2).
    let first = match jwk.get("x5c") {
        Some(Json::Array(chain)) => match chain.first() {
            Some(Json::String(first)) => first,
            Some(_) => return Err(EntryFault::Chain { seen: "an array of something else" }),
            None => return Err(EntryFault::Chain { seen: "empty" }),
        },
        other => return Err(EntryFault::Chain { seen: other.map_or("missing", Json::type_name) }),
    };
    let der = STANDARD.decode(&**first).map_err(|_| AuthorityFault::Malformed)?;
    Ok(Authority::read(&der)?)
}

fn number(document: &Object<'_>, name: &'static str) -> Result<Option<u64>, BundleFault> {
    let seen = match document.get(name) {
        None => return Ok(None),
        Some(Json::Number(Number::Int(number))) => match u64::try_from(*number) {
            Ok(number) => return Ok(Some(number)),
            Err(_) => "a negative number",
        },
        Some(Json::Number(Number::UInt(number))) => return Ok(Some(*number)),
        Some(Json::Number(Number::Float(_))) => "a number with a fraction, or beyond 64 bits",
        Some(other) => other.type_name(),
    };
    Err(BundleFault::Number { name, seen })
}

fn text<'j>(jwk: &'j Object<'_>, name: &'static str) -> Result<Option<&'j str>, KeyFault> {
    match jwk.get(name) {
        None => Ok(None),
        Some(Json::String(text)) => Ok(Some(text)),
        Some(other) => Err(KeyFault::Member { name, seen: other.type_name(), expected: "a string" }),
    }
}

/// The `kid` of an entry, usable or not; empty when there is none to read.
fn key_id<'j>(item: &'j Json<'_>) -> &'j str {
    let kid = item.as_object().and_then(|jwk| jwk.get("kid")).and_then(Json::as_str);
    kid.filter(|kid| kid.len() <= MAX_KEY_ID_BYTES).unwrap_or_default()
}

const MAX_KEY_ID_BYTES: usize = 1024;
