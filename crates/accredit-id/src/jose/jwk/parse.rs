//! From a JWK's members to a key.

use std::sync::OnceLock;

use super::fault::KeyFault;
use super::material::{Curve, Material};
use super::public_key::PublicKey;
use super::purpose::Purpose;
use crate::base64url;
use crate::jose::Algorithm;
use crate::json::{Json, Number, Object};
use crate::shown::Shown;
use crate::time::Timestamp;

/// Reads one item of `keys`.
pub(super) fn public_key(entry: &Json<'_>, purpose: Purpose) -> Result<PublicKey, KeyFault> {
    let jwk = entry.as_object().ok_or(KeyFault::NotAnObject { seen: entry.type_name() })?;
    refuse_secrets(jwk)?;
    check_use(jwk, purpose)?;
    check_operations(jwk)?;
    let declared = declared_algorithm(jwk)?;
    let material = material(jwk)?;
    if let Some(seen) = declared.filter(|algorithm| !material.algorithms().contains(*algorithm)) {
        return Err(KeyFault::AlgorithmMismatch { seen, fitting: material.algorithms() });
    }
    let kid = match optional_text(jwk, "kid")? {
        Some(kid) if kid.len() > MAX_KEY_ID_BYTES => {
            return Err(KeyFault::Member { name: "kid", seen: "too long", expected: "at most 1024 bytes" });
        }
        kid => kid.unwrap_or_default().into(),
    };
    let (not_before, not_after) = (instant(jwk, "nbf")?, instant(jwk, "exp")?);
    Ok(PublicKey { kid, declared, not_before, not_after, material, thumbprint: OnceLock::new() })
}

/// The `kid` of an item, usable or not; empty when there is none to read.
pub(super) fn key_id<'j>(entry: &'j Json<'_>) -> &'j str {
    let kid = entry.as_object().and_then(|jwk| jwk.get("kid")).and_then(Json::as_str);
    kid.filter(|kid| kid.len() <= MAX_KEY_ID_BYTES).unwrap_or_default()
}

/// Before anything else: a secret beside a key made for something else is a leak all the same.
pub(crate) fn refuse_secrets(jwk: &Object<'_>) -> Result<(), KeyFault> {
    if jwk.get("kty").and_then(Json::as_str) == Some("oct") {
        return Err(KeyFault::Symmetric);
    }
    match SECRET_MEMBERS.iter().find(|name| jwk.get(name).is_some()) {
        Some(name) => Err(KeyFault::Private { name }),
        None => Ok(()),
    }
}

fn check_use(jwk: &Object<'_>, purpose: Purpose) -> Result<(), KeyFault> {
    match (optional_text(jwk, "use")?, purpose) {
        (None | Some("sig"), _) | (Some("jwt-svid"), Purpose::JwtSvid) => Ok(()),
        (Some(seen), _) => Err(KeyFault::OtherUse { seen: Shown::of(seen) }),
    }
}

fn check_operations(jwk: &Object<'_>) -> Result<(), KeyFault> {
    match jwk.get("key_ops") {
        None => Ok(()),
        Some(Json::Array(operations)) if operations.iter().any(|operation| operation.as_str() == Some("verify")) => {
            Ok(())
        }
        Some(Json::Array(_)) => Err(KeyFault::OtherOperations),
        Some(other) => Err(KeyFault::Member { name: "key_ops", seen: other.type_name(), expected: "an array" }),
    }
}

fn declared_algorithm(jwk: &Object<'_>) -> Result<Option<Algorithm>, KeyFault> {
    let Some(name) = optional_text(jwk, "alg")? else { return Ok(None) };
    name.parse().map(Some).map_err(|_| KeyFault::OtherAlgorithm { seen: Shown::of(name) })
}

fn material(jwk: &Object<'_>) -> Result<Material, KeyFault> {
    match text(jwk, "kty")? {
        "RSA" => Material::rsa(&bytes(jwk, "n")?, &bytes(jwk, "e")?),
        "EC" => {
            let name = text(jwk, "crv")?;
            let curve = Curve::from_name(name).ok_or_else(|| KeyFault::Curve { seen: Shown::of(name) })?;
            Material::ec(curve, &bytes(jwk, "x")?, &bytes(jwk, "y")?)
        }
        "OKP" => match text(jwk, "crv")? {
            "Ed25519" => Material::ed25519(&bytes(jwk, "x")?),
            other => Err(KeyFault::Curve { seen: Shown::of(other) }),
        },
        other => Err(KeyFault::KeyType { seen: Shown::of(other) }),
    }
}

/// A key's own window, as some issuers publish it for keys that are staged or retired.
fn instant(jwk: &Object<'_>, name: &'static str) -> Result<Option<Timestamp>, KeyFault> {
    match jwk.get(name) {
        None => Ok(None),
        Some(Json::Number(Number::Int(seconds))) => Ok(Some(Timestamp::from_unix(*seconds))),
        Some(other) => Err(KeyFault::Member { name, seen: other.type_name(), expected: "a whole number of seconds" }),
    }
}

fn bytes(jwk: &Object<'_>, name: &'static str) -> Result<Vec<u8>, KeyFault> {
    let not_canonical = KeyFault::Member { name, seen: "not base64url", expected: "unpadded base64url" };
    base64url::decode(text(jwk, name)?).map_err(|_| not_canonical)
}

fn text<'j>(jwk: &'j Object<'_>, name: &'static str) -> Result<&'j str, KeyFault> {
    optional_text(jwk, name)?.ok_or(KeyFault::Member { name, seen: "missing", expected: "a string" })
}

fn optional_text<'j>(jwk: &'j Object<'_>, name: &'static str) -> Result<Option<&'j str>, KeyFault> {
    match jwk.get(name) {
        None => Ok(None),
        Some(Json::String(text)) => Ok(Some(text)),
        Some(other) => Err(KeyFault::Member { name, seen: other.type_name(), expected: "a string" }),
    }
}

/// Members of private and symmetric keys (RFC 7518 sections 6.2.2, 6.3.2 and 6.4; `priv` is the seed of
/// post-quantum keys).
const SECRET_MEMBERS: [&str; 9] = ["d", "k", "p", "q", "dp", "dq", "qi", "oth", "priv"];

/// Longer names are refused; they would only be carried about.
const MAX_KEY_ID_BYTES: usize = 1024;
