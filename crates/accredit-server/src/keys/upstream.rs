//! An authority above those of a trust domain, given by files of the server's own configuration.

use accredit_id::time::Timestamp;
use accredit_id::trust_domain::TrustDomain;
use rcgen::{Issuer, KeyPair, PublicKeyData as _};
use rustls_pki_types::CertificateDer;
use std::sync::Arc;
use std::time::Duration;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, GeneralSubtree};
use x509_parser::prelude::FromDer as _;

use super::certificate::{Authority, CertificateFault, Chain, public_bytes, validity};
use super::signing_key::SigningKey;
use crate::config::UpstreamConfig;
use crate::tls::{self, TlsFault};

/// An authority above those of a trust domain, with what stands above it: its own certificate first, the root last.
pub(crate) struct Upstream {
    issuer: Issuer<'static, KeyPair>,
    chain: Vec<CertificateDer<'static>>,
    not_before: Timestamp,
    not_after: Timestamp,
}

/// Why an upstream authority cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamFault {
    /// A file.
    #[error(transparent)]
    File(#[from] TlsFault),
    /// Something in a file that no certificate is.
    #[error("certificate {} of the upstream authority does not parse", .index + 1)]
    Malformed {
        /// Its place, from 0: the authority's own first.
        index: usize,
    },
    /// The key is another certificate's, or of a kind that signs nothing here.
    #[error("key of the upstream authority does not fit its certificate")]
    Key,
    /// A certificate that is no authority's.
    #[error("certificate {} of the upstream authority is not an authority's: {missing}", .index + 1)]
    NoAuthority {
        /// Its place, from 0.
        index: usize,
        /// What it lacks.
        missing: &'static str,
    },
    /// A certificate allows fewer authorities below it than there would be.
    #[error("certificate {} of the upstream authority allows {allowed} authorities below it, and {needed} would stand there", .index + 1)]
    PathLength {
        /// Its place, from 0.
        index: usize,
        /// How many it allows.
        allowed: u32,
        /// How many there would be.
        needed: u32,
    },
    /// Name constraints that leave this trust domain out.
    #[error("certificate {} of the upstream authority allows no URI of `{domain}` (name constraints)", .index + 1)]
    NameConstraints {
        /// Its place, from 0.
        index: usize,
        /// The trust domain.
        domain: String,
    },
    /// A certificate is not signed by the next one, or the last one not by itself.
    #[error("certificate {} of the upstream authority is not signed by {}", .index + 1, if *.is_last { "itself, so the chain has no root" } else { "the next one" })]
    Chain {
        /// Its place, from 0.
        index: usize,
        /// Whether it is the last one.
        is_last: bool,
    },
    /// It counts from later on.
    #[error("upstream authority counts from {begins_at} only")]
    TooEarly {
        /// From when on.
        begins_at: Timestamp,
    },
    /// It has ended, or ends so soon that no authority below it is worth making.
    #[error("upstream authority {} at {ends_at}", if *.has_ended { "ended" } else { "ends too soon:" })]
    Ends {
        /// When.
        ends_at: Timestamp,
        /// Whether it has.
        has_ended: bool,
    },
    /// The certificate below it could not be made.
    #[error(transparent)]
    Certificate(#[from] CertificateFault),
}

// === impl Upstream ===

impl Upstream {
    /// Reads and checks the files: once when the server starts, and whenever an authority is to be made, so that they may be
    /// replaced meanwhile.
    ///
    /// # Errors
    /// What keeps it from standing above an authority of this trust domain.
    pub(crate) fn read(files: &UpstreamConfig, domain: &TrustDomain, now: Timestamp) -> Result<Self, UpstreamFault> {
        let UpstreamConfig { certificate, key, chain } = files;
        let mut certificates = tls::certificates(certificate, "upstream certificate")?;
        if let Some(chain) = chain {
            certificates.extend(tls::certificates(chain, "upstream chain")?);
        }
        let private = tls::private_key(key)?;
        let key = KeyPair::try_from(&private).map_err(|_| UpstreamFault::Key)?;
        let own = certificates.first().ok_or(UpstreamFault::Malformed { index: 0 })?;
        if public_bytes(own).ok_or(UpstreamFault::Malformed { index: 0 })? != key.der_bytes() {
            return Err(UpstreamFault::Key);
        }
        let (mut not_before, mut not_after) = (Timestamp::from_unix(i64::MIN), Timestamp::from_unix(i64::MAX));
        for (index, one) in certificates.iter().enumerate() {
            let (begins, ends) = validity(one).map_err(|_| UpstreamFault::Malformed { index })?;
            (not_before, not_after) = (not_before.max(begins), not_after.min(ends));
            check(index, one, certificates.get(index + 1), domain)?;
        }
        if now < not_before {
            return Err(UpstreamFault::TooEarly { begins_at: not_before });
        }
        if now.plus(LEAST_TIME) > not_after {
            return Err(UpstreamFault::Ends { ends_at: not_after, has_ended: not_after < now });
        }
        let issuer = Issuer::from_ca_cert_der(own, key).map_err(|_| UpstreamFault::Malformed { index: 0 })?;
        Ok(Self { issuer, chain: certificates, not_before, not_after })
    }

    /// The last second in which it counts, and all that stands above it.
    pub(crate) fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// The certificate of an authority below it, which ends with it at the latest.
    pub(crate) fn certify(&self, key: &Arc<SigningKey>, wanted: Authority<'_>) -> Result<Chain, CertificateFault> {
        let authority = Authority {
            not_before: wanted.not_before.max(self.not_before),
            not_after: wanted.not_after.min(self.not_after),
            ..wanted
        };
        Chain::under(key, authority, &self.chain, &self.issuer)
    }
}

// === impl UpstreamFault ===

impl UpstreamFault {
    /// Its code, for logs.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::File(_) => "upstream-file",
            Self::Malformed { .. } => "upstream-malformed",
            Self::Key => "upstream-wrong-key",
            Self::NoAuthority { .. } => "upstream-no-authority",
            Self::PathLength { .. } => "upstream-path-length",
            Self::NameConstraints { .. } => "upstream-name-constraints",
            Self::Chain { .. } => "upstream-chain",
            Self::TooEarly { .. } => "upstream-not-yet",
            Self::Ends { has_ended: true, .. } => "upstream-expired",
            Self::Ends { has_ended: false, .. } => "upstream-ends-soon",
            Self::Certificate(_) => "upstream-certificate",
        }
    }

    /// What to do about it, where there is one thing.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::File(fault) => fault.hint(),
            Self::Key => Some("put the authority's own certificate first in its file, then what stands above it"),
            Self::Chain { is_last: true, .. } => Some("name the file with the rest, up to the root, as `chain`"),
            Self::Chain { is_last: false, .. } => Some("put each certificate before the one that signed it"),
            Self::Ends { .. } => Some("replace its files; they are read again when the next authority is made"),
            Self::PathLength { .. } | Self::NameConstraints { .. } => Some("have an authority made that allows it"),
            Self::Malformed { .. } | Self::NoAuthority { .. } | Self::TooEarly { .. } | Self::Certificate(_) => None,
        }
    }
}

fn check(
    index: usize,
    der: &[u8],
    next: Option<&CertificateDer<'_>>,
    domain: &TrustDomain,
) -> Result<(), UpstreamFault> {
    let malformed = |index| move |_| UpstreamFault::Malformed { index };
    let (_, one) = X509Certificate::from_der(der).map_err(malformed(index))?;
    let basic = one.basic_constraints().map_err(|_| UpstreamFault::Malformed { index })?;
    let Some(basic) = basic.filter(|basic| basic.value.ca) else {
        return Err(UpstreamFault::NoAuthority { index, missing: "basic constraints do not say so" });
    };
    let usage = one.key_usage().map_err(|_| UpstreamFault::Malformed { index })?;
    if usage.is_some_and(|usage| !usage.value.key_cert_sign()) {
        return Err(UpstreamFault::NoAuthority { index, missing: "its key usage lacks keyCertSign" });
    }
    // Ours, and those between.
    let needed = u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1);
    if let Some(allowed) = basic.value.path_len_constraint.filter(|allowed| *allowed < needed) {
        return Err(UpstreamFault::PathLength { index, allowed, needed });
    }
    if !allows_uris(&one, domain.as_str()) {
        return Err(UpstreamFault::NameConstraints { index, domain: domain.to_string() });
    }
    let parsed = next.map(|next| X509Certificate::from_der(next).map_err(malformed(index + 1))).transpose()?;
    let signer = parsed.as_ref().map_or(one.public_key(), |(_, next)| next.public_key());
    let names = parsed.as_ref().map_or(one.subject(), |(_, next)| next.subject());
    if one.issuer() != names || one.verify_signature(Some(signer)).is_err() {
        return Err(UpstreamFault::Chain { index, is_last: next.is_none() });
    }
    Ok(())
}

/// Whether name constraints (RFC 5280 section 4.2.1.10) let URIs of a host through.
fn allows_uris(certificate: &X509Certificate<'_>, host: &str) -> bool {
    let Ok(Some(constraints)) = certificate.name_constraints() else { return true };
    let uris = |trees: &Option<Vec<GeneralSubtree<'_>>>| -> Vec<String> {
        let uri = |tree: &GeneralSubtree<'_>| match &tree.base {
            GeneralName::URI(uri) => Some(uri.to_ascii_lowercase()),
            _ => None,
        };
        trees.iter().flatten().filter_map(uri).collect()
    };
    let holds = |constraint: &String| match constraint.strip_prefix('.') {
        Some(parent) => host.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.')),
        None => host == constraint,
    };
    let permitted = uris(&constraints.value.permitted_subtrees);
    (permitted.is_empty() || permitted.iter().any(holds))
        && !uris(&constraints.value.excluded_subtrees).iter().any(holds)
}

/// What an authority must still have for one below it to be worth making.
const LEAST_TIME: Duration = Duration::from_secs(600);
