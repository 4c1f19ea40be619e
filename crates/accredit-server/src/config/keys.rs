//! `[keys]`: how signing keys are sealed, and how long they live.

use std::path::PathBuf;
use std::time::Duration;

use accredit_core::keyring::{DomainSchedule, Schedule};
use serde::Deserialize;

/// Signing keys.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysConfig {
    /// Where the key-encryption key comes from.
    pub encryption: KeyEncryption,
    /// Where the one before comes from, while stored keys are still sealed under it.
    #[serde(default)]
    pub previous: Option<KeyEncryption>,
    /// How long keys live.
    #[serde(default)]
    pub rotation: RotationConfig,
}

/// How long signing keys live.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RotationConfig {
    /// How long a key signs, in seconds.
    pub every_seconds: u64,
    /// How long readers may keep the key set: its `max-age`, in seconds.
    pub cache_seconds: u64,
    /// How much later than the first one the last server may notice a step, in seconds, the error of its clock included.
    pub margin_seconds: u64,
    /// By how much a verifier's clock may be behind, in seconds.
    pub leeway_seconds: u64,
    /// How long readers may keep the key set of a trust domain, in seconds; absent: as `cache_seconds`.
    pub jwt_svid_cache_seconds: Option<u64>,
    /// How often readers of a trust domain's bundle look again, in seconds; absent: as `cache_seconds`.
    pub bundle_refresh_seconds: Option<u64>,
    /// How long, beyond its time, a new key of a trust domain waits for nodes that have not confirmed it, in seconds.
    pub confirm_seconds: u64,
}

/// Where the key-encryption key comes from. It is never in the database.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum KeyEncryption {
    /// A program whose standard output is the key, base64.
    Command(Vec<String>),
    /// A systemd credential of this name (`LoadCredential=`).
    Credential(String),
    /// A file that only its owner can read: 32 bytes, base64.
    File(PathBuf),
    /// Random, for this process alone; what it sealed is lost when the process ends.
    Memory,
}

// === impl KeysConfig ===

impl KeysConfig {
    /// The usual lives, and this key-encryption key.
    pub fn sealed_by(encryption: KeyEncryption) -> Self {
        Self { encryption, previous: None, rotation: RotationConfig::default() }
    }

    /// The paths in it.
    pub(super) fn files(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        [Some(&mut self.encryption), self.previous.as_mut()].into_iter().flatten().filter_map(|origin| match origin {
            KeyEncryption::File(path) => Some(path),
            KeyEncryption::Command(_) | KeyEncryption::Credential(_) | KeyEncryption::Memory => None,
        })
    }

    /// What cannot be used, by its field.
    pub(super) fn fault(&self, is_loopback: bool) -> Option<(&'static str, String)> {
        if matches!(self.encryption, KeyEncryption::Memory) && !is_loopback {
            let message = "keys in memory are for loopback alone, expected file, credential or command";
            return Some(("keys.encryption", message.to_owned()));
        }
        if matches!(self.previous, Some(KeyEncryption::Memory)) {
            let message = "a key in memory ended with its process, expected file, credential or command";
            return Some(("keys.previous", message.to_owned()));
        }
        let RotationConfig {
            every_seconds,
            cache_seconds,
            margin_seconds,
            leeway_seconds,
            jwt_svid_cache_seconds,
            bundle_refresh_seconds,
            confirm_seconds,
        } = self.rotation;
        for (field, seconds, most) in [
            ("keys.rotation.every_seconds", every_seconds, LONGEST_TURN),
            ("keys.rotation.cache_seconds", cache_seconds, LONGEST_CACHE),
            ("keys.rotation.margin_seconds", margin_seconds, LONGEST_MARGIN),
            ("keys.rotation.leeway_seconds", leeway_seconds, LONGEST_MARGIN),
            ("keys.rotation.jwt_svid_cache_seconds", jwt_svid_cache_seconds.unwrap_or(cache_seconds), LONGEST_CACHE),
            ("keys.rotation.bundle_refresh_seconds", bundle_refresh_seconds.unwrap_or(cache_seconds), LONGEST_CACHE),
            ("keys.rotation.confirm_seconds", confirm_seconds, LONGEST_CACHE),
        ] {
            if !(1..=most).contains(&seconds) {
                return Some((field, format!("is {seconds}, expected 1 to {most}")));
            }
        }
        let least = cache_seconds + margin_seconds;
        if every_seconds <= least {
            let message = format!(
                "is {every_seconds}, expected more than {least}: `cache_seconds` and `margin_seconds`, before which no new key signs"
            );
            return Some(("keys.rotation.every_seconds", message));
        }
        None
    }
}

// === impl RotationConfig ===

impl RotationConfig {
    /// The schedule of a server whose access tokens, JWT-SVIDs and X509-SVIDs live so long at most.
    pub(crate) fn schedule(&self, longest_access: Duration, [longest_jwt, longest_x509]: [Duration; 2]) -> Schedule {
        let or_cache = |seconds: Option<u64>| Duration::from_secs(seconds.unwrap_or(self.cache_seconds));
        Schedule {
            every: Duration::from_secs(self.every_seconds),
            cache: Duration::from_secs(self.cache_seconds),
            margin: Duration::from_secs(self.margin_seconds),
            leeway: Duration::from_secs(self.leeway_seconds),
            longest_access,
            longest_internal: LONGEST_INTERNAL,
            domains: DomainSchedule {
                jwt_cache: or_cache(self.jwt_svid_cache_seconds),
                bundle_refresh: or_cache(self.bundle_refresh_seconds),
                patience: Duration::from_secs(self.confirm_seconds),
                longest_jwt,
                longest_x509,
            },
        }
    }
}

impl Default for RotationConfig {
    fn default() -> Self {
        Self {
            every_seconds: 30 * 24 * 3600,
            cache_seconds: 300,
            margin_seconds: 60,
            leeway_seconds: 60,
            jwt_svid_cache_seconds: None,
            bundle_refresh_seconds: None,
            confirm_seconds: 3600,
        }
    }
}

/// Spiral's bearers live an hour at most, administrators' tokens less. INVARIANT: no internal token lives longer; one that
/// did would lose its key before its end.
const LONGEST_INTERNAL: Duration = Duration::from_secs(3600);
const LONGEST_TURN: u64 = 400 * 24 * 3600;
const LONGEST_CACHE: u64 = 24 * 3600;
const LONGEST_MARGIN: u64 = 3600;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_key_signs_longer_than_its_successor_waits() {
        let read =
            |rotation: &str| toml::from_str::<KeysConfig>(&format!("encryption = {{ file = \"kek\" }}\n{rotation}"));
        for (rotation, field) in [
            ("", None),
            ("previous = { credential = \"old\" }\nrotation = { every_seconds = 86400 }", None),
            ("rotation = { every_seconds = 4, cache_seconds = 2, margin_seconds = 1 }", None),
            (
                "rotation = { every_seconds = 3, cache_seconds = 2, margin_seconds = 1 }",
                Some("keys.rotation.every_seconds"),
            ),
            ("rotation = { every_seconds = 360 }", Some("keys.rotation.every_seconds")),
            ("rotation = { every_seconds = 99999999 }", Some("keys.rotation.every_seconds")),
            ("rotation = { cache_seconds = 0 }", Some("keys.rotation.cache_seconds")),
            ("rotation = { margin_seconds = 3601 }", Some("keys.rotation.margin_seconds")),
            ("previous = \"memory\"", Some("keys.previous")),
        ] {
            let fault = read(rotation).unwrap().fault(true);
            assert_eq!(fault.as_ref().map(|(field, _)| *field), field, "{rotation}: {fault:?}");
        }
        assert!(read("rotation = { every = 5 }").is_err());
        assert!(KeysConfig::sealed_by(KeyEncryption::Memory).fault(false).is_some());
    }
}
