//! Questions: what would be decided about a token or about claims.

use std::sync::Arc;

use accredit_api::admin::{ExplainRequest, Explanation};
use accredit_core::decide::access::{Refusal, Subject};
use accredit_core::decide::{Ask, Confirmation, Denial};
use accredit_core::facts::{Facts, Proved, TypedIn};
use accredit_core::model::{Kind, Provider, Resource};
use accredit_core::world::World;
use accredit_id::json::{Json as Claim, Number, Object};
use accredit_id::time::Timestamp;
use accredit_id::verify::{self, Buffer};
use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value};

use super::actor::{Actor, Caller};
use super::blot::Blot;
use super::body::Strict;
use super::problem::{AdminFault, Answer};
use super::{acting, explain_svid, spending, survey};
use crate::app::App;
use crate::exchange::is_another_providers;
use crate::read_model::InForce;
use crate::{clock, provider, tell};

/// Answers a question. Issues nothing, spends nothing, fetches nothing, records nothing.
pub(super) async fn explain(
    State(app): State<Arc<App>>,
    caller: Caller,
    Strict(request): Strict<ExplainRequest>,
) -> Answer<Explanation> {
    if let Some(cluster) = &request.cluster {
        return explain_svid::answer(&app, &caller, &request, cluster).await.map(Json);
    }
    let in_force = app.read_model.now();
    may_ask(&caller, &request, &in_force)?;
    let now = request.at.map_or_else(clock::now, Timestamp::from_unix);
    let question = Question { app: &app, actor: &caller.actor, in_force: &in_force, request: &request, now };
    let told = question.answer()?;
    let told = spending::foreseen(told, &in_force.world, &app.store).await?;
    if !request.all {
        return Ok(Json(readable(told, &caller, &in_force)));
    }
    let top = usize::try_from(request.top.unwrap_or(TOP).clamp(1, MOST_TOLD)).unwrap_or_default();
    let shown = |mapping: &Resource| caller.actor.reads(&Subject::of(mapping));
    Ok(Json(survey::ranked(told, &in_force.world, top, &shown)))
}

/// Whoever does not read everything asks about one account of a project of his (L23): other mappings are not considered.
fn may_ask(caller: &Caller, request: &ExplainRequest, in_force: &InForce) -> Result<(), AdminFault> {
    let (actor, world) = (&caller.actor, &in_force.world);
    if actor.rights.reads_everything() {
        return Ok(());
    }
    let not_permitted = |what: &str| {
        let sentence = format!("`{}` may not ask about {what}", actor.name.escape_debug());
        Err(AdminFault::NotPermitted(Refusal::NoRight, sentence))
    };
    match request.service_account.as_deref() {
        Some(account) if actor.reads_project_of(Kind::ServiceAccount, account, world) => {}
        _ => return not_permitted("service accounts but those of its own project, each by its name"),
    }
    match &request.mapping {
        Some(mapping) if !actor.reads_project_of(Kind::Mapping, mapping, world) => {
            not_permitted("mappings but those of its own project")
        }
        _ => Ok(()),
    }
}

/// Leaves out the mappings that the reader may not read.
pub(super) fn readable(told: Explanation, caller: &Caller, in_force: &InForce) -> Explanation {
    let mut told = told;
    let reads = |name: &str| caller.actor.reads_project_of(Kind::Mapping, name, &in_force.world);
    told.considered.retain(|considered| reads(&considered.mapping));
    told
}

struct Question<'q> {
    app: &'q App,
    actor: &'q Actor,
    in_force: &'q InForce,
    request: &'q ExplainRequest,
    now: Timestamp,
}

impl Question<'_> {
    fn answer(&self) -> Result<Explanation, AdminFault> {
        match (&self.request.token, &self.request.claims) {
            (Some(token), claims) => self.about_token(token.trim(), claims.as_ref()),
            (None, Some(claims)) => {
                let providers = match self.providers_of(claims)? {
                    Providers::Those(providers) => providers,
                    Providers::Any(providers) => {
                        return survey::nearest(&providers, |provider| {
                            self.about_claims(provider, claims.clone(), "typed-in")
                        });
                    }
                    Providers::Unknown(unknown) => {
                        let told = self.no_provider(unknown.code, unknown.operator, unknown.hint);
                        return Ok(Explanation { standing: "typed-in".to_owned(), claims: claims.clone(), ..told });
                    }
                };
                self.first_that_knows(&providers, |provider| self.about_claims(provider, claims.clone(), "typed-in"))
            }
            (None, None) => Err(AdminFault::Request("the request has neither a token nor claims".to_owned())),
        }
    }

    fn about_token(&self, token: &str, overlay: Option<&Map<String, Value>>) -> Result<Explanation, AdminFault> {
        let mut buffer = Buffer::default();
        let unverified = match verify::read(token, &mut buffer) {
            Ok(unverified) => unverified,
            Err(fault) => return Ok(self.no_provider(fault.code(), fault.operator_text(), fault.hint())),
        };
        let named = self.request.provider.as_deref();
        let resolved = provider::resolve(&self.in_force.world, named, self.request.mapping.as_deref(), &unverified);
        // A provider that the actor does not read is to him as if it were not there (L23).
        let providers = match resolved.map(|providers| self.readable(providers)) {
            Ok(providers) if !providers.is_empty() => providers,
            Err(unknown) if self.may_read_why(&unknown) => {
                return Ok(self.no_provider(unknown.code, unknown.operator, unknown.hint));
            }
            _ => {
                let nothing = provider::resolve(&World::default(), named, None, &unverified).map(|_| ());
                let Err(unknown) = nothing else { return Err(AdminFault::NotFound("no provider".to_owned())) };
                return Ok(self.no_provider(unknown.code, unknown.operator, unknown.hint));
            }
        };
        self.first_that_knows(&providers, |provider| self.about_token_of(provider, token, overlay))
    }

    /// As an exchange does it: where an issuer serves several providers, the audience tells them apart.
    fn first_that_knows(
        &self,
        providers: &[&Arc<Resource>],
        about: impl Fn(&Resource) -> Result<Explanation, AdminFault>,
    ) -> Result<Explanation, AdminFault> {
        let mut told = Err(AdminFault::NotFound("no provider".to_owned()));
        for provider in providers {
            told = about(provider);
            let reason = told.as_ref().ok().and_then(|told| told.reason.as_deref());
            if !reason.is_some_and(is_another_providers) {
                break;
            }
        }
        told
    }

    fn about_token_of(
        &self,
        provider: &Resource,
        token: &str,
        overlay: Option<&Map<String, Value>>,
    ) -> Result<Explanation, AdminFault> {
        let mut buffer = Buffer::default();
        let unverified = match verify::read(token, &mut buffer) {
            Ok(unverified) => unverified,
            Err(fault) => return Ok(self.no_provider(fault.code(), fault.operator_text(), fault.hint())),
        };
        let known = provider.as_provider().ok_or_else(|| AdminFault::NotFound("no provider".to_owned()))?;
        let held = self.app.keys_of(provider, known).current(self.now);
        let Some(keys) = held.filter(|_| overlay.is_none()) else {
            let mut claims = typed(&unverified.into_typed_in());
            claims.extend(overlay.cloned().unwrap_or_default());
            let standing = if overlay.is_some() { "typed-in" } else { "key-not-cached" };
            return self.about_claims(provider, claims, standing);
        };
        match verify::verify(unverified, &provider::expectations(known), &keys, self.now) {
            Ok(verified) => {
                let mut buffer = Buffer::default();
                let shown = match self.shown(&mut buffer) {
                    Ok(shown) => shown,
                    Err(denial) => return Ok(self.no_actor(&denial, provider, typed(verified.claims()), "verified")),
                };
                let acting = shown.as_ref().map(acting::Shown::proved);
                // Where the actor's claims are on nobody's word, so is the whole answer.
                if acting.as_ref().is_some_and(Option::is_none) {
                    return self.about_claims(provider, typed(verified.claims()), "typed-in");
                }
                let acting = acting.flatten();
                let facts = Facts::<Proved>::proved(known, &verified).with_actor(acting.as_ref());
                let assumed = self.assumed(verified.claims())?;
                let ask = self.ask(&assumed);
                let told = tell::explain(&ask, &facts, provider, &self.in_force.world, &self.app.limits, self.now);
                let actor = shown.as_ref().map(acting::Shown::told);
                Ok(Explanation { claims: typed(verified.claims()), actor, ..told.shown() })
            }
            Err(rejected) => {
                let explanation =
                    tell::token_fault(&rejected.fault, None, self.now, provider, self.in_force.world.sequence);
                let standing = if rejected.signature_verified { "verified" } else { "not-verified" };
                let claims = rejected.claims().map(typed).unwrap_or_default();
                Ok(Explanation { standing: standing.to_owned(), claims, ..explanation })
            }
        }
    }

    /// Claims on nobody's word: another type than proved ones, which minting does not take.
    fn about_claims(
        &self,
        provider: &Resource,
        claims: Map<String, Value>,
        standing: &str,
    ) -> Result<Explanation, AdminFault> {
        let known = provider.as_provider().ok_or_else(|| AdminFault::NotFound("no provider".to_owned()))?;
        let Claim::Object(object) = Claim::from(Value::Object(claims.clone())) else {
            return Err(AdminFault::Request("claims are not an object".to_owned()));
        };
        if let Some(fault) = self.claims_fault(known, &object) {
            let explanation = Explanation {
                reason: Some(fault.0.to_owned()),
                summary: fault.1,
                ..tell::blank(self.now, provider, self.in_force.world.sequence)
            };
            return Ok(Explanation { standing: standing.to_owned(), claims, ..explanation });
        }
        let mut buffer = Buffer::default();
        let shown = match self.shown(&mut buffer) {
            Ok(shown) => shown,
            Err(denial) => return Ok(self.no_actor(&denial, provider, claims, standing)),
        };
        let acting = shown.as_ref().and_then(acting::Shown::typed_in);
        let facts = Facts::<TypedIn>::typed_in(known, &object, expiry(&object)).with_actor(acting.as_ref());
        let assumed = self.assumed(&object)?;
        let ask = self.ask(&assumed);
        let told = tell::explain(&ask, &facts, provider, &self.in_force.world, &self.app.limits, self.now);
        let actor = shown.as_ref().map(acting::Shown::told);
        Ok(Explanation { standing: standing.to_owned(), claims, actor, ..told.shown() })
    }

    fn shown<'s>(&'s self, buffer: &'s mut Buffer) -> Result<Option<acting::Shown<'s>>, Denial> {
        acting::shown(self.app, self.actor, &self.in_force.world, self.request, self.now, buffer)
    }

    /// The actor's token does not hold, so nothing else is asked.
    fn no_actor(
        &self,
        denial: &Denial,
        provider: &Resource,
        claims: Map<String, Value>,
        standing: &str,
    ) -> Explanation {
        Explanation {
            reason: Some(denial.reason.code().to_owned()),
            summary: denial.operator.clone(),
            hint: denial.hint.clone(),
            standing: standing.to_owned(),
            claims,
            ..tell::blank(self.now, provider, self.in_force.world.sequence)
        }
    }

    /// The keys that the question assumes to be proved.
    fn assumed(&self, claims: &Object<'_>) -> Result<Confirmation, AdminFault> {
        match self.request.bound.as_deref() {
            None | Some("dpop" | "mtls" | "any") => Ok(acting::assumed(self.request.bound.as_deref(), claims)),
            Some(_) => Err(AdminFault::Request("bound is none of dpop, mtls and any".to_owned())),
        }
    }

    /// Typed-in claims may leave out what a token must have; what they do say must not contradict it.
    fn claims_fault(&self, known: &Provider, claims: &Object<'_>) -> Option<(&'static str, String)> {
        let text = |name: &str| claims.get(name).and_then(Claim::as_str);
        let is_ours = |issuer: &&str| *issuer == known.issuer || known.jwt_issuer.as_deref() == Some(*issuer);
        if let Some(issuer) = text("iss").filter(|issuer| !is_ours(issuer)) {
            return Some(("issuer-mismatch", format!("issuer is `{issuer}`, expected `{}`", known.issuer)));
        }
        if let Some(audience) = text("aud").filter(|audience| !known.audiences.iter().any(|ours| ours == audience)) {
            return Some((
                "audience-mismatch",
                format!("audience is `{audience}`, expected `{}`", known.audiences.join("` or `")),
            ));
        }
        let ends = expiry(claims)?;
        (ends <= self.now).then(|| ("expired", format!("token expired {} s ago", self.now.seconds_since(ends))))
    }

    /// The provider that is named, by itself or by a mapping of that issuer; else those of the issuer in the claims that need
    /// not be named; else, without an issuer, any.
    fn providers_of(&self, claims: &Map<String, Value>) -> Result<Providers<'_>, AdminFault> {
        let world = &self.in_force.world;
        if let Some(text) = self.request.provider.as_deref() {
            let named = world.find(Kind::Provider, text).filter(|named| self.actor.reads(&Subject::of(named)));
            return named
                .map(|provider| Providers::Those(vec![provider]))
                .ok_or_else(|| AdminFault::NotFound(format!("provider `{}` does not exist", text.escape_debug())));
        }
        let mapping = self.request.mapping.as_deref().and_then(|text| world.find(Kind::Mapping, text)?.as_mapping());
        let mapped = mapping.and_then(|mapping| world.by_id(mapping.provider));
        let mapped = mapped.filter(|provider| self.actor.reads(&Subject::of(provider)));
        let Some(issuer) = claims.get("iss").and_then(Value::as_str) else {
            if let Some(provider) = mapped {
                return Ok(Providers::Those(vec![provider]));
            }
            return match self.readable(world.of_kind(Kind::Provider)) {
                none if none.is_empty() => Err(AdminFault::NotFound("there is no provider yet".to_owned())),
                all => Ok(Providers::Any(all)),
            };
        };
        if let Some(provider) =
            mapped.filter(|mapped| world.providers_of_issuer(issuer).any(|other| other.id == mapped.id))
        {
            return Ok(Providers::Those(vec![provider]));
        }
        let known = |provider: &&Arc<Resource>| provider.as_provider().is_some_and(|known| !known.only_named);
        let found = self.readable(world.providers_of_issuer(issuer).filter(known).collect());
        if !found.is_empty() {
            return Ok(Providers::Those(found));
        }
        let unknown = provider::unknown_issuer(world, Some(issuer));
        Ok(Providers::Unknown(match self.may_read_why(&unknown) {
            true => unknown,
            false => provider::unknown_issuer(&World::default(), Some(issuer)),
        }))
    }

    fn readable<'w>(&self, providers: Vec<&'w Arc<Resource>>) -> Vec<&'w Arc<Resource>> {
        providers.into_iter().filter(|provider| self.actor.reads(&Subject::of(provider))).collect()
    }

    /// Whether what is said of an unknown provider names none that the actor may not know of.
    fn may_read_why(&self, unknown: &provider::UnknownProvider) -> bool {
        let blot = Blot { actor: self.actor, world: &self.in_force.world };
        blot.text(unknown.operator.clone()) == unknown.operator
    }

    fn ask<'a>(&'a self, assumed: &'a Confirmation) -> Ask<'a> {
        Ask {
            account: self.request.service_account.as_deref(),
            mapping: self.request.mapping.as_deref(),
            api: self.request.api.as_deref(),
            scope: self.request.scope.as_deref(),
            lifetime: None,
            held: acting::held(assumed),
        }
    }

    fn no_provider(&self, code: &str, summary: String, hint: Option<String>) -> Explanation {
        denial(code, summary, hint, self.now, self.in_force.world.sequence)
    }
}

/// Whose claims they may be.
enum Providers<'w> {
    /// The claims say nothing of it: any provider's.
    Any(Vec<&'w Arc<Resource>>),
    /// One of these.
    Those(Vec<&'w Arc<Resource>>),
    /// Nobody's.
    Unknown(provider::UnknownProvider),
}

/// A refusal of what no provider vouches for.
pub(super) fn denial(code: &str, summary: String, hint: Option<String>, at: Timestamp, sequence: i64) -> Explanation {
    let (reason, standing) = (Some(code.to_owned()), "not-verified".to_owned());
    Explanation { reason, summary, hint, standing, ..tell::nameless(at, sequence) }
}

pub(super) fn typed(claims: &Object<'_>) -> Map<String, Value> {
    match serde_json::to_value(claims) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

pub(super) fn expiry(claims: &Object<'_>) -> Option<Timestamp> {
    match claims.get("exp") {
        Some(Claim::Number(Number::Int(seconds))) => Some(Timestamp::from_unix(*seconds)),
        _ => None,
    }
}

/// So many mappings are ranked in an answer about all of them unless the request says otherwise, and at most.
const TOP: u32 = 20;
const MOST_TOLD: u32 = 1000;
