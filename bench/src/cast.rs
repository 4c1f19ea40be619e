//! Who exists in a measured world: how many mappings, of which providers, to which accounts, and what each is called.
//!
//! Everything follows from a few values, so that documents, tokens and requests agree without sharing a list.

use std::net::SocketAddr;

/// The size of a world, and in what it is not plain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cast {
    /// Mappings; each admits the jobs of one repository.
    pub(crate) mappings: usize,
    /// Providers, over which the mappings are spread in equal blocks. One is GitHub; many are issuers of their own.
    pub(crate) providers: usize,
    /// Where the one issuer publishes its keys, by which it is then known; `None`: keys are uploaded, nothing is fetched.
    pub(crate) published_at: Option<SocketAddr>,
    /// Whether a subject token counts once.
    pub(crate) once: bool,
    /// Whether what is minted is RS256 instead of ES256.
    pub(crate) mints_rs256: bool,
    /// Whether each request proves a key (DPoP, RFC 9449).
    pub(crate) proves: bool,
    /// Whether requests come over TLS.
    pub(crate) tls: bool,
    /// Whether the store is PostgreSQL instead of SQLite.
    pub(crate) postgres: bool,
}

/// The `aud` of every subject token. A realm of Keycloak takes no other than its own URL, which has this form.
pub(crate) const SUBJECT_AUDIENCE: &str = "https://accredit.example.org/realms/bench";
/// The audience of the one API.
pub(crate) const API_AUDIENCE: &str = "https://work.example.org";
/// The permission that every account is granted.
pub(crate) const PERMISSION: &str = "work.read";
/// The numeric id of the one owner of all repositories.
pub(crate) const OWNER_ID: &str = "70412";

// === impl Cast ===

impl Cast {
    /// A world whose providers' keys are uploaded, whose tokens may come again, and which mints ES256.
    pub(crate) fn plain(mappings: usize, providers: usize) -> Self {
        Self {
            mappings,
            providers,
            published_at: None,
            once: false,
            mints_rs256: false,
            proves: false,
            tls: false,
            postgres: false,
        }
    }

    /// Whether it differs in anything but its size.
    pub(crate) fn is_plain(self) -> bool {
        self == Self::plain(self.mappings, self.providers)
    }

    /// A hundred mappings lead to one account.
    pub(crate) fn accounts(self) -> usize {
        self.mappings.div_ceil(MAPPINGS_PER_ACCOUNT)
    }

    /// The account that a mapping leads to.
    pub(crate) fn account_of(self, mapping: usize) -> usize {
        mapping / MAPPINGS_PER_ACCOUNT
    }

    /// The provider whose tokens a mapping admits.
    pub(crate) fn provider_of(self, mapping: usize) -> usize {
        mapping / self.mappings.div_ceil(self.providers)
    }

    /// Whether the one provider is GitHub.
    pub(crate) fn is_github(self) -> bool {
        self.providers == 1 && self.published_at.is_none()
    }

    /// A provider's `iss`.
    pub(crate) fn issuer(self, provider: usize) -> String {
        match self.published_at {
            Some(address) => format!("http://{address}"),
            None if self.is_github() => "https://token.actions.githubusercontent.com".to_owned(),
            None => format!("https://issuer-{provider:04}.example.org"),
        }
    }

    /// A provider's name.
    pub(crate) fn provider_name(self, provider: usize) -> String {
        if self.is_github() { "github".to_owned() } else { format!("issuer-{provider:04}") }
    }
}

/// The repository that a mapping admits, `OWNER/NAME`.
pub(crate) fn repository(mapping: usize) -> String {
    format!("example-org/repository-{mapping:06}")
}

/// The numeric id of that repository, as GitHub writes it: text.
pub(crate) fn repository_id(mapping: usize) -> String {
    (500_000_000 + mapping).to_string()
}

/// The `sub` of that repository's jobs on the main branch.
pub(crate) fn subject(mapping: usize) -> String {
    format!("repo:{}:ref:refs/heads/main", repository(mapping))
}

/// A resource's id: the kind's prefix and 128 bits in Crockford's base32.
///
/// The bits look random, as those of a server would: consecutive ones could flatter or spoil a hash table.
pub(crate) fn id(prefix: &str, number: usize) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let seed = prefix.bytes().fold(number as u64, |seed, byte| scramble(seed ^ u64::from(byte)));
    let bits = (u128::from(scramble(seed)) << 64) | u128::from(scramble(!seed));
    let digits = (0..26).rev().map(|place| char::from(ALPHABET[(bits >> (5 * place) & 31) as usize]));
    format!("{prefix}_{}", digits.collect::<String>())
}

/// The finaliser of the generator SplitMix64 (Steele, Lea, Flood 2014).
fn scramble(seed: u64) -> u64 {
    let mut state = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

const MAPPINGS_PER_ACCOUNT: usize = 100;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_provider_and_account_has_mappings_and_no_other_is_named() {
        for (mappings, providers) in [(1, 1), (10, 1), (10, 10), (150, 7), (100_000, 1), (100_000, 1_000)] {
            let cast = Cast::plain(mappings, providers);
            let used: BTreeSet<_> = (0..mappings).map(|mapping| cast.provider_of(mapping)).collect();
            assert_eq!(used, (0..providers).collect(), "{cast:?}");
            let used: BTreeSet<_> = (0..mappings).map(|mapping| cast.account_of(mapping)).collect();
            assert_eq!(used, (0..cast.accounts()).collect(), "{cast:?}");
        }
    }

    #[test]
    fn ids_are_distinct_and_of_128_bits() {
        let ids: BTreeSet<_> = (0..10_000).flat_map(|number| [id("sa", number), id("idp", number)]).collect();
        assert_eq!(ids.len(), 20_000);
        for id in ids {
            let (_, digits) = id.split_once('_').unwrap_or_default();
            assert!(digits.len() == 26 && digits.as_bytes()[0] <= b'7', "{id}");
        }
    }
}
