//! An authority above those of a trust domain, given by files of the server's own configuration.

use std::sync::Arc;
use std::time::Duration;

use accredit_id::time::Timestamp;
use accredit_id::trust_domain::TrustDomain;
use rcgen::{Issuer, KeyPair, PublicKeyData as _};
use rustls_pki_types::CertificateDer;
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

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests fail by panicking and write files")]
mod tests {
    use std::path::Path;

    use accredit_core::keyring::Slot;
    use accredit_core::mint::Leaf;
    use accredit_core::model::Signing;
    use accredit_id::svid::x509;
    use rcgen::{
        BasicConstraints, Certificate, CertificateParams, DnType, IsCa, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
        PKCS_RSA_SHA256, SignatureAlgorithm,
    };

    use super::super::authority::X509Authority;
    use super::super::certificate::moment;
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    /// A certificate with its key.
    struct Made {
        certificate: Certificate,
        params: CertificateParams,
        key: KeyPair,
    }

    fn params(name: &str, path_length: Option<u8>) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(path_length.map_or(BasicConstraints::Unconstrained, BasicConstraints::Constrained));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.not_before = moment(NOW.minus(HOUR)).unwrap();
        params.not_after = moment(NOW.plus(HOUR)).unwrap();
        params
    }

    fn made(params: CertificateParams, above: Option<&Made>, algorithm: &'static SignatureAlgorithm) -> Made {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let certificate = match above {
            Some(above) => params.signed_by(&key, &Issuer::from_params(&above.params, &above.key)),
            None => params.self_signed(&key),
        };
        Made { certificate: certificate.unwrap(), params, key }
    }

    fn read(folder: &Path, chain: &[&Made], key: &Made) -> Result<Upstream, UpstreamFault> {
        let [certificate, private] = ["certificate", "key"].map(|name| folder.join(name));
        std::fs::write(&certificate, chain.iter().map(|one| one.certificate.pem()).collect::<String>()).unwrap();
        std::fs::write(&private, key.key.serialize_pem()).unwrap();
        let files = UpstreamConfig { certificate, key: private, chain: None };
        Upstream::read(&files, &"example.org".parse().unwrap(), NOW)
    }

    /// Below an upstream authority, whatever its keys, a leaf leads to the root that the bundle holds, and ends with it.
    #[tokio::test]
    async fn leaves_lead_to_the_root_above() {
        let folder = tempfile::tempdir().unwrap();
        for algorithm in [&PKCS_ECDSA_P256_SHA256, &PKCS_RSA_SHA256] {
            let root = made(params("root", None), None, algorithm);
            let between = made(params("between", Some(1)), Some(&root), &PKCS_ECDSA_P256_SHA256);
            for (chain, key, shown) in [(vec![&root], &root, 2), (vec![&between, &root], &between, 3)] {
                let upstream = read(folder.path(), &chain, key).unwrap();
                let [_, slot] = Slot::of_domain("td_00000000000000000000000001".parse().unwrap(), Signing::Es256);
                let key = Arc::new(SigningKey::generate(slot).await.unwrap());
                let domain = "example.org".parse().unwrap();
                let wanted = Authority { domain: &domain, not_before: NOW.minus(DAY), not_after: NOW.plus(DAY) };
                let authority = X509Authority::new(&key, upstream.certify(&key, wanted).unwrap()).unwrap();
                assert_eq!((authority.not_before(), authority.not_after()), (NOW.minus(HOUR), NOW.plus(HOUR)));
                let (id, spki) = ("spiffe://example.org/a".parse().unwrap(), KeyPair::generate().unwrap());
                let leaf = Leaf {
                    spiffe_id: &id,
                    public_key_spki: &spki.subject_public_key_info(),
                    not_before: NOW,
                    not_after: NOW.plus(HOUR),
                    dns_names: &[],
                    subject: &[],
                };
                let svid = authority.issue(&leaf, [1; 16]).unwrap();
                assert_eq!(svid.len(), shown);
                let anchor = authority.chain().anchor().to_vec();
                assert_eq!(anchor, root.certificate.der().to_vec());
                assert_eq!(x509::verify(&svid, &domain, &[anchor], NOW).unwrap().id, id);
                let late = Leaf { not_after: NOW.plus(HOUR).plus(Duration::from_secs(1)), ..leaf };
                assert!(authority.issue(&late, [1; 16]).is_err(), "it would outlive what stands above it");
            }
        }
    }

    /// What cannot stand above is refused by a code of its own, before anything is made.
    #[test]
    fn what_cannot_stand_above_is_refused_by_its_code() {
        let folder = tempfile::tempdir().unwrap();
        let make = |params| made(params, None, &PKCS_ECDSA_P256_SHA256);
        let root = make(params("root", None));
        let other = make(params("root", None));
        let below = made(params("between", None), Some(&root), &PKCS_ECDSA_P256_SHA256);
        let but = |change: &dyn Fn(&mut CertificateParams)| {
            let mut params = params("root", None);
            change(&mut params);
            make(params)
        };
        let leaf = but(&|params| params.is_ca = IsCa::ExplicitNoCa);
        let revoker = but(&|params| params.key_usages = vec![KeyUsagePurpose::CrlSign]);
        let short = make(params("short", Some(0)));
        let narrow = made(params("narrow", None), Some(&short), &PKCS_ECDSA_P256_SHA256);
        let at = |from: Timestamp, to: Timestamp| {
            but(&|params| (params.not_before, params.not_after) = (moment(from).unwrap(), moment(to).unwrap()))
        };
        let (old, new) = (at(NOW.minus(DAY), NOW.minus(HOUR)), at(NOW.plus(HOUR), NOW.plus(DAY)));
        let ending = at(NOW.minus(DAY), NOW.plus(Duration::from_secs(599)));
        for (chain, key, code) in [
            (vec![&root], &other, "upstream-wrong-key"),
            (vec![&below], &below, "upstream-chain"),
            (vec![&below, &other], &below, "upstream-chain"),
            (vec![&leaf], &leaf, "upstream-no-authority"),
            (vec![&revoker], &revoker, "upstream-no-authority"),
            (vec![&short], &short, "upstream-path-length"),
            (vec![&narrow, &short], &narrow, "upstream-path-length"),
            (vec![&old], &old, "upstream-expired"),
            (vec![&new], &new, "upstream-not-yet"),
            (vec![&ending], &ending, "upstream-ends-soon"),
            (vec![], &root, "upstream-file"),
        ] {
            let fault = read(folder.path(), &chain, key).map(drop).unwrap_err();
            assert_eq!(fault.code(), code, "{fault}");
        }
        assert!(read(folder.path(), &[&below, &root], &below).is_ok());
    }

    #[test]
    fn name_constraints_are_heeded() {
        let folder = tempfile::tempdir().unwrap();
        // What the library writes of them has no URIs, so that they are written out: [permitted 0 or excluded 1].
        for (tag, host, is_allowed) in [
            (0xa0, "example.org", true),
            (0xa0, ".org", true),
            (0xa0, ".example.org", false),
            (0xa0, "example.com", false),
            (0xa1, "example.org", false),
            (0xa1, "example.com", true),
        ] {
            let uri = [&[0x86, host.len() as u8], host.as_bytes()].concat();
            let tree = [&[0x30, uri.len() as u8], uri.as_slice()].concat();
            let trees = [&[tag, tree.len() as u8], tree.as_slice()].concat();
            let der = [&[0x30, trees.len() as u8], trees.as_slice()].concat();
            let mut params = params("root", None);
            params.custom_extensions.push(rcgen::CustomExtension::from_oid_content(&[2, 5, 29, 30], der));
            let root = made(params, None, &PKCS_ECDSA_P256_SHA256);
            let read = read(folder.path(), &[&root], &root).map(drop).map_err(|fault| fault.code());
            let expected = if is_allowed { Ok(()) } else { Err("upstream-name-constraints") };
            assert_eq!(read, expected, "{tag:x} {host}");
        }
    }

    const HOUR: Duration = Duration::from_secs(3600);
    const DAY: Duration = Duration::from_secs(24 * 3600);
}
