//! What a question says beside its subject: who acts for it, and which keys its request would prove.

use accredit_api::admin::{ActorShown, ExplainRequest};
use accredit_core::decide::access::Subject;
use accredit_core::decide::{Confirmation, Denial, Held, Reason};
use accredit_core::facts::{Acting, Facts, Proved, TypedIn};
use accredit_core::model::{Kind, Resource};
use accredit_core::world::World;
use accredit_id::json::{Json, Object};
use accredit_id::time::Timestamp;
use accredit_id::verify::{self, Buffer, Verified};
use serde_json::Value;

use super::actor::Actor;
use super::explain::{expiry, typed};
use crate::app::App;
use crate::provider;

/// Whoever acts in a question.
pub(super) struct Shown<'s> {
    provider: &'s Resource,
    said: Said<'s>,
}

/// On whose word.
enum Said<'s> {
    Verified(Box<Verified<'s>>),
    /// Typed in, or of a key that is not at hand.
    Typed(Object<'static>),
}

/// Looks for the actor of a question. Fetches nothing.
///
/// # Errors
/// His token does not hold, or nobody whom the reader knows of vouches for it.
pub(super) fn shown<'s>(
    app: &App,
    reader: &Actor,
    world: &'s World,
    request: &'s ExplainRequest,
    now: Timestamp,
    buffer: &'s mut Buffer,
) -> Result<Option<Shown<'s>>, Denial> {
    let refused = |operator: String| Denial::actor(Reason::ActorUnacceptable, format!("actor token: {operator}"));
    let named = request.actor_provider.as_deref();
    if let Some(token) = request.actor_token.as_deref() {
        let unverified = verify::read(token.trim(), buffer).map_err(|fault| refused(fault.operator_text()))?;
        let found = provider::resolve(world, named, None, &unverified);
        let found = found.map_err(|unknown| Denial { hint: unknown.hint, ..refused(unknown.operator) })?;
        let found = found.into_iter().find(|provider| reader.reads(&Subject::of(provider)));
        let provider = found.ok_or_else(|| refused("its provider is not known".to_owned()))?;
        let known = provider.as_provider().ok_or_else(|| refused("its provider is not known".to_owned()))?;
        let Some(keys) = app.keys_of(provider, known).current(now) else {
            let claims = unverified.into_typed_in().to_static();
            return Ok(Some(Shown { provider, said: Said::Typed(claims) }));
        };
        return match verify::verify(unverified, &provider::expectations(known), &keys, now) {
            Ok(verified) => Ok(Some(Shown { provider, said: Said::Verified(Box::new(verified)) })),
            Err(rejected) => {
                let hint = rejected.fault.hint();
                Err(Denial { hint, ..refused(rejected.fault.operator_text()) })
            }
        };
    }
    let Some(claims) = &request.actor_claims else { return Ok(None) };
    let named = named.and_then(|text| world.find(Kind::Provider, text));
    let issued = || world.providers_of_issuer(claims.get("iss")?.as_str()?).next();
    let provider = named.or_else(issued).filter(|provider| reader.reads(&Subject::of(provider)));
    let provider = provider.ok_or_else(|| {
        refused("its provider is not known".to_owned()).hint("name it as the actor's provider, or add its `iss`")
    })?;
    let Json::Object(claims) = Json::from(Value::Object(claims.clone())) else { return Ok(None) };
    Ok(Some(Shown { provider, said: Said::Typed(claims) }))
}

// === impl Shown ===

impl Shown<'_> {
    /// The actor as facts that are proved; `None` where they are on nobody's word.
    pub(super) fn proved(&self) -> Option<Acting<'_, Proved>> {
        let Said::Verified(verified) = &self.said else { return None };
        let known = self.provider.as_provider()?;
        Some(Acting { provider: self.provider, facts: Facts::<Proved>::proved(known, &**verified) })
    }

    /// The same on nobody's word.
    pub(super) fn typed_in(&self) -> Option<Acting<'_, TypedIn>> {
        let known = self.provider.as_provider()?;
        let claims = self.claims();
        let ends = match &self.said {
            Said::Verified(verified) => Some(verified.expires_at()),
            Said::Typed(claims) => expiry(claims),
        };
        Some(Acting { provider: self.provider, facts: Facts::<TypedIn>::typed_in(known, claims, ends) })
    }

    /// For the answer.
    pub(super) fn told(&self) -> ActorShown {
        ActorShown { provider: self.provider.name.to_string(), claims: typed(self.claims()) }
    }

    fn claims(&self) -> &Object<'_> {
        match &self.said {
            Said::Verified(verified) => verified.claims(),
            Said::Typed(claims) => claims,
        }
    }
}

/// The keys that a question assumes to be proved: those that the token itself is bound to, else some key.
pub(super) fn assumed(bound: Option<&str>, claims: &Object<'_>) -> Confirmation {
    let own = Confirmation::read(claims).ok().flatten().unwrap_or_default();
    let wanted = |kind: &str| matches!(bound, Some(bound) if bound == kind || bound == "any");
    let some = |own: Option<Box<str>>| Some(own.unwrap_or_else(|| ASSUMED.into()));
    Confirmation {
        proof_key: if wanted("dpop") { some(own.proof_key) } else { None },
        certificate: if wanted("mtls") { some(own.certificate) } else { None },
    }
}

/// The same as a decision takes them.
pub(super) fn held(assumed: &Confirmation) -> Held<'_> {
    Held { proof_key: assumed.proof_key.as_deref(), certificate: assumed.certificate.as_deref() }
}

/// Stands for a key that nobody has named.
const ASSUMED: &str = "assumed";
