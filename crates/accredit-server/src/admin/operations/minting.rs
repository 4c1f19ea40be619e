//! Routes by which an administrator makes something that counts elsewhere.

use super::super::operation::{Operation, PLAIN};

pub(super) const SPIRAL_TOKEN: Operation = Operation {
    method: "post",
    path: "/v1/spiral/token",
    id: "issueSpiralToken",
    summary: "A plain bearer for Spiral's command line, for one project and at most an hour.",
    asks: Some("ProjectTokenRequest"),
    answers: &[(200, "ProjectToken")],
    ..PLAIN
};

pub(super) const SVIDS: Operation = Operation {
    method: "post",
    path: "/v1/svid/mint",
    id: "mintSvids",
    summary: "SVIDs for a test, where the cluster's policy lets operators mint them; recorded with the reason.",
    asks: Some("MintRequest"),
    answers: &[(200, "SvidResponse")],
    ..PLAIN
};
