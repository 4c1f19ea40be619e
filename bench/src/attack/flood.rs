//! Bad tokens, as somebody would make them who wants a server to be busy with them.

use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::cast::Cast;
use crate::fault::Fault;
use crate::issuer::{self, Algorithm, Issuer};
use crate::request::Requests;

/// In what a token is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bad {
    /// Another token's signature, under a key that is known: as dear as a good one until it is found out.
    Signature,
    /// A key that nobody has published: the server might ask its issuer.
    KeyId,
    /// Longer than a token may be.
    Size,
    /// Its issuer's own, from two hours ago, as they lie about in old logs: it verifies.
    Expired,
}

/// Requests with bad tokens, a quarter of each kind, mixed.
pub(crate) fn requests(
    cast: Cast,
    address: SocketAddr,
    issuers: &[Issuer],
    now: u64,
    cores: &[usize],
) -> Result<Rc<Requests>, Fault> {
    let sign = |now| issuer::sign_tokens(cast, issuers, Algorithm::Rs256, OF_EACH_KIND, now, cores);
    let (fresh, old) = (sign(now)?, sign(now - 2 * 3600)?);
    let mut tokens = Vec::with_capacity(4 * OF_EACH_KIND);
    for index in 0..OF_EACH_KIND {
        for kind in [Bad::Signature, Bad::KeyId, Bad::Size, Bad::Expired] {
            let good = if kind == Bad::Expired { &old } else { &fresh };
            tokens.push(spoil(kind, &good[index], &good[(index + 1) % OF_EACH_KIND], index));
        }
    }
    // One request names the provider and the account of a mapping by its place; here a token of each kind has every mapping.
    let cast = Cast { mappings: 1, ..cast };
    Ok(Rc::new(Requests::exchanges(cast, address, &tokens)))
}

/// Addresses of loopback from which nothing good comes, as many as asked for.
pub(crate) fn sources(count: usize) -> Vec<Ipv4Addr> {
    let address = |number: usize| {
        let number = number as u32;
        Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 0, 1, 1)) + number)
    };
    (0..count).map(address).collect()
}

/// Makes a good token bad; `other` is another good one.
fn spoil(kind: Bad, good: &str, other: &str, number: usize) -> String {
    let (signed, signature) = good.rsplit_once('.').unwrap_or_default();
    let (_, claims) = signed.split_once('.').unwrap_or_default();
    let signature_of_other = other.rsplit('.').next().unwrap_or_default();
    match kind {
        Bad::Signature => format!("{signed}.{signature_of_other}"),
        Bad::KeyId => {
            let header = format!(r#"{{"typ":"JWT","alg":"RS256","kid":"made-up-{number}"}}"#);
            format!("{}.{claims}.{signature}", URL_SAFE_NO_PAD.encode(header))
        }
        Bad::Size => format!("{signed}{}.{signature}", "A".repeat(OVERSIZE)),
        Bad::Expired => good.to_owned(),
    }
}

const OF_EACH_KIND: usize = 256;
/// More than a token may have, less than a body may.
const OVERSIZE: usize = 17 * 1024;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_kind_is_bad_in_its_own_way() {
        let (good, other) = ("aGVhZA.Y2xhaW1z.c2ln", "aGVhZA.b3RoZXI.b3RoZXI");
        assert_eq!(spoil(Bad::Signature, good, other, 7), "aGVhZA.Y2xhaW1z.b3RoZXI");
        assert_eq!(spoil(Bad::Expired, good, other, 7), good);
        let unknown = spoil(Bad::KeyId, good, other, 7);
        let header = URL_SAFE_NO_PAD.decode(unknown.split('.').next().unwrap()).unwrap();
        assert!(String::from_utf8(header).unwrap().contains("made-up-7") && unknown.ends_with(".Y2xhaW1z.c2ln"));
        assert!((16 * 1024..64 * 1024).contains(&spoil(Bad::Size, good, other, 7).len()));
    }

    #[test]
    fn sources_are_distinct_loopback_addresses_other_than_the_good_one() {
        let sources: BTreeSet<_> = sources(2_000).into_iter().collect();
        assert_eq!(sources.len(), 2_000);
        assert!(sources.iter().all(|source| source.is_loopback() && *source != Ipv4Addr::LOCALHOST));
    }
}
