//! A request to an API, as far as its access token goes: how the token is shown, and what proves that its bearer may show it.

use accredit_id::base64url;
use accredit_id::digest::sha256;
use accredit_id::jose::dpop::{self, ExpectedProof, Freshness, NotSpent, ProofFault, Spent};
use accredit_id::json::Object;
use accredit_id::time::Timestamp;

use super::AccessTokenError;

/// What a request shows. Method and URL are those of the request as its sender knows the API, behind whatever proxy: never
/// taken from a header that a sender can choose.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'p> {
    /// The value of the one `Authorization` header: `Bearer TOKEN` or `DPoP TOKEN`.
    pub authorization: &'p str,
    /// The values of all `DPoP` headers.
    pub proofs: &'p [&'p str],
    /// The request's method.
    pub method: &'p str,
    /// The request's whole URL. Query and fragment do not count.
    pub url: &'p str,
    /// The certificate (DER) that the client opened the connection with, where the API asks for one. Its chain does not matter
    /// here, that the handshake proved its key does.
    pub certificate: Option<&'p [u8]>,
}

/// How a token is shown (RFC 6750 section 2.1, RFC 9449 section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Bearer,
    Dpop,
}

/// Why a genuine token is not accepted from whoever shows it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindingFault {
    /// The token is bound to a key and was shown as a bearer token: stripped of its binding.
    #[error("token is bound to a key, and was shown as a bearer token")]
    ShownAsBearer,
    /// The token is bound to no key, and was shown as if it were.
    #[error("token is bound to no key, and was shown under the scheme `DPoP`")]
    NotBound,
    /// `cnf` is malformed, or names a key in a way that is not checked here.
    #[error("token's `cnf` cannot be checked, expected `jkt` or `x5t#S256`")]
    Unknown,
    /// The request has no proof, or several.
    #[error("request has {0} DPoP proofs, expected one")]
    ProofCount(usize),
    /// The proof does not hold.
    #[error("{0}")]
    Proof(ProofFault),
    /// The proof was shown before.
    #[error("DPoP proof was shown before")]
    Replayed,
    /// There is no room to remember proofs, so that this one could be shown again.
    #[error("DPoP proofs cannot be remembered at the moment")]
    Full,
    /// The token is bound to a certificate, and the connection has none or another one.
    #[error("token is bound to a certificate that the connection does not have")]
    Certificate,
}

/// What a token is bound to.
#[derive(Debug, Default)]
pub(super) struct Bound<'c> {
    key: Option<&'c str>,
    certificate: Option<&'c str>,
}

// === impl Presented ===

impl<'p> Presented<'p> {
    /// How the token is shown, and the token.
    pub(super) fn scheme(&self) -> Result<(Scheme, &'p str), AccessTokenError> {
        let (scheme, token) = self.authorization.split_once(' ').ok_or(AccessTokenError::Missing)?;
        match scheme {
            bearer if bearer.eq_ignore_ascii_case("Bearer") => Ok((Scheme::Bearer, token.trim())),
            dpop if dpop.eq_ignore_ascii_case("DPoP") => Ok((Scheme::Dpop, token.trim())),
            _ => Err(AccessTokenError::Missing),
        }
    }

    /// Whether whoever sent this holds all that the token is bound to.
    pub(super) fn proves(
        &self,
        (scheme, token): (Scheme, &str),
        bound: &Bound<'_>,
        spent: &Spent,
        now: Timestamp,
    ) -> Result<(), BindingFault> {
        if let Some(certificate) = bound.certificate {
            let shown = self.certificate.map(|der| base64url::encode(&sha256(der)));
            if shown.as_deref() != Some(certificate) {
                return Err(BindingFault::Certificate);
            }
        }
        match (scheme, bound.key) {
            (Scheme::Bearer, None) => Ok(()),
            (Scheme::Bearer, Some(_)) => Err(BindingFault::ShownAsBearer),
            (Scheme::Dpop, None) => Err(BindingFault::NotBound),
            (Scheme::Dpop, Some(key)) => {
                let [proof] = self.proofs else { return Err(BindingFault::ProofCount(self.proofs.len())) };
                let expected = ExpectedProof {
                    method: self.method,
                    url: self.url,
                    access_token: Some(token),
                    key: Some(key),
                    freshness: Freshness::IssuedAt(MOST_OFF),
                    now,
                };
                let proof = dpop::verify(proof, &expected).map_err(BindingFault::Proof)?;
                spent.spend(&proof, now).map_err(|why| match why {
                    NotSpent::Replayed => BindingFault::Replayed,
                    NotSpent::Full => BindingFault::Full,
                })
            }
        }
    }
}

// === impl Bound ===

impl<'c> Bound<'c> {
    /// Reads `cnf`; what cannot be checked is not taken for nothing.
    pub(super) fn of(claims: &'c Object<'_>) -> Result<Self, BindingFault> {
        let Some(claim) = claims.get("cnf") else { return Ok(Self::default()) };
        let mut bound = Self::default();
        for (name, value) in claim.as_object().ok_or(BindingFault::Unknown)?.iter() {
            let place = match name {
                "jkt" => &mut bound.key,
                "x5t#S256" => &mut bound.certificate,
                _ => return Err(BindingFault::Unknown),
            };
            *place = Some(value.as_str().ok_or(BindingFault::Unknown)?);
        }
        match bound {
            Self { key: None, certificate: None } => Err(BindingFault::Unknown),
            bound => Ok(bound),
        }
    }
}

// === impl BindingFault ===

impl BindingFault {
    /// Its stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::ShownAsBearer => "bound-shown-as-bearer",
            Self::NotBound => "not-bound",
            Self::Unknown => "binding-unknown",
            Self::ProofCount(_) => "proof-count",
            Self::Proof(fault) => fault.code(),
            Self::Replayed => "proof-replayed",
            Self::Full => "proof-memory",
            Self::Certificate => "certificate-mismatch",
        }
    }

    /// Whether a proof is at fault, not the token.
    pub(super) const fn is_of_the_proof(&self) -> bool {
        matches!(self, Self::ProofCount(_) | Self::Proof(_) | Self::Replayed)
    }
}

/// The memory of shown proofs of one verifier.
pub(super) fn spent() -> Spent {
    Spent::new(REMEMBERED, CAPACITY)
}

/// How far a proof's `iat` may be off, in seconds. An API gives no nonces, so this is how long a captured request can be tried at
/// another of its servers.
const MOST_OFF: i64 = 60;
/// Seconds. INVARIANT: longer than a proof from the future counts (twice `MOST_OFF`); shorter, and it could be shown twice.
const REMEMBERED: i64 = 2 * MOST_OFF + 1;
/// 2000 requests a second, in some 12 MiB.
const CAPACITY: usize = 1 << 18;
