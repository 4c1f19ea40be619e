//! A second opinion: the same tokens and keys before `jsonwebtoken`, which shares no code with us but the cryptographic
//! library. It judges the signature alone; its rules for claims are looser than ours on purpose of its own.

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};

use accredit_id::verify::{Buffer, read};

use crate::jwt::load;
use crate::jwt_vector::Vector;

/// What we accept, it accepts, and reads the same claims.
#[test]
fn agrees_on_good_tokens() {
    crate::all(load("jwt/accept").into_iter().filter(|vector| !is_unknown_to_it(vector)), |vector| {
        let token = vector.token();
        let theirs = second_opinion(vector, &token).map_err(|error| format!("{}: {error}", vector.title()))?;
        let mut buffer = Buffer::new();
        let ours = serde_json::to_value(read(&token, &mut buffer).unwrap().into_typed_in()).unwrap();
        if ours == theirs { Ok(()) } else { Err(format!("{}: {ours} and {theirs}", vector.title())) }
    });
}

/// What we refuse for its signature, it refuses.
#[test]
fn agrees_on_bad_signatures() {
    let bad =
        load("jwt/reject").into_iter().filter(|vector| vector.expect == "bad-signature" && !is_unknown_to_it(vector));
    crate::all(bad, |vector| match second_opinion(vector, &vector.token()) {
        Ok(_) => Err(format!("{}: was accepted", vector.title())),
        Err(_) => Ok(()),
    });
}

fn second_opinion(vector: &Vector, token: &str) -> Result<serde_json::Value, String> {
    let header = decode_header(token).map_err(|error| error.to_string())?;
    let named = |jwk: &&serde_json::Value| {
        let alg_fits = jwk.get("alg").is_none_or(|alg| {
            serde_json::from_value(alg.clone()).is_ok_and(|alg: jsonwebtoken::Algorithm| alg == header.alg)
        });
        alg_fits && header.kid.as_deref().is_none_or(|kid| jwk["kid"] == kid)
    };
    let published = vector.published();
    let jwk = published.iter().find(named).ok_or("no such key")?;
    // It knows no `use` of SPIFFE's, and refuses what it does not know.
    let mut jwk = jwk.clone();
    jwk.as_object_mut().unwrap().remove("use");
    let jwk: Jwk = serde_json::from_value(jwk).map_err(|error| error.to_string())?;
    let key = DecodingKey::from_jwk(&jwk).map_err(|error| error.to_string())?;
    let mut validation = Validation::new(header.alg);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    decode(token, &key, &validation).map(|token| token.claims).map_err(|error| error.to_string())
}

/// It has no ES512.
fn is_unknown_to_it(vector: &Vector) -> bool {
    vector.token().starts_with("eyJhbGciOiJFUzUxMiI")
}
