//! An access token of ours that comes as credentials (RFC 6750 section 2.1, RFC 9449 section 7.1): a bound one with all that it
//! is bound to, and under the scheme of its kind.

use accredit_core::decide::{Confirmation, Held};
use accredit_id::time::Timestamp;
use accredit_id::verify::Verified;
use hyper::header;
use hyper::http::request::Parts;

use super::proven::Certificate;
use crate::dpop::{ProofRefused, Proofs};
use crate::record::Recorder;

/// A token as its request shows it.
#[derive(Clone, Copy)]
pub(crate) struct Presented<'h> {
    /// The scheme that it was shown under.
    pub(crate) scheme: Scheme,
    /// The token. Nobody has looked at it yet.
    pub(crate) token: &'h str,
}

/// How a token is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// Whoever has it may use it.
    Bearer,
    /// With a proof.
    Dpop,
}

/// Why a genuine token does not count.
#[derive(Debug)]
pub(crate) enum NotProven {
    /// It is bound and was shown as bearer, or the reverse, or `cnf` is none of ours.
    Scheme,
    /// Another certificate than its own, or none.
    Certificate,
    /// The proof.
    Proof(ProofRefused),
}

impl<'h> Presented<'h> {
    /// Reads the one `Authorization` header of a request; `None` where there is none of these schemes, or two.
    pub(crate) fn of(head: &'h Parts) -> Option<Self> {
        let mut shown = head.headers.get_all(header::AUTHORIZATION).iter();
        let (scheme, token) = shown.next()?.to_str().ok()?.split_once(' ')?;
        let scheme = match scheme {
            bearer if bearer.eq_ignore_ascii_case("Bearer") => Scheme::Bearer,
            dpop if dpop.eq_ignore_ascii_case("DPoP") => Scheme::Dpop,
            _ => return None,
        };
        shown.next().is_none().then(|| Self { scheme, token: token.trim() })
    }

    /// Checks that whoever shows a genuine token holds what it is bound to, and spends the proof (I09, I10).
    ///
    /// # Errors
    /// He does not, or shows the token as what it is not.
    pub(crate) async fn check(
        &self,
        verified: &Verified<'_>,
        head: &Parts,
        (proofs, recorder): (&Proofs, &Recorder),
        now: Timestamp,
    ) -> Result<(), NotProven> {
        let bound = Confirmation::read(verified.claims()).map_err(|_| NotProven::Scheme)?.unwrap_or_default();
        let certificate = Certificate::of(head);
        let held = Held {
            proof_key: bound.proof_key.as_deref(),
            certificate: certificate.as_ref().map(Certificate::thumbprint),
        };
        if bound.lacking(held).is_some() {
            return Err(NotProven::Certificate);
        }
        match (self.scheme, bound.proof_key.as_deref()) {
            (Scheme::Bearer, None) => Ok(()),
            (Scheme::Dpop, Some(key)) => {
                let shown = Some((self.token, key));
                let judged = proofs
                    .judge(&head.headers, head.method.as_str(), head.uri.path(), shown, now)
                    .map_err(NotProven::Proof)?;
                proofs.spend_alone(&judged, recorder, now).await.map_err(NotProven::Proof)
            }
            (Scheme::Bearer, Some(_)) | (Scheme::Dpop, None) => Err(NotProven::Scheme),
        }
    }
}
