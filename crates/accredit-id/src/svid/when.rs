//! Times of certificates (RFC 5280 section 4.1.2.5).

use super::der::{Element, GENERALIZED_TIME, Malformed, UTC_TIME};
use crate::time::Timestamp;

/// Seconds since 1970 of `YYMMDDHHMMSSZ` or, from 2050 on, `YYYYMMDDHHMMSSZ`. Without fractions and offsets, as the profile
/// has it.
pub(super) fn time(element: Element<'_>) -> Result<Timestamp, Malformed> {
    let (digits, year) = match (element.tag, element.content) {
        (UTC_TIME, [digits @ .., b'Z']) if digits.len() == 12 => {
            let year = number(&digits[..2])?;
            (&digits[2..], if year < 50 { 2000 + year } else { 1900 + year })
        }
        (GENERALIZED_TIME, [digits @ .., b'Z']) if digits.len() == 14 => (&digits[4..], number(&digits[..4])?),
        _ => return Err(Malformed),
    };
    let part = |at: usize| number(&digits[2 * at..2 * at + 2]);
    let (month, day, hour, minute, second) = (part(0)?, part(1)?, part(2)?, part(3)?, part(4)?);
    let is_date = (1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day);
    if !is_date || hour > 23 || minute > 59 || second > 59 {
        return Err(Malformed);
    }
    Ok(Timestamp::from_unix(((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second))
}

fn number(digits: &[u8]) -> Result<i64, Malformed> {
    digits.iter().try_fold(0, |sum, digit| match digit {
        b'0'..=b'9' => Ok(sum * 10 + i64::from(digit - b'0')),
        _ => Err(Malformed),
    })
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the Gregorian calendar; years are counted from March, so that the leap day is the last one.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, from_march) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_exactly() {
        let read = |tag, text: &str| {
            let content = text.as_bytes();
            time(Element { tag, content, whole: content }).map(|time| time.to_string())
        };
        for (tag, text, shown) in [
            (UTC_TIME, "700101000000Z", "1970-01-01T00:00:00Z"),
            (UTC_TIME, "261121100543Z", "2026-11-21T10:05:43Z"),
            (UTC_TIME, "491231235959Z", "2049-12-31T23:59:59Z"),
            (UTC_TIME, "000229000000Z", "2000-02-29T00:00:00Z"),
            (GENERALIZED_TIME, "20500301000000Z", "2050-03-01T00:00:00Z"),
            (GENERALIZED_TIME, "99991231235959Z", "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(read(tag, text), Ok(shown.to_owned()));
        }
        for (tag, text) in [
            (UTC_TIME, "2611211005Z"),
            (UTC_TIME, "261121100543"),
            (UTC_TIME, "261121100543+0000"),
            (UTC_TIME, "261321100543Z"),
            (UTC_TIME, "260229100543Z"),
            (UTC_TIME, "261121240000Z"),
            (UTC_TIME, "26112110054 Z"),
            (GENERALIZED_TIME, "261121100543Z"),
            (GENERALIZED_TIME, "20261121100543.5Z"),
            (0x13, "261121100543Z"),
        ] {
            assert_eq!(read(tag, text), Err(Malformed), "{text}");
        }
    }
}
