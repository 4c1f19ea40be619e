//! PEM: certificates, authorities, keys.

use std::path::Path;

use rustls::RootCertStore;

use super::Pem;
use crate::binding::Certificate;

/// A file of certificates or keys. No fault repeats a byte of it.
pub fn pem(bytes: &[u8]) {
    let here = Path::new("here.pem");
    match Pem::parse(bytes, here, "authority", "certificates in PEM") {
        Err(fault) => assert!(fault.to_string().len() < 200),
        Ok(pem) => {
            for certificate in &pem.certificates {
                let _ = RootCertStore::empty().add(certificate.clone());
                assert_eq!(Certificate::of_der(certificate).thumbprint().len(), 43);
            }
        }
    }
}
