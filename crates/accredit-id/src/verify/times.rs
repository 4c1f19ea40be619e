//! When a token counts.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::expectations::{Expectations, IssuedAtRule};
use super::fault::TokenFault;
use crate::json::{Json, Number, Object};
use crate::time::Timestamp;

/// A token's own times, after they were found good.
pub(super) struct Times {
    pub(super) expires_at: Timestamp,
    pub(super) issued_at: Option<Timestamp>,
}

/// Judges `exp`, `nbf` and `iat` (RFC 7519 sections 4.1.4 to 4.1.6).
///
/// `exp` has no leeway: what has ended issues nothing, however little it ended ago.
pub(super) fn check(
    claims: &Object<'_>,
    payload: &[u8],
    expected: &Expectations<'_>,
    now: Timestamp,
) -> Result<Times, TokenFault> {
    let expires_at = numeric_date(claims, payload, "exp")?.ok_or_else(|| missing("exp"))?;
    let not_before = numeric_date(claims, payload, "nbf")?;
    let issued_at = numeric_date(claims, payload, "iat")?;
    if issued_at.is_none() && (expected.issued_at == IssuedAtRule::Required || expected.max_age.is_some()) {
        return Err(missing("iat"));
    }
    check_order(expires_at, not_before, issued_at)?;
    check_now(expires_at, not_before, issued_at, expected.leeway.min(Expectations::MAX_LEEWAY), now)?;
    check_spans(expires_at, issued_at, expected, now)?;
    Ok(Times { expires_at, issued_at })
}

fn check_order(
    expires_at: Timestamp,
    not_before: Option<Timestamp>,
    issued_at: Option<Timestamp>,
) -> Result<(), TokenFault> {
    for (claim, time) in [("nbf", not_before), ("iat", issued_at)] {
        if let Some(time) = time.filter(|time| *time > expires_at) {
            return Err(TokenFault::TimesInconsistent { claim, time, expires_at });
        }
    }
    Ok(())
}

fn check_now(
    expires_at: Timestamp,
    not_before: Option<Timestamp>,
    issued_at: Option<Timestamp>,
    leeway: Duration,
    now: Timestamp,
) -> Result<(), TokenFault> {
    if expires_at <= now {
        return Err(TokenFault::Expired { expires_at, ago: now.seconds_since(expires_at) });
    }
    let latest = now.plus(leeway);
    if let Some(not_before) = not_before.filter(|time| *time > latest) {
        return Err(TokenFault::NotYetValid { not_before, ahead: not_before.seconds_since(now) });
    }
    if let Some(issued_at) = issued_at.filter(|time| *time > latest) {
        return Err(TokenFault::IssuedInFuture { issued_at, ahead: issued_at.seconds_since(now) });
    }
    Ok(())
}

fn check_spans(
    expires_at: Timestamp,
    issued_at: Option<Timestamp>,
    expected: &Expectations<'_>,
    now: Timestamp,
) -> Result<(), TokenFault> {
    let begin = issued_at.unwrap_or(now);
    if expires_at > begin.plus(expected.max_lifetime) {
        let seen = expires_at.seconds_since(begin);
        return Err(TokenFault::LifetimeTooLong { seen, allowed: expected.max_lifetime.as_secs() });
    }
    match (issued_at, expected.max_age) {
        (Some(issued_at), Some(max_age)) if now > issued_at.plus(max_age) => {
            Err(TokenFault::TooOld { age: now.seconds_since(issued_at), allowed: max_age.as_secs() })
        }
        _ => Ok(()),
    }
}

/// Reads a `NumericDate` (RFC 7519 section 2): seconds, not negative, at most 2^53; a plain fraction is cut off.
fn numeric_date(claims: &Object<'_>, payload: &[u8], claim: &'static str) -> Result<Option<Timestamp>, TokenFault> {
    let seconds = match claims.get(claim) {
        None => return Ok(None),
        Some(Json::Number(Number::Int(seconds))) => Some(*seconds),
        Some(Json::Number(Number::Float(seconds))) if is_plain_fraction(payload, claim) => whole(*seconds),
        Some(Json::Number(_)) => None,
        Some(other) => return Err(malformed(claim, other.type_name())),
    };
    match seconds {
        Some(seconds @ 0..=LAST) => Ok(Some(Timestamp::from_unix(seconds))),
        _ => Err(malformed(claim, "another number")),
    }
}

/// The whole part of a number that `i64` holds without loss.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "both are exact up to 2^53")]
fn whole(seconds: f64) -> Option<i64> {
    (0.0..=LAST as f64).contains(&seconds).then_some(seconds.floor() as i64)
}

/// Whether the payload writes `claim` without an exponent: `1e9` is a number to JSON and nothing to most issuers'
/// readers. The value alone no longer tells, so this one text is looked up again; no honest token comes here.
fn is_plain_fraction(payload: &[u8], claim: &str) -> bool {
    let Ok(times) = serde_json::from_slice::<Written<'_>>(payload) else { return false };
    let written = match claim {
        "exp" => times.exp,
        "nbf" => times.nbf,
        _ => times.iat,
    };
    written.is_some_and(|raw| !raw.get().contains(['e', 'E']))
}

/// The times as they are written.
#[derive(Deserialize)]
struct Written<'p> {
    #[serde(borrow)]
    exp: Option<&'p RawValue>,
    #[serde(borrow)]
    nbf: Option<&'p RawValue>,
    #[serde(borrow)]
    iat: Option<&'p RawValue>,
}

fn missing(claim: &'static str) -> TokenFault {
    malformed(claim, "nothing")
}

fn malformed(claim: &'static str, seen: &'static str) -> TokenFault {
    TokenFault::ClaimMalformed { claim, seen: Cow::Borrowed(seen), expected: "seconds since 1970, 0 to 2^53" }
}

/// The last second that every JSON reader understands alike: 2^53.
const LAST: i64 = 1 << 53;
