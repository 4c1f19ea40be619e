//! From keys to a document.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::jose::jwk::PublicKey;
use crate::json::{Json, Number, Object};
use crate::svid::UnfitKey;
use crate::svid::authority::Authority;

/// The bundle document of a trust domain: keys of JWT-SVIDs with their `kid`, authorities of X509-SVIDs without one.
///
/// # Errors
/// [`UnfitKey`] for an authority of a type that none of ours has.
pub fn write<'k>(
    sequence: u64,
    refresh_hint: u64,
    jwt: impl IntoIterator<Item = &'k PublicKey>,
    x509: impl IntoIterator<Item = &'k Authority>,
) -> Result<String, UnfitKey> {
    let mut keys: Vec<Json<'static>> = Vec::new();
    for authority in x509 {
        let mut jwk = authority.public_key()?.to_json();
        // The certificate says which algorithms it is for, and its key is named by it (X509-SVID section 6.2).
        jwk.remove("kid");
        jwk.remove("alg");
        jwk.insert("use", Json::String("x509-svid".into()));
        jwk.insert("x5c", Json::Array(vec![Json::String(STANDARD.encode(authority.der()).into())]));
        keys.push(Json::Object(jwk));
    }
    for key in jwt {
        let mut jwk = key.to_json();
        jwk.insert("use", Json::String("jwt-svid".into()));
        keys.push(Json::Object(jwk));
    }
    let mut document = Object::new();
    document.insert("keys", Json::Array(keys));
    document.insert("spiffe_sequence", Json::Number(Number::from(sequence)));
    document.insert("spiffe_refresh_hint", Json::Number(Number::from(refresh_hint)));
    Ok(serde_json::to_string(&document).unwrap_or_default())
}
