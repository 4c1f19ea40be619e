//! Parameters of a request, from a form or from JSON. None may stand twice, but for `audience` and `resource`.

use std::borrow::Cow;

use accredit_id::json::{Json, Limits, object};

use super::RequestFault;
use super::form;

/// The media types that the endpoint takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `application/json`.
    Json,
}

/// A parameter's name and value.
pub(super) type Pair<'b> = (Cow<'b, str>, Cow<'b, str>);

/// The parameters, in the order of the request.
pub(crate) struct Params<'b> {
    pub(super) pairs: Vec<Pair<'b>>,
}

impl Media {
    /// Reads a `Content-Type`; parameters such as a charset are ignored.
    pub(crate) fn named(content_type: &str) -> Option<Media> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            Some(Media::Form)
        } else if essence.eq_ignore_ascii_case("application/json") {
            Some(Media::Json)
        } else {
            None
        }
    }
}

impl<'b> Params<'b> {
    /// Reads a body.
    ///
    /// # Errors
    /// It is not of its media type, has too many parameters, or one of them twice (H01).
    pub(crate) fn read(media: Media, body: &'b [u8]) -> Result<Self, RequestFault> {
        let pairs = match media {
            Media::Form => form::pairs(body)?,
            Media::Json => json_pairs(body)?,
        };
        if pairs.len() > MAX_PARAMS {
            return Err(RequestFault::invalid("param-count", "the request has too many parameters"));
        }
        for (place, (name, _)) in pairs.iter().enumerate() {
            let may_repeat = matches!(&**name, "audience" | "resource");
            if !may_repeat && pairs[..place].iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
                return Err(RequestFault::invalid("param-duplicate", "a parameter stands twice in the request"));
            }
        }
        Ok(Self { pairs })
    }

    /// A parameter that is there and not empty: RFC 6749 section 3.2 treats an empty one as omitted.
    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(other, value)| other == name && !value.is_empty()).map(|(_, value)| &**value)
    }

    /// All values of a parameter that may repeat.
    pub(crate) fn all<'p>(&'p self, name: &'p str) -> impl Iterator<Item = &'p str> {
        self.pairs.iter().filter(move |(other, value)| other == name && !value.is_empty()).map(|(_, value)| &**value)
    }
}

fn json_pairs(body: &[u8]) -> Result<Vec<Pair<'_>>, RequestFault> {
    let members = object(body, &LIMITS).map_err(|_| {
        RequestFault::invalid("body-malformed", "the body is not a JSON object without repeated members")
    })?;
    let mut pairs = Vec::with_capacity(members.len());
    for (name, value) in members.iter() {
        match value {
            Json::String(text) => pairs.push((Cow::Owned(name.to_owned()), Cow::Owned(text.to_string()))),
            // Unknown members may have any type; those that a face reads must be strings.
            _ if KNOWN.contains(&name) => {
                return Err(RequestFault::invalid("param-type", "a parameter is not a JSON string"));
            }
            _ => {}
        }
    }
    Ok(pairs)
}

const KNOWN: &[&str] = &[
    "grant_type",
    "actor_token",
    "actor_token_type",
    "subject_token",
    "subject_token_type",
    "identity_provider_id",
    "service_account_id",
    "client_id",
    "scope",
    "principal",
    "authorization",
    "x_amz_date",
    "assertion",
    "federation_rule_id",
    "organization_id",
    "workspace_id",
];
const LIMITS: Limits = Limits { depth: 4, members: 64, string_bytes: 32 * 1024 };
const MAX_PARAMS: usize = 64;
