//! Certification requests (PKCS#10, RFC 2986): who asks shows that he holds the key, and wishes for names.
//!
//! Names are policy's to give. A request may leave them out; one that asks for another identity than policy gives is refused,
//! never overridden in silence. Its subject is not read: most tools cannot leave it out.

use super::certificate::extension;
use super::der::{BIT_STRING, INTEGER, Malformed, OID, Reader, SEQUENCE, SET, constructed};
use super::names::{Names, SUBJECT_ALT_NAME};
use super::pem;
use super::public_key::{KeyKind, Spki, UnfitKey};
use crate::shown::Shown;
use crate::spiffe_id::SpiffeId;

/// A request whose sender holds the private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    spki: Vec<u8>,
    kind: KeyKind,
    uris: Vec<String>,
    dns: Vec<String>,
    has_other_names: bool,
}

/// Why no certificate is signed for a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestFault {
    /// More than [`Request::MAX_BYTES`]; nothing was read.
    #[error("certification request has {bytes} bytes, expected at most 16384")]
    TooLarge {
        /// The length seen.
        bytes: usize,
    },
    /// Not one PEM block, or not DER of the expected form.
    #[error("certification request is not PKCS#10, as one PEM block or in DER")]
    Malformed,
    /// We sign for no such key.
    #[error(transparent)]
    Key(#[from] UnfitKey),
    /// The key did not sign the request.
    #[error("certification request is not signed by its own key")]
    Signature,
    /// It asks for another name than policy gives.
    #[error("certification request asks for the name `{seen}`, expected `{expected}` or none")]
    Name {
        /// What it asks for.
        seen: Shown,
        /// What policy gives.
        expected: Shown,
    },
}

// === impl Request ===

impl Request {
    /// The longest request that is looked at, in PEM.
    pub const MAX_BYTES: usize = 16 * 1024;

    /// Reads a request in PEM.
    ///
    /// # Errors
    /// [`RequestFault`], any but [`RequestFault::Name`].
    pub fn from_pem(text: &str) -> Result<Self, RequestFault> {
        if text.len() > Self::MAX_BYTES {
            return Err(RequestFault::TooLarge { bytes: text.len() });
        }
        Self::from_der(&pem::only(text, &pem::REQUEST).ok_or(RequestFault::Malformed)?)
    }

    /// Reads a request in DER and verifies that its own key has signed it.
    ///
    /// The key is judged before its signature is: a huge RSA key costs nothing (RFC 2986 sets no bound).
    ///
    /// # Errors
    /// [`RequestFault`], any but [`RequestFault::Name`].
    pub fn from_der(der: &[u8]) -> Result<Self, RequestFault> {
        if der.len() > Self::MAX_BYTES {
            return Err(RequestFault::TooLarge { bytes: der.len() });
        }
        let malformed = |Malformed| RequestFault::Malformed;
        let mut request = Reader::only(der, SEQUENCE).map_err(malformed)?.inside();
        let signed = request.expect(SEQUENCE).map_err(malformed)?;
        let algorithm = request.expect(SEQUENCE).map_err(malformed)?;
        let signature = request.expect(BIT_STRING).and_then(|bits| bits.bits()).map_err(malformed)?;
        request.end().map_err(malformed)?;
        let mut body = signed.inside();
        let spki = subject_key(&mut body).map_err(malformed)?;
        let names = attributes(&mut body).map_err(malformed)?;
        let spki = Spki::read(spki)?;
        if !spki.signed(algorithm, signed.whole, signature) {
            return Err(RequestFault::Signature);
        }
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Ok(Self {
            spki: spki.whole.to_vec(),
            kind: spki.kind,
            uris: own(&names.uris),
            dns: own(&names.dns),
            has_other_names: names.others,
        })
    }

    /// The public key, as `SubjectPublicKeyInfo` in DER.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The key's kind.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Compares the names that it asks for with those that policy gives: none, or the SPIFFE ID as its one URI and some of
    /// the DNS names.
    ///
    /// # Errors
    /// [`RequestFault::Name`].
    pub fn check_names(&self, id: &SpiffeId, dns_names: &[String]) -> Result<(), RequestFault> {
        let differs =
            |seen: &str, expected: &str| RequestFault::Name { seen: Shown::of(seen), expected: Shown::of(expected) };
        if let Some(other) = self.uris.iter().find(|uri| *uri != id.as_str()) {
            return Err(differs(other, id.as_str()));
        }
        if self.uris.len() > 1 {
            return Err(differs(&self.uris.join(" "), id.as_str()));
        }
        if let Some(other) = self.dns.iter().find(|name| !dns_names.contains(name)) {
            return Err(differs(other, &dns_names.join(" ")));
        }
        match self.has_other_names {
            true => Err(differs("of another type than URI and DNS", id.as_str())),
            false => Ok(()),
        }
    }
}

// === impl RequestFault ===

impl RequestFault {
    /// Every code.
    pub const CODES: [&'static str; 5] =
        ["csr-too-large", "csr-malformed", "csr-key-unfit", "csr-signature", "csr-name"];

    /// The fault's stable name, kebab-case, never reused.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "csr-too-large",
            Self::Malformed => "csr-malformed",
            Self::Key(_) => "csr-key-unfit",
            Self::Signature => "csr-signature",
            Self::Name { .. } => "csr-name",
        }
    }
}

/// `version`, `subject`, `subjectPKInfo` (RFC 2986 section 4.1).
fn subject_key<'d>(body: &mut Reader<'d>) -> Result<super::der::Element<'d>, Malformed> {
    if body.expect(INTEGER)?.content != [0] {
        return Err(Malformed);
    }
    body.expect(SEQUENCE)?;
    body.expect(SEQUENCE)
}

/// `attributes`, of which the extensions that are asked for are read, and of those the names.
fn attributes<'d>(body: &mut Reader<'d>) -> Result<Names<'d>, Malformed> {
    let attributes = body.optional(constructed(0))?;
    body.end()?;
    let mut names = None;
    let mut attributes = attributes.map_or(Reader::new(&[]), |attributes| attributes.inside());
    while !attributes.is_empty() {
        let mut attribute = attributes.inside(SEQUENCE)?;
        let name = attribute.expect(OID)?.content;
        let values = attribute.expect(SET)?;
        attribute.end()?;
        if name != EXTENSION_REQUEST {
            continue;
        }
        let mut values = values.inside();
        let mut extensions = values.inside(SEQUENCE)?;
        values.end()?;
        while !extensions.is_empty() {
            let (name, _, value) = extension(&mut extensions)?;
            if name == SUBJECT_ALT_NAME && names.replace(Names::read(value)?).is_some() {
                return Err(Malformed);
            }
        }
    }
    Ok(names.unwrap_or_default())
}

/// `extensionRequest` (RFC 2985 section 5.4.2).
const EXTENSION_REQUEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e];
