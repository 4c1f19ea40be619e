//! The actor of a request: his own token, verified by his own provider as strictly as a subject's.

use std::net::IpAddr;

use accredit_core::decide::{Denial, Reason};
use accredit_core::model::Resource;
use accredit_core::world::World;
use accredit_id::time::Timestamp;
use accredit_id::verify::{Rejected, TokenFault};

use super::genuine::{Buffers, Genuine, NotGenuine, Sought, genuine};
use crate::app::App;
use crate::budget::{Cost, Spent};
use crate::faces::ActorToken;
use crate::gather::KeysUnavailable;

/// Why nobody acts.
pub(crate) enum NoActor<'g> {
    /// His token does not hold. Told and recorded as a refusal of the subject's, which does.
    Denied(Denial),
    /// Nobody can tell now.
    KeysUnavailable(&'g Resource, KeysUnavailable),
    /// He, or his provider, has spent its budget.
    Throttled(&'g Resource, Spent),
    /// The world contradicts itself.
    Internal,
}

/// Verifies the actor's token. The subject's has verified before, so whoever sends rubbish beside it is known; a signature that
/// was computed for nothing costs its source all the same.
pub(crate) async fn actor<'g>(
    app: &App,
    world: &'g World,
    now: Timestamp,
    source: IpAddr,
    shown: &'g ActorToken<'g>,
    buffers: &'g mut Buffers,
) -> Result<Genuine<'g>, NoActor<'g>> {
    let sought = Sought { token: shown.token.0, provider: shown.provider.as_deref(), mapping: None, client: None };
    let refused = |operator: String, hint: Option<String>| {
        NoActor::Denied(Denial { hint, ..Denial::actor(Reason::ActorUnacceptable, format!("actor token: {operator}")) })
    };
    match genuine(app, world, now, sought, buffers).await {
        Ok(actor) => match app.budgets.verified(actor.provider.id, actor.verified.subject()) {
            Ok(()) => Ok(actor),
            Err(spent) => Err(NoActor::Throttled(actor.provider, spent)),
        },
        Err(NotGenuine::Malformed(fault) | NotGenuine::LongOver(_, fault)) => {
            app.budgets.failed(source, Cost::Look);
            Err(refused(fault.operator_text(), fault.hint()))
        }
        Err(NotGenuine::Unknown(unknown)) => {
            app.budgets.failed(source, Cost::Look);
            Err(refused(unknown.operator, unknown.hint))
        }
        Err(NotGenuine::KeysUnavailable(provider, unavailable)) => Err(NoActor::KeysUnavailable(provider, unavailable)),
        Err(NotGenuine::Rejected(provider, known, rejected)) => {
            app.budgets.failed(source, Cost::Verification);
            if let TokenFault::KeyNotFound { kid, .. } = &rejected.fault {
                let keys = app.keys_of(provider, known);
                let (operator, hint) = keys.lacking(provider.name.as_str(), kid.as_str(), now);
                return Err(refused(operator, hint));
            }
            Err(NoActor::Denied(does_not_hold(provider, &rejected)))
        }
        Err(NotGenuine::Internal) => Err(NoActor::Internal),
    }
}

/// Told with the caller's own words once it is certain that the token was his provider's: then that it has ended is no secret.
fn does_not_hold(provider: &Resource, rejected: &Rejected<'_>) -> Denial {
    let fault = &rejected.fault;
    let reason = match fault {
        TokenFault::Expired { .. } if rejected.signature_verified => Reason::ActorExpired,
        _ => Reason::ActorUnacceptable,
    };
    let operator = format!("actor token of provider `{}`: {}", provider.name, fault.operator_text());
    Denial { hint: fault.hint(), ..Denial::actor(reason, operator) }
}
