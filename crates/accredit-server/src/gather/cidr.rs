//! Ranges of IP addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A range of IP addresses in CIDR notation (RFC 4632, RFC 4291 section 2.3), such as `10.0.0.0/8`.
///
/// A bare address means that address alone. An IPv4 range also covers the IPv4-mapped IPv6 form of its addresses; an
/// IPv6 range wider than `/96` never covers IPv4.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Cidr {
    /// IPv4 is held in its IPv4-mapped form, so that one comparison serves both.
    network: u128,
    prefix: u8,
}

/// What was wrong with an entry of `fetch.allow`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RangeFault {
    /// The text is no address range at all.
    #[error("`{0}` is not an address range, expected one such as `10.0.0.0/8`")]
    Malformed(String),
    /// Bits are set behind the prefix: one of the two is a mistake.
    #[error("`{text}` has bits set behind its prefix, expected `{expected}`")]
    HostBits {
        /// The entry as it was written.
        text: String,
        /// The range of that prefix.
        expected: Cidr,
    },
    /// The range lies within one that is never dialled.
    #[error("`{text}` is {what} and is never fetched from")]
    Never {
        /// The entry as it was written.
        text: String,
        /// What the range is, such as `link-local`.
        what: &'static str,
    },
}

// === impl Cidr ===

impl Cidr {
    /// Whether the address lies in the range.
    pub(crate) fn contains(self, address: IpAddr) -> bool {
        self.covers(Self { network: bits(address), prefix: 128 })
    }

    /// Whether the other range lies wholly in this one.
    pub(super) fn covers(self, other: Self) -> bool {
        self.prefix <= other.prefix
            && self.is_v4() == other.is_v4()
            && masked(other.network, self.prefix) == self.network
    }

    pub(super) const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Self {
        Self { network: Ipv4Addr::new(a, b, c, d).to_ipv6_mapped().to_bits(), prefix: prefix + V4_BITS }
    }

    pub(super) const fn v6(segments: [u16; 8], prefix: u8) -> Self {
        let [a, b, c, d, e, f, g, h] = segments;
        Self { network: Ipv6Addr::new(a, b, c, d, e, f, g, h).to_bits(), prefix }
    }

    pub(super) const fn is_v4(self) -> bool {
        self.prefix >= V4_BITS && self.network >> 32 == 0xffff
    }
}

impl FromStr for Cidr {
    type Err = RangeFault;

    fn from_str(text: &str) -> Result<Self, RangeFault> {
        let malformed = || RangeFault::Malformed(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| malformed())?;
        let offset = if address.is_ipv4() { V4_BITS } else { 0 };
        let prefix = match prefix {
            None => 128,
            // `+8` and `08` parse as numbers but are nobody's intention.
            Some(digits)
                if !digits.bytes().all(|b| b.is_ascii_digit()) || (digits.len() > 1 && digits.starts_with('0')) =>
            {
                return Err(malformed());
            }
            Some(digits) => {
                digits.parse::<u8>().ok().and_then(|bits| bits.checked_add(offset)).ok_or_else(malformed)?
            }
        };
        if prefix > 128 {
            return Err(malformed());
        }
        let range = Self { network: masked(bits(address), prefix), prefix };
        if range.network != bits(address) {
            return Err(RangeFault::HostBits { text: text.to_owned(), expected: range });
        }
        Ok(range)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = Ipv6Addr::from_bits(self.network);
        match address.to_ipv4_mapped() {
            Some(v4) if self.is_v4() => write!(f, "{v4}/{}", self.prefix - V4_BITS),
            _ => write!(f, "{address}/{}", self.prefix),
        }
    }
}

impl fmt::Debug for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn masked(bits: u128, prefix: u8) -> u128 {
    match prefix {
        0 => 0,
        _ => bits & (u128::MAX << (128 - u32::from(prefix))),
    }
}

/// Bits before an IPv4 address in its IPv4-mapped form.
const V4_BITS: u8 = 96;
