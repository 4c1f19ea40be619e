//! The one place that reads the wall clock.

use std::time::{SystemTime, UNIX_EPOCH};

use accredit_id::time::Timestamp;

/// The time now, in whole seconds.
#[expect(clippy::disallowed_methods, reason = "everybody else is given the time as an argument")]
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// The same in nanoseconds since 1970, for what is measured and nothing is decided by.
#[expect(clippy::disallowed_methods, reason = "everybody else is given the time as an argument")]
pub(crate) fn nanoseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
