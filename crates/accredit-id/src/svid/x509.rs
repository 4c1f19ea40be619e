//! X509-SVIDs (X509-SVID specification sections 2 to 5).

use std::time::Duration;

use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage as Usage, anchor_from_trusted_cert};

use super::certificate::{CLIENT_AUTH, Certificate, KeyUsage, SERVER_AUTH};
use crate::shown::Shown;
use crate::spiffe_id::{SpiffeId, SpiffeIdFault};
use crate::time::Timestamp;
use crate::trust_domain::TrustDomain;

/// A leaf that has the form of an X509-SVID. Whether anybody vouches for it, [`verify`] tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Whose it is.
    pub id: SpiffeId,
    /// Its DNS names.
    pub dns_names: Vec<String>,
    /// When it begins.
    pub not_before: Timestamp,
    /// The last second in which it counts.
    pub not_after: Timestamp,
    /// Its serial number, big-endian.
    pub serial: Vec<u8>,
    /// Its public key, as `SubjectPublicKeyInfo` in DER.
    pub spki: Vec<u8>,
}

/// Why a certificate is no X509-SVID, or none that counts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum X509SvidFault {
    /// Not a certificate of version 3 in DER.
    #[error("certificate is not well-formed X.509")]
    Malformed,
    /// Not exactly one URI among its names.
    #[error("certificate has {seen} URI names, expected 1")]
    Uris {
        /// How many there are.
        seen: usize,
    },
    /// Its URI is no SPIFFE ID.
    #[error(transparent)]
    Id(#[from] SpiffeIdFault),
    /// It names a trust domain and no workload in it.
    #[error("SPIFFE ID `{seen}` has no path, expected one for a workload")]
    NoPath {
        /// The whole ID.
        seen: Shown,
    },
    /// It has no subject, and its names may be passed over (RFC 5280 section 4.2.1.6).
    #[error("certificate has neither a subject nor critical names")]
    NamesNotCritical,
    /// It is an authority (`cA`).
    #[error("certificate is an authority's, expected a leaf")]
    Authority,
    /// `keyUsage` is absent, or may be passed over.
    #[error("key usage is absent or not critical")]
    UsageNotCritical,
    /// Its key may not sign.
    #[error("key usage lacks `digitalSignature`")]
    MayNotSign,
    /// Its key may sign certificates or revocation lists.
    #[error("key usage has `{usage}`, expected none of an authority")]
    UsageOfAuthority {
        /// Which of them.
        usage: &'static str,
    },
    /// It has purposes, and not both that SPIFFE wants.
    #[error("extended key usage lacks `{purpose}`")]
    Purpose {
        /// Which is missing.
        purpose: &'static str,
    },
    /// Of another trust domain than the bundle that it is held against.
    #[error("SPIFFE ID is of trust domain `{seen}`, expected `{expected}`")]
    TrustDomain {
        /// Its own.
        seen: Shown,
        /// The bundle's.
        expected: Shown,
    },
    /// The chain is empty.
    #[error("chain holds no certificate")]
    Empty,
    /// The bundle has no authority that counts now.
    #[error("bundle has no authority that is in its time")]
    NoAuthority,
    /// No path from the leaf to the bundle (RFC 5280 section 6).
    #[error("certificate does not lead to the bundle: {why}")]
    Path {
        /// Why not.
        why: String,
    },
}

// === impl Leaf ===

impl Leaf {
    /// Reads a leaf and judges its form: what the specification says of it alone, at any time and under any authority.
    ///
    /// # Errors
    /// [`X509SvidFault`], the first one in the order of its variants up to `Purpose`.
    pub fn read(der: &[u8]) -> Result<Self, X509SvidFault> {
        let certificate = Certificate::read(der).map_err(|_| X509SvidFault::Malformed)?;
        let (names, names_are_critical) = match &certificate.names {
            Some((names, is_critical)) => (Some(names), *is_critical),
            None => (None, false),
        };
        let id: SpiffeId = match names.map(|names| names.uris.as_slice()) {
            Some([uri]) => uri.parse()?,
            other => return Err(X509SvidFault::Uris { seen: other.map_or(0, <[_]>::len) }),
        };
        if id.path().is_empty() {
            return Err(X509SvidFault::NoPath { seen: Shown::of(id.as_str()) });
        }
        if !certificate.has_subject && !names_are_critical {
            return Err(X509SvidFault::NamesNotCritical);
        }
        check_usage(&certificate)?;
        let dns_names = names.map(|names| names.dns.iter().map(|name| (*name).to_owned()).collect());
        Ok(Self {
            id,
            dns_names: dns_names.unwrap_or_default(),
            not_before: certificate.not_before,
            not_after: certificate.not_after,
            serial: certificate.serial.to_vec(),
            spki: certificate.spki.to_vec(),
        })
    }
}

/// Judges a chain, leaf first, at the time `now`, by the authorities of `domain`'s bundle.
///
/// An authority counts in its own time alone: a bundle may keep one that has ended.
///
/// # Errors
/// [`X509SvidFault`], the first one in the order of its variants.
pub fn verify(
    chain: &[Vec<u8>],
    domain: &TrustDomain,
    authorities: &[Vec<u8>],
    now: Timestamp,
) -> Result<Leaf, X509SvidFault> {
    let (first, others) = chain.split_first().ok_or(X509SvidFault::Empty)?;
    let leaf = Leaf::read(first)?;
    if leaf.id.trust_domain() != domain {
        let (seen, expected) = (leaf.id.trust_domain().as_str(), domain.as_str());
        return Err(X509SvidFault::TrustDomain { seen: Shown::of(seen), expected: Shown::of(expected) });
    }
    let authorities: Vec<CertificateDer<'_>> = authorities
        .iter()
        .filter(|der| is_authority(der, now))
        .map(|der| CertificateDer::from(der.as_slice()))
        .collect();
    let anchors: Vec<_> = authorities.iter().filter_map(|der| anchor_from_trusted_cert(der).ok()).collect();
    if anchors.is_empty() {
        return Err(X509SvidFault::NoAuthority);
    }
    let first = CertificateDer::from(first.as_slice());
    // Path validation looks at an issuer's `cA` and not at what its key is for.
    let others = others.iter().filter(|der| signs_certificates(der));
    let others: Vec<_> = others.map(|der| CertificateDer::from(der.as_slice())).collect();
    let path = |error: webpki::Error| X509SvidFault::Path { why: format!("{error:?}") };
    let end_entity = EndEntityCert::try_from(&first).map_err(path)?;
    let now = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now.unix()).unwrap_or_default()));
    for usage in [Usage::client_auth(), Usage::server_auth()] {
        end_entity.verify_for_usage(ALL_VERIFICATION_ALGS, &anchors, &others, now, usage, None, None).map_err(path)?;
    }
    Ok(leaf)
}

// === impl X509SvidFault ===

impl X509SvidFault {
    /// The fault's stable name, kebab-case, never reused.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "x509-malformed",
            Self::Uris { .. } => "x509-uris",
            Self::Id(fault) => fault.code(),
            Self::NoPath { .. } => "x509-no-path",
            Self::NamesNotCritical => "x509-names-not-critical",
            Self::Authority => "x509-authority",
            Self::UsageNotCritical => "x509-usage-not-critical",
            Self::MayNotSign => "x509-may-not-sign",
            Self::UsageOfAuthority { .. } => "x509-usage-of-authority",
            Self::Purpose { .. } => "x509-purpose",
            Self::TrustDomain { .. } => "x509-trust-domain",
            Self::Empty => "x509-empty",
            Self::NoAuthority => "x509-no-authority",
            Self::Path { .. } => "x509-path",
        }
    }
}

/// Section 4.3, and 4.4 for what stands there at all.
fn check_usage(certificate: &Certificate<'_>) -> Result<(), X509SvidFault> {
    if certificate.is_authority {
        return Err(X509SvidFault::Authority);
    }
    let usage = match certificate.key_usage {
        Some((usage, true)) => usage,
        _ => return Err(X509SvidFault::UsageNotCritical),
    };
    if !usage.has(KeyUsage::DIGITAL_SIGNATURE) {
        return Err(X509SvidFault::MayNotSign);
    }
    for (of_authority, name) in [(KeyUsage::KEY_CERT_SIGN, "keyCertSign"), (KeyUsage::CRL_SIGN, "cRLSign")] {
        if usage.has(of_authority) {
            return Err(X509SvidFault::UsageOfAuthority { usage: name });
        }
    }
    let Some(purposes) = &certificate.purposes else { return Ok(()) };
    for (purpose, name) in [(SERVER_AUTH, "serverAuth"), (CLIENT_AUTH, "clientAuth")] {
        if !purposes.contains(&purpose) {
            return Err(X509SvidFault::Purpose { purpose: name });
        }
    }
    Ok(())
}

/// Whether a certificate of a bundle may vouch for others now: path validation takes anchors as they are, and looks neither at
/// their time nor at their usage.
fn is_authority(der: &[u8], now: Timestamp) -> bool {
    Certificate::read(der).is_ok_and(|certificate| certificate.is_in_time(now)) && signs_certificates(der)
}

/// Section 4: an authority has `cA`, and `keyCertSign` where it says what its key is for.
fn signs_certificates(der: &[u8]) -> bool {
    Certificate::read(der).is_ok_and(|certificate| {
        let is_for_it = certificate.key_usage.is_none_or(|(usage, _)| usage.has(KeyUsage::KEY_CERT_SIGN));
        certificate.is_authority && is_for_it
    })
}
