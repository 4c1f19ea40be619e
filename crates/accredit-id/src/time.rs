//! Points in time as whole Unix seconds.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point in time: whole seconds since 1970-01-01T00:00:00Z, leap seconds not counted (POSIX time, the `NumericDate`
/// of RFC 7519 section 2 without its fraction).
///
/// Nothing in this crate knows the present; it is an argument named `now`. Arithmetic saturates. Serialised as an
/// integer, displayed as RFC 3339 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

// === impl Timestamp ===

impl Timestamp {
    /// The point that lies `seconds` after the Unix epoch (before it, when negative).
    #[must_use]
    pub const fn from_unix(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since the Unix epoch.
    #[must_use]
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// The point `span` later, at most the last representable one. A part of a second is dropped.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(whole_seconds(span)))
    }

    /// The point `span` earlier, at least the first representable one. A part of a second is dropped.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(whole_seconds(span)))
    }

    /// Seconds from `earlier` to this point; negative when `earlier` is in fact later.
    #[must_use]
    pub const fn seconds_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// `2026-11-21T10:05:43Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (self.0.div_euclid(86_400), self.0.rem_euclid(86_400));
        let (year, month, day) = civil_date(days);
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

fn whole_seconds(span: Duration) -> i64 {
    i64::try_from(span.as_secs()).unwrap_or(i64::MAX)
}

/// Year, month and day of the proleptic Gregorian calendar for a count of days since 1970-01-01.
///
/// Years are counted from March, so that the leap day is the last one and month lengths follow one linear rule.
fn civil_date(days_since_epoch: i64) -> (i64, i64, i64) {
    const DAYS_FROM_YEAR_ZERO_MARCH: i64 = 719_468;
    const DAYS_IN_400_YEARS: i64 = 146_097;
    let days = days_since_epoch + DAYS_FROM_YEAR_ZERO_MARCH;
    let cycle = days.div_euclid(DAYS_IN_400_YEARS);
    let day_of_cycle = days.rem_euclid(DAYS_IN_400_YEARS);
    let year_of_cycle = (day_of_cycle - day_of_cycle / 1_460 + day_of_cycle / 36_524 - day_of_cycle / 146_096) / 365;
    let day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = cycle * 400 + year_of_cycle + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn is_displayed_as_rfc_3339() {
        for (unix, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_709_164_799, "2024-02-28T23:59:59Z"),
            (1_795_255_543, "2026-11-21T10:05:43Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(Timestamp::from_unix(unix).to_string(), text);
        }
    }

    #[test]
    fn never_overflows() {
        let (first, last) = (Timestamp::from_unix(i64::MIN), Timestamp::from_unix(i64::MAX));
        assert_eq!(last.plus(Duration::from_secs(u64::MAX)), last);
        assert_eq!(first.minus(Duration::MAX), first);
        assert_eq!(last.seconds_since(first), i64::MAX);
        assert!(!first.to_string().is_empty() && !last.to_string().is_empty());
    }

    #[test]
    fn is_an_integer_on_the_wire() {
        assert_eq!(serde_json::to_string(&Timestamp::from_unix(7)).unwrap(), "7");
        assert_eq!(serde_json::from_str::<Timestamp>("7").unwrap(), Timestamp::from_unix(7));
        assert!(serde_json::from_str::<Timestamp>("7.5").is_err());
    }
}
