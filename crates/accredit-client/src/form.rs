//! Names and values as `application/x-www-form-urlencoded`, for form bodies and query strings.

/// Encodes pairs in their order. Everything but letters, digits and `-._~` is percent-encoded, a space becomes `+`
/// (URL Standard, section 5.2).
pub(crate) fn encode(pairs: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(pairs.iter().map(|(name, value)| name.len() + value.len() + 2).sum());
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        push(&mut out, name);
        out.push('=');
        push(&mut out, value);
    }
    out
}

fn push(out: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            _ => {
                out.push('%');
                out.push(char::from(HEX[usize::from(byte >> 4)]));
                out.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn separators_cannot_be_smuggled() {
        assert_eq!(encode(&[]), "");
        assert_eq!(encode(&[("a", "1"), ("b", "x y")]), "a=1&b=x+y");
        assert_eq!(encode(&[("scope", "a&audience=b\r\n+%ä")]), "scope=a%26audience%3Db%0D%0A%2B%25%C3%A4");
        assert_eq!(encode(&[("t", "ey.J-_~")]), "t=ey.J-_~");
    }
}
