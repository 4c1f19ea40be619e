//! Alarms on the wire: what an issuer sends that nobody expected.

use serde::{Deserialize, Serialize};

/// Something that tokens of a provider show and that nobody listed, or a bundle that was refused. It is raised once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Alarm {
    /// `alarm_...`.
    pub id: String,
    /// `claim-unlisted`, `subject-format-changed`, `subject-format-unknown`, `alarms-many`, `bundle-older` or
    /// `bundle-uncounted`.
    pub code: String,
    /// The name of the provider, or of the federation whose bundle it is.
    pub provider: String,
    /// What was seen: a claim's name, a format's name, how a subject begins, or the sequence of the bundle that is held.
    pub thing: String,
    /// One sentence.
    pub summary: String,
    /// What to do about it.
    pub hint: String,
    /// When it was seen first, RFC 3339.
    pub first_seen: String,
    /// When it was seen last, RFC 3339; up to a minute late after a restart.
    pub last_seen: String,
    /// The decision about the first token that showed it, `dec_...`; of a bundle the record of its refusal, `act_...`.
    pub decision: String,
    /// Why somebody thinks it is all right; absent while nobody has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<String>,
}

/// Alarms, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AlarmList {
    /// The alarms.
    pub alarms: Vec<Alarm>,
}

/// Says that an alarm is known and all right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AcknowledgeRequest {
    /// The alarm.
    pub id: String,
    /// Why, for the audit log; 1 to 500 characters.
    pub reason: String,
}
