//! What comes back from where this server asks, and the URLs that it would ask.

use std::net::IpAddr;

use accredit_id::json::{self, Limits};
use http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::address::AllowList;
use super::guard::{Guard, Target};
use super::{Cidr, fetch, freshness, sts_answer};

/// What AWS' token service answers: what was read stands in the document, once, as text between two tags.
pub fn aws_answer(xml: &[u8]) {
    let text = String::from_utf8_lossy(xml);
    // What a declaration says is not looked at.
    let text =
        text.split_once("?>").filter(|_| text.trim_start().starts_with("<?xml")).map_or(&*text, |(_, rest)| rest);
    let stands_once = |value: &str, name: &str| {
        assert!(!value.is_empty() && !value.contains(['<', '&']));
        assert_eq!(text.matches(&format!("</{name}")).count(), 1, "a second `{name}` was passed over");
        let all: Vec<&str> = value.lines().collect();
        assert!(all.iter().all(|line| text.contains(line)), "`{name}` does not say that");
    };
    if let Ok(answer) = sts_answer::caller(xml) {
        stands_once(&answer.account, "Account");
        stands_once(&answer.arn, "Arn");
        stands_once(&answer.user_id, "UserId");
    }
    if let Ok(code) = sts_answer::error_code(xml) {
        stands_once(&code, "Code");
    }
}

/// A discovery document: it is the issuer's own, and leads to a place that may be asked.
pub fn discovery(document: &[u8]) {
    const ISSUER: &str = "https://issuer.example";
    let Ok(object) = json::object(document, &Limits::DOCUMENT) else { return };
    let Ok(jwks_uri) = fetch::jwks_uri(&object, ISSUER) else { return };
    let others: serde_json::Value = serde_json::from_slice(document).unwrap_or_default();
    assert_eq!(others["issuer"], ISSUER);
    assert_eq!(others["jwks_uri"], jwks_uri);
    let guard = Guard::new(AllowList::default());
    if let Ok(from) = guard.issuer(ISSUER)
        && let Ok(target) = guard.discovered(jwks_uri, &from)
    {
        public(&target);
    }
}

/// A URL in a resource: what is accepted with nothing allowed is plain public https, in one spelling (C02, J06, J09).
pub fn issuer_url(text: &str) {
    let guard = Guard::new(AllowList::default());
    for (judged, is_issuer) in [(guard.issuer(text), true), (guard.configured(text), false)] {
        match judged {
            Err(fault) => assert!(fault.to_string().chars().count() < 1500, "a fault repeats too much"),
            Ok(target) => {
                public(&target);
                let url = target.url.as_str();
                assert!(url == text || url.strip_suffix('/') == Some(text), "another text than the one compared");
                assert!(!text.contains(['#', '\\', ' ', '\t', '\r', '\n']) && !(is_issuer && text.contains('?')));
                assert!(!text.split('/').nth(2).unwrap_or_default().contains('@'), "a user before the host");
            }
        }
    }
}

/// A range or an address of the server's own configuration.
pub fn network(text: &str) {
    if let Ok(range) = text.parse::<Cidr>() {
        assert_eq!(range.to_string().parse::<Cidr>().ok(), Some(range), "{text}");
    }
    let _ = AllowList::parse(&[text]);
}

/// How long a fetched document holds, and how long its source asks to be left alone.
pub fn fetch_headers(lines: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in lines.split(|byte| *byte == b'\n').take(32) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) =
            (HeaderName::from_bytes(&line[..colon]), HeaderValue::from_bytes(line[colon + 1..].trim_ascii()));
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    let _ = freshness::lifetime(&headers);
    let _ = freshness::retry_after(&headers);
}

fn public(target: &Target) {
    let url: &Url = &target.url;
    assert!(url.scheme() == "https" && url.port().is_none() && url.fragment().is_none());
    assert!(url.username().is_empty() && url.password().is_none());
    let host = url.host_str().unwrap_or_default();
    assert!(!host.is_empty() && !host.ends_with('.'));
    if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
        let is_own = match address.to_canonical() {
            IpAddr::V4(v4) => {
                v4.is_loopback()
                    || v4.is_private()
                    || v4.is_link_local()
                    || v4.is_unspecified()
                    || v4.is_multicast()
                    || v4.is_broadcast()
            }
            IpAddr::V6(v6) => {
                v6.is_loopback()
                    || v6.is_unique_local()
                    || v6.is_unicast_link_local()
                    || v6.is_unspecified()
                    || v6.is_multicast()
            }
        };
        assert!(!is_own, "{address} would be dialled");
    }
}
