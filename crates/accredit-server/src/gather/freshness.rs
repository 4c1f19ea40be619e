//! How long an answer holds by its own words (RFC 9111 section 4.2).
//!
//! The words are an issuer's, so they only suggest: [`super::provider_keys`] holds them within limits of ours.

use std::time::Duration;

use http::{HeaderMap, header};

use super::client::text;

/// How long the answer may still be used without asking again: `max-age` of `Cache-Control`, else the time from `Date` to
/// `Expires`, less the `Age` that it has reached in caches on its way. `None` when it says nothing that can be read.
///
/// More than fits counts as very long. `no-store` and `no-cache` are about caches on the way; whoever asks this server is
/// answered by a decision, not by the document.
pub(super) fn lifetime(headers: &HeaderMap) -> Option<Duration> {
    let lifetime = max_age(headers).or_else(|| until_expiry(headers))?;
    let age = text(headers, &header::AGE).and_then(|value| seconds(value.trim())).unwrap_or_default();
    Some(lifetime.saturating_sub(age))
}

/// How long an answer asks to be left alone: `Retry-After` (RFC 9110 section 10.2.3), in seconds or as a date.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = text(headers, &header::RETRY_AFTER)?.trim();
    if let Some(pause) = seconds(value) {
        return Some(pause);
    }
    let until = httpdate::parse_http_date(value).ok()?;
    let date = httpdate::parse_http_date(text(headers, &header::DATE)?).ok()?;
    until.duration_since(date).ok()
}

/// `max-age` of `Cache-Control` (RFC 9111 section 5.2.2.1).
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let directives = headers.get_all(header::CACHE_CONTROL).into_iter().filter_map(|value| value.to_str().ok());
    directives.flat_map(|value| value.split(',')).find_map(|directive| {
        let (name, value) = directive.split_once('=')?;
        name.trim().eq_ignore_ascii_case("max-age").then(|| seconds(value.trim().trim_matches('"')))?
    })
}

/// From `Date` to `Expires` (RFC 9111 section 5.3). An `Expires` that is no date has expired; without a `Date` nobody knows by
/// which clock it was written.
fn until_expiry(headers: &HeaderMap) -> Option<Duration> {
    let expires = text(headers, &header::EXPIRES)?;
    let Ok(expires) = httpdate::parse_http_date(expires) else { return Some(Duration::ZERO) };
    let date = httpdate::parse_http_date(text(headers, &header::DATE)?).ok()?;
    Some(expires.duration_since(date).unwrap_or_default())
}

fn seconds(digits: &str) -> Option<Duration> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| Duration::from_secs(digits.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    const DATE: &str = "date: Sat, 21 Nov 2026 12:00:00 GMT";

    #[test]
    fn j03_pauses_are_seconds_or_dates() {
        let cases: &[(&[&str], Option<u64>)] = &[
            (&[], None),
            (&["retry-after: 17"], Some(17)),
            (&["retry-after: soon"], None),
            (&[DATE, "retry-after: Sat, 21 Nov 2026 12:01:30 GMT"], Some(90)),
            (&[DATE, "retry-after: Sat, 21 Nov 2026 11:00:00 GMT"], None),
            (&["retry-after: Sat, 21 Nov 2026 12:01:30 GMT"], None),
        ];
        for (lines, expected) in cases {
            assert_eq!(retry_after(&headers(lines)), expected.map(Duration::from_secs), "{lines:?}");
        }
    }

    #[test]
    fn j11_lifetimes_are_read_from_whatever_comes() {
        let cases: &[(&[&str], Option<u64>)] = &[
            (&[], None),
            (&["cache-control: no-store"], None),
            (&["cache-control: max-age=300"], Some(300)),
            (&["cache-control: public, MAX-AGE=300 , must-revalidate"], Some(300)),
            (&["cache-control: max-age=\"60\""], Some(60)),
            (&["cache-control: no-cache", "cache-control: max-age=0"], Some(0)),
            (&["cache-control: max-age=99999999999999999999999"], Some(u64::MAX)),
            (&["cache-control: s-maxage=5"], None),
            (&["cache-control: max-age=-1"], None),
            (&["cache-control: max-age=1.5"], None),
            (&["cache-control: max-age="], None),
            // A cache on the way has held it for a while.
            (&["cache-control: max-age=300", "age: 100"], Some(200)),
            (&["cache-control: max-age=300", "age: 301"], Some(0)),
            (&["cache-control: max-age=300", "age: -5"], Some(300)),
            (&["age: 100"], None),
            (&[DATE, "expires: Sat, 21 Nov 2026 12:05:00 GMT"], Some(300)),
            (&[DATE, "expires: Sat, 21 Nov 2026 12:05:00 GMT", "age: 60"], Some(240)),
            (&[DATE, "expires: Sat, 21 Nov 2026 11:00:00 GMT"], Some(0)),
            (&[DATE, "expires: 0"], Some(0)),
            (&["expires: Sat, 21 Nov 2026 12:05:00 GMT"], None),
            (&["date: today", "expires: Sat, 21 Nov 2026 12:05:00 GMT"], None),
            // `max-age` stands above `Expires`.
            (&[DATE, "expires: 0", "cache-control: max-age=300"], Some(300)),
            (&[DATE, "expires: Sat, 21 Nov 2026 12:05:00 GMT", "cache-control: max-age=x"], Some(300)),
        ];
        for (lines, expected) in cases {
            assert_eq!(lifetime(&headers(lines)), expected.map(Duration::from_secs), "{lines:?}");
        }
    }

    fn headers(lines: &[&'static str]) -> HeaderMap {
        let line = |line: &&'static str| line.split_once(": ").unwrap_or_default();
        let pair = |(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        lines.iter().map(line).map(pair).collect()
    }
}
