//! Days of the calendar.

use std::fmt;
use std::str::FromStr;

use accredit_id::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A day of the Gregorian calendar, as RFC 3339 (section 5.6) writes a `full-date`: `2027-01-31`. It begins and ends in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// Why a text is no day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no day of the calendar, expected one such as 2027-01-31")]
pub struct DateFault;

// === impl Date ===

impl Date {
    /// Whether all of the day lies before `now`.
    pub fn is_before(self, now: Timestamp) -> bool {
        // Both are written in the same form, whose order is that of time, for the years that the form has.
        (0..=LAST_SECOND).contains(&now.unix()) && *self.to_string() < now.to_string()[..10] || now.unix() > LAST_SECOND
    }
}

impl FromStr for Date {
    type Err = DateFault;

    fn from_str(text: &str) -> Result<Self, DateFault> {
        let bytes = text.as_bytes();
        let is_written_so = bytes.len() == 10
            && bytes.iter().enumerate().all(|(place, byte)| match place {
                4 | 7 => *byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        let (true, Some(year), Some(month), Some(day)) = (is_written_so, text.get(..4), text.get(5..7), text.get(8..))
        else {
            return Err(DateFault);
        };
        let (Ok(year), Ok(month), Ok(day)) = (year.parse::<u16>(), month.parse(), day.parse::<u8>()) else {
            return Err(DateFault);
        };
        let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let length = match month {
            2 if is_leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return Err(DateFault),
        };
        if year < 1970 || !(1..=length).contains(&day) {
            return Err(DateFault);
        }
        Ok(Self { year, month, day })
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let shown: String = text.chars().take(40).collect();
        let told = |fault| serde::de::Error::custom(format!("`{}` {fault}", shown.escape_debug()));
        text.parse().map_err(told)
    }
}

/// The last second that four digits of a year can tell.
const LAST_SECOND: i64 = 253_402_300_799;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_over_when_the_next_begins() {
        let day: Date = "2027-01-31".parse().unwrap();
        for (now, is_before) in [
            (i64::MIN, false),
            (0, false),
            (1_801_353_600, false), // 2027-01-31T00:00:00Z
            (1_801_439_999, false),
            (1_801_440_000, true), // 2027-02-01T00:00:00Z
            (LAST_SECOND + 1, true),
            (i64::MAX, true),
        ] {
            assert_eq!(day.is_before(Timestamp::from_unix(now)), is_before, "{now}");
        }
    }

    #[test]
    fn only_days_that_exist_are_days() {
        for text in ["1970-01-01", "2027-01-31", "2028-02-29", "2000-02-29", "9999-12-31"] {
            assert_eq!(text.parse::<Date>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "2027",
            "2027-1-31",
            "2027-01-32",
            "2027-00-01",
            "2027-13-01",
            "2027-02-29",
            "2100-02-29",
            "2027-04-31",
            "27-01-31",
            "+027-01-31",
            "2027-01-31T00:00:00Z",
            "2027-01-31 ",
            "31-01-2027",
            "1969-12-31",
            "2027/01/31",
            "２027-1-1",
        ] {
            assert_eq!(text.parse::<Date>(), Err(DateFault), "{text}");
        }
    }
}
