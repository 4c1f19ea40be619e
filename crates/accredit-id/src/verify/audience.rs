//! Whom a token is for.

use std::borrow::Cow;

use super::expectations::Expectations;
use super::fault::TokenFault;
use super::near_miss::NearMiss;
use crate::json::{Json, Object};
use crate::shown::Shown;

/// Finds the expected audience in `aud`: a string, or an array of different strings (RFC 7519 section 4.1.3). Nothing
/// else stands in for it, `azp` and `client_id` least of all.
pub(super) fn check<'b>(claims: &Object<'b>, expected: &Expectations<'_>) -> Result<Cow<'b, str>, TokenFault> {
    let seen = named(claims)?;
    let Some(ours) = seen.iter().find(|seen| expected.audiences.iter().any(|ours| ours == seen.as_ref())) else {
        return Err(mismatch(&seen, expected.audiences));
    };
    if expected.single_audience && seen.len() > 1 {
        return Err(TokenFault::AudienceNotSingle {
            seen: shown(seen.iter().map(AsRef::as_ref)),
            ours: Shown::of(ours),
        });
    }
    Ok(Cow::clone(ours))
}

fn named<'c, 'b>(claims: &'c Object<'b>) -> Result<Audiences<'c, 'b>, TokenFault> {
    let audiences = match claims.get("aud") {
        None => return Err(TokenFault::AudienceMissing),
        Some(Json::Array(items)) if items.is_empty() => return Err(TokenFault::AudienceMissing),
        Some(Json::Array(items)) if items.len() > MAX_AUDIENCES => return Err(malformed("an array of more than 64")),
        Some(Json::Array(items)) => items.iter().map(name).collect::<Result<_, _>>()?,
        Some(single) => vec![name(single)?],
    };
    match audiences.iter().enumerate().any(|(index, name)| audiences[..index].contains(name)) {
        true => Err(malformed("an array that names one twice")),
        false => Ok(audiences),
    }
}

fn name<'c, 'b>(item: &'c Json<'b>) -> Result<&'c Cow<'b, str>, TokenFault> {
    match item {
        Json::String(name) if name.is_empty() => Err(malformed("an empty string")),
        Json::String(name) => Ok(name),
        other => Err(malformed(other.type_name())),
    }
}

fn malformed(seen: &'static str) -> TokenFault {
    TokenFault::ClaimMalformed {
        claim: "aud",
        seen: Cow::Borrowed(seen),
        expected: "a string, or an array of different strings",
    }
}

fn mismatch(seen: &[&Cow<'_, str>], expected: &[String]) -> TokenFault {
    let near = |ours: &String| seen.iter().find_map(|seen| NearMiss::between(seen, ours));
    TokenFault::AudienceMismatch {
        near_miss: expected.iter().find_map(near),
        seen: shown(seen.iter().map(|name| name.as_ref())),
        expected: shown(expected.iter().map(String::as_str)),
    }
}

fn shown<'t>(names: impl ExactSizeIterator<Item = &'t str>) -> Vec<Shown> {
    let more = names.len().saturating_sub(AUDIENCES_SHOWN);
    let mut shown: Vec<Shown> = names.take(AUDIENCES_SHOWN).map(Shown::of).collect();
    if more > 0 {
        shown.push(Shown::of(&format!("... and {more} more")));
    }
    shown
}

type Audiences<'c, 'b> = Vec<&'c Cow<'b, str>>;

/// More is not a list of audiences but an attack on whoever compares them.
const MAX_AUDIENCES: usize = 64;

/// How many audiences a fault tells.
const AUDIENCES_SHOWN: usize = 8;
