//! Clients that authenticate by an assertion (RFC 7521 section 4.2): whom it speaks for, and whom it must be meant for.

use std::borrow::Cow;

use accredit_core::decide::{Denial, Reason};
use accredit_core::model::{Kind, Provider};
use accredit_core::world::World;
use accredit_id::json::{Json, Object};
use accredit_id::verify::{Expectations, ExpectedType};

/// A client as its request shows it.
#[derive(Debug)]
pub(crate) struct Client<'p> {
    /// `client_id`, where the request has one.
    pub(crate) id: Option<Cow<'p, str>>,
    /// How it authenticates.
    pub(crate) method: Method,
}

/// What kind of assertion a client shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// A JWT (RFC 7523 section 2.2): the client's own, or one that its platform signed.
    Jwt,
    /// A JWT-SVID, whose client is its SPIFFE ID.
    JwtSvid,
}

impl Client<'_> {
    /// The audiences that its assertion may have: our issuer, and the token endpoint where the provider lists it (older
    /// clients put it there). What else the provider lists serves other grants.
    pub(crate) fn audiences(known: &Provider, public_url: &str) -> Vec<String> {
        let is_ours = |audience: &&String| {
            audience.strip_prefix(public_url).is_some_and(|path| matches!(path, "" | "/oauth/token"))
        };
        known.audiences.iter().filter(is_ours).cloned().collect()
    }

    /// What a provider expects of a client's assertion: `aud` is the sole value, whatever it allows elsewhere.
    pub(crate) fn expectations<'e>(&self, expected: Expectations<'e>, audiences: &'e [String]) -> Expectations<'e> {
        let token_type = match self.method {
            Method::Jwt => ExpectedType::ClientAuthentication,
            Method::JwtSvid => expected.token_type,
        };
        Expectations { token_type, audiences, single_audience: true, ..expected }
    }

    /// What the caller is told of a refusal. A client that says it is a service account is that one when a mapping says so;
    /// when none does, it has not been authenticated, whether or not there is such an account.
    pub(crate) fn told(&self, reason: Reason, claims: &Object<'_>) -> Reason {
        let is_subject = |id: &str| claims.get("sub").and_then(Json::as_str) == Some(id);
        let says_account = self.id.as_deref().is_some_and(|id| !is_subject(id));
        let is_unknown = reason.caller_code() == Reason::NoMappingMatched.code();
        if says_account && is_unknown { Reason::ClientMismatch } else { reason }
    }

    /// The service account that the request asks for. A client that issues its own assertions, or is a SPIFFE ID, is the
    /// assertion's subject and nobody else (RFC 7523 section 3). Where a platform signed it, `client_id` may be absent, the
    /// subject, or the service account that is asked for: Microsoft's libraries send an application's id there.
    ///
    /// # Errors
    /// `client_id` is somebody else.
    pub(crate) fn account<'a>(
        &'a self,
        asked: Option<&'a str>,
        known: &Provider,
        claims: &Object<'_>,
        world: &World,
    ) -> Result<Option<&'a str>, Denial> {
        let claim = |name: &str| claims.get(name).and_then(Json::as_str).unwrap_or_default();
        let subject = claim("sub");
        if self.method == Method::JwtSvid && !known.kind.spiffe {
            return Err(Denial::client("assertion is no JWT-SVID: its provider has no trust domain"));
        }
        let Some(client) = self.id.as_deref().filter(|id| *id != subject) else { return Ok(asked) };
        if self.method == Method::JwtSvid || claim("iss") == subject {
            return Err(Denial::client_id(client, subject));
        }
        match asked {
            None => Ok(Some(client)),
            Some(asked) => {
                let id = |text: &str| world.find(Kind::ServiceAccount, text).map(|account| account.id);
                if asked == client || id(asked).is_some() && id(asked) == id(client) {
                    Ok(Some(asked))
                } else {
                    Err(Denial::client_id(client, asked))
                }
            }
        }
    }
}
