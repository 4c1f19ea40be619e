//! What is told of a span.

use std::sync::Arc;

use accredit_core::model::DecisionId;

use super::context::{SpanId, TraceId};

/// A part of a request that has ended.
#[derive(Debug, Clone)]
pub(super) struct Span {
    pub(super) trace: TraceId,
    pub(super) id: SpanId,
    pub(super) parent: Option<SpanId>,
    pub(super) name: Name,
    /// Nanoseconds since 1970.
    pub(super) began: u64,
    pub(super) ended: u64,
    pub(super) attributes: Vec<Attribute>,
    /// Whether we ourselves failed, not whoever asked.
    pub(super) failed: bool,
}

/// What it is the span of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Name {
    /// A request, with the route that answered it.
    Request(&'static str),
    /// An act of administration, with the pattern of its route.
    Act(&'static str, Arc<str>),
    /// A step of the road.
    Step(Step),
}

/// A step of the road, or what it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Fetching what the verifier needs, most often from memory.
    Gather,
    /// Signature and times of the evidence.
    Verify,
    /// Mappings and grants.
    Decide,
    /// The token's claims.
    Mint,
    /// Its signature.
    Sign,
    /// Waiting until the record is on the disk.
    Record,
    /// The batch that the record was written with.
    Commit,
    /// A change of resources, keys or pins in the store.
    Change,
    /// A provider's keys, discovery included.
    FetchKeys,
    /// One request to somebody else.
    Ask,
}

/// What may be said of a span: words of the server's own, names that its operators gave, numbers. There is no variant for
/// anything that a caller or a token says, so none can slip in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Attribute {
    /// The protocol.
    Face(&'static str),
    /// The registered provider.
    Provider(Box<str>),
    /// `allowed` or `refused`.
    Outcome(&'static str),
    /// The code of a refusal, or of what went wrong.
    Reason(&'static str),
    /// The decision, by which the audit log has the record.
    Decision(DecisionId),
    /// The status of the answer.
    Status(u16),
    /// Records of a batch.
    Records(usize),
    /// Whom a request went to, as operators and issuers' discovery documents name it.
    Host(Box<str>),
}

/// The value of an attribute.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Text(std::borrow::Cow<'a, str>),
    Number(i64),
}

// === impl Name ===

impl Name {
    /// The name as collectors show it.
    pub(super) fn text(&self) -> String {
        match self {
            Name::Request(route) => format!("POST {route}"),
            Name::Act(method, route) => format!("{method} {route}"),
            Name::Step(step) => step.text().to_owned(),
        }
    }

    /// `SpanKind` of OTLP.
    pub(super) fn kind(&self) -> u64 {
        match self {
            Name::Request(_) | Name::Act(..) => 2,
            Name::Step(Step::Ask) => 3,
            Name::Step(_) => 1,
        }
    }

    /// The route that a request came by, and its method.
    pub(super) fn route(&self) -> Option<(&str, &str)> {
        match self {
            Name::Request(route) => Some(("POST", route)),
            Name::Act(method, route) => Some((method, route)),
            Name::Step(_) => None,
        }
    }
}

// === impl Step ===

impl Step {
    pub(super) fn text(self) -> &'static str {
        match self {
            Step::Gather => "gather",
            Step::Verify => "verify",
            Step::Decide => "decide",
            Step::Mint => "mint",
            Step::Sign => "sign",
            Step::Record => "record",
            Step::Commit => "store commit",
            Step::Change => "store change",
            Step::FetchKeys => "fetch keys",
            Step::Ask => "GET",
        }
    }
}

// === impl Attribute ===

impl Attribute {
    /// Its name (OpenTelemetry's semantic conventions where they have one) and value.
    pub(super) fn told(&self) -> (&'static str, Value<'_>) {
        let text = |text: &'static str| Value::Text(text.into());
        match self {
            Attribute::Face(face) => ("accredit.face", text(face)),
            Attribute::Provider(name) => ("accredit.provider", Value::Text((&**name).into())),
            Attribute::Outcome(outcome) => ("accredit.outcome", text(outcome)),
            Attribute::Reason(code) => ("error.type", text(code)),
            Attribute::Decision(id) => ("accredit.decision.id", Value::Text(id.to_string().into())),
            Attribute::Status(status) => ("http.response.status_code", Value::Number(i64::from(*status))),
            Attribute::Records(count) => {
                ("accredit.batch.records", Value::Number(i64::try_from(*count).unwrap_or(i64::MAX)))
            }
            Attribute::Host(host) => ("server.address", Value::Text((&**host).into())),
        }
    }
}
