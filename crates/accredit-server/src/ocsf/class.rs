//! Classes and activities, by their numbers in OCSF.

/// What an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Class {
    pub(super) category: i64,
    pub(super) category_name: &'static str,
    /// Within its category.
    pub(super) class: i64,
    pub(super) class_name: &'static str,
    pub(super) activity: i64,
    pub(super) activity_name: &'static str,
    /// 1 informational, 2 low, 3 medium, 4 high.
    pub(super) severity: i64,
    pub(super) failed: bool,
}

/// Any other activity than the listed ones: its name tells.
const OTHER: i64 = 99;

// === impl Class ===

impl Class {
    /// Authentication [3002]: a workload's exchange.
    pub(super) fn exchange(failed: bool) -> Self {
        Self::iam(2, "Authentication", OTHER, "Token Exchange", failed)
    }

    /// Authentication [3002]: an administrator's login.
    pub(super) fn logon(failed: bool) -> Self {
        Self::iam(2, "Authentication", 1, "Logon", failed)
    }

    /// Authentication [3002]: a job that asks for an SVID.
    pub(super) fn issuance(failed: bool) -> Self {
        Self::iam(2, "Authentication", OTHER, "SVID Issuance", failed)
    }

    /// Authentication [3002]: many refusals in one record.
    pub(super) fn refusals() -> Self {
        Self::iam(2, "Authentication", OTHER, "Token Exchange", true)
    }

    /// Entity Management [3004].
    pub(super) fn entity(activity: i64, activity_name: &'static str) -> Self {
        Self::iam(4, "Entity Management", activity, activity_name, false)
    }

    /// Entity Management [3004], what OCSF has no activity for.
    pub(super) fn other_of_entity(activity_name: &'static str) -> Self {
        Self::entity(OTHER, activity_name)
    }

    /// API Activity [6003]: an act that was refused.
    pub(super) fn refused_act(method: &str) -> Self {
        let (activity, activity_name) = match method {
            "GET" | "HEAD" => (2, "Read"),
            "POST" => (1, "Create"),
            "PUT" | "PATCH" => (3, "Update"),
            "DELETE" => (4, "Delete"),
            _ => (OTHER, "Administer"),
        };
        let (class, class_name) = (3, "API Activity");
        Self { severity: 2, failed: true, ..Self::application(class, class_name, activity, activity_name) }
    }

    /// Application Lifecycle [6002]: the server of itself.
    pub(super) fn lifecycle(event: &str) -> Self {
        let lifecycle = |activity, name| Self::application(2, "Application Lifecycle", activity, name);
        match event {
            "server-started" => lifecycle(3, "Start"),
            "audit-export-refused" => Self { severity: 4, failed: true, ..lifecycle(OTHER, "Audit Export Refused") },
            "audit-export-resumed" => lifecycle(OTHER, "Audit Export Resumed"),
            _ => lifecycle(OTHER, "Store Writable Again"),
        }
    }

    /// Detection Finding [2004]: an alarm, or that it is known and all right.
    pub(super) fn alarm(event: &str) -> Self {
        let (activity, activity_name, severity) = match event {
            "alarm-raised" => (1, "Create", 3),
            _ => (3, "Close", 1),
        };
        Self {
            category: 2,
            category_name: "Findings",
            class: 4,
            class_name: "Detection Finding",
            activity,
            activity_name,
            severity,
            failed: false,
        }
    }

    fn iam(class: i64, class_name: &'static str, activity: i64, activity_name: &'static str, failed: bool) -> Self {
        Self {
            category: 3,
            category_name: "Identity & Access Management",
            class,
            class_name,
            activity,
            activity_name,
            severity: if failed { 2 } else { 1 },
            failed,
        }
    }

    fn application(class: i64, class_name: &'static str, activity: i64, activity_name: &'static str) -> Self {
        let (category, category_name) = (6, "Application Activity");
        Self { category, category_name, class, class_name, activity, activity_name, severity: 1, failed: false }
    }
}
