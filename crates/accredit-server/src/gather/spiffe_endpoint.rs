//! Knowing a bundle endpoint by its X509-SVID (SPIFFE Federation section 5.2.2): the authorities of its own trust domain, and
//! one SPIFFE ID.

use std::sync::Arc;

use accredit_id::shown::Shown;
use accredit_id::spiffe_id::SpiffeId;
use accredit_id::svid::authority::Authority;
use accredit_id::svid::x509;
use accredit_id::time::Timestamp;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

/// A configuration that meets whoever shows an X509-SVID of this SPIFFE ID under these authorities of its trust domain, and
/// nobody else. Names of hosts mean nothing there.
///
/// # Errors
/// What keeps it from being made.
#[expect(
    clippy::disallowed_methods,
    reason = "whoever is met here is verified, by his trust domain instead of his host"
)]
pub(super) fn config(id: &SpiffeId, authorities: &[Authority]) -> Result<Arc<ClientConfig>, String> {
    let provider = aws_lc_rs::default_provider();
    let algorithms = provider.signature_verification_algorithms;
    let authorities = authorities.iter().map(|authority| authority.der().to_vec()).collect();
    let verifier = Arc::new(Endpoint { id: id.clone(), authorities, algorithms });
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|fault| fault.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // A session that is resumed shows no certificate, and would outlive the authority that it was shown under.
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

#[derive(Debug)]
struct Endpoint {
    id: SpiffeId,
    authorities: Vec<Vec<u8>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Endpoint {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _host: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain: Vec<Vec<u8>> = std::iter::once(leaf).chain(intermediates).map(|der| der.to_vec()).collect();
        let now = Timestamp::from_unix(i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
        let refused = |fault: x509::X509SvidFault| Error::General(fault.to_string());
        let shown = x509::verify(&chain, self.id.trust_domain(), &self.authorities, now).map_err(refused)?;
        match shown.id == self.id {
            true => Ok(ServerCertVerified::assertion()),
            false => {
                let seen = Shown::of(shown.id.as_str());
                Err(Error::General(format!("it is `{seen}`, expected `{}`", self.id)))
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, leaf, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, leaf, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
