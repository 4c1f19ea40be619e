//! Any text as one segment of a SPIFFE path, and back.
//!
//! Letters, digits, `-` and, but for the first place, `.` stay; every other byte of the UTF-8 becomes `_` and two upper-case
//! hexadecimal digits. `_` is among the others, so that [`unescape`] gives back what [`escape`] was given: two texts never
//! become the same segment. The segment is never `.` or `..`, and empty only for the empty text.

/// `refs/heads/main` as `refs_2Fheads_2Fmain`.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 4);
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => escaped.push(char::from(byte)),
            b'.' if place > 0 => escaped.push('.'),
            other => {
                escaped.push('_');
                escaped.push(char::from(DIGITS[usize::from(other >> 4)]));
                escaped.push(char::from(DIGITS[usize::from(other & 0xf)]));
            }
        }
    }
    escaped
}

/// The text that a segment was made of; `None` for a segment that [`escape`] does not make.
pub fn unescape(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        let digit = |byte: u8| DIGITS.iter().position(|known| *known == byte);
        bytes.push(match byte {
            b'_' => u8::try_from(digit(rest.next()?)? * 16 + digit(rest.next()?)?).ok()?,
            plain => plain,
        });
    }
    let text = String::from_utf8(bytes).ok()?;
    (escape(&text) == segment).then_some(text)
}

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use accredit_id::spiffe_id::SpiffeId;

    use super::*;

    #[test]
    fn what_stays_and_what_does_not() {
        for (text, segment) in [
            ("refs/heads/main", "refs_2Fheads_2Fmain"),
            ("web", "web"),
            ("v1.2-rc", "v1.2-rc"),
            ("..", "_2E."),
            (".", "_2E"),
            ("a_b", "a_5Fb"),
            ("_2F", "_5F2F"),
            ("/", "_2F"),
            ("é", "_C3_A9"),
            ("", ""),
        ] {
            assert_eq!(escape(text), segment);
            assert_eq!(unescape(segment).as_deref(), Some(text));
        }
        for foreign in ["_2f", "_", "_2", "_G0", "a/b", ".", "_41", "_C3", "é"] {
            assert_eq!(unescape(foreign), None, "{foreign}");
        }
    }

    /// Two texts never become one segment: what was escaped can be had back, for texts of every length and any bytes.
    #[test]
    fn escaping_is_injective_and_fits_one_segment() {
        let mut seed = 0x9e37_79b9_7f4a_7c15u64;
        let mut next = || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed
        };
        // Letters that tempt: those of the escape itself, separators, dots, and what takes several bytes.
        let letters = ['_', '2', 'F', '/', '.', '-', 'a', 'Z', '0', ' ', '\u{0}', 'é', '\u{202e}', '😀', '%', '~'];
        for _ in 0..20_000 {
            let length = next() % 24;
            let text: String = (0..length).map(|_| letters[(next() % letters.len() as u64) as usize]).collect();
            let segment = escape(&text);
            assert_eq!(unescape(&segment).as_deref(), Some(text.as_str()), "{text:?} became {segment}");
            if !text.is_empty() {
                let id: SpiffeId = format!("spiffe://example.org/{segment}").parse().unwrap();
                assert_eq!(id.path().matches('/').count(), 1, "{text:?}");
            }
        }
    }
}
