//! Certificates of authorities: made by themselves or under an upstream authority, and read again.

use std::sync::Arc;

use accredit_id::jose::Algorithm;
use accredit_id::jose::jwk::PublicKey;
use accredit_id::time::Timestamp;
use accredit_id::trust_domain::TrustDomain;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyUsagePurpose, PublicKeyData, SanType,
    SerialNumber, SignatureAlgorithm,
};
use rustls_pki_types::CertificateDer;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use super::signing_key::SigningKey;
use crate::chance;

/// The certificates of an authority: its own first, each signed by the next, what the bundle holds last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chain(Vec<CertificateDer<'static>>);

/// What the certificate of an authority is to say.
#[derive(Clone, Copy)]
pub(crate) struct Authority<'a> {
    /// Whose authority it is.
    pub(crate) domain: &'a TrustDomain,
    /// From when on it counts.
    pub(crate) not_before: Timestamp,
    /// The last second in which it counts.
    pub(crate) not_after: Timestamp,
}

/// Why a certificate could not be made or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CertificateFault {
    /// Stored certificates do not parse.
    #[error("certificate of a signing key does not parse")]
    Malformed,
    /// The library refused to work.
    #[error("certificate cannot be made")]
    Library,
    /// A leaf would end behind its authority.
    #[error("certificate would end at {leaf}, but its authority ends at {authority}")]
    Outlives {
        /// When the leaf was to end.
        leaf: Timestamp,
        /// When the authority does.
        authority: Timestamp,
    },
    /// The public key is of a kind that certificates here do not have.
    #[error("public key is not usable in a certificate, expected ECDSA on P-256, P-384 or P-521, RSA, or Ed25519")]
    PublicKey,
    /// A name that cannot stand in a certificate.
    #[error("name `{0}` cannot stand in a certificate")]
    Name(String),
    /// An attribute of a subject that is not known here, or stands there twice.
    #[error("subject attribute `{0}` is not known, or stands there twice")]
    Subject(String),
}

// === impl Chain ===

impl Chain {
    /// The certificate of an authority that nobody stands above.
    pub(crate) fn self_signed(key: &Arc<SigningKey>, authority: Authority<'_>) -> Result<Self, CertificateFault> {
        let certificate = params(key, authority)?.self_signed(&Signs(Arc::clone(key)));
        Ok(Self(vec![certificate.map_err(|_| CertificateFault::Library)?.der().clone()]))
    }

    /// The certificate of an authority below another one, and what stands above it.
    pub(super) fn under(
        key: &Arc<SigningKey>,
        authority: Authority<'_>,
        above: &[CertificateDer<'static>],
        issuer: &rcgen::Issuer<'_, rcgen::KeyPair>,
    ) -> Result<Self, CertificateFault> {
        let certificate = params(key, authority)?.signed_by(&Signs(Arc::clone(key)), issuer);
        let own = certificate.map_err(|_| CertificateFault::Library)?.der().clone();
        Ok(Self(std::iter::once(own).chain(above.iter().cloned()).collect()))
    }

    /// Reads what [`Chain::to_der`] wrote.
    pub(super) fn parse(der: &[u8]) -> Result<Self, CertificateFault> {
        let (mut rest, mut certificates) = (der, Vec::new());
        while !rest.is_empty() {
            let (behind, _) = X509Certificate::from_der(rest).map_err(|_| CertificateFault::Malformed)?;
            let (one, _) = rest.split_at(rest.len() - behind.len());
            certificates.push(CertificateDer::from(one.to_vec()));
            rest = behind;
        }
        if certificates.is_empty() { Err(CertificateFault::Malformed) } else { Ok(Self(certificates)) }
    }

    /// One behind the other.
    pub(crate) fn to_der(&self) -> Vec<u8> {
        self.0.iter().flat_map(|one| one.iter().copied()).collect()
    }

    pub(super) fn is_der(&self, der: &[u8]) -> bool {
        self.0.iter().map(|one| one.len()).sum::<usize>() == der.len() && self.to_der() == der
    }

    /// The authority's own.
    pub(crate) fn own(&self) -> &[u8] {
        self.0.first().map_or(&[], |own| own.as_ref())
    }

    /// What the bundle holds.
    pub(crate) fn anchor(&self) -> &[u8] {
        self.0.last().map_or(&[], |anchor| anchor.as_ref())
    }

    /// What is shown behind a leaf: all but what the bundle holds.
    pub(super) fn intermediates(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().take(self.0.len() - 1).map(|one| one.as_ref())
    }

    /// From when on all of them count, and until when.
    pub(super) fn validity(&self) -> Result<(Timestamp, Timestamp), CertificateFault> {
        let mut all = (Timestamp::from_unix(i64::MIN), Timestamp::from_unix(i64::MAX));
        for one in &self.0 {
            let (begins, ends) = validity(one)?;
            all = (all.0.max(begins), all.1.min(ends));
        }
        Ok(all)
    }
}

/// From when on a certificate counts, and the last second in which it does.
pub(super) fn validity(der: &[u8]) -> Result<(Timestamp, Timestamp), CertificateFault> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|_| CertificateFault::Malformed)?;
    let at = |time: x509_parser::time::ASN1Time| Timestamp::from_unix(time.timestamp());
    Ok((at(certificate.validity().not_before), at(certificate.validity().not_after)))
}

/// The bytes of a certificate's public key.
pub(super) fn public_bytes(der: &[u8]) -> Option<Vec<u8>> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    Some(certificate.public_key().subject_public_key.data.to_vec())
}

/// What a bundle holds as a JWK (X509-SVID section 6.1): the certificate in `x5c` is the authority, the rest repeats its key.
pub(crate) fn anchor_jwk(der: &[u8]) -> Option<Map<String, Value>> {
    let bytes = public_bytes(der)?;
    let key = match bytes.len() {
        32 => PublicKey::from_ed25519(None, &bytes),
        65 => PublicKey::from_ec_point(None, Algorithm::Es256, &bytes),
        97 => PublicKey::from_ec_point(None, Algorithm::Es384, &bytes),
        133 => PublicKey::from_ec_point(None, Algorithm::Es512, &bytes),
        _ => PublicKey::from_rsa_der(None, Algorithm::Rs256, &bytes),
    };
    let Ok(Value::Object(mut jwk)) = serde_json::to_value(key.ok()?.to_json()) else { return None };
    jwk.remove("kid");
    jwk.remove("alg");
    jwk.insert("use".to_owned(), json!("x509-svid"));
    jwk.insert("x5c".to_owned(), json!([STANDARD.encode(der)]));
    Some(jwk)
}

/// A signing key, as the library that writes certificates sees it.
pub(super) struct Signs(pub(super) Arc<SigningKey>);

impl PublicKeyData for Signs {
    fn der_bytes(&self) -> &[u8] {
        self.0.public_bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P384_SHA384
    }
}

impl rcgen::SigningKey for Signs {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.0.signature(message).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}

/// An authority of a trust domain (X509-SVID section 3 to 5): the trust domain's own SPIFFE ID, leaves alone below it.
fn params(key: &SigningKey, authority: Authority<'_>) -> Result<CertificateParams, CertificateFault> {
    let Authority { domain, not_before, not_after } = authority;
    let mut subject = DistinguishedName::new();
    if domain.as_str().len() <= LONGEST_NAME {
        subject.push(DnType::OrganizationName, domain.as_str());
    }
    // One name for each key: some verifiers look for the next certificate by name alone.
    subject.push(DnType::CommonName, key.id());
    let mut params = CertificateParams::default();
    params.not_before = moment(not_before)?;
    params.not_after = moment(not_after)?;
    params.serial_number = Some(serial(chance::bits()));
    params.subject_alt_names = vec![uri(&format!("spiffe://{domain}"))?];
    params.distinguished_name = subject;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

pub(super) fn uri(text: &str) -> Result<SanType, CertificateFault> {
    let name = Ia5String::try_from(text).map_err(|_| CertificateFault::Name(text.to_owned()))?;
    Ok(SanType::URI(name))
}

pub(super) fn moment(at: Timestamp) -> Result<OffsetDateTime, CertificateFault> {
    OffsetDateTime::from_unix_timestamp(at.unix()).map_err(|_| CertificateFault::Library)
}

/// A positive number of sixteen bytes at most (RFC 5280 section 4.1.2.2).
pub(super) fn serial(mut bits: [u8; 16]) -> SerialNumber {
    bits[0] = bits[0] & 0x7f | 0x40;
    SerialNumber::from_slice(&bits)
}

// === impl CertificateFault ===

impl CertificateFault {
    /// What to do about it, where there is one thing.
    pub(super) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Malformed => Some("restore the store from a backup"),
            Self::Library | Self::Outlives { .. } | Self::PublicKey | Self::Name(_) | Self::Subject(_) => None,
        }
    }
}

/// `ub-organization-name` of RFC 5280 appendix A.1.
const LONGEST_NAME: usize = 64;
