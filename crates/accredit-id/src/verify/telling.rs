//! Faults in words.

use super::fault::{Part, TokenFault};
use crate::jose::Algorithm;
use crate::jose::jwk::KeyNotUsable;
use crate::shown::Shown;

impl TokenFault {
    /// One sentence for the operator: what was seen, what was expected. Not for callers.
    #[must_use]
    pub fn operator_text(&self) -> String {
        match self {
            Self::Malformed { part, problem } => format!("{} malformed: {problem}", part.noun()),
            Self::TokenTooLarge { bytes } => {
                format!("token has {bytes} bytes, expected at most {}", super::MAX_TOKEN_BYTES)
            }
            Self::AlgorithmNotAllowed { seen, allowed } if allowed.is_empty() => {
                format!("algorithm `{seen}` is not allowed, nor is any other")
            }
            Self::AlgorithmNotAllowed { seen, allowed } => {
                format!("algorithm `{seen}` is not allowed, expected one of {allowed}")
            }
            Self::TypeNotAllowed { header, seen, expected } => {
                format!("header `{header}` is `{seen}`, expected {expected}")
            }
            Self::CriticalHeader { name } => format!("header `{name}` is not understood, expected none of its kind"),
            Self::EmbeddedKey { name } => {
                format!("header `{name}` brings a key of the token's own, expected a `kid` alone")
            }
            Self::KidMissing { seen } => format!("header `kid` is {seen}, expected the name of a key"),
            Self::KeyNotFound { kid, known } if known.is_empty() => {
                format!("key `{kid}` is not known, nor is any other")
            }
            Self::KeyNotFound { kid, known } => format!("key `{kid}` is not known, the issuer has {}", listed(known)),
            Self::KeyNotUsable { kid, why } => format!("key `{kid}` {}", why.phrase()),
            Self::BadSignature { kid, algorithm } => format!("signature does not match key `{kid}` with {algorithm}"),
            Self::IssuerMismatch { seen: None, expected, .. } => format!("issuer is missing, expected `{expected}`"),
            Self::IssuerMismatch { seen: Some(seen), expected, .. } => {
                format!("issuer is `{seen}`, expected `{expected}`")
            }
            Self::AudienceMissing => "audience is missing".to_owned(),
            Self::AudienceMismatch { seen, expected, .. } => {
                format!("audience is {}, expected {}", listed(seen), listed(expected))
            }
            Self::AudienceNotSingle { seen, ours } => format!("audience is {}, expected `{ours}` alone", listed(seen)),
            Self::SubjectMissing => "claim `sub` is missing".to_owned(),
            Self::ClaimMalformed { claim, seen, expected } => format!("claim `{claim}` is {seen}, expected {expected}"),
            Self::Expired { expires_at, ago } => format!("token expired at {expires_at}, {ago} s ago"),
            Self::NotYetValid { not_before, ahead } => format!("token begins at {not_before}, {ahead} s from now"),
            Self::IssuedInFuture { issued_at, ahead } => format!("token was issued at {issued_at}, {ahead} s from now"),
            Self::LifetimeTooLong { seen, allowed } => format!("token lives {seen} s, expected at most {allowed} s"),
            Self::TooOld { age, allowed } => format!("token was issued {age} s ago, expected at most {allowed} s"),
            Self::TimesInconsistent { claim, time, expires_at } => {
                format!("claim `{claim}` is {time}, expected nothing after `exp`, {expires_at}")
            }
        }
    }

    /// What to do about it, where one thing is likely to help.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Malformed { part: Part::Token, .. } => {
                Some("send the platform's JWT alone: three base64url segments, two dots".into())
            }
            Self::TokenTooLarge { .. } => {
                Some("have the issuer put fewer claims into the token; lists of groups are the usual cause".into())
            }
            Self::AlgorithmNotAllowed { seen, .. } => seen.as_str().parse::<Algorithm>().ok().map(|algorithm| {
                format!("add `{algorithm}` to the provider's algorithms, if its issuer really signs with it")
            }),
            Self::TypeNotAllowed { header: "typ", seen, .. }
                if seen.as_str().to_ascii_lowercase().ends_with("at+jwt") =>
            {
                Some("send the platform's identity token, not an access token".into())
            }
            Self::KidMissing { seen: "nothing" } => {
                Some("let the provider omit `kid`, if its key set holds one key and always will".into())
            }
            Self::KeyNotFound { .. } => {
                Some("compare with the issuer's key set; after a rotation an uploaded set must be uploaded anew".into())
            }
            Self::BadSignature { .. } => {
                Some("check that token and key set come from the same issuer and environment".into())
            }
            Self::IssuerMismatch { near_miss: Some(near), expected, .. } => Some(format!(
                "they differ {} only; register the issuer as the token writes it, or have the token say `{expected}`",
                near.phrase()
            )),
            Self::AudienceMismatch { near_miss: Some(near), expected, .. } => {
                Some(format!("they differ {} only; request the token for exactly {}", near.phrase(), listed(expected)))
            }
            Self::AudienceMissing => Some("request the token with an audience".into()),
            Self::AudienceMismatch { expected, .. } if !expected.is_empty() => {
                Some(format!("request the token for the audience {}", listed(expected)))
            }
            Self::AudienceNotSingle { ours, .. } => {
                Some(format!("request a token for `{ours}` alone, or let the provider allow several"))
            }
            Self::Expired { .. } => Some("fetch a new token right before the exchange".into()),
            Self::NotYetValid { .. } | Self::IssuedInFuture { .. } => {
                Some("compare the clocks of the issuer and this server".into())
            }
            Self::LifetimeTooLong { seen, .. } => {
                Some(format!("request a shorter token, or raise the provider's longest lifetime to {seen} s"))
            }
            Self::TooOld { .. } => {
                Some("fetch a new token right before the exchange, or raise the provider's longest age".into())
            }
            _ => None,
        }
    }
}

// === impl Part ===

impl Part {
    const fn noun(self) -> &'static str {
        match self {
            Self::Token => "token is",
            Self::Header => "token's header is",
            Self::Payload => "token's payload is",
            Self::Signature => "token's signature is",
        }
    }
}

// === impl KeyNotUsable ===

impl KeyNotUsable {
    /// The reason as the end of a sentence that begins with the key.
    #[must_use]
    pub fn phrase(&self) -> String {
        match self {
            Self::NotFound => "is not known".to_owned(),
            Self::Algorithm { seen, allowed } => format!("is not for {seen}, expected {allowed}"),
            Self::Dropped(fault) => format!("is in the key set but not usable: {fault}"),
            Self::OutsideWindow => "is not in its own time window".to_owned(),
        }
    }
}

fn listed(names: &[Shown]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
