//! Whose request it is: the peer's, or that of whom a listed proxy speaks for.

use std::net::{IpAddr, SocketAddr};

use hyper::header::{HeaderMap, HeaderName};

use crate::gather::Cidr;

/// The address that a request comes from.
///
/// `X-Forwarded-For` counts where the peer is a listed proxy, read from its end: each proxy appends whom it heard, so that the
/// last one that is no proxy of ours is the client, and whatever that client wrote itself lies further left (H14). Where that
/// cannot be read, it is the last address that could.
pub(super) fn source(headers: &HeaderMap, peer: IpAddr, proxies: &[Cidr]) -> IpAddr {
    let is_listed = |address: IpAddr| proxies.iter().any(|range| range.contains(address));
    let mut source = peer.to_canonical();
    if !is_listed(source) {
        return source;
    }
    let lines = headers.get_all(&FORWARDED_FOR).iter().rev();
    let hops = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    for hop in hops.take(MOST_HOPS) {
        let Some(address) = std::str::from_utf8(hop).ok().and_then(|hop| address(hop.trim())) else { break };
        source = address;
        if !is_listed(address) {
            break;
        }
    }
    source
}

/// An address, also with the port that some proxies add.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

static FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// More proxies in a row are nobody's.
const MOST_HOPS: usize = 16;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    /// H14: what a client writes about itself counts for nothing.
    #[test]
    fn only_listed_proxies_say_whose_request_it_is() {
        let proxies: Vec<Cidr> = ["10.0.0.0/8", "fd00::/8"].iter().map(|text| text.parse().unwrap()).collect();
        for (peer, lines, expected) in [
            ("192.0.2.1", &["198.51.100.7"][..], "192.0.2.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            ("::ffff:10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["203.0.113.9, 198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["203.0.113.9", "198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["203.0.113.9, 198.51.100.7, 10.0.0.2, fd00::3"], "198.51.100.7"),
            ("10.0.0.1", &["198.51.100.7:4711"], "198.51.100.7"),
            ("10.0.0.1", &["[2001:db8::7]:4711"], "2001:db8::7"),
            ("10.0.0.1", &["[2001:db8::7]"], "2001:db8::7"),
            ("10.0.0.1", &["203.0.113.9, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9, unknown, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["10.0.0.3"], "10.0.0.3"),
            ("10.0.0.1", &[""], "10.0.0.1"),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(&FORWARDED_FOR, line.parse().unwrap());
            }
            let found = source(&headers, peer.parse().unwrap(), &proxies);
            assert_eq!(found, expected.parse::<IpAddr>().unwrap(), "{peer} {lines:?}");
        }
        let long = vec!["10.0.0.2"; 10_000].join(",");
        let headers = HeaderMap::from_iter([(FORWARDED_FOR.clone(), format!("203.0.113.9,{long}").parse().unwrap())]);
        assert_eq!(source(&headers, "10.0.0.1".parse().unwrap(), &proxies), "10.0.0.2".parse::<IpAddr>().unwrap());
    }
}
