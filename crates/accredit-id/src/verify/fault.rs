//! What is wrong with a token, for the operator.

use std::borrow::Cow;

use super::near_miss::NearMiss;
use crate::jose::jwk::KeyNotUsable;
use crate::jose::{Algorithm, Algorithms};
use crate::shown::Shown;
use crate::time::Timestamp;

/// Why a token is refused, with what was seen and what was expected.
///
/// Made for operators and audit records, where seen values may stand; they are capped and escaped. There is no
/// `Display`, so that it cannot slip into an answer: a caller may be told [`TokenFault::code`], and only as policy
/// says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenFault {
    /// Not a signed JWT in compact form.
    Malformed {
        /// Where.
        part: Part,
        /// What, as a phrase.
        problem: String,
    },
    /// More than [`super::MAX_TOKEN_BYTES`].
    TokenTooLarge {
        /// The length seen.
        bytes: usize,
    },
    /// `alg` is not among those allowed.
    AlgorithmNotAllowed {
        /// What was seen.
        seen: Shown,
        /// What is allowed.
        allowed: Algorithms,
    },
    /// `typ` tells of another kind of token, or `cty` of a token inside this one.
    TypeNotAllowed {
        /// Which of the two.
        header: &'static str,
        /// What was seen.
        seen: Shown,
        /// What was expected, as a phrase.
        expected: &'static str,
    },
    /// A header that changes what the signature or payload means.
    CriticalHeader {
        /// Which.
        name: &'static str,
    },
    /// A header by which the token brings its own key.
    EmbeddedKey {
        /// Which.
        name: &'static str,
    },
    /// The header names no key.
    KidMissing {
        /// What stands there instead, as a phrase.
        seen: &'static str,
    },
    /// The issuer has no key of that name.
    KeyNotFound {
        /// The name seen.
        kid: Shown,
        /// Some of the names that there are.
        known: Vec<Shown>,
    },
    /// The issuer has such a key, but it may not verify this token.
    KeyNotUsable {
        /// The name.
        kid: Shown,
        /// Why not.
        why: KeyNotUsable,
    },
    /// The key did not make this signature over this text.
    BadSignature {
        /// The key's name.
        kid: Shown,
        /// The algorithm.
        algorithm: Algorithm,
    },
    /// `iss`, or the trust domain in `sub`, is another one.
    IssuerMismatch {
        /// What was seen; nothing, when `iss` is absent.
        seen: Option<Shown>,
        /// What was expected.
        expected: Shown,
        /// How little is wrong.
        near_miss: Option<NearMiss>,
    },
    /// `aud` is absent or an empty array.
    AudienceMissing,
    /// None of the audiences is expected.
    AudienceMismatch {
        /// Some of what was seen.
        seen: Vec<Shown>,
        /// Some of what was expected.
        expected: Vec<Shown>,
        /// How little is wrong with one of them.
        near_miss: Option<NearMiss>,
    },
    /// An expected audience, and others beside it.
    AudienceNotSingle {
        /// Some of what was seen.
        seen: Vec<Shown>,
        /// The expected one.
        ours: Shown,
    },
    /// `sub` is absent.
    SubjectMissing,
    /// A claim of another form than its definition says.
    ClaimMalformed {
        /// Which claim.
        claim: &'static str,
        /// What was seen, as a phrase: a type as a rule, else a value made safe to show, in back-ticks.
        seen: Cow<'static, str>,
        /// What was expected, as a phrase.
        expected: &'static str,
    },
    /// `exp` is over.
    Expired {
        /// When it ended.
        expires_at: Timestamp,
        /// Seconds since then.
        ago: i64,
    },
    /// `nbf` is yet to come.
    NotYetValid {
        /// When it begins.
        not_before: Timestamp,
        /// Seconds until then.
        ahead: i64,
    },
    /// `iat` is yet to come.
    IssuedInFuture {
        /// When it says it was issued.
        issued_at: Timestamp,
        /// Seconds until then.
        ahead: i64,
    },
    /// It lives longer than allowed.
    LifetimeTooLong {
        /// Seconds from `iat`, or from now where there is none, to `exp`.
        seen: i64,
        /// Seconds allowed.
        allowed: u64,
    },
    /// It was issued longer ago than allowed.
    TooOld {
        /// Seconds since `iat`.
        age: i64,
        /// Seconds allowed.
        allowed: u64,
    },
    /// It begins after its end.
    TimesInconsistent {
        /// `iat` or `nbf`.
        claim: &'static str,
        /// What that says.
        time: Timestamp,
        /// What `exp` says.
        expires_at: Timestamp,
    },
}

/// Part of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The whole.
    Token,
    /// The first segment.
    Header,
    /// The middle segment.
    Payload,
    /// The last segment.
    Signature,
}

// === impl TokenFault ===

impl TokenFault {
    /// Every code, in the order of the variants.
    pub const CODES: [&'static str; 22] = [
        "malformed",
        "token-too-large",
        "algorithm-not-allowed",
        "type-not-allowed",
        "critical-header",
        "embedded-key",
        "kid-missing",
        "key-not-found",
        "key-not-usable",
        "bad-signature",
        "issuer-mismatch",
        "audience-missing",
        "audience-mismatch",
        "audience-not-single",
        "subject-missing",
        "claim-malformed",
        "expired",
        "not-yet-valid",
        "issued-in-future",
        "lifetime-too-long",
        "too-old",
        "times-inconsistent",
    ];

    /// The fault's stable name, kebab-case, never reused.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "malformed",
            Self::TokenTooLarge { .. } => "token-too-large",
            Self::AlgorithmNotAllowed { .. } => "algorithm-not-allowed",
            Self::TypeNotAllowed { .. } => "type-not-allowed",
            Self::CriticalHeader { .. } => "critical-header",
            Self::EmbeddedKey { .. } => "embedded-key",
            Self::KidMissing { .. } => "kid-missing",
            Self::KeyNotFound { .. } => "key-not-found",
            Self::KeyNotUsable { .. } => "key-not-usable",
            Self::BadSignature { .. } => "bad-signature",
            Self::IssuerMismatch { .. } => "issuer-mismatch",
            Self::AudienceMissing => "audience-missing",
            Self::AudienceMismatch { .. } => "audience-mismatch",
            Self::AudienceNotSingle { .. } => "audience-not-single",
            Self::SubjectMissing => "subject-missing",
            Self::ClaimMalformed { .. } => "claim-malformed",
            Self::Expired { .. } => "expired",
            Self::NotYetValid { .. } => "not-yet-valid",
            Self::IssuedInFuture { .. } => "issued-in-future",
            Self::LifetimeTooLong { .. } => "lifetime-too-long",
            Self::TooOld { .. } => "too-old",
            Self::TimesInconsistent { .. } => "times-inconsistent",
        }
    }
}
