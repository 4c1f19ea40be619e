//! What the OpenAPI document says of one route.

/// One route and method.
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) query: &'static [Query],
    /// The schema of the request's body.
    pub(super) asks: Option<&'static str>,
    /// Statuses of success and their schema.
    pub(super) answers: &'static [(u16, &'static str)],
    /// Statuses of refusal beside those of every operation.
    pub(super) refuses: &'static [u16],
    /// Whether anybody may ask, without a token.
    pub(super) open: bool,
    /// Whether it takes an `Idempotency-Key`.
    pub(super) keyed: bool,
    /// Whether it is OAuth's: a form in, OAuth's errors out.
    pub(super) oauth: bool,
}

/// A `GET` that asks for nothing.
pub(super) const PLAIN: Operation = Operation {
    method: "get",
    path: "",
    id: "",
    summary: "",
    query: &[],
    asks: None,
    answers: &[],
    refuses: &[],
    open: false,
    keyed: false,
    oauth: false,
};

/// A parameter of the query: its name, its schema, its sentence.
pub(super) type Query = (&'static str, &'static str, &'static str);

// What several routes may be asked with.
pub(super) const TEXT: &str = r#"{"type": "string"}"#;
pub(super) const SECONDS: &str = r#"{"type": "integer", "format": "int64"}"#;
pub(super) const DRY_RUN: Query =
    ("dry_run", r#"{"type": "boolean", "default": false}"#, "Say what would happen, change nothing.");
pub(super) const PAGE_SIZE: Query =
    ("page_size", r#"{"type": "integer", "minimum": 1, "maximum": 500, "default": 100}"#, "How many at most.");
pub(super) const PAGE_TOKEN: Query = ("page_token", TEXT, "`nextPageToken` of the page before.");
pub(super) const KIND: Query = ("kind", TEXT, "Its kind, by noun or document name.");
pub(super) const PROJECT: Query = ("project", TEXT, "Only what this project owns.");
