//! Whose token a request shows, and whether that provider vouches for it: resolve, gather, verify.

use std::sync::Arc;

use accredit_core::model::{Provider, Resource};
use accredit_core::world::World;
use accredit_id::time::Timestamp;
use accredit_id::verify::{self, Buffer, Rejected, TokenFault, Verified};

use crate::app::App;
use crate::client::Client;
use crate::gather::KeysUnavailable;
use crate::provider::{self, UnknownProvider};
use crate::traces::Step;

/// A token, and what its request says about where it is from.
#[derive(Clone, Copy)]
pub(crate) struct Sought<'s> {
    pub(crate) token: &'s str,
    /// The provider that is named.
    pub(crate) provider: Option<&'s str>,
    /// The mapping that is named, which names its provider.
    pub(crate) mapping: Option<&'s str>,
    /// The client whose assertion the token is, where it is one.
    pub(crate) client: Option<&'s Client<'s>>,
}

/// A token whose provider vouches for it.
pub(crate) struct Genuine<'g> {
    pub(crate) provider: &'g Arc<Resource>,
    pub(crate) known: &'g Provider,
    pub(crate) verified: Verified<'g>,
}

/// Nobody vouches for a token, or it does not hold all the same.
pub(crate) enum NotGenuine<'g> {
    /// It has not the form of one.
    Malformed(TokenFault),
    /// It says itself that it ended long ago: nobody pays for looking at what was lying around.
    LongOver(Option<&'g Resource>, TokenFault),
    /// Nobody knows whose it is.
    Unknown(UnknownProvider),
    /// Nobody can tell now.
    KeysUnavailable(&'g Resource, KeysUnavailable),
    /// Its provider does not take it.
    Rejected(&'g Resource, &'g Provider, Box<Rejected<'g>>),
    /// The world contradicts itself.
    Internal,
}

/// Memory for reading one token as often as it has providers to be tried.
pub(crate) type Buffers = [Buffer; provider::MOST];

/// Finds the provider of a token and has it verified by that one's keys.
///
/// Nearly always one provider comes into question. Where an issuer serves several, the audience tells them apart; those whose
/// keys are at hand come first, so that nobody waits for keys that he may not need.
pub(crate) async fn genuine<'g>(
    app: &App,
    world: &'g World,
    now: Timestamp,
    sought: Sought<'g>,
    buffers: &'g mut Buffers,
) -> Result<Genuine<'g>, NotGenuine<'g>> {
    let mut buffers = buffers.iter_mut();
    let first = buffers.next().ok_or(NotGenuine::Internal)?;
    let unverified = verify::read(sought.token, first).map_err(NotGenuine::Malformed)?;
    let mut candidates =
        provider::resolve(world, sought.provider, sought.mapping, &unverified).map_err(NotGenuine::Unknown)?;
    // Before keys are looked for, or fetched, and a signature is checked.
    if let Some(fault) = unverified.long_expired(now) {
        return Err(NotGenuine::LongOver(candidates.first().map(|provider| &***provider), fault));
    }
    let has_keys = |provider: &Resource| {
        provider.as_provider().is_some_and(|known| app.keys_of(provider, known).current(now).is_some())
    };
    if candidates.len() > 1 {
        candidates.sort_by_cached_key(|provider| !has_keys(provider));
    }
    let mut unverified = Some(unverified);
    let mut unreachable = None;
    let mut candidates = candidates.into_iter().peekable();
    while let Some(provider) = candidates.next() {
        let unverified = match unverified.take() {
            Some(first) => first,
            None => {
                let next = buffers.next().ok_or(NotGenuine::Internal)?;
                verify::read(sought.token, next).map_err(NotGenuine::Malformed)?
            }
        };
        let known = provider.as_provider().ok_or(NotGenuine::Internal)?;
        let gathering = app.traces.step(Step::Gather);
        let keys = app.keys_of(provider, known).keys_for(unverified.key_id(), now).await;
        drop(gathering);
        let keys = match keys {
            Ok(keys) => keys,
            Err(unavailable) => {
                unreachable.get_or_insert((provider, unavailable));
                continue;
            }
        };
        let audiences;
        let mut expected = provider::expectations(known);
        if let Some(client) = sought.client {
            audiences = Client::audiences(known, &app.public_url);
            expected = client.expectations(expected, &audiences);
        }
        match app.traces.during(Step::Verify, || verify::verify(unverified, &expected, &keys, now)) {
            Ok(verified) => return Ok(Genuine { provider, known, verified }),
            Err(rejected) => {
                let is_the_last = candidates.peek().is_none() && unreachable.is_none();
                if is_the_last || !is_another_providers(rejected.fault.code()) {
                    return Err(NotGenuine::Rejected(provider, known, Box::new(rejected)));
                }
            }
        }
    }
    match unreachable {
        Some((provider, unavailable)) => Err(NotGenuine::KeysUnavailable(provider, unavailable)),
        None => Err(NotGenuine::Internal),
    }
}

/// Whether another provider of the same issuer might still know a token that is refused with this code.
pub(crate) fn is_another_providers(code: &str) -> bool {
    matches!(
        code,
        "audience-mismatch"
            | "audience-not-single"
            | "bad-signature"
            | "issuer-mismatch"
            | "key-not-found"
            | "key-not-usable"
    )
}
