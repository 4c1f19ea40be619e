//! Signature algorithms by their JOSE names.

use std::fmt;
use std::str::FromStr;

use crate::shown::Shown;

/// A signature algorithm with a public key (RFC 7518 section 3.1, RFC 8037 section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// ECDSA with P-384 and SHA-384.
    Es384,
    /// ECDSA with P-521 and SHA-512.
    Es512,
    /// Ed25519.
    EdDsa,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
}

/// A set of algorithms. Ordered by [`Algorithm`]'s order; the empty set allows nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Algorithms(u16);

/// A name that is not a signature algorithm with a public key, written exactly as the registry has it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("algorithm `{seen}` is not one of {}", Algorithms::ASYMMETRIC)]
pub struct UnknownAlgorithm {
    /// The name seen.
    pub seen: Shown,
}

// === impl Algorithm ===

impl Algorithm {
    /// Every algorithm, in order.
    pub const ALL: [Self; 10] = [
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
    ];

    /// The registered name, as it stands in `alg`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
        }
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    /// Exact: `rs256` is as unknown as `none`.
    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.as_str() == name)
            .ok_or_else(|| UnknownAlgorithm { seen: Shown::of(name) })
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl Algorithms ===

impl Algorithms {
    /// No algorithm at all.
    pub const NONE: Self = Self(0);

    /// Every algorithm with a public key; there is no wider set.
    pub const ASYMMETRIC: Self = Self::of(&Algorithm::ALL);

    /// The set of what is listed.
    #[must_use]
    pub const fn of(list: &[Algorithm]) -> Self {
        let mut bits = 0;
        let mut index = 0;
        while index < list.len() {
            bits |= 1 << list[index] as u16;
            index += 1;
        }
        Self(bits)
    }

    /// Whether `algorithm` is in the set.
    #[must_use]
    pub const fn contains(self, algorithm: Algorithm) -> bool {
        self.0 & 1 << algorithm as u16 != 0
    }

    /// What both sets hold.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether the set allows nothing.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What the set holds, in order.
    pub fn iter(self) -> impl Iterator<Item = Algorithm> {
        Algorithm::ALL.into_iter().filter(move |algorithm| self.contains(*algorithm))
    }
}

impl FromIterator<Algorithm> for Algorithms {
    fn from_iter<I: IntoIterator<Item = Algorithm>>(list: I) -> Self {
        list.into_iter().fold(Self::NONE, |set, algorithm| Self(set.0 | Self::of(&[algorithm]).0))
    }
}

/// `ES256, RS256`.
impl fmt::Display for Algorithms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, algorithm) in self.iter().enumerate() {
            write!(f, "{}{algorithm}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Algorithms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A12, A13 and A15 at their root: no other spelling is an algorithm.
    #[test]
    fn names_are_exact() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.as_str().parse(), Ok(algorithm));
        }
        for name in
            ["", "none", "None", "HS256", "rs256", "RS256 ", "ES256K", "RS1", "eddsa", "Ed25519", "RS256\0", "*"]
        {
            assert!(name.parse::<Algorithm>().is_err(), "{name}");
        }
    }

    #[test]
    fn sets_hold_what_was_put_in() {
        let set: Algorithms = [Algorithm::Rs256, Algorithm::Es256, Algorithm::Rs256].into_iter().collect();
        assert_eq!(set.to_string(), "ES256, RS256");
        assert!(set.contains(Algorithm::Rs256) && !set.contains(Algorithm::Ps256));
        assert_eq!(Algorithms::ASYMMETRIC.iter().count(), 10);
        assert!(Algorithms::default().is_empty() && set.intersection(Algorithms::NONE).is_empty());
    }
}
