//! The table of address ranges that are not public, after the IANA special-purpose registries (RFC 6890, RFC 8190).
//!
//! IPv4 is public except what the table names; IPv6 is public only within global unicast, and except what the table names.

use std::net::{IpAddr, Ipv4Addr};

use super::cidr::Cidr;

/// A range that is not public.
#[derive(Clone, Copy)]
pub(super) struct Special {
    range: Cidr,
    /// What it is, in words that follow "is" or stand in brackets.
    pub(super) what: &'static str,
    /// Whether no configuration opens it.
    pub(super) never: bool,
}

/// The first range of the table that holds the address.
pub(super) fn of(address: IpAddr) -> Option<Special> {
    SPECIAL.iter().copied().find(|special| special.range.contains(address))
}

/// What the range is, when it lies wholly in one that is never dialled.
pub(super) fn never_dialled(range: Cidr) -> Option<&'static str> {
    SPECIAL.iter().find(|special| special.never && special.range.covers(range)).map(|special| special.what)
}

/// Whether the address is IPv4, or IPv6 global unicast (RFC 4291 section 2.4, as the registry allots it today).
pub(super) fn is_global_unicast(address: IpAddr) -> bool {
    address.to_canonical().is_ipv4() || GLOBAL_UNICAST.contains(address)
}

/// The IPv4 address inside an IPv6 address of a translation or tunnel format (RFC 6052, RFC 3056, RFC 4291).
pub(super) fn embedded_v4(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(v6) = address else { return None };
    let bits = v6.to_bits();
    let low = Ipv4Addr::from_bits(u32::try_from(bits & 0xffff_ffff).ok()?);
    let compatible = V4_COMPATIBLE.contains(address) && bits > 1; // `::` and `::1` carry nothing
    if compatible || NAT64.contains(address) || NAT64_LOCAL.contains(address) {
        Some(low)
    } else if SIX_TO_FOUR.contains(address) {
        Some(Ipv4Addr::from_bits(u32::try_from((bits >> 80) & 0xffff_ffff).ok()?))
    } else {
        None
    }
}

const GLOBAL_UNICAST: Cidr = Cidr::v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);
const NAT64: Cidr = Cidr::v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);
const NAT64_LOCAL: Cidr = Cidr::v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48);
const SIX_TO_FOUR: Cidr = Cidr::v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16);
const V4_COMPATIBLE: Cidr = Cidr::v6([0, 0, 0, 0, 0, 0, 0, 0], 96);

const fn never(range: Cidr, what: &'static str) -> Special {
    Special { range, what, never: true }
}

const fn closed(range: Cidr, what: &'static str) -> Special {
    Special { range, what, never: false }
}

/// Special ranges; the first that holds an address names it, so the narrow ones stand before the wide ones.
const SPECIAL: &[Special] = &[
    // Never, whatever is listed: these hand out credentials.
    never(Cidr::v4(169, 254, 0, 0, 16), "link-local"),
    never(Cidr::v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), "link-local"),
    never(Cidr::v4(100, 100, 100, 200, 32), "a metadata address"), // Alibaba Cloud
    never(Cidr::v4(168, 63, 129, 16, 32), "a metadata address"),   // Azure
    never(Cidr::v4(192, 0, 0, 192, 32), "a metadata address"),     // Oracle Cloud
    never(Cidr::v6([0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0], 32), "a metadata address"), // AWS
    never(Cidr::v6([0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254], 128), "a metadata address"), // Google Cloud
    never(Cidr::v6([0xfd00, 0x0042, 0, 0, 0, 0, 0, 0x0042], 128), "a metadata address"), // Scaleway
    // IPv4 that is not public.
    closed(Cidr::v4(0, 0, 0, 0, 8), "this network"),
    closed(Cidr::v4(10, 0, 0, 0, 8), "private"),
    closed(Cidr::v4(100, 64, 0, 0, 10), "shared address space"),
    closed(Cidr::v4(127, 0, 0, 0, 8), "loopback"),
    closed(Cidr::v4(172, 16, 0, 0, 12), "private"),
    closed(Cidr::v4(192, 0, 0, 0, 24), "protocol assignments"),
    closed(Cidr::v4(192, 0, 2, 0, 24), "documentation"),
    closed(Cidr::v4(192, 31, 196, 0, 24), "AS112"),
    closed(Cidr::v4(192, 52, 193, 0, 24), "AMT relay"),
    closed(Cidr::v4(192, 88, 99, 0, 24), "6to4 relay"),
    closed(Cidr::v4(192, 168, 0, 0, 16), "private"),
    closed(Cidr::v4(192, 175, 48, 0, 24), "AS112"),
    closed(Cidr::v4(198, 18, 0, 0, 15), "benchmarking"),
    closed(Cidr::v4(198, 51, 100, 0, 24), "documentation"),
    closed(Cidr::v4(203, 0, 113, 0, 24), "documentation"),
    closed(Cidr::v4(224, 0, 0, 0, 4), "multicast"),
    closed(Cidr::v4(255, 255, 255, 255, 32), "broadcast"),
    closed(Cidr::v4(240, 0, 0, 0, 4), "reserved"),
    // IPv6 that is not public, named; what no line names is refused for lying outside global unicast.
    closed(Cidr::v6([0, 0, 0, 0, 0, 0, 0, 0], 128), "unspecified"),
    closed(Cidr::v6([0, 0, 0, 0, 0, 0, 0, 1], 128), "loopback"),
    closed(V4_COMPATIBLE, "IPv4-compatible"),
    closed(NAT64, "NAT64"),
    closed(NAT64_LOCAL, "NAT64"),
    closed(Cidr::v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64), "discard only"),
    closed(Cidr::v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32), "Teredo"),
    closed(Cidr::v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), "protocol assignments"),
    closed(Cidr::v6([0x2001, 0x0db8, 0, 0, 0, 0, 0, 0], 32), "documentation"),
    closed(SIX_TO_FOUR, "6to4"),
    closed(Cidr::v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), "documentation"),
    closed(Cidr::v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16), "segment routing"),
    closed(Cidr::v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), "unique local"),
    closed(Cidr::v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), "site-local"),
    closed(Cidr::v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), "multicast"),
];
