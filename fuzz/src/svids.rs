//! What SVIDs are made of and judged by: requests for certificates, certificates, bundles, templates of paths.

use accredit_core::template::{PathTemplate, escape, unescape};
use accredit_id::bundle::{self, Bundle};
use accredit_id::jose::jwk::Source;
use accredit_id::svid::authority::Authority;
use accredit_id::svid::csr::Request;
use accredit_id::svid::pem;
use accredit_id::svid::x509::{self, Leaf};

use crate::seeds;

/// A request in DER, or in PEM: the key that it gives is one that it holds.
pub(crate) fn request(input: &[u8]) {
    let in_text = std::str::from_utf8(input).ok().and_then(|text| Request::from_pem(text).ok());
    assert!(in_text.is_none() || input.len() <= Request::MAX_BYTES);
    if let Ok(request) = Request::from_der(input) {
        assert!(holds(input, request.spki()), "a key that the request does not hold");
    }
}

pub(crate) fn request_seeds() -> Vec<Vec<u8>> {
    let texts = seeds::files(&["svid/csr"], "pem");
    let der = texts.iter().filter_map(|text| pem::only(std::str::from_utf8(text).ok()?, &pem::REQUEST));
    der.chain(texts.iter().cloned()).collect()
}

/// A certificate in DER: its key stands in it, and it vouches for nobody but what is below it.
pub(crate) fn certificate(input: &[u8]) {
    let _ = Authority::read(input);
    let Ok(leaf) = Leaf::read(input) else { return };
    assert!(holds(input, &leaf.spki) && leaf.id.path().len() > 1);
    let itself = [input.to_vec()];
    let verified = x509::verify(&itself, leaf.id.trust_domain(), &itself, leaf.not_before);
    assert!(verified.is_err(), "a leaf was its own authority");
}

pub(crate) fn certificate_seeds() -> Vec<Vec<u8>> {
    let texts = seeds::files(&["svid/x509"], "pem");
    let der = texts.iter().filter_map(|text| pem::all(std::str::from_utf8(text).ok()?, pem::CERTIFICATE));
    der.flatten().collect()
}

/// A bundle document: what is kept can be written and read back, and is the same.
pub(crate) fn bundle(input: &[u8]) {
    for source in [Source::Fetched, Source::Uploaded] {
        let Ok(read) = Bundle::parse(input, source) else { continue };
        assert!(read.jwt.keys().len() + read.x509.len() + read.dropped.len() <= Bundle::MAX_KEYS);
        let Ok(written) = bundle::write(1, 60, read.jwt.keys(), &read.x509) else { continue };
        let Ok(again) = Bundle::parse(written.as_bytes(), source) else { panic!("a written bundle is refused") };
        let keys = |bundle: &Bundle| bundle.jwt.keys().map(|key| key.thumbprint().to_string()).collect::<Vec<_>>();
        let authorities = |bundle: &Bundle| bundle.x509.iter().map(Authority::fingerprint).collect::<Vec<_>>();
        assert_eq!(keys(&again), keys(&read));
        assert_eq!(authorities(&again), authorities(&read));
    }
}

pub(crate) fn bundle_seeds() -> Vec<Vec<u8>> {
    seeds::fields("bundle", &["document"]).into_iter().map(String::into_bytes).collect()
}

/// A template of a path is kept as it was written; any text at all becomes one segment, and no other text the same one.
pub(crate) fn template(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let segment = escape(text);
    assert!(!segment.contains('/') && segment != "." && segment != "..");
    assert_eq!(unescape(&segment).as_deref(), Some(text), "two texts of one segment");
    if let Some(again) = unescape(text) {
        assert_eq!(escape(&again), text, "a segment that no text becomes");
    }
    if let Ok(template) = PathTemplate::parse(text) {
        assert_eq!(template.source(), text);
    }
}

pub(crate) fn template_seeds() -> Vec<Vec<u8>> {
    seeds::fields("template", &["template", "path", "value"]).into_iter().map(String::into_bytes).collect()
}

fn holds(whole: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && whole.windows(part.len()).any(|window| window == part)
}
