//! Subject alternative names (RFC 5280 section 4.2.1.6), as much of them as SVIDs have.

use super::der::{Malformed, Reader, SEQUENCE, primitive};

/// The names of a certificate or a request.
#[derive(Debug, Default)]
pub(super) struct Names<'d> {
    pub(super) uris: Vec<&'d str>,
    pub(super) dns: Vec<&'d str>,
    /// Whether there are names of other types.
    pub(super) others: bool,
}

// === impl Names ===

impl<'d> Names<'d> {
    /// Reads the value of the extension.
    pub(super) fn read(value: &'d [u8]) -> Result<Self, Malformed> {
        let mut entries = Reader::only(value, SEQUENCE)?.inside();
        let mut names = Self::default();
        if entries.is_empty() {
            return Err(Malformed);
        }
        while !entries.is_empty() {
            let entry = entries.next()?;
            match entry.tag {
                URI => names.uris.push(ascii(entry.content)?),
                DNS => names.dns.push(ascii(entry.content)?),
                _ => names.others = true,
            }
        }
        Ok(names)
    }
}

/// `IA5String`.
fn ascii(bytes: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(bytes).ok().filter(|text| text.is_ascii()).ok_or(Malformed)
}

const DNS: u8 = primitive(2);
const URI: u8 = primitive(6);

/// The extension's object identifier.
pub(super) const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
