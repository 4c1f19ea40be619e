//! A key as certificate authority of a trust domain.

use std::sync::Arc;

use accredit_core::mint::Leaf;
use accredit_id::time::Timestamp;
use rcgen::string::{Ia5String, PrintableString};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, DnValue, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyUsagePurpose,
    SanType, SubjectPublicKeyInfo,
};
use rustls_pki_types::CertificateDer;

use super::certificate::{CertificateFault, Chain, Signs, moment, public_bytes, serial, uri};
use super::signing_key::{SigningFault, SigningKey};

/// An authority of a trust domain: its key, its certificate, and what stands above it.
pub(crate) struct X509Authority {
    key: Arc<SigningKey>,
    chain: Chain,
    not_before: Timestamp,
    not_after: Timestamp,
    issuer: Issuer<'static, Signs>,
}

// === impl X509Authority ===

impl X509Authority {
    /// `None` when the certificate is another key's.
    pub(super) fn new(key: &Arc<SigningKey>, chain: Chain) -> Option<Self> {
        let own = CertificateDer::from(chain.own().to_vec());
        if public_bytes(&own)? != key.public_bytes() {
            return None;
        }
        let (not_before, not_after) = chain.validity().ok()?;
        let issuer = Issuer::from_ca_cert_der(&own, Signs(Arc::clone(key))).ok()?;
        Some(Self { key: Arc::clone(key), chain, not_before, not_after, issuer })
    }

    /// The id of its key.
    pub(crate) fn id(&self) -> &str {
        self.key.id()
    }

    /// From when on it counts, and all that stands above it.
    pub(crate) fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// The last second in which it counts, and all that stands above it. Nothing that it signs may end later.
    pub(crate) fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Its certificate, and what stands above it.
    pub(crate) fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Signs a leaf (X509-SVID section 4): DER, the leaf first, without what the bundle holds. `serial` is 128 random bits.
    ///
    /// # Errors
    /// The leaf would outlive its authority, or says what no certificate can say.
    pub(crate) fn issue(&self, leaf: &Leaf<'_>, serial: [u8; 16]) -> Result<Vec<Vec<u8>>, SigningFault> {
        let signed = params(leaf, self.not_after, serial)?;
        let spki = SubjectPublicKeyInfo::from_der(leaf.public_key_spki).map_err(|_| CertificateFault::PublicKey)?;
        let certificate = signed.signed_by(&spki, &self.issuer).map_err(|_| CertificateFault::Library)?;
        let leaf = certificate.der().to_vec();
        Ok(std::iter::once(leaf).chain(self.chain.intermediates().map(<[u8]>::to_vec)).collect())
    }
}

impl std::fmt::Debug for X509Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("X509Authority")
            .field("id", &self.id())
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

fn params(leaf: &Leaf<'_>, ends_at: Timestamp, random: [u8; 16]) -> Result<CertificateParams, CertificateFault> {
    let Leaf { spiffe_id, public_key_spki: _, not_before, not_after, dns_names, subject } = leaf;
    if *not_after > ends_at {
        return Err(CertificateFault::Outlives { leaf: *not_after, authority: ends_at });
    }
    let mut names = vec![uri(spiffe_id.as_str())?];
    for name in *dns_names {
        let ascii = Ia5String::try_from(name.as_str()).map_err(|_| CertificateFault::Name(name.clone()))?;
        names.push(SanType::DnsName(ascii));
    }
    let mut params = CertificateParams::default();
    params.not_before = moment(*not_before)?;
    params.not_after = moment(*not_after)?;
    params.serial_number = Some(serial(random));
    params.subject_alt_names = names;
    params.distinguished_name = distinguished(subject)?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// A subject, in the order in which it is given.
fn distinguished(subject: &[(&str, &str)]) -> Result<DistinguishedName, CertificateFault> {
    let mut name = DistinguishedName::new();
    for (kind, value) in subject {
        let unknown = || CertificateFault::Subject((*kind).to_owned());
        let (_, dn_type) =
            dn_types().into_iter().find(|(known, _)| kind.eq_ignore_ascii_case(known)).ok_or_else(unknown)?;
        if name.get(&dn_type).is_some() {
            return Err(unknown());
        }
        name.push(
            dn_type.clone(),
            dn_value(&dn_type, value).ok_or_else(|| CertificateFault::Name((*value).to_owned()))?,
        );
    }
    Ok(name)
}

/// The types that RFC 4514 section 3 names, and the two that certificates of machines often have.
fn dn_types() -> [(&'static str, DnType); 11] {
    [
        ("CN", DnType::CommonName),
        ("L", DnType::LocalityName),
        ("ST", DnType::StateOrProvinceName),
        ("O", DnType::OrganizationName),
        ("OU", DnType::OrganizationalUnitName),
        ("C", DnType::CountryName),
        ("STREET", DnType::CustomDnType(vec![2, 5, 4, 9])),
        ("DC", DnType::CustomDnType(DOMAIN_COMPONENT.to_vec())),
        ("UID", DnType::CustomDnType(vec![0, 9, 2342, 19_200_300, 100, 1, 1])),
        ("SERIALNUMBER", DnType::CustomDnType(SERIAL_NUMBER.to_vec())),
        ("TITLE", DnType::CustomDnType(vec![2, 5, 4, 12])),
    ]
}

/// A value in the form that its type has (RFC 5280 appendix A.1).
fn dn_value(dn_type: &DnType, value: &str) -> Option<DnValue> {
    match dn_type {
        DnType::CountryName => PrintableString::try_from(value).ok().map(DnValue::PrintableString),
        DnType::CustomDnType(oid) if oid == SERIAL_NUMBER => {
            PrintableString::try_from(value).ok().map(DnValue::PrintableString)
        }
        DnType::CustomDnType(oid) if oid == DOMAIN_COMPONENT => Ia5String::try_from(value).ok().map(DnValue::Ia5String),
        _ => Some(DnValue::Utf8String(value.to_owned())),
    }
}

const DOMAIN_COMPONENT: &[u64] = &[0, 9, 2342, 19_200_300, 100, 1, 25];
const SERIAL_NUMBER: &[u64] = &[2, 5, 4, 5];

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use accredit_core::keyring::Slot;
    use accredit_core::model::Signing;
    use accredit_id::svid::x509;
    use rcgen::{KeyPair, PublicKeyData as _};

    use super::super::certificate::Authority;
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    async fn authority(ends_in: u64) -> X509Authority {
        let [_, slot] = Slot::of_domain("td_00000000000000000000000001".parse().unwrap(), Signing::Es256);
        let key = Arc::new(SigningKey::generate(slot).await.unwrap());
        let domain = "example.org".parse().unwrap();
        let not_after = NOW.plus(std::time::Duration::from_secs(ends_in));
        let wanted = Authority { domain: &domain, not_before: NOW, not_after };
        let chain = Chain::parse(&Chain::self_signed(&key, wanted).unwrap().to_der()).unwrap();
        X509Authority::new(&key, chain).unwrap()
    }

    /// What the authority signs is an X509-SVID to a stranger who has its certificate alone.
    #[tokio::test]
    async fn a_stranger_takes_what_it_signs() {
        let authority = authority(7200).await;
        let spki = KeyPair::generate().unwrap().subject_public_key_info();
        let id = "spiffe://example.org/build/a".parse().unwrap();
        let ends = |seconds| NOW.plus(std::time::Duration::from_secs(seconds));
        let names = ["a.example.org".to_owned()];
        let leaf = |not_after, subject| Leaf {
            spiffe_id: &id,
            public_key_spki: &spki,
            not_before: NOW,
            not_after,
            dns_names: &names,
            subject,
        };
        let chain = authority.issue(&leaf(ends(3600), &[]), [0xff; 16]).unwrap();
        assert_eq!(chain.len(), 1, "the bundle holds the rest");
        let (domain, trusted) = ("example.org".parse().unwrap(), [authority.chain().anchor().to_vec()]);
        assert_eq!(x509::verify(&chain, &domain, &trusted, NOW).unwrap().id, id);
        // As long as its authority, and no longer.
        authority.issue(&leaf(ends(7200), &[("CN", "a"), ("O", "b"), ("C", "DE"), ("DC", "c")]), [0; 16]).unwrap();
        for (leaf, expected) in [
            (leaf(ends(7201), &[]), "but its authority ends at"),
            (leaf(ends(1), &[("X", "a")]), "subject attribute `X`"),
            (leaf(ends(1), &[("CN", "a"), ("cn", "b")]), "subject attribute `cn`"),
            (leaf(ends(1), &[("C", "\u{fc}")]), "cannot stand in a certificate"),
            (Leaf { public_key_spki: &[0x30, 0], ..leaf(ends(1), &[]) }, "public key is not usable"),
        ] {
            let fault = authority.issue(&leaf, [0; 16]).unwrap_err().to_string();
            assert!(fault.contains(expected), "{fault}");
        }
    }

    #[tokio::test]
    async fn a_certificate_is_its_own_keys_alone() {
        let (one, other) = (authority(60).await, authority(60).await);
        assert!(X509Authority::new(&one.key, other.chain.clone()).is_none());
        assert!(Chain::parse(&[]).is_err() && Chain::parse(&one.chain.to_der()[1..]).is_err());
    }
}
