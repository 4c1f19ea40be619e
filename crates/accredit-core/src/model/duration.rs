//! Lengths of time as people write them: `90s`, `15m`, `1h`, `2d`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A length of time in whole seconds, written with one unit: `s`, `m`, `h` or `d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lifetime(u32);

impl Lifetime {
    /// From seconds.
    pub const fn from_secs(seconds: u32) -> Self {
        Self(seconds)
    }

    /// In seconds.
    pub const fn as_secs(self) -> u32 {
        self.0
    }

    /// As a duration.
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, length) in [("d", 86_400), ("h", 3600), ("m", 60)] {
            if self.0 > 0 && self.0.is_multiple_of(length) {
                return write!(f, "{}{unit}", self.0 / length);
            }
        }
        write!(f, "{}s", self.0)
    }
}

impl FromStr for Lifetime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fault = || {
            format!(
                "`{}` is not a length of time, expected a number and a unit such as 15m, 1h or 90s",
                text.escape_debug()
            )
        };
        let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(fault)?;
        let length = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => return Err(fault()),
        };
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(fault());
        }
        let number: u32 = number.parse().map_err(|_| fault())?;
        number.checked_mul(length).map(Self).ok_or_else(fault)
    }
}

impl Serialize for Lifetime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Lifetime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_back_as_written() {
        for (text, seconds) in [("90s", 90), ("15m", 900), ("1h", 3600), ("2d", 172_800), ("0s", 0)] {
            let length: Lifetime = text.parse().unwrap();
            assert_eq!((length.as_secs(), length.to_string()), (seconds, text.to_owned()));
        }
        for text in ["", "m", "15", "-1m", "1.5h", "15 m", "15M", "99999999999d", "1h30m", "ä"] {
            assert!(text.parse::<Lifetime>().is_err(), "{text}");
        }
    }
}
