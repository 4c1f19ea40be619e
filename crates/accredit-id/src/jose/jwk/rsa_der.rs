//! The DER form of an RSA public key (RFC 8017 appendix A.1.1): a sequence of two integers, nothing else.

/// Modulus and exponent, big-endian, perhaps with the leading zero that DER puts before a set high bit.
pub(super) fn integers(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (sequence, rest) = element(der, SEQUENCE)?;
    let (modulus, exponent) = element(sequence, INTEGER)?;
    let (exponent, end) = element(exponent, INTEGER)?;
    (rest.is_empty() && end.is_empty()).then_some((modulus, exponent))
}

/// One element of the type `tag`: its content and what follows it. Lengths up to two bytes, as long as a key of 8,192
/// bits.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match der {
        [first, length @ 0..=0x7f, rest @ ..] if *first == tag => (usize::from(*length), rest),
        [first, 0x81, length @ 0x80..=0xff, rest @ ..] if *first == tag => (usize::from(*length), rest),
        [first, 0x82, high @ 1..=0xff, low, rest @ ..] if *first == tag => {
            (usize::from(*high) << 8 | usize::from(*low), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_two_integers_and_nothing_else() {
        assert_eq!(integers(&[0x30, 7, 2, 2, 0, 0x85, 2, 1, 3]), Some((&[0, 0x85][..], &[3][..])));
        for der in [
            &[][..],
            &[0x30],
            &[0x30, 7, 2, 2, 0, 0x85, 2, 1],
            &[0x30, 7, 2, 2, 0, 0x85, 2, 1, 3, 0],
            &[0x30, 8, 2, 2, 0, 0x85, 2, 1, 3, 0],
            &[0x30, 0x81, 7, 2, 2, 0, 0x85, 2, 1, 3],
            &[0x30, 0x82, 0, 7, 2, 2, 0, 0x85, 2, 1, 3],
            &[0x30, 0x80, 2, 1, 5, 2, 1, 3, 0, 0],
            &[0x31, 6, 2, 1, 5, 2, 1, 3],
        ] {
            assert_eq!(integers(der), None, "{der:?}");
        }
    }
}
