//! What a token must show to be believed.

use std::time::Duration;

use crate::jose::Algorithms;
use crate::trust_domain::TrustDomain;

/// What [`verify`](super::verify) holds a token against. Empty lists allow nothing.
#[derive(Debug, Clone, Copy)]
pub struct Expectations<'e> {
    /// Which profile the token follows.
    pub token_type: ExpectedType,
    /// Who must have issued it.
    pub issuer: ExpectedIssuer<'e>,
    /// Audiences that are ours; the token must name one, byte for byte.
    pub audiences: &'e [String],
    /// Whether the token may name no other audience beside ours.
    pub single_audience: bool,
    /// Algorithms that this issuer may sign with.
    pub algorithms: Algorithms,
    /// The longest `exp - iat`. Where `iat` may be and is absent, the longest `exp - now`.
    pub max_lifetime: Duration,
    /// The longest `now - iat`, which then must be there.
    pub max_age: Option<Duration>,
    /// How far `nbf` and `iat` may lie ahead of `now`; at most [`Expectations::MAX_LEEWAY`] counts. `exp` has none.
    pub leeway: Duration,
    /// Whether the header must name the key.
    pub key_id: KeyIdRule,
    /// Whether `iat` must be there.
    pub issued_at: IssuedAtRule,
}

/// A token profile, told by the header's `typ` (RFC 8725 section 3.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpectedType {
    /// A subject's token: `typ` is absent, `JWT` or `JOSE`.
    Subject,
    /// An OAuth access token (RFC 9068): `typ` is `at+jwt`, and `client_id`, `iat` and `jti` are there.
    AccessToken,
    /// What a client authenticates by: `typ` is `client-authentication+jwt` (RFC 7523bis), or what it is in a subject's token, as
    /// clients of RFC 7523 have it.
    ClientAuthentication,
}

/// Who must have issued a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpectedIssuer<'e> {
    /// `iss` is there and equal, byte for byte.
    Exact(&'e str),
    /// `sub` is a SPIFFE ID of this trust domain; `iss` is absent or `spiffe://` and the trust domain.
    Spiffe(&'e TrustDomain),
    /// `sub` is a SPIFFE ID of this trust domain; `iss` is absent or equal to the second, byte for byte. For
    /// a SPIFFE server that puts the URL of its discovery document into its JWT-SVIDs.
    SpiffeIssuedBy(&'e TrustDomain, &'e str),
}

/// Whether the header's `kid` may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyIdRule {
    /// It may not.
    Required,
    /// It may, when the key set has exactly one key. Keys are never tried in turn.
    SingleKeyMayOmit,
}

/// Whether the claim `iat` may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssuedAtRule {
    /// It may not.
    Required,
    /// It may, unless a maximum age is set.
    Optional,
}

// === impl Expectations ===

impl Expectations<'_> {
    /// The most leeway that counts, whatever a setting says.
    pub const MAX_LEEWAY: Duration = Duration::from_secs(60);
}

// === impl ExpectedType ===

impl ExpectedType {
    /// What `typ` is to be, as a phrase.
    pub(super) const fn phrase(self) -> &'static str {
        match self {
            Self::Subject => "`JWT` or nothing",
            Self::AccessToken => "`at+jwt`",
            Self::ClientAuthentication => "`client-authentication+jwt`, `JWT` or nothing",
        }
    }

    /// Whether a token of the profile that its `typ` names will do.
    pub(super) fn accepts(self, named: Self) -> bool {
        named == self || matches!((self, named), (Self::ClientAuthentication, Self::Subject))
    }
}
