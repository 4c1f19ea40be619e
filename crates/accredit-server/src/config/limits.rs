//! Limits: what one source, subject or provider may spend, and how many connections there are.

use serde::Deserialize;

use super::ConfigFault;
use crate::record::Most;

/// Limits.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// No access token lives longer, in seconds; at most 3600.
    pub max_token_seconds: u64,
    /// No JWT-SVID lives longer, in seconds; at most 604800.
    pub max_jwt_svid_seconds: u64,
    /// No X509-SVID lives longer, in seconds; at most 604800.
    pub max_x509_svid_seconds: u64,
    /// What an address may spend on requests that fail before anybody has vouched for them. A good token costs it nothing.
    pub source: Allowance,
    /// How often one token may come that its platform hands out again until it is nearly over, in exchanges or issuances.
    pub token: Allowance,
    /// What one subject of one provider may spend once its token has verified.
    pub subject: Allowance,
    /// What all subjects of one provider may spend together; absent: as much as each of them may.
    pub provider: Option<Allowance>,
    /// How many refusals of one provider's verified tokens are explained and recorded one by one; those beyond are counted.
    pub recorded_refusals: Allowance,
    /// The most pieces of evidence of one provider that are remembered as used at once; beyond it none that may be used once is
    /// taken until some have ended.
    pub replay_marks: u64,
    /// The most DPoP proofs that are remembered as shown, each for three minutes in some 60 bytes; those of introspection have as
    /// much room of their own. Beyond it none is taken. INVARIANT: by default no fewer than one subject may spend in that time.
    /// Where servers share a store, twice as many are claimed there at each place.
    pub dpop_proofs: u64,
    /// The most connections that a TCP listener keeps open.
    pub connections: usize,
    /// The most that it keeps open to one address; listed proxies are exempt.
    pub connections_per_source: usize,
    /// How long a connection may be idle between two requests, in seconds.
    pub idle_seconds: u64,
}

/// A bucket: full at first, emptied by what is spent, refilled with time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allowance {
    /// How much it holds.
    pub burst: u32,
    /// How much is added each second.
    pub per_second: u32,
}

// === impl Allowance ===

impl Allowance {
    /// As much as so many have together.
    pub(crate) fn times(self, many: u32) -> Self {
        Self { burst: self.burst.saturating_mul(many), per_second: self.per_second.saturating_mul(many) }
    }
}

// === impl LimitsConfig ===

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            max_token_seconds: 3600,
            max_jwt_svid_seconds: LONGEST_SVID,
            max_x509_svid_seconds: LONGEST_SVID,
            source: Allowance { burst: 1_000, per_second: 20 },
            token: Allowance { burst: 500, per_second: 20 },
            subject: Allowance { burst: 50_000, per_second: 5_000 },
            provider: None,
            recorded_refusals: Allowance { burst: 5_000, per_second: 200 },
            replay_marks: 1_000_000,
            dpop_proofs: 1_000_000,
            connections: 8_192,
            connections_per_source: 1_024,
            idle_seconds: 75,
        }
    }
}

impl LimitsConfig {
    /// For how many DPoP proofs there is room.
    pub(crate) fn room_for_proofs(&self) -> usize {
        usize::try_from(self.dpop_proofs).unwrap_or(usize::MAX)
    }

    /// How many marks of what was used there may be in the store. Proofs stay there for up to five minutes, so there are more.
    pub(crate) fn room_in_the_store(&self) -> Most {
        Most { marks: self.replay_marks, proofs: self.dpop_proofs.saturating_mul(2) }
    }

    pub(super) fn check(&self) -> Result<(), ConfigFault> {
        let numbers = [
            ("limits.max_token_seconds", self.max_token_seconds, 10..=3600),
            ("limits.max_jwt_svid_seconds", self.max_jwt_svid_seconds, 10..=LONGEST_SVID),
            ("limits.max_x509_svid_seconds", self.max_x509_svid_seconds, 10..=LONGEST_SVID),
            ("limits.replay_marks", self.replay_marks, 10..=100_000_000),
            ("limits.dpop_proofs", self.dpop_proofs, 1..=100_000_000),
            ("limits.connections", self.connections as u64, 16..=1_000_000),
            ("limits.connections_per_source", self.connections_per_source as u64, 1..=1_000_000),
            ("limits.idle_seconds", self.idle_seconds, 1..=3600),
        ];
        let allowances = [
            ("limits.source", Some(self.source)),
            ("limits.token", Some(self.token)),
            ("limits.subject", Some(self.subject)),
            ("limits.provider", self.provider),
            ("limits.recorded_refusals", Some(self.recorded_refusals)),
        ];
        let allowances = allowances.into_iter().filter_map(|(field, allowance)| Some((field, allowance?)));
        let allowances = allowances.flat_map(|(field, Allowance { burst, per_second })| {
            [(field, u64::from(burst), 1..=MOST), (field, u64::from(per_second), 1..=MOST)]
        });
        for (field, seen, expected) in numbers.into_iter().chain(allowances) {
            if !expected.contains(&seen) {
                let message = format!("is {seen}, expected {} to {}", expected.start(), expected.end());
                return Err(ConfigFault::Value { field, message });
            }
        }
        Ok(())
    }
}

/// More than any machine exchanges.
const MOST: u64 = 1_000_000;
/// A week: the longest that policies of the kind are known to ask for.
const LONGEST_SVID: u64 = 7 * 24 * 3600;
