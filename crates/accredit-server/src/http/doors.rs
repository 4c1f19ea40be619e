//! The head of a request: what its headers are taken for.

use std::net::{IpAddr, Ipv4Addr};

use accredit_id::time::Timestamp;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, Request};

use super::source::source;
use super::token::{Credentials, check_head};
use crate::binding::{Certificate, Presented};
use crate::dpop::{Keeper, Place, Proofs};
use crate::gather::Cidr;

/// Header lines, each for what it is taken for here: who sent the request, in which form, with which token and proof.
pub fn request_head(lines: &[u8]) {
    let mut request = Request::new(());
    *request.method_mut() = Method::POST;
    for line in lines.split(|byte| *byte == b'\n').take(64) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) =
            (HeaderName::from_bytes(&line[..colon]), HeaderValue::from_bytes(line[colon + 1..].trim_ascii()));
        if let (Ok(name), Ok(value)) = (name, value) {
            request.headers_mut().append(name, value);
        }
    }
    let (head, ()) = request.into_parts();
    // I09: whatever the headers say, a certificate is one of the connection.
    assert!(Certificate::of(&head).is_none(), "a header made a certificate");
    for credentials in [Credentials::Refused, Credentials::Read] {
        let _ = check_head(&head, &Method::POST, credentials);
    }
    if let Some(shown) = Presented::of(&head) {
        assert!(!shown.token.contains(['\r', '\n']) && head.headers.get_all("authorization").iter().count() == 1);
    }
    let proofs = Proofs::new("https://accredit.example.org".to_owned(), Place::Token, 16, &Keeper::Process);
    let judged = proofs.judge(&head.headers, "POST", "/oauth/token", None, Timestamp::from_unix(1_800_000_000));
    assert!(judged.is_err(), "a proof without a nonce of ours holds");
    forwarded(&head.headers);
    crate::admin::doors::admin_headers(&head.headers);
}

/// H14: an unlisted peer is itself; a listed one names somebody whom a header names.
fn forwarded(headers: &hyper::HeaderMap) {
    let listed = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    let stranger = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    let proxies = Vec::from_iter("10.0.0.0/8".parse::<Cidr>());
    assert_eq!(source(headers, stranger, &proxies), stranger, "a header speaks for an unlisted peer");
    let found = source(headers, listed, &proxies);
    let named = headers.get_all("x-forwarded-for").iter().map(|line| String::from_utf8_lossy(line.as_bytes()));
    let is_named = named.into_iter().any(|line| line.split(',').any(|hop| names(hop.trim(), found)));
    assert!(found == listed || is_named, "{found} was named by nobody");
}

fn names(hop: &str, address: IpAddr) -> bool {
    let bare = hop.trim_start_matches('[').split(']').next().unwrap_or_default();
    let without_port = hop.rsplit_once(':').map_or(hop, |(host, _)| host);
    [hop, bare, without_port]
        .iter()
        .any(|text| text.parse::<IpAddr>().is_ok_and(|named| named.to_canonical() == address))
}
