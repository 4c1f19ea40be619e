//! Where the values of attributes come from in one decision, and what is wrong with them.

use accredit_id::json::{Json, Number};
use accredit_id::shown::Shown;

use super::attribute::Attribute;
use crate::facts::{Facts, Seen};
use crate::nearest_name::nearest;

/// What is known about a workload.
pub struct Sources<'s, S> {
    /// The cluster's name.
    pub cluster: &'s str,
    /// The cluster's realm.
    pub realm: Option<&'s str>,
    /// The trust domain's name.
    pub trust_domain: &'s str,
    /// The job's token; absent where there is none.
    pub job: Option<&'s Facts<'s, S>>,
}

/// Why nothing is made of a template: its attribute is not there, or its value does not fit.
///
/// INVARIANT: has no `Display`. A template is the cluster's policy, which the caller does not read; the operator does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RenderFault {
    /// Nothing is known under this name.
    Absent {
        /// The attribute.
        attribute: Attribute,
        /// The claim that was meant, perhaps.
        nearest: Option<String>,
    },
    /// The value does not fit where it is to stand.
    Unfit {
        /// The attribute.
        attribute: Attribute,
        /// The value, for a person; `None` where it is told by `why` or too long to be told.
        seen: Option<Shown>,
        /// What is wrong with it, as it follows its name and value.
        why: String,
        /// One action.
        hint: Option<String>,
    },
    /// Every value fits, but what they make together does not.
    Whole {
        /// What is wrong.
        why: String,
    },
}

// === impl Sources ===

impl<'s, S> Sources<'s, S> {
    /// What is known under a name.
    pub fn seen(&self, attribute: &Attribute) -> Seen<'_> {
        match attribute {
            Attribute::Cluster => Seen::Text(self.cluster),
            Attribute::Realm => self.realm.map_or(Seen::Absent, Seen::Text),
            Attribute::TrustDomain => Seen::Text(self.trust_domain),
            Attribute::Claim(name) => self.job.and_then(|job| job.raw().get(name)).map_or(Seen::Absent, Seen::Raw),
            Attribute::Derived(name) => self.job.map_or(Seen::Absent, |job| job.called(&format!("x.{name}"))),
            // Agents tell these; there is none on this way.
            Attribute::Told(_) => Seen::Absent,
        }
    }

    /// How many segments the value always has, where the claim's kind fixes that.
    pub(super) fn segments(&self, attribute: &Attribute) -> Option<u8> {
        match attribute {
            Attribute::Claim(name) => self.job?.provider().kind.claim(name)?.segments,
            _ => None,
        }
    }

    /// The value as a text: a string as it is, a whole number in decimal digits.
    pub(super) fn text(&self, attribute: &Attribute) -> Result<String, RenderFault> {
        match self.seen(attribute) {
            Seen::Absent => Err(self.absent(attribute)),
            Seen::Fault(fault) => {
                Err(RenderFault::unfit(attribute, None, format!("cannot be derived: {}", fault.operator_text())))
            }
            Seen::Text(text) => Ok(text.to_owned()),
            Seen::Raw(Json::String(text)) => Ok(text.to_string()),
            Seen::Raw(Json::Number(Number::Int(number))) => Ok(number.to_string()),
            Seen::Raw(Json::Number(Number::UInt(number))) => Ok(number.to_string()),
            Seen::Raw(other) => Err(RenderFault::unfit(
                attribute,
                None,
                format!("is {}, expected a text or a whole number", type_of(other)),
            )),
        }
    }

    pub(super) fn absent(&self, attribute: &Attribute) -> RenderFault {
        let nearest = match attribute {
            Attribute::Claim(name) => self.job.and_then(|job| {
                let names = job.raw().iter().map(|(name, _)| name);
                nearest(name, names).map(|found| format!("jwt.claim.{}", Shown::of(found)))
            }),
            _ => None,
        };
        RenderFault::Absent { attribute: attribute.clone(), nearest }
    }
}

// === impl RenderFault ===

impl RenderFault {
    pub(super) fn unfit(attribute: &Attribute, seen: Option<&str>, why: impl Into<String>) -> Self {
        RenderFault::Unfit { attribute: attribute.clone(), seen: seen.map(Shown::of), why: why.into(), hint: None }
    }

    pub(super) fn hint(self, action: impl Into<String>) -> Self {
        match self {
            RenderFault::Unfit { attribute, seen, why, .. } => {
                RenderFault::Unfit { attribute, seen, why, hint: Some(action.into()) }
            }
            other => other,
        }
    }

    /// The attribute that is at fault, if one is.
    pub fn attribute(&self) -> Option<&Attribute> {
        match self {
            RenderFault::Absent { attribute, .. } | RenderFault::Unfit { attribute, .. } => Some(attribute),
            RenderFault::Whole { .. } => None,
        }
    }

    /// A sentence for the operator.
    pub fn operator_text(&self) -> String {
        match self {
            RenderFault::Absent { attribute: attribute @ (Attribute::Claim(_) | Attribute::Derived(_)), .. } => {
                format!("`{attribute}` is absent from the job's token")
            }
            RenderFault::Absent { attribute: Attribute::Realm, .. } => {
                "`realm` is absent: the cluster belongs to none".to_owned()
            }
            RenderFault::Absent { attribute, .. } => format!("`{attribute}` is not known of a job without an agent"),
            RenderFault::Unfit { attribute, seen: Some(seen), why, .. } => {
                format!("`{attribute}` is `{seen}`, {why}")
            }
            RenderFault::Unfit { attribute, seen: None, why, .. } => format!("`{attribute}` {why}"),
            RenderFault::Whole { why } => why.clone(),
        }
    }

    /// What to do about it.
    pub fn hint_text(&self) -> Option<String> {
        match self {
            RenderFault::Absent { nearest: Some(nearest), .. } => Some(format!("did you mean `{nearest}`?")),
            RenderFault::Absent { nearest: None, .. } | RenderFault::Whole { .. } => None,
            RenderFault::Unfit { hint, .. } => hint.clone(),
        }
    }
}

/// A value's type, for a person.
pub(super) fn type_of(json: &Json<'_>) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "a truth value",
        Json::Number(_) => "a number that is not a whole one of 64 bits",
        Json::String(_) => "a text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}
