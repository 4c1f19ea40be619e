//! Routes that name one resource of any kind in their body.

use super::super::operation::{Operation, PLAIN};

pub(super) const DELETE: Operation = Operation {
    method: "post",
    path: "/v1/resource/delete",
    id: "deleteNamed",
    summary: "Deletes one resource of any kind, and says what that newly allows.",
    asks: Some("NamedResource"),
    answers: &[(200, "ApplyResponse")],
    refuses: &[409, 412, 422],
    keyed: true,
    ..PLAIN
};

pub(super) const ENABLE: Operation = Operation {
    method: "post",
    path: "/v1/resource/enable",
    id: "enableNamed",
    summary: "Makes one resource of any kind count.",
    asks: Some("NamedResource"),
    answers: &[(200, "ApplyResponse")],
    refuses: &[409, 412, 422],
    keyed: true,
    ..PLAIN
};

pub(super) const DISABLE: Operation = Operation {
    method: "post",
    path: "/v1/resource/disable",
    id: "disableNamed",
    summary: "Makes one resource of any kind count no longer, without deleting it.",
    asks: Some("NamedResource"),
    answers: &[(200, "ApplyResponse")],
    refuses: &[409, 412, 422],
    keyed: true,
    ..PLAIN
};
