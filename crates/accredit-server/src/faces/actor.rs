//! `actor_token` (RFC 8693 section 2.1): read by the one face that has a place for it, refused by the others. None leaves one
//! out silently: whoever sends it expects that the token says who acts (H04).

use std::borrow::Cow;

use super::{Params, Redacted, RequestFault, trimmed};

/// Who acts, as a request shows him.
#[derive(Debug)]
pub(crate) struct ActorToken<'p> {
    /// His token, white space around it trimmed.
    pub(crate) token: Redacted<'p>,
    /// The provider that vouches for him, by name or id, where the request names it.
    pub(crate) provider: Option<Cow<'p, str>>,
}

/// Reads the actor of a request, if it has one.
pub(super) fn read<'p>(params: &'p Params<'_>) -> Result<Option<ActorToken<'p>>, RequestFault> {
    let provider = params.find(PROVIDER);
    let (token, declared) = match (params.find(TOKEN), params.find(TYPE)) {
        (None, None) if provider.is_none() => return Ok(None),
        (None, None) => {
            return Err(RequestFault::invalid("param-actor-token", "actor_identity_provider_id without actor_token"));
        }
        (Some(_), None) => return Err(NO_TYPE),
        (None, Some(_)) => return Err(NO_TOKEN),
        (Some(token), Some(declared)) => (token, declared),
    };
    // An access token of ours is for its API: that one must not be able to act as whoever calls it.
    if !matches!(declared, "urn:ietf:params:oauth:token-type:jwt" | "urn:ietf:params:oauth:token-type:id_token") {
        return Err(RequestFault::invalid(
            "param-actor-token-type",
            "actor_token_type is not accepted here: expected urn:ietf:params:oauth:token-type:jwt or id_token",
        ));
    }
    Ok(Some(ActorToken { token: Redacted(trimmed(token)), provider: provider.map(Cow::Borrowed) }))
}

/// For protocols in which nobody acts for anybody.
pub(super) fn none(params: &Params<'_>) -> Result<(), RequestFault> {
    match (params.find(TOKEN), params.find(TYPE)) {
        (None, None) => Ok(()),
        (Some(_), None) => Err(NO_TYPE),
        (None, Some(_)) => Err(NO_TOKEN),
        (Some(_), Some(_)) => Err(RequestFault::invalid(
            "actor-unsupported",
            "actor tokens are not accepted here: send a form with the token-exchange grant of RFC 8693",
        )),
    }
}

const TOKEN: &str = "actor_token";
const TYPE: &str = "actor_token_type";
const PROVIDER: &str = "actor_identity_provider_id";
const NO_TYPE: RequestFault = RequestFault::invalid("param-actor-token-type", "actor_token without actor_token_type");
const NO_TOKEN: RequestFault = RequestFault::invalid("param-actor-token", "actor_token_type without actor_token");
