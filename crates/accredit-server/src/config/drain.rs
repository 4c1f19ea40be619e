//! How a server ends.

use serde::Deserialize;

use super::ConfigFault;

/// What happens between SIGTERM and the end of the process.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DrainConfig {
    /// For so long the server says that it is not ready and still serves whoever comes, in seconds. Whatever leads clients
    /// here must have noticed by then. Absent: none on a loopback listener, five seconds on any other.
    pub delay_seconds: Option<u64>,
    /// After that, open requests have so long to finish, in seconds.
    pub deadline_seconds: u64,
}

// === impl DrainConfig ===

impl Default for DrainConfig {
    fn default() -> Self {
        Self { delay_seconds: None, deadline_seconds: 20 }
    }
}

impl DrainConfig {
    pub(super) fn check(&self) -> Result<(), ConfigFault> {
        let numbers = [
            ("drain.delay_seconds", self.delay_seconds.unwrap_or_default(), 0..=600),
            ("drain.deadline_seconds", self.deadline_seconds, 1..=600),
        ];
        for (field, seen, expected) in numbers {
            if !expected.contains(&seen) {
                let message = format!("is {seen}, expected {} to {}", expected.start(), expected.end());
                return Err(ConfigFault::Value { field, message });
            }
        }
        Ok(())
    }
}
