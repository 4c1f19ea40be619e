//! `vectors/spiffe-id`, and every byte that there is.

use accredit_id::spiffe_id::SpiffeId;
use accredit_id::trust_domain::TrustDomain;

use crate::expansion::expand;

#[test]
fn good_ids_are_read_and_unchanged() {
    crate::all(lines("spiffe-id/accept.txt"), |line| {
        let id: SpiffeId = line.parse().map_err(|fault| format!("{line}: {fault}"))?;
        let again = format!("spiffe://{}{}", id.trust_domain(), id.path());
        if again == *line && id.as_str() == line { Ok(()) } else { Err(format!("{line} became {again}")) }
    });
}

#[test]
fn bad_ids_are_refused_by_name() {
    crate::all(lines("spiffe-id/reject.txt"), |line| {
        let (code, text) = line.split_once(' ').unwrap();
        match text.parse::<SpiffeId>() {
            Err(fault) if fault.code() == code => Ok(()),
            other => Err(format!("{text:?} gives {other:?}, expected `{code}`")),
        }
    });
}

/// E10: in a trust domain every byte but those of the specification is refused.
#[test]
fn every_byte_of_a_trust_domain() {
    for byte in 0..=u8::MAX {
        let allowed = matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_');
        let name = format!("a{}b", char::from(byte));
        assert_eq!(name.parse::<TrustDomain>().is_ok(), allowed, "{byte}");
        // In an ID a slash ends the trust domain; nothing else does.
        let id = format!("spiffe://{name}").parse::<SpiffeId>();
        assert_eq!(id.is_ok(), allowed || byte == b'/', "{byte}");
    }
}

/// E10: in a path likewise, at its beginning, middle and end.
#[test]
fn every_byte_of_a_path() {
    for byte in 0..=u8::MAX {
        let allowed = matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_');
        let c = char::from(byte);
        for path in [format!("/{c}b"), format!("/a{c}b"), format!("/a{c}")] {
            // A slash between two letters separates segments; at either end it leaves an empty one.
            let separates = byte == b'/' && path == "/a/b";
            assert_eq!(
                format!("spiffe://td{path}").parse::<SpiffeId>().is_ok(),
                allowed || separates,
                "{byte} in {path:?}"
            );
        }
    }
}

fn lines(path: &str) -> Vec<String> {
    let text = crate::text(&crate::vectors(path));
    text.lines().filter(|line| !line.starts_with('#')).map(|line| unescape(&expand(line))).collect()
}

fn unescape(line: &str) -> String {
    let mut parts = line.split(r"\u{");
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        let (code, rest) = part.split_once('}').unwrap();
        text.push(char::from_u32(u32::from_str_radix(code, 16).unwrap()).unwrap());
        text.push_str(rest);
    }
    text
}
