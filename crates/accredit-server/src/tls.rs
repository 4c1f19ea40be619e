//! TLS from files: the listeners' certificate and key, and the extra authorities that fetching trusts.
//!
//! Files are read when the server starts, those of a listener again when they change ([`Certificates`]). Every fault names the file, what was expected and what was seen; none repeats a
//! byte of a file that may hold a key.

#[cfg(feature = "fuzzing")]
pub(crate) mod doors;
mod reload;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use accredit_id::secret::Secret;
use rustls::crypto::aws_lc_rs;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::{PemObject as _, SectionKind};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

pub(crate) use reload::{Certificates, LOOK_EVERY};

use crate::binding::AnyCertificate;
use crate::config::ClientCertificates;

/// What is wrong with a TLS file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsFault {
    /// The file cannot be read.
    #[error("{role} file `{}` cannot be read: {}", .path.display(), reason(.error))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What it was to hold.
        role: &'static str,
        /// Why not.
        error: io::Error,
    },
    /// The file does not hold what it should.
    #[error("{role} file `{}` holds {seen}, expected {expected}", .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What it was to hold.
        role: &'static str,
        /// What it holds.
        seen: &'static str,
        /// What it was to hold, and in which form.
        expected: &'static str,
    },
    /// A certificate that does not parse, or that cannot serve its purpose.
    #[error("{role} file `{}`: certificate {} is not usable", .path.display(), .index + 1)]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What it was to hold.
        role: &'static str,
        /// Its place in the file, from 0.
        index: usize,
    },
    /// The key parses, but its kind is not known here.
    #[error("key file `{}` holds a key that is not usable, expected RSA, ECDSA or Ed25519", .path.display())]
    Key {
        /// The file.
        path: PathBuf,
    },
    /// The key is another certificate's.
    #[error("key `{}` does not fit certificate `{}`", .key.display(), .certificate.display())]
    Mismatch {
        /// The key file.
        key: PathBuf,
        /// The certificate file.
        certificate: PathBuf,
    },
    /// The cryptographic library refuses to work.
    #[error("TLS cannot be set up: {0}")]
    Library(rustls::Error),
}

/// Makes the configuration of a listener from a certificate file (the server's own certificate first, then its chain) and a
/// key file (PKCS#8, PKCS#1 or SEC1), both PEM: TLS 1.2 and 1.3, HTTP/1.1, sessions resumed by tickets.
pub(crate) fn server_config(
    certificate: &Path,
    key: &Path,
    clients: ClientCertificates,
) -> Result<Arc<ServerConfig>, TlsFault> {
    let chain = certificates(certificate, "certificate")?;
    let private = private_key(key)?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let builder = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(TlsFault::Library)?;
    let builder = match clients {
        ClientCertificates::None => builder.with_no_client_auth(),
        ClientCertificates::Request => builder.with_client_cert_verifier(Arc::new(AnyCertificate::new(algorithms))),
    };
    let mut config = builder.with_single_cert(chain, private).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            TlsFault::Mismatch { key: key.to_owned(), certificate: certificate.to_owned() }
        }
        rustls::Error::InvalidCertificate(_) => {
            TlsFault::Certificate { path: certificate.to_owned(), role: "certificate", index: 0 }
        }
        _ => TlsFault::Key { path: key.to_owned() },
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // A full handshake costs three times an exchange; a client that comes back should not pay it again.
    config.ticketer = aws_lc_rs::Ticketer::new().map_err(TlsFault::Library)?;
    Ok(Arc::new(config))
}

/// Reads certificate authorities from a PEM file and checks that each can be one.
pub(crate) fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFault> {
    let role = "authority";
    let found = certificates(path, role)?;
    for (index, certificate) in found.iter().enumerate() {
        RootCertStore::empty().add(certificate.clone()).map_err(|_| TlsFault::Certificate {
            path: path.to_owned(),
            role,
            index,
        })?;
    }
    Ok(found)
}

// === impl TlsFault ===

impl TlsFault {
    /// What to do about it, where there is one thing.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Mismatch { .. } => Some("put the server's own certificate first in its file, then the chain"),
            Self::Content { seen: ENCRYPTED, .. } => Some("decrypt it: openssl pkey -in KEY -out PLAIN"),
            Self::Unreadable { .. }
            | Self::Content { .. }
            | Self::Certificate { .. }
            | Self::Key { .. }
            | Self::Library(_) => None,
        }
    }
}

/// The parts of a PEM file that matter here.
struct Pem {
    certificates: Vec<CertificateDer<'static>>,
    keys: Vec<PrivateKeyDer<'static>>,
    encrypted: bool,
}

// === impl Pem ===

impl Pem {
    #[expect(clippy::disallowed_methods, reason = "the room that owns the TLS files")]
    fn read(path: &Path, role: &'static str, expected: &'static str) -> Result<Self, TlsFault> {
        let unreadable = |error: io::Error| TlsFault::Unreadable { path: path.to_owned(), role, error };
        let bytes = Secret::new(fs::read(path).map_err(unreadable)?);
        Self::parse(bytes.reveal(), path, role, expected)
    }

    fn parse(bytes: &[u8], path: &Path, role: &'static str, expected: &'static str) -> Result<Self, TlsFault> {
        let encrypted = bytes.windows(ENCRYPTED_LABEL.len()).any(|window| window == ENCRYPTED_LABEL);
        let mut pem = Self { certificates: Vec::new(), keys: Vec::new(), encrypted };
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(bytes) {
            // The parser's own words repeat the line that it stumbled over.
            let (kind, der) = section.map_err(|_| pem.fault(path, role, "malformed PEM", expected))?;
            if kind == SectionKind::Certificate {
                pem.certificates.push(der.into());
            } else if let Some(key) = PrivateKeyDer::from_pem(kind, der) {
                pem.keys.push(key);
            }
        }
        Ok(pem)
    }

    fn fault(&self, path: &Path, role: &'static str, seen: &'static str, expected: &'static str) -> TlsFault {
        TlsFault::Content { path: path.to_owned(), role, seen, expected }
    }

    fn seen(&self) -> &'static str {
        match (self.certificates.is_empty(), self.keys.len()) {
            (_, 0) if self.encrypted => ENCRYPTED,
            (true, 0) => "nothing in PEM",
            (true, _) => "a private key and no certificate",
            (false, 0) => "a certificate and no private key",
            (false, _) => "several private keys",
        }
    }
}

/// The certificates of a PEM file, at least one.
pub(crate) fn certificates(path: &Path, role: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsFault> {
    let expected = "certificates in PEM";
    let pem = Pem::read(path, role, expected)?;
    match pem.certificates.is_empty() {
        true => Err(pem.fault(path, role, pem.seen(), expected)),
        false => Ok(pem.certificates),
    }
}

/// The one private key of a PEM file.
pub(crate) fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsFault> {
    let (role, expected) = ("key", "one private key in PEM (PKCS#8, PKCS#1 or SEC1)");
    let mut pem = Pem::read(path, role, expected)?;
    match (pem.keys.pop(), pem.keys.is_empty()) {
        (Some(key), true) => Ok(key),
        (Some(_), false) => Err(pem.fault(path, role, "several private keys", expected)),
        (None, _) => Err(pem.fault(path, role, pem.seen(), expected)),
    }
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        _ => error.to_string(),
    }
}

const ENCRYPTED: &str = "an encrypted private key";

/// Of PKCS#8 (`BEGIN ENCRYPTED PRIVATE KEY`) and of the older form (`Proc-Type: 4,ENCRYPTED`).
const ENCRYPTED_LABEL: &[u8] = b"ENCRYPTED";

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests fail by panicking and write files")]
mod tests {
    use rcgen::{CertificateParams, KeyPair, PKCS_ED25519};
    use tempfile::TempDir;

    use super::*;

    const NONE: ClientCertificates = ClientCertificates::None;

    struct Files(TempDir);

    impl Files {
        fn write(&self, name: &str, text: &str) -> PathBuf {
            let path = self.0.path().join(name);
            fs::write(&path, text).unwrap();
            path
        }
    }

    fn pair() -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    #[test]
    fn a_pair_makes_a_configuration() {
        let files = Files(TempDir::new().unwrap());
        let (certificate, key) = pair();
        let (certificate_path, key_path) = (files.write("cert.pem", &certificate), files.write("key.pem", &key));
        let config = server_config(&certificate_path, &key_path, NONE).unwrap();
        assert_eq!(config.alpn_protocols, [b"http/1.1".to_vec()]);
        assert!(config.ticketer.enabled());
        // One file may hold both.
        let both = files.write("both.pem", &format!("{key}{certificate}"));
        assert!(server_config(&both, &both, NONE).is_ok());
        let ed25519 = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let own = CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&ed25519).unwrap();
        let (own, ed25519) = (files.write("ed.pem", &own.pem()), files.write("ed.key", &ed25519.serialize_pem()));
        assert!(server_config(&own, &ed25519, NONE).is_ok());
    }

    #[test]
    fn faults_name_the_file_and_what_was_expected() {
        let files = Files(TempDir::new().unwrap());
        let ((certificate, key), (_, other_key)) = (pair(), pair());
        let write = |name: &str, text: &str| files.write(name, text);
        let good_certificate = write("cert.pem", &certificate);
        let good_key = write("key.pem", &key);
        let missing = files.0.path().join("missing.pem");
        let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        let broken = key.replacen("MI", "M!", 1);
        let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let cases = [
            (missing.clone(), good_key.clone(), "certificate file `missing.pem` cannot be read: no such file"),
            (good_certificate.clone(), missing, "key file `missing.pem` cannot be read: no such file"),
            (files.0.path().to_owned(), good_key.clone(), "cannot be read: it is a directory"),
            (
                good_key.clone(),
                good_key.clone(),
                "certificate file `key.pem` holds a private key and no certificate, expected certificates in PEM",
            ),
            (
                good_certificate.clone(),
                good_certificate.clone(),
                "key file `cert.pem` holds a certificate and no private key, expected one private key in PEM (PKCS#8, PKCS#1 or SEC1)",
            ),
            (write("empty.pem", ""), good_key.clone(), "certificate file `empty.pem` holds nothing in PEM"),
            (
                good_certificate.clone(),
                write("enc.pem", &encrypted),
                "key file `enc.pem` holds an encrypted private key",
            ),
            (good_certificate.clone(), write("broken.pem", &broken), "key file `broken.pem` holds malformed PEM"),
            (
                good_certificate.clone(),
                write("two.pem", &format!("{key}{other_key}")),
                "key file `two.pem` holds several private keys",
            ),
            (
                write("garbage.pem", garbage),
                good_key.clone(),
                "certificate file `garbage.pem`: certificate 1 is not usable",
            ),
            (
                good_certificate.clone(),
                write("bad.pem", &garbage.replace("CERTIFICATE", "PRIVATE KEY")),
                "key file `bad.pem` holds a key that is not usable",
            ),
            (
                good_certificate.clone(),
                write("other.pem", &other_key),
                "key `other.pem` does not fit certificate `cert.pem`",
            ),
        ];
        let folder = format!("{}/", files.0.path().display());
        for (certificate, private, expected) in cases {
            let fault = server_config(&certificate, &private, NONE).unwrap_err();
            let text = fault.to_string().replace(&folder, "");
            assert!(text.contains(expected), "{text}");
            for secret in key.lines().chain(broken.lines()).filter(|line| !line.starts_with('-')) {
                assert!(!format!("{text}{fault:?}").contains(secret));
            }
        }
    }

    #[test]
    fn authorities_are_checked() {
        let files = Files(TempDir::new().unwrap());
        let (certificate, key) = pair();
        assert_eq!(authorities(&files.write("ca.pem", &certificate.repeat(2))).unwrap().len(), 2);
        let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let fault = authorities(&files.write("bad.pem", &format!("{certificate}{garbage}"))).unwrap_err();
        assert!(fault.to_string().ends_with("bad.pem`: certificate 2 is not usable"), "{fault}");
        let fault = authorities(&files.write("key.pem", &key)).unwrap_err();
        assert!(fault.to_string().contains("holds a private key and no certificate"), "{fault}");
    }
}
