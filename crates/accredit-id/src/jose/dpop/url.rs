//! `htu` in one form.

/// The one form of an `http` or `https` URL that proofs are compared in: without query and fragment (RFC 9449 section
/// 4.3), scheme and host in lower case, no default port, no empty path, unreserved characters unescaped and escapes in
/// upper case (RFC 3986 sections 6.2.2 and 6.2.3).
///
/// `None` for anything that is no such URL, has a user or a backslash in it, which some read as a slash, or climbs in its path: who
/// means the same place can say it plainly.
#[must_use]
pub fn normal(url: &str) -> Option<String> {
    let is_plain = |byte: u8| (0x21..=0x7e).contains(&byte) && byte != b'\\';
    if url.len() > MAX_BYTES || !url.bytes().all(is_plain) {
        return None;
    }
    let url = url.split(['?', '#']).next()?;
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let default_port = match scheme.as_str() {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let (authority, path) = match rest.find('/') {
        Some(place) => rest.split_at(place),
        None => (rest, "/"),
    };
    let authority = authority.to_ascii_lowercase();
    let authority = authority.strip_suffix(default_port).unwrap_or(&authority);
    if authority.is_empty() || authority.starts_with(':') || authority.contains(['@', '%']) {
        return None;
    }
    let path = unescaped(path)?;
    match path.split('/').any(|segment| segment == "." || segment == "..") {
        true => None,
        false => Some(format!("{scheme}://{authority}{path}")),
    }
}

/// Escapes of unreserved characters undone, others in upper case; `None` for a `%` that escapes nothing.
fn unescaped(path: &str) -> Option<String> {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, escape)) = rest.split_once('%') {
        out.push_str(before);
        let digits = escape.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        let byte = u8::from_str_radix(digits, 16).ok()?;
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&digits.to_ascii_uppercase());
        }
        rest = &escape[2..];
    }
    out.push_str(rest);
    Some(out)
}

const MAX_BYTES: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_place_has_one_form() {
        for (url, form) in [
            ("https://a.example.org/admin/token", Some("https://a.example.org/admin/token")),
            ("HTTPS://A.Example.org:443/admin/token?x=1#y", Some("https://a.example.org/admin/token")),
            ("http://127.0.0.1:7071", Some("http://127.0.0.1:7071/")),
            ("http://[::1]:80/v1", Some("http://[::1]/v1")),
            ("https://a.example.org/%7euser/a%2fb", Some("https://a.example.org/~user/a%2Fb")),
            ("https://a.example.org/Case", Some("https://a.example.org/Case")),
            ("https://a.example.org:4430/", Some("https://a.example.org:4430/")),
            ("https://a.example.org/v1/../admin", None),
            ("https://a.example.org/v1/%2e%2E/admin", None),
            ("https://a.example.org/v1\\../admin", None),
            ("https://a.example.org\\/admin", None),
            ("https://a.example.org/%zz", None),
            ("https://a.example.org/%4", None),
            ("https://user@a.example.org/", None),
            ("https:///admin", None),
            ("https://:443/admin", None),
            ("ftp://a.example.org/", None),
            ("a.example.org/admin", None),
            ("https://a.example.org/\n", None),
            ("https://a.example.org/ü", None),
            ("", None),
        ] {
            assert_eq!(normal(url).as_deref(), form, "{url}");
        }
    }
}
