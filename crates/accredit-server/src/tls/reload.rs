//! The certificate of a listener, replaced while it serves.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use accredit_id::svid;
use accredit_id::time::Timestamp;
use arc_swap::ArcSwap;
use rustls::ServerConfig;
use tokio_rustls::TlsAcceptor;

use super::{TlsFault, certificates, server_config};
use crate::config::{ClientCertificates, TlsFiles};

/// What a listener shows its clients. New connections meet what was read last; open ones keep what they met, and sessions
/// are not resumed across a change, since a ticket would carry the old certificate on.
pub(crate) struct Certificates {
    /// What the listener is called in the log.
    pub(crate) listener: &'static str,
    files: TlsFiles,
    /// Whether clients are asked for certificates, whichever the listener shows itself.
    clients: ClientCertificates,
    current: ArcSwap<ServerConfig>,
    /// When the first of the certificates that are shown ends, Unix seconds; 0 where none of them tells.
    ends_at: AtomicI64,
    watched: Mutex<Watched>,
    /// How often other files were read and taken.
    pub(crate) replaced: AtomicU64,
    /// How often they could not be used.
    pub(crate) refused: AtomicU64,
}

struct Watched {
    /// The files that were tried last, whether they could be used or not.
    tried: Stamps,
    /// The files as they were when they were last looked at.
    looked_at: Stamps,
}

/// What tells two versions of certificate and key apart without reading them; `None` where a file is missing.
type Stamps = [Option<(u64, u64, i64, i64, u64)>; 2];

/// How often the files are looked at. A change counts once it has lasted for one turn: certificate and key are two files, and
/// nobody replaces both at once.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(3);

// === impl Certificates ===

impl Certificates {
    /// Reads certificate and key of a listener.
    pub(crate) fn read(
        listener: &'static str,
        files: &TlsFiles,
        clients: ClientCertificates,
    ) -> Result<Arc<Self>, TlsFault> {
        let stamps = stamps(files);
        let current = ArcSwap::new(server_config(&files.certificate, &files.key, clients)?);
        let ends_at = AtomicI64::new(end(&files.certificate));
        let watched = Mutex::new(Watched { tried: stamps, looked_at: stamps });
        let (replaced, refused) = (AtomicU64::new(0), AtomicU64::new(0));
        Ok(Arc::new(Self { listener, files: files.clone(), clients, current, ends_at, watched, replaced, refused }))
    }

    /// Accepts a connection by what was read last.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current.load_full())
    }

    /// When clients will refuse what they are shown, as far as the certificates tell.
    pub(crate) fn ends_at(&self) -> Option<Timestamp> {
        let ends_at = self.ends_at.load(Relaxed);
        (ends_at > 0).then(|| Timestamp::from_unix(ends_at))
    }

    /// Reads the files again, whether they look changed or not. What cannot be used changes nothing.
    pub(crate) fn read_again(&self) {
        let stamps = stamps(&self.files);
        *self.watched.lock().unwrap_or_else(PoisonError::into_inner) = Watched { tried: stamps, looked_at: stamps };
        match server_config(&self.files.certificate, &self.files.key, self.clients) {
            Ok(config) => {
                self.current.store(config);
                // Read apart from the pair: should it be replaced in between, it is looked at again.
                self.ends_at.store(end(&self.files.certificate), Relaxed);
                self.replaced.fetch_add(1, Relaxed);
                tracing::info!(event = "certificate-read-again", listener = self.listener, "certificate read again");
            }
            Err(fault) => {
                self.refused.fetch_add(1, Relaxed);
                let hint = fault.hint().unwrap_or("put a certificate and its own key there");
                tracing::error!(
                    event = "certificate-not-replaced",
                    listener = self.listener,
                    hint,
                    "certificate not replaced, the one before stays in use: {fault}"
                );
            }
        }
    }

    /// Reads them again when they have changed and rest.
    pub(crate) fn look(&self) {
        let now = stamps(&self.files);
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let rests = std::mem::replace(&mut watched.looked_at, now) == now;
        let is_new = watched.tried != now;
        drop(watched);
        if rests && is_new {
            self.read_again();
        }
    }
}

/// A client looks at the whole chain: the first one that ends breaks it.
fn end(path: &Path) -> i64 {
    let chain = certificates(path, "certificate").unwrap_or_default();
    chain.iter().filter_map(|one| svid::last_second(one)).min().map_or(0, Timestamp::unix)
}

fn stamps(files: &TlsFiles) -> Stamps {
    [&files.certificate, &files.key].map(|path| stamp(path))
}

fn stamp(path: &Path) -> Option<(u64, u64, i64, i64, u64)> {
    let file = std::fs::metadata(path).ok()?;
    Some((file.dev(), file.ino(), file.mtime(), file.mtime_nsec(), file.len()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests fail by panicking and write files")]
mod tests {
    use std::fs;

    use rcgen::{CertificateParams, KeyPair};
    use tempfile::TempDir;

    use super::*;

    fn write_pair(files: &TlsFiles) {
        write_pair_until(files, 2040);
    }

    fn write_pair_until(files: &TlsFiles, year: i32) {
        let key = KeyPair::generate().unwrap();
        let mut made = CertificateParams::new(["localhost".to_owned()]).unwrap();
        made.not_after = rcgen::date_time_ymd(year, 1, 1);
        let certificate = made.self_signed(&key).unwrap();
        fs::write(&files.certificate, certificate.pem()).unwrap();
        fs::write(&files.key, key.serialize_pem()).unwrap();
    }

    fn is_same(one: &Arc<ServerConfig>, certificates: &Certificates) -> bool {
        Arc::ptr_eq(one, &certificates.current.load())
    }

    #[test]
    fn a_new_pair_is_taken_once_it_rests_and_a_broken_one_never() {
        let folder = TempDir::new().unwrap();
        let files = TlsFiles { certificate: folder.path().join("c.pem"), key: folder.path().join("k.pem") };
        write_pair(&files);
        let certificates = Certificates::read("public", &files, ClientCertificates::None).unwrap();
        let first = certificates.current.load_full();
        certificates.look();
        certificates.look();
        assert!(is_same(&first, &certificates), "nothing changed");

        write_pair(&files);
        certificates.look();
        assert!(is_same(&first, &certificates), "it may still be written");
        certificates.look();
        assert!(!is_same(&first, &certificates));
        let second = certificates.current.load_full();

        for broken in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            fs::write(&files.certificate, broken).unwrap();
            (0..4).for_each(|_| certificates.look());
            assert!(is_same(&second, &certificates));
        }
        fs::remove_file(&files.key).unwrap();
        (0..4).for_each(|_| certificates.look());
        certificates.read_again();
        assert!(is_same(&second, &certificates));
        // Each version is tried once, and once more when it is told to.
        assert_eq!((certificates.replaced.load(Relaxed), certificates.refused.load(Relaxed)), (1, 4));

        write_pair(&files);
        certificates.read_again();
        assert!(!is_same(&second, &certificates));
    }

    #[test]
    fn the_end_is_that_of_what_is_shown() {
        let folder = TempDir::new().unwrap();
        let files = TlsFiles { certificate: folder.path().join("c.pem"), key: folder.path().join("k.pem") };
        let ends = |certificates: &Certificates| certificates.ends_at().unwrap().to_string();
        write_pair_until(&files, 2041);
        let certificates = Certificates::read("public", &files, ClientCertificates::None).unwrap();
        assert_eq!(ends(&certificates), "2041-01-01T00:00:00Z");
        write_pair_until(&files, 2031);
        // One of the chain that ends sooner breaks it.
        let root = TlsFiles { certificate: folder.path().join("root.pem"), key: folder.path().join("root.key") };
        write_pair_until(&root, 2029);
        let chain = [&files, &root].map(|files| fs::read_to_string(&files.certificate).unwrap()).concat();
        fs::write(&files.certificate, chain).unwrap();
        certificates.read_again();
        assert_eq!(ends(&certificates), "2029-01-01T00:00:00Z");
        fs::write(&files.certificate, "").unwrap();
        certificates.read_again();
        assert_eq!(ends(&certificates), "2029-01-01T00:00:00Z");
    }
}
