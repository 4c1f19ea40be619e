//! Who pays: what of a request tells one payer from another.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::IpAddr;

use accredit_core::model::Id;

use super::moments::Payer;
use crate::chance;

/// Makes payers of what requests say, by a secret of this process.
pub(super) struct Payers(DefaultHasher);

// === impl Payers ===

impl Payers {
    pub(super) fn new() -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(&chance::bits());
        Self(hasher)
    }

    /// What this address counts as.
    pub(super) fn source(&self, address: IpAddr) -> Payer {
        self.payer(|hasher| network(address).hash(hasher))
    }

    /// The /48 of an IPv6 address, which is what a site is given (RFC 6177).
    pub(super) fn site(&self, address: IpAddr) -> Option<Payer> {
        match address.to_canonical() {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => Some(self.payer(|hasher| ("site", address.to_bits() >> 80).hash(hasher))),
        }
    }

    /// A token of a provider by its `jti`; by what was signed where it has none.
    pub(super) fn token(&self, provider: Id, name: Option<&str>, token: &str) -> Payer {
        // Without its signature: of one ECDSA signature anybody can make a second one that holds as well.
        let signed = || token.rsplit_once('.').map_or(token, |(signed, _)| signed);
        self.payer(|hasher| {
            hasher.write(provider.bits());
            match name.filter(|name| !name.is_empty()) {
                Some(name) => ("jti", name).hash(hasher),
                None => ("token", signed()).hash(hasher),
            }
        })
    }

    pub(super) fn subject(&self, provider: Id, subject: &str) -> Payer {
        self.payer(|hasher| {
            hasher.write(provider.bits());
            hasher.write(subject.as_bytes());
        })
    }

    pub(super) fn provider(&self, provider: Id) -> Payer {
        self.payer(|hasher| hasher.write(provider.bits()))
    }

    /// A service account, as who asks about tokens.
    pub(super) fn introspecting(&self, account: &str) -> Payer {
        self.payer(|hasher| ("introspection", account).hash(hasher))
    }

    /// Whoever shows tokens of ours that ended.
    pub(super) fn ours(&self) -> Payer {
        self.payer(|hasher| hasher.write(b"ours"))
    }

    fn payer(&self, write: impl FnOnce(&mut DefaultHasher)) -> Payer {
        let mut hasher = self.0.clone();
        write(&mut hasher);
        Payer(hasher.finish().max(1))
    }
}

/// What counts as one source: an IPv4 address, also where it comes as IPv6; the /64 of any other, within which a host may
/// choose its address as it likes.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn sources_are_addresses_and_networks_of_64_bits() {
        for (one, other, is_same) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
        ] {
            let [one, other] = [one, other].map(|text| network(text.parse().unwrap()));
            assert_eq!(one == other, is_same, "{one} {other}");
        }
    }
}
