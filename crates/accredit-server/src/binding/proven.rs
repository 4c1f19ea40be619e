//! The keys of a request for a token. What comes of it is bound to all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use accredit_core::decide::Held;
use accredit_id::base64url;
use accredit_id::digest::sha256;
use accredit_id::time::Timestamp;
use accredit_store::Mark;
use hyper::http::request::Parts;

use crate::dpop::{Judged, PROOF, ProofRefused, Proofs};
use crate::faces::RequestFault;

/// The keys that a request proves to hold.
#[derive(Debug, Default)]
pub(crate) struct Proven {
    proof: Option<Shown>,
    certificate: Option<Certificate>,
}

/// A proof that holds, and whether it was spent already: a request may walk the road more than once.
#[derive(Debug)]
struct Shown {
    judged: Judged,
    is_spent: AtomicBool,
}

/// The certificate that a connection was opened with, by its SHA-256 in base64url (RFC 8705 section 3.1). Its key was proved in
/// the handshake; nobody vouches for what else it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Certificate(Arc<str>);

// === impl Proven ===

impl Proven {
    /// Judges what a request shows.
    ///
    /// # Errors
    /// Its proof does not hold; whoever sends one must not get a token that is not bound to it.
    pub(crate) fn of(head: &Parts, proofs: &Proofs, now: Timestamp) -> Result<Self, RequestFault> {
        let proof = match head.headers.contains_key(PROOF) {
            false => None,
            true => {
                let judged = proofs.judge(&head.headers, head.method.as_str(), head.uri.path(), None, now)?;
                Some(Shown { judged, is_spent: AtomicBool::new(false) })
            }
        };
        Ok(Self { proof, certificate: Certificate::of(head) })
    }

    /// What the core decides on.
    pub(crate) fn held(&self) -> Held<'_> {
        Held {
            proof_key: self.proof.as_ref().map(|shown| shown.judged.proof.thumbprint.as_str()),
            certificate: self.certificate.as_ref().map(Certificate::thumbprint),
        }
    }

    /// Spends the proof, once everything else about the request holds. Gives what has to be claimed with the record of it.
    ///
    /// # Errors
    /// It was shown before, or there is no room to remember it.
    pub(crate) fn spend(&self, proofs: &Proofs, now: Timestamp) -> Result<Option<Mark>, ProofRefused> {
        let Some(Shown { judged, is_spent }) = &self.proof else { return Ok(None) };
        if !is_spent.swap(true, Ordering::Relaxed) {
            proofs.spend(judged, now)?;
        }
        Ok(judged.claim())
    }
}

// === impl Certificate ===

impl Certificate {
    /// Of the certificate's DER.
    pub(crate) fn of_der(der: &[u8]) -> Self {
        Self(base64url::encode(&sha256(der)).into())
    }

    /// The certificate of the connection that a request came on. Never one that a header names: anybody can write that.
    pub(crate) fn of(head: &Parts) -> Option<Self> {
        head.extensions.get::<Self>().cloned()
    }

    pub(crate) fn thumbprint(&self) -> &str {
        &self.0
    }
}
