//! Points in time as people type them.

use accredit_id::time::Timestamp;

/// Reads RFC 3339 (section 5.6), e.g. `2026-11-21T10:05:43Z` or `2026-11-21T11:05:43+01:00`. A fraction of a second is
/// dropped; a leap second counts as the second after it.
pub(crate) fn parse(text: &str) -> Result<Timestamp, String> {
    read(text).ok_or_else(|| format!("`{text}` is not a time, expected e.g. 2026-11-21T10:05:43Z"))
}

fn read(text: &str) -> Option<Timestamp> {
    let (date, rest) = text.split_at_checked(10)?;
    let (clock, rest) = rest.strip_prefix(['T', 't', ' '])?.split_at_checked(8)?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let offset = offset(without_fraction(rest)?)?;
    let days_in_month = match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days_in_month).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Some(Timestamp::from_unix(seconds - offset))
}

fn numbers(text: &str, separator: char, widths: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; 3];
    for (number, width) in numbers.iter_mut().zip(widths) {
        let part = parts.next().filter(|part| part.len() == width)?;
        *number = part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())??;
    }
    parts.next().is_none().then_some(numbers)
}

fn without_fraction(text: &str) -> Option<&str> {
    let Some(fraction) = text.strip_prefix('.') else { return Some(text) };
    let rest = fraction.trim_start_matches(|digit: char| digit.is_ascii_digit());
    (rest.len() < fraction.len()).then_some(rest)
}

/// Seconds east of UTC.
fn offset(text: &str) -> Option<i64> {
    if text == "Z" || text == "z" {
        return Some(0);
    }
    let (sign, clock) = match text.split_at_checked(1)? {
        ("+", clock) => (1, clock),
        ("-", clock) => (-1, clock),
        _ => return None,
    };
    let [hour, minute, _] = numbers(&format!("{clock}:00"), ':', [2, 2, 2])?;
    (hour <= 23 && minute <= 59).then_some(sign * (hour * 3600 + minute * 60))
}

/// Days since 1970-01-01. The year begins in March here, so that the leap day ends it.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_displayed_reads_back() {
        for unix in [0, -1, 951_782_400, 951_868_800, 1_709_164_799, 1_795_255_543, 4_107_542_400, 253_402_300_799] {
            let moment = Timestamp::from_unix(unix);
            assert_eq!(parse(&moment.to_string()), Ok(moment));
        }
        for day in -30_000..60_000 {
            let moment = Timestamp::from_unix(day * 86_400 + 3_661);
            assert_eq!(parse(&moment.to_string()), Ok(moment));
        }
    }

    #[test]
    fn offsets_and_fractions() {
        for (text, same) in [
            ("2026-11-21T11:05:43+01:00", "2026-11-21T10:05:43Z"),
            ("2026-11-20T22:35:43.999-11:30", "2026-11-21T10:05:43Z"),
            ("2026-11-21t10:05:43z", "2026-11-21T10:05:43Z"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
        ] {
            assert_eq!(parse(text), parse(same), "{text}");
        }
        for text in [
            "",
            "now",
            "1795255543",
            "2026-11-21",
            "2026-11-21T10:05:43",
            "2026-11-21T10:05Z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21T10:05:43.Z",
            "2026-11-21T10:05:43+1:00",
            "2026-11-21T10:05:43+24:00",
            "2026-11-21T10:05:43Zx",
            "+026-11-21T10:05:43Z",
            "2026-11-2\u{e9}T10:05:43Z",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
