//! Names, ids, times and places: what is read is written as it was, and nothing else is read.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use accredit_client::inert::{self, Inert};
use accredit_core::model::{Date, DecisionId, Id, Lifetime, Name, Permission};
use accredit_id::aws_request::Region;
use accredit_id::jose::Algorithm;
use accredit_id::shown::{Shown, is_deceptive};
use accredit_id::spiffe_id::SpiffeId;
use accredit_id::trust_domain::TrustDomain;
use accredit_id::verify::NearMiss;
use accredit_id::{base64url, jose::dpop};

use crate::{seeds, two};

pub(crate) fn names(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    for name in [
        exact::<SpiffeId>(text),
        exact::<TrustDomain>(text),
        exact::<Name>(text),
        exact::<DecisionId>(text),
        exact::<Id>(text),
        exact::<Date>(text),
        exact::<Region>(text),
        exact::<Algorithm>(text),
    ] {
        assert!(!name || !text.contains(is_deceptive), "a name that cannot be seen");
    }
    if let Ok(length) = text.parse::<Lifetime>() {
        assert_eq!(length.to_string().parse(), Ok(length), "another length of time");
    }
    if let Ok(permission) = Permission::parse(text) {
        assert!(permission.as_str() == text && !text.contains([' ', '"', '\\']));
    }
    if let Ok(id) = text.parse::<SpiffeId>() {
        plain_spiffe_id(&id, text);
    }
    if let Ok(bytes) = base64url::decode(text) {
        assert_eq!(base64url::encode(&bytes), text, "two texts of the same bytes (A06)");
    }
    shown(text);
}

/// The URL of a DPoP proof: one form, and no way out of its path.
pub(crate) fn urls(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Some(normal) = dpop::normal(text) {
        assert_eq!(dpop::normal(&normal).as_deref(), Some(&*normal), "two normal forms");
        assert!(normal.starts_with("https://") || normal.starts_with("http://"));
        let authority = normal.split('/').nth(2).unwrap_or_default();
        let path = normal.splitn(4, '/').nth(3).unwrap_or_default();
        assert!(!normal.contains(['?', '#', ' ', '\\']) && path.split('/').all(|segment| segment != ".."));
        assert!(!authority.is_empty() && !authority.contains(['@', '%']));
    }
    if let Some((one, two)) = two(input)
        && let Some(near) = NearMiss::between(one, two)
    {
        assert!(one != two, "{} of a text to itself", near.phrase());
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let known = [
        "ci/web",
        "github",
        "dec_000102030405060708090a0b0c0d0e0f",
        "map_00000000000000000000000000",
        "2027-01-31",
        "15m",
        "payments.read",
        "eu-central-1",
        "us-gov-west-1",
        "EdDSA",
        "eyJhbGciOiJub25lIn0",
        "main\u{202e}\u{1b}[2J`\\",
    ];
    let ids = seeds::lines("spiffe-id/accept.txt").into_iter().chain(seeds::lines("spiffe-id/reject.txt"));
    let ids = ids.map(|line| line.rsplit_once(' ').map_or(line.clone(), |(_, id)| id.to_owned()));
    ids.chain(known.map(str::to_owned)).map(String::into_bytes).collect()
}

/// Whether it is one; then it is written as it was read.
fn exact<T: FromStr + Display>(text: &str) -> bool
where
    T::Err: Debug,
{
    let Ok(read) = text.parse::<T>() else { return false };
    assert_eq!(read.to_string(), text, "two texts of one name");
    true
}

/// Section 2 of the SPIFFE ID specification, put plainly (E10).
fn plain_spiffe_id(id: &SpiffeId, text: &str) {
    let rest = text.strip_prefix("spiffe://").unwrap_or_else(|| panic!("`{text}` has another scheme"));
    let (domain, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    assert_eq!((id.trust_domain().as_str(), id.path()), (domain, path));
    assert!(text.len() <= 2048 && (1..=255).contains(&domain.len()));
    assert!(domain.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte)));
    for segment in path.split('/').skip(1) {
        assert!(!segment.is_empty() && segment != "." && segment != "..");
        assert!(segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)));
    }
}

/// L24: text from outside is bounded and inert where it is shown.
fn shown(text: &str) {
    let shown = Shown::of(text);
    assert!(!shown.as_str().contains(is_deceptive), "{shown:?}");
    assert!(shown.as_str().chars().count() <= Shown::LIMIT * 10 + 40);
    assert!(!Inert(text).to_string().contains(is_deceptive));
    if let Ok(value) = serde_json::from_str::<serde_json::Value>(text) {
        let inert = inert::json(text);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&inert).ok(), Some(value), "another JSON is shown");
    }
}
