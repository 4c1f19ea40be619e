//! The routes of the admin API, a row of equals; `openapi` writes them down, and a test compares them with the router's.
//!
//! Of `{kinds}` there is one route for each kind, `{Kind}` and `{noun}` in a row are its words.

mod minting;
mod naming;

use super::operation::{DRY_RUN, KIND, Operation, PAGE_SIZE, PAGE_TOKEN, PLAIN, PROJECT, SECONDS, TEXT};

/// Every route.
pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        path: "/v1/{kinds}",
        id: "list{Kind}s",
        summary: "A page of each {noun} that the caller may read, by name.",
        query: &[PROJECT, PAGE_SIZE, PAGE_TOKEN],
        answers: &[(200, "{Kind}Page")],
        ..PLAIN
    },
    Operation {
        method: "post",
        path: "/v1/{kinds}",
        id: "create{Kind}",
        summary: "Creates one {noun}; the same document again is the same resource.",
        query: &[DRY_RUN],
        asks: Some("New{Kind}"),
        answers: &[(200, "Written{Kind}"), (201, "Written{Kind}")],
        refuses: &[409, 422],
        keyed: true,
        ..PLAIN
    },
    Operation {
        path: "/v1/{kinds}/{name}",
        id: "get{Kind}",
        summary: "One {noun}.",
        answers: &[(200, "{Kind}")],
        ..PLAIN
    },
    Operation {
        method: "put",
        path: "/v1/{kinds}/{name}",
        id: "put{Kind}",
        summary: "Creates or replaces one {noun}.",
        query: &[DRY_RUN],
        asks: Some("New{Kind}"),
        answers: &[(200, "Written{Kind}"), (201, "Written{Kind}")],
        refuses: &[409, 412, 422],
        keyed: true,
        ..PLAIN
    },
    Operation {
        method: "delete",
        path: "/v1/{kinds}/{name}",
        id: "delete{Kind}",
        summary: "Deletes one {noun}, and says what that newly allows.",
        query: &[DRY_RUN],
        answers: &[(200, "ApplyResponse")],
        refuses: &[409, 412, 422],
        keyed: true,
        ..PLAIN
    },
    Operation {
        method: "post",
        path: "/v1/{kinds}/{name}/enable",
        id: "enable{Kind}",
        summary: "Makes one {noun} count.",
        query: &[DRY_RUN],
        answers: &[(200, "Written{Kind}")],
        refuses: &[409, 412, 422],
        keyed: true,
        ..PLAIN
    },
    Operation {
        method: "post",
        path: "/v1/{kinds}/{name}/disable",
        id: "disable{Kind}",
        summary: "Makes one {noun} count no longer, without deleting it.",
        query: &[DRY_RUN],
        answers: &[(200, "Written{Kind}")],
        refuses: &[409, 412, 422],
        keyed: true,
        ..PLAIN
    },
    Operation {
        method: "post",
        path: "/v1/apply",
        id: "apply",
        summary: "Brings a set of documents into force, all or nothing.",
        asks: Some("ApplyRequest"),
        answers: &[(200, "ApplyResponse")],
        refuses: &[409, 422],
        keyed: true,
        ..PLAIN
    },
    Operation {
        method: "post",
        path: "/v1/diff",
        id: "diff",
        summary: "Says what `apply` would change.",
        asks: Some("ApplyRequest"),
        answers: &[(200, "ApplyResponse")],
        refuses: &[422],
        ..PLAIN
    },
    Operation {
        path: "/v1/resources",
        id: "exportResources",
        summary: "Every resource that the caller may read, as of one moment.",
        query: &[("kind", TEXT, "Only this kind, by its noun or document name."), PROJECT],
        answers: &[(200, "ResourceList")],
        ..PLAIN
    },
    Operation {
        path: "/v1/resource",
        id: "findResource",
        summary: "One resource of any kind, by name or id.",
        query: &[KIND, ("name", TEXT, "Its name or id.")],
        answers: &[(200, "Resource")],
        ..PLAIN
    },
    naming::DELETE,
    naming::ENABLE,
    naming::DISABLE,
    Operation {
        method: "post",
        path: "/v1/explain",
        id: "explain",
        summary: "Says what would be decided, and why. Issues nothing, spends nothing, fetches nothing.",
        asks: Some("ExplainRequest"),
        answers: &[(200, "Explanation")],
        ..PLAIN
    },
    Operation {
        method: "post",
        path: "/v1/replay",
        id: "replay",
        summary: "Tries a change on the decisions of the past: who would newly be allowed or denied. Writes nothing.",
        asks: Some("ReplayRequest"),
        answers: &[(200, "ReplayReport")],
        refuses: &[422],
        ..PLAIN
    },
    Operation {
        method: "post",
        path: "/v1/replay/identities",
        id: "replayIdentities",
        summary: "Tries a change on the identities that a cluster gave.",
        asks: Some("IdentityReplayRequest"),
        answers: &[(200, "IdentityReplayReport")],
        refuses: &[422],
        ..PLAIN
    },
    Operation {
        path: "/v1/decisions/{id}",
        id: "getDecision",
        summary: "What was decided, and why.",
        answers: &[(200, "Explanation")],
        ..PLAIN
    },
    Operation {
        path: "/v1/decision",
        id: "findDecision",
        summary: "What was decided, and why, by an id as somebody typed it.",
        query: &[("id", TEXT, "`dec_...`.")],
        answers: &[(200, "Explanation")],
        ..PLAIN
    },
    Operation {
        path: "/v1/audit",
        id: "listAudit",
        summary: "Records of the audit log that the caller may read, newest first.",
        query: &[
            ("event", TEXT, "Only this event."),
            ("provider", TEXT, "Only about this provider, by name or id."),
            ("service_account", TEXT, "Only about this service account, by name or id."),
            ("mapping", TEXT, "Only what this mapping allowed, by name or id."),
            ("reason", TEXT, "Only refusals for this reason."),
            ("from", SECONDS, "Not before, Unix seconds."),
            ("to", SECONDS, "Before, Unix seconds."),
            PAGE_SIZE,
            PAGE_TOKEN,
            ("limit", r#"{"type": "integer", "minimum": 0}"#, "`page_size`, brought into 1 to 1000."),
            ("before", TEXT, "`page_token`."),
        ],
        answers: &[(200, "AuditList")],
        ..PLAIN
    },
    Operation {
        path: "/v1/audit/record",
        id: "findAuditRecord",
        summary: "One record, by an id as somebody typed it.",
        query: &[("id", TEXT, "`dec_...` or `act_...`.")],
        answers: &[(200, "AuditRecord")],
        ..PLAIN
    },
    Operation {
        path: "/v1/audit/{id}",
        id: "getAuditRecord",
        summary: "One record, whole.",
        answers: &[(200, "AuditRecord")],
        ..PLAIN
    },
    Operation {
        method: "post",
        path: "/v1/audit/verify",
        id: "verifyAudit",
        summary: "Walks every chain of the log and checks every signed head, those of the request among them.",
        asks: Some("VerifyAuditRequest"),
        answers: &[(200, "AuditVerification")],
        ..PLAIN
    },
    Operation {
        path: "/v1/audit/events",
        id: "exportAudit",
        summary: "Records as events of OCSF, oldest first, for whoever reads the whole log.",
        query: &[("from", SECONDS, "Not before, Unix seconds."), ("to", SECONDS, "Before, Unix seconds."), PAGE_TOKEN],
        answers: &[(200, "AuditEvents")],
        ..PLAIN
    },
    Operation {
        method: "post",
        path: "/v1/audit/erase",
        id: "eraseAuditValues",
        summary: "Erases the values of a subject's records, or of one record; what was decided stays.",
        asks: Some("EraseRequest"),
        answers: &[(200, "EraseResponse")],
        ..PLAIN
    },
    Operation {
        path: "/v1/audit/heads",
        id: "listAuditHeads",
        summary: "The signed heads of the log in the order of their signing, at most 50,000: to be kept elsewhere.",
        query: &[("from", SECONDS, "Only those that were signed then or later.")],
        answers: &[(200, "AuditHeadList")],
        ..PLAIN
    },
    Operation {
        path: "/v1/pins",
        id: "pins",
        summary: "The permanent ids that the names of a mapping were pinned to at their first use.",
        query: &[("mapping", TEXT, "Name or id of the mapping.")],
        answers: &[(200, "PinList")],
        ..PLAIN
    },
    Operation {
        method: "post",
        path: "/v1/pins/repin",
        id: "repin",
        summary: "Takes first-use pins of a mapping away, so that the next use pins anew.",
        asks: Some("RepinRequest"),
        answers: &[(200, "RepinResponse")],
        ..PLAIN
    },
    Operation {
        path: "/v1/alarms",
        id: "alarms",
        summary: "What issuers send that nobody expected, newest first.",
        query: &[
            ("provider", TEXT, "Only those of this provider."),
            ("all", r#"{"type": "boolean", "default": false}"#, "Acknowledged ones too."),
        ],
        answers: &[(200, "AlarmList")],
        ..PLAIN
    },
    Operation {
        path: "/v1/alarm",
        id: "alarm",
        summary: "One alarm.",
        query: &[("id", TEXT, "Its id.")],
        answers: &[(200, "Alarm")],
        ..PLAIN
    },
    Operation {
        method: "post",
        path: "/v1/alarm/acknowledge",
        id: "acknowledgeAlarm",
        summary: "Says that an alarm is known and all right.",
        asks: Some("AcknowledgeRequest"),
        answers: &[(200, "Alarm")],
        ..PLAIN
    },
    Operation {
        path: "/v1/keys",
        id: "listKeys",
        summary: "The server's own signing keys, oldest first, removed ones too.",
        answers: &[(200, "SigningKeyList")],
        ..PLAIN
    },
    Operation {
        method: "post",
        path: "/v1/keys/rotate",
        id: "rotateKeys",
        summary: "Ends the turns of keys: their successors sign as soon as every reader knows them.",
        asks: Some("RotateKeysRequest"),
        answers: &[(200, "KeysChanged")],
        ..PLAIN
    },
    Operation {
        method: "post",
        path: "/v1/keys/taint",
        id: "taintKey",
        summary: "Stops signing with a key; what it signed counts until it ends.",
        asks: Some("CondemnKeyRequest"),
        answers: &[(200, "KeysChanged")],
        refuses: &[409],
        ..PLAIN
    },
    Operation {
        method: "post",
        path: "/v1/keys/revoke",
        id: "revokeKey",
        summary: "Takes a key out of the key set at once; what it signed is refused.",
        asks: Some("CondemnKeyRequest"),
        answers: &[(200, "KeysChanged")],
        refuses: &[409],
        ..PLAIN
    },
    Operation {
        method: "post",
        path: "/v1/keys/rewrap",
        id: "rewrapKeys",
        summary: "Seals every stored key under the key-encryption key of the configuration.",
        asks: Some("RewrapKeysRequest"),
        answers: &[(200, "KeysRewrapped")],
        ..PLAIN
    },
    Operation {
        path: "/v1/provider-keys",
        id: "providerKeys",
        summary: "How a provider's keys are, and which sets it was seen to have. Fetches nothing.",
        query: &[
            ("provider", TEXT, "Name or id of the provider."),
            ("at", SECONDS, "Only sets that may have counted then, Unix seconds."),
        ],
        answers: &[(200, "ProviderKeys")],
        ..PLAIN
    },
    Operation {
        path: "/v1/lint",
        id: "lint",
        summary: "What the linter says of everything that the caller may read.",
        answers: &[(200, "LintReport")],
        ..PLAIN
    },
    Operation {
        path: "/v1/whoami",
        id: "whoami",
        summary: "Who the caller is, and which roles it holds.",
        answers: &[(200, "WhoAmI")],
        ..PLAIN
    },
    Operation { path: "/v1/status", id: "status", summary: "How the server is.", answers: &[(200, "Status")], ..PLAIN },
    minting::SPIRAL_TOKEN,
    minting::SVIDS,
    Operation {
        path: "/admin/login-options",
        id: "loginOptions",
        summary: "Where people log in. At the admin listener alone.",
        answers: &[(200, "LoginOptions")],
        open: true,
        ..PLAIN
    },
    Operation {
        method: "post",
        path: "/admin/token",
        id: "login",
        summary: "An admin token for evidence and a proof of a key (RFC 8693, RFC 9449). At the admin listener alone.",
        asks: Some("LoginForm"),
        answers: &[(200, "TokenResponse")],
        open: true,
        oauth: true,
        ..PLAIN
    },
    Operation {
        path: "/openapi.json",
        id: "openapi",
        summary: "This document.",
        answers: &[(200, "")],
        open: true,
        ..PLAIN
    },
];
