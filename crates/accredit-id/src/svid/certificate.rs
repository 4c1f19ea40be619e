//! A certificate (RFC 5280 section 4.1), as much of it as judging an SVID needs. Signatures and paths are not read here.

use super::der::{self, BIT_STRING, BOOLEAN, INTEGER, Malformed, OCTET_STRING, OID, Reader, SEQUENCE, constructed};
use super::names::{Names, SUBJECT_ALT_NAME};
use super::when::time;
use crate::time::Timestamp;

/// What a certificate says.
#[derive(Debug)]
pub(super) struct Certificate<'d> {
    /// Big-endian, perhaps with the leading zero of DER.
    pub(super) serial: &'d [u8],
    pub(super) not_before: Timestamp,
    /// The last second in which it counts.
    pub(super) not_after: Timestamp,
    pub(super) has_subject: bool,
    pub(super) spki: &'d [u8],
    pub(super) names: Option<(Names<'d>, IsCritical)>,
    /// `cA`; false where the extension is absent.
    pub(super) is_authority: bool,
    pub(super) key_usage: Option<(KeyUsage, IsCritical)>,
    /// The purposes, where the extension is there.
    pub(super) purposes: Option<Vec<&'d [u8]>>,
}

/// Whether whoever does not understand an extension must refuse the certificate.
pub(super) type IsCritical = bool;

/// `KeyUsage` (RFC 5280 section 4.2.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeyUsage(u8);

// === impl Certificate ===

impl<'d> Certificate<'d> {
    pub(super) fn read(der: &'d [u8]) -> Result<Self, Malformed> {
        let mut certificate = Reader::only(der, SEQUENCE)?.inside();
        let mut body = certificate.inside(SEQUENCE)?;
        certificate.expect(SEQUENCE)?;
        certificate.expect(BIT_STRING)?;
        certificate.end()?;
        // Version 3, which alone has extensions.
        if body.inside(constructed(0))?.expect(INTEGER)?.content != [2] {
            return Err(Malformed);
        }
        let serial = body.expect(INTEGER)?.content;
        body.expect(SEQUENCE)?;
        body.expect(SEQUENCE)?;
        let mut validity = body.inside(SEQUENCE)?;
        let (not_before, not_after) = (time(validity.next()?)?, time(validity.next()?)?);
        validity.end()?;
        let has_subject = !body.inside(SEQUENCE)?.is_empty();
        let spki = body.expect(SEQUENCE)?.whole;
        let mut extensions = body.inside(constructed(3))?.inside(SEQUENCE)?;
        body.end()?;
        let mut read = Self {
            serial,
            not_before,
            not_after,
            has_subject,
            spki,
            names: None,
            is_authority: false,
            key_usage: None,
            purposes: None,
        };
        let mut seen: Vec<&[u8]> = Vec::new();
        while !extensions.is_empty() {
            let (name, is_critical, value) = extension(&mut extensions)?;
            // Two of a kind are two certificates, one for each reader.
            if seen.contains(&name) {
                return Err(Malformed);
            }
            seen.push(name);
            read.extend(name, is_critical, value)?;
        }
        Ok(read)
    }

    fn extend(&mut self, name: &[u8], is_critical: bool, value: &'d [u8]) -> Result<(), Malformed> {
        match name {
            SUBJECT_ALT_NAME => self.names = Some((Names::read(value)?, is_critical)),
            BASIC_CONSTRAINTS => {
                let mut inside = Reader::only(value, SEQUENCE)?.inside();
                self.is_authority = inside.optional(BOOLEAN)?.map(der::boolean).transpose()?.unwrap_or(false);
            }
            KEY_USAGE => self.key_usage = Some((KeyUsage::read(value)?, is_critical)),
            EXTENDED_KEY_USAGE => {
                let mut inside = Reader::only(value, SEQUENCE)?.inside();
                let mut purposes = Vec::new();
                while !inside.is_empty() {
                    purposes.push(inside.expect(OID)?.content);
                }
                self.purposes = Some(purposes);
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether `now` lies in its time.
    pub(super) fn is_in_time(&self, now: Timestamp) -> bool {
        self.not_before <= now && now <= self.not_after
    }
}

/// The last second in which a certificate counts (RFC 5280 section 4.1.2.5), whoever's it is: an SVID's or any server's. For whoever
/// watches; `None` for what cannot be read.
#[must_use]
pub fn last_second(der: &[u8]) -> Option<Timestamp> {
    Certificate::read(der).ok().map(|certificate| certificate.not_after)
}

// === impl KeyUsage ===

impl KeyUsage {
    pub(super) const DIGITAL_SIGNATURE: Self = Self(0x80);
    pub(super) const KEY_CERT_SIGN: Self = Self(0x04);
    pub(super) const CRL_SIGN: Self = Self(0x02);

    pub(super) const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// A named bit list: the first bit is the highest one. The ninth, `decipherOnly`, counts for nothing here.
    fn read(value: &[u8]) -> Result<Self, Malformed> {
        match Reader::only(value, BIT_STRING)?.content {
            [0..=7, bits] | [0..=7, bits, _] => Ok(Self(*bits)),
            _ => Err(Malformed),
        }
    }
}

/// One extension: what it is, whether it is critical, and its value. Certificates and requests write them alike.
pub(super) fn extension<'d>(extensions: &mut Reader<'d>) -> Result<(&'d [u8], IsCritical, &'d [u8]), Malformed> {
    let mut extension = extensions.inside(SEQUENCE)?;
    let name = extension.expect(OID)?.content;
    let is_critical = extension.optional(BOOLEAN)?.map(der::boolean).transpose()?.unwrap_or(false);
    let value = extension.expect(OCTET_STRING)?.content;
    extension.end()?;
    Ok((name, is_critical, value))
}

const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
pub(super) const SERVER_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
pub(super) const CLIENT_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];
