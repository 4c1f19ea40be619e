//! Which IP addresses key fetching may dial: public ones, and what the server's own allow-list opens.
//!
//! A special range can be opened by the server's own configuration (`fetch.allow`), never by a resource; link-local and
//! cloud metadata addresses answer with credentials to whoever asks, so nothing opens them.

use std::net::IpAddr;

use super::cidr::{Cidr, RangeFault};
use super::special::{self, Special};

/// The ranges that the server's own configuration opens for fetching (`fetch.allow`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AllowList(Vec<Cidr>);

/// How far a request may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Public addresses and listed ones: https on its own port.
    PublicOrListed,
    /// Listed addresses alone: plain http, and https on another port.
    ListedOnly,
}

/// Why an address is not dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Link-local or a metadata address, named here: no configuration opens it.
    Never(&'static str),
    /// A special range, named here, that the allow-list does not hold.
    NotPublic(&'static str),
    /// Public, but this request may reach listed addresses alone.
    NotListed,
}

// === impl AllowList ===

impl AllowList {
    /// Reads the entries of `fetch.allow`. Fails on the first that is no range, or that lies within a range that is never
    /// dialled; a wider range may hold such addresses, they stay closed.
    pub(crate) fn parse<S: AsRef<str>>(entries: &[S]) -> Result<Self, RangeFault> {
        let mut ranges = Vec::with_capacity(entries.len());
        for entry in entries {
            let text = entry.as_ref();
            let range: Cidr = text.parse()?;
            if let Some(what) = special::never_dialled(range) {
                return Err(RangeFault::Never { text: text.to_owned(), what });
            }
            ranges.push(range);
        }
        Ok(Self(ranges))
    }

    /// Whether nothing is listed.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Judges one address that a request of this reach is about to dial.
    ///
    /// An address that carries an IPv4 address inside (NAT64, 6to4, IPv4-compatible) is refused when either of the two is.
    pub(crate) fn judge(&self, address: IpAddr, reach: Reach) -> Result<(), Refusal> {
        let special = special::of(address);
        if let Some(Special { what, never: true, .. }) = special {
            return Err(Refusal::Never(what));
        }
        if let Some(inner) = special::embedded_v4(address) {
            match self.judge(IpAddr::V4(inner), Reach::PublicOrListed) {
                Err(refusal @ Refusal::Never(_)) => return Err(refusal),
                Err(refusal) if self.lists(address) => return Err(refusal),
                Ok(()) | Err(_) => {}
            }
        }
        if self.lists(address) {
            return Ok(());
        }
        match (special, reach) {
            (Some(Special { what, .. }), _) => Err(Refusal::NotPublic(what)),
            (None, _) if !special::is_global_unicast(address) => Err(Refusal::NotPublic("outside global unicast")),
            (None, Reach::ListedOnly) => Err(Refusal::NotListed),
            (None, Reach::PublicOrListed) => Ok(()),
        }
    }

    /// Whether the address lies in one of the ranges, whatever it is.
    pub(crate) fn lists(&self, address: IpAddr) -> bool {
        self.0.iter().any(|range| range.contains(address))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    const NEVER: &str = "169.254.169.254 169.254.0.1 ::ffff:169.254.169.254 fe80::1 febf::1 fd00:ec2::254 \
        fd20:ce::254 fd00:42::42 100.100.100.200 168.63.129.16 192.0.0.192 64:ff9b::a9fe:a9fe \
        64:ff9b:1::a9fe:a9fe 2002:a9fe:a9fe::1 ::169.254.169.254";

    const NOT_PUBLIC: &str = "127.0.0.1 127.255.255.255 0.0.0.0 0.1.2.3 10.0.3.4 172.16.0.1 172.31.255.255 \
        192.168.1.1 100.64.0.1 100.127.255.255 192.0.0.1 192.0.2.1 192.88.99.1 \
        198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.1.1.1 \
        240.0.0.1 255.255.255.255 :: ::1 ::ffff:10.0.0.1 ::ffff:127.0.0.1 ::10.0.0.1 \
        64:ff9b::a00:1 64:ff9b::808:808 64:ff9b:1::1 100::1 2001::1 2001:10::1 \
        2001:db8::1 2002:a00:1::1 2002:808:808::1 3fff::1 5f00::1 fc00::1 fd12:3456::1 \
        fec0::1 ff02::1 4000::1 1::1";

    const PUBLIC: &str = "1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.1 100.63.255.255 100.128.0.1 126.1.1.1 \
        128.0.0.1 172.15.255.255 172.32.0.1 192.167.1.1 192.169.1.1 198.17.1.1 \
        198.20.1.1 223.255.255.255 169.253.1.1 169.255.1.1 ::ffff:8.8.8.8 \
        2001:4860:4860::8888 2606:4700::1111 2a00::1";

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn j06_each_class_of_address() {
        let nothing = AllowList::default();
        for text in NEVER.split(' ') {
            assert!(matches!(nothing.judge(ip(text), Reach::PublicOrListed), Err(Refusal::Never(_))), "{text}");
        }
        for text in NOT_PUBLIC.split(' ') {
            assert!(matches!(nothing.judge(ip(text), Reach::PublicOrListed), Err(Refusal::NotPublic(_))), "{text}");
        }
        for text in PUBLIC.split(' ') {
            assert_eq!(nothing.judge(ip(text), Reach::PublicOrListed), Ok(()), "{text}");
            assert_eq!(nothing.judge(ip(text), Reach::ListedOnly), Err(Refusal::NotListed), "{text}");
        }
    }

    #[test]
    fn j06_a_list_of_everything_still_never_opens_link_local_and_metadata() {
        let everything = AllowList::parse(&["0.0.0.0/0", "::/0"]).unwrap();
        for text in NEVER.split(' ') {
            assert!(matches!(everything.judge(ip(text), Reach::PublicOrListed), Err(Refusal::Never(_))), "{text}");
        }
        for text in NOT_PUBLIC.split(' ').chain(PUBLIC.split(' ')) {
            assert_eq!(everything.judge(ip(text), Reach::ListedOnly), Ok(()), "{text}");
        }
    }

    #[test]
    fn j06_a_range_opens_itself_alone() {
        let list = AllowList::parse(&["10.0.0.0/8", "::1", "64:ff9b::/96", "fd12::/16"]).unwrap();
        let cases = [
            ("10.0.3.4", true),
            ("::ffff:10.0.3.4", true),
            ("::1", true),
            ("fd12::9", true),
            ("192.168.0.1", false),
            // NAT64 opened: what it leads to is still judged.
            ("64:ff9b::808:808", true),
            ("64:ff9b::a00:1", true),
            ("64:ff9b::c0a8:1", false),
            ("64:ff9b::a9fe:a9fe", false),
            // An IPv6 range says nothing of IPv4.
            ("127.0.0.1", false),
            ("fd13::9", false),
        ];
        for (text, allowed) in cases {
            assert_eq!(list.judge(ip(text), Reach::PublicOrListed).is_ok(), allowed, "{text}");
        }
        let v6 = AllowList::parse(&["::/0"]).unwrap();
        assert!(v6.judge(ip("::ffff:10.0.0.1"), Reach::PublicOrListed).is_err());
    }

    #[test]
    fn ranges_are_read_strictly() {
        let bad = " 10 10.0.0.0/33 ::/129 10.0.0.0/ 10.0.0.0/+8 10.0.0.0/08 10.0.0.0/8/8 010.0.0.1 a/8 10.0.0.1/8";
        for text in bad.split(' ') {
            assert!(text.parse::<Cidr>().is_err(), "{text}");
        }
        for text in ["169.254.0.0/16", "169.254.169.254", "fe80::/64", "fd00:ec2::254"] {
            assert!(matches!(AllowList::parse(&[text]), Err(RangeFault::Never { .. })), "{text}");
        }
        for text in ["10.0.0.0/8", "10.1.2.3/32", "0.0.0.0/0", "::/0", "fd00::/8", "::1/128"] {
            assert_eq!(text.parse::<Cidr>().unwrap().to_string(), text);
        }
        let fault = "10.1.0.0/8".parse::<Cidr>().unwrap_err().to_string();
        assert_eq!(fault, "`10.1.0.0/8` has bits set behind its prefix, expected `10.0.0.0/8`");
    }
}
