//! The other end of a request: a key that is made where it stays, and the request that it signs.

use std::fmt;

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};

use super::pem;
use super::public_key::ECDSA_WITH_SHA256;
use crate::secret::Secret;

/// A private key on P-256, for an X509-SVID.
pub struct PrivateKey(EcdsaKeyPair);

/// The cryptographic library refused to work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("key cannot be made or used")]
pub struct KeyRefused;

// === impl PrivateKey ===

impl PrivateKey {
    /// Makes one. The library draws from its own generator.
    ///
    /// # Errors
    /// [`KeyRefused`].
    pub fn generate() -> Result<Self, KeyRefused> {
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map(Self).map_err(|_| KeyRefused)
    }

    /// The key in PEM (PKCS#8, RFC 5958), not encrypted.
    ///
    /// # Errors
    /// [`KeyRefused`].
    pub fn to_pem(&self) -> Result<Secret<String>, KeyRefused> {
        let der = self.0.to_pkcs8v1().map_err(|_| KeyRefused)?;
        let mut text = String::new();
        pem::write(pem::PRIVATE_KEY, der.as_ref(), &mut text);
        Ok(Secret::new(text))
    }

    /// A certification request (RFC 2986) in PEM that asks for no name at all: policy gives it.
    ///
    /// # Errors
    /// [`KeyRefused`].
    #[expect(clippy::disallowed_methods, reason = "a formality: the library takes a generator and draws from its own")]
    pub fn request(&self) -> Result<String, KeyRefused> {
        let spki: PublicKeyX509Der<'_> = self.0.public_key().as_der().map_err(|_| KeyRefused)?;
        // version 0, an empty subject, the key, no attributes.
        let info = sequence(&[&[0x02, 1, 0], &[0x30, 0], spki.as_ref(), &[0xa0, 0]]);
        let signature = self.0.sign(&SystemRandom::new(), &info).map_err(|_| KeyRefused)?;
        let algorithm = sequence(&[&element(0x06, ECDSA_WITH_SHA256)]);
        let bits = element(0x03, &[&[0], signature.as_ref()].concat());
        let mut text = String::new();
        pem::write(pem::REQUEST[0], &sequence(&[&info, &algorithm, &bits]), &mut text);
        Ok(text)
    }
}

/// Shows nothing of the key.
impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").finish_non_exhaustive()
    }
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(0x30, &parts.concat())
}

/// One element of DER, of less than 256 bytes of content times 256.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let [.., high, low] = content.len().to_be_bytes();
    let head: &[u8] = match (high, low) {
        (0, 0..=0x7f) => &[tag, low],
        (0, _) => &[tag, 0x81, low],
        _ => &[tag, 0x82, high, low],
    };
    [head, content].concat()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use crate::svid::KeyKind;
    use crate::svid::csr::Request;

    #[test]
    fn a_request_is_one_that_we_would_sign() {
        let key = PrivateKey::generate().unwrap();
        let request = Request::from_pem(&key.request().unwrap()).unwrap();
        assert_eq!(request.kind(), KeyKind::P256);
        let id = "spiffe://example.org/workload".parse().unwrap();
        assert_eq!(request.check_names(&id, &[]), Ok(()));
        assert_ne!(
            Request::from_pem(&PrivateKey::generate().unwrap().request().unwrap()).unwrap().spki(),
            request.spki()
        );
        let pem = key.to_pem().unwrap();
        assert!(pem::only(pem.reveal(), &[pem::PRIVATE_KEY]).is_some());
        assert!(!format!("{key:?} {pem:?}").contains("BEGIN"));
    }
}
