//! The text form of DER (RFC 7468): base64 between two lines that say what it is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The one block that `text` holds, which has one of `labels`. Nothing may stand before or after it but white space.
///
/// `None` for another label, several blocks, text between the lines that is not base64, or no block at all.
#[must_use]
pub fn only(text: &str, labels: &[&str]) -> Option<Vec<u8>> {
    let text = text.trim_ascii();
    labels.iter().find_map(|label| {
        let inside = text.strip_prefix(&format!("-----BEGIN {label}-----"))?;
        let inside = inside.strip_suffix(&format!("-----END {label}-----"))?;
        let inside: Vec<u8> = inside.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        STANDARD.decode(inside).ok()
    })
}

/// Every block of `label` in `text`, in order.
///
/// `None` where anything but such blocks and white space stands in it.
#[must_use]
pub fn all(text: &str, label: &str) -> Option<Vec<Vec<u8>>> {
    let end = format!("-----END {label}-----");
    let mut blocks = Vec::new();
    let mut rest = text.trim_ascii();
    while !rest.is_empty() {
        let (block, after) = rest.split_at(rest.find(&end)? + end.len());
        blocks.push(only(block, &[label])?);
        rest = after.trim_ascii_start();
    }
    Some(blocks)
}

/// Appends one block to `text`.
pub fn write(label: &str, der: &[u8], text: &mut String) {
    text.push_str(&framed(label, &STANDARD.encode(der)));
}

/// A block of what is encoded already, as `x5c` has it (RFC 7517 section 4.7).
#[must_use]
pub fn framed(label: &str, encoded: &str) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = encoded;
    while !rest.is_empty() {
        let end = rest.char_indices().nth(LINE).map_or(rest.len(), |(end, _)| end);
        let (line, after) = rest.split_at(end);
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

/// The label of a certificate (RFC 7468 section 5).
pub const CERTIFICATE: &str = "CERTIFICATE";

/// The label of a private key (RFC 7468 section 10), PKCS#8.
pub const PRIVATE_KEY: &str = "PRIVATE KEY";

/// The labels of a certification request (RFC 7468 section 7).
pub const REQUEST: [&str; 2] = ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"];

/// Characters on a line (RFC 7468 section 2).
const LINE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        for length in [0, 1, 47, 48, 49, 500] {
            let der = vec![7; length];
            let mut text = String::new();
            write(CERTIFICATE, &der, &mut text);
            assert_eq!(only(&text, &[CERTIFICATE]), Some(der.clone()), "{length}");
            assert_eq!(only(&text, &REQUEST), None);
            let twice = format!("\n{text}{text}\r\n");
            assert_eq!(only(&twice, &[CERTIFICATE]), None);
            assert_eq!(all(&twice, CERTIFICATE), Some(vec![der.clone(), der]));
            assert_eq!(all(&format!("{text}x"), CERTIFICATE), None);
            assert_eq!(all(&format!("x{text}"), CERTIFICATE), None);
        }
        assert_eq!(all("", CERTIFICATE), Some(vec![]));
    }
}
