//! The same road for whoever only asks: nothing is fetched, spent, made or written.

use accredit_api::admin::{ConsideredIssuer, Explanation, IdentityShown, Verdict};
use accredit_api::svid::Wanted as Asked;
use accredit_core::decide::issue::{
    Entrance, ExplainedIssue, IdentityAsk, IssueDenial, JobFacts, Wanted, admission, explain_issue,
};
use accredit_core::decide::{Confirmation, Held};
use accredit_core::model::{AllowedIssuer, Cluster, Replay, Resource};
use accredit_id::json::{Json, Number, Object};
use accredit_id::shown::Shown;
use accredit_id::spiffe_id::SpiffeId;
use accredit_id::time::Timestamp;
use accredit_id::verify::{self, Buffer};
use accredit_store::{EntryOutcome, Mark, StoreError};
use serde_json::{Map, Value};

use super::job::{self, Gathering, Job, NoJob, Passed, job};
use super::{as_decided, making, mark, requests};
use crate::app::App;
use crate::exchange::replayed;
use crate::read_model::InForce;
use crate::tell;

/// What is asked about.
pub(crate) struct Explaining<'e> {
    pub(crate) cluster: &'e Resource,
    pub(crate) known: &'e Cluster,
    /// The job's token.
    pub(crate) token: Option<&'e str>,
    /// Claims in its place, or laid over its own.
    pub(crate) claims: Option<&'e Map<String, Value>>,
    /// The SVIDs that would be asked for.
    pub(crate) wanted: &'e [Asked],
    /// The keys that the request would prove to hold, by the claims of its token.
    pub(crate) held: &'e (dyn Fn(&Object<'_>) -> Confirmation + Sync),
    pub(crate) now: Timestamp,
}

/// Says what `/v1/svid` would answer and why.
///
/// # Errors
/// The store cannot be asked whether a token is spent that counts once.
pub(crate) async fn explain(
    app: &App,
    in_force: &InForce,
    explaining: Explaining<'_>,
) -> Result<Explanation, StoreError> {
    let question = Question { app, in_force, explaining };
    let (told, spends) = question.answer().await;
    let Some(mark) = spends.filter(|_| told.verdict == Verdict::Allow) else { return Ok(told) };
    let EntryOutcome::Replayed { first } = app.store.foresee(&mark).await? else {
        let summary = format!("{} once: a request would spend the token", told.summary);
        return Ok(Explanation { summary, ..told });
    };
    let denial = replayed(first);
    let reason = Some(denial.reason.code().to_owned());
    Ok(Explanation { verdict: Verdict::Deny, reason, summary: denial.operator, hint: denial.hint, ..told })
}

struct Question<'q> {
    app: &'q App,
    in_force: &'q InForce,
    explaining: Explaining<'q>,
}

impl Question<'_> {
    async fn answer(&self) -> (Explanation, Option<Mark>) {
        match (self.explaining.token, self.explaining.claims) {
            (Some(token), None) => self.about_token(token).await,
            (Some(token), Some(overlay)) => {
                let mut buffer = Buffer::default();
                match verify::read(token, &mut buffer) {
                    Ok(unverified) => {
                        let mut claims = members(&unverified.into_typed_in());
                        claims.extend(overlay.clone());
                        self.about_claims(claims)
                    }
                    Err(fault) => (self.refused(fault.code(), fault.operator_text(), fault.hint(), Vec::new()), None),
                }
            }
            (None, claims) => self.about_claims(claims.cloned().unwrap_or_default()),
        }
    }

    async fn about_token(&self, token: &str) -> (Explanation, Option<Mark>) {
        let Explaining { cluster, known, now, .. } = self.explaining;
        let mut buffers = job::Buffers::default();
        let mut passed = Vec::new();
        let (world, by) = (&self.in_force.world, (now, Gathering::AtHand));
        let found = job(self.app, world, (cluster, known), token, by, &mut buffers, Some(&mut passed));
        match found.await {
            Ok(Job { issuer, verified }) => {
                let facts = JobFacts::verified(issuer, &verified);
                let told = Explanation {
                    standing: "verified".to_owned(),
                    claims: members(verified.claims()),
                    ..self.decided(&facts, &passed)
                };
                let spends = verified
                    .token_id()
                    .filter(|_| issuer.replay == Replay::Once)
                    .map(|name| mark(cluster, known, issuer, name, (verified.issued_at(), verified.expires_at())));
                (told, spends)
            }
            Err(NoJob::Faulty(fault)) => {
                (self.refused(fault.code(), fault.operator_text(), fault.hint(), Vec::new()), None)
            }
            Err(NoJob::Unknown(denial)) => {
                let mut buffer = Buffer::default();
                let claims = verify::read(token, &mut buffer).map(verify::Unverified::into_typed_in);
                (self.unknown(denial, &claims.unwrap_or_default()), None)
            }
            Err(NoJob::Unpinned(issuer, claims)) => {
                let facts = JobFacts::typed_in(issuer, &claims, expiry(&claims));
                let told = self.decided(&facts, &passed);
                (Explanation { standing: NOT_VERIFIED.to_owned(), claims: members(&claims), ..told }, None)
            }
            Err(NoJob::KeysUnavailable(issuer, _)) => {
                let mut buffer = Buffer::default();
                let claims = verify::read(token, &mut buffer).map(verify::Unverified::into_typed_in);
                let claims = claims.unwrap_or_default();
                passed.retain(|passed| passed.place != issuer.place);
                (self.typed_in(issuer, &claims, "key-not-cached", &passed), None)
            }
            Err(NoJob::Rejected(_, rejected)) => {
                let fault = &rejected.fault;
                let told = self.refused(fault.code(), fault.operator_text(), fault.hint(), self.entries(None, &passed));
                let standing = if rejected.signature_verified { "verified" } else { NOT_VERIFIED };
                let claims = rejected.claims().map(members).unwrap_or_default();
                (Explanation { standing: standing.to_owned(), claims, ..told }, None)
            }
            Err(NoJob::Internal) => {
                let summary = "configuration of the cluster contradicts itself".to_owned();
                (self.refused("internal", summary, None, Vec::new()), None)
            }
        }
    }

    /// Claims on nobody's word, for the first entry of their issuer that they do not contradict.
    fn about_claims(&self, claims: Map<String, Value>) -> (Explanation, Option<Mark>) {
        let known = self.explaining.known;
        let Json::Object(object) = Json::from(Value::Object(claims.clone())) else {
            return (self.refused("malformed", "claims are not an object".to_owned(), None, Vec::new()), None);
        };
        let text = |name: &str| object.get(name).and_then(Json::as_str);
        let subject: Option<SpiffeId> = text("sub").and_then(|subject| subject.parse().ok());
        let domain = subject.as_ref().map(|subject| subject.trust_domain().clone());
        let entries = match (text("iss"), &domain) {
            // They say nothing of it: any issuer's.
            (None, None) if known.attestation.jwt.enabled => known.attestation.jwt.allowed_issuers.iter().collect(),
            (issuer, _) => job::candidates(&self.in_force.world, known, issuer, domain),
        };
        let mut passed = Vec::new();
        for entry in entries {
            let fault = self.claims_fault(entry, &object);
            match fault {
                None => {
                    let told = self.typed_in(entry, &object, "typed-in", &passed);
                    let issued_at = object.get("iat").and_then(seconds);
                    let spends = text("jti").filter(|_| entry.replay == Replay::Once).map(|name| {
                        let ends = expiry(&object).unwrap_or(Timestamp::from_unix(i64::MAX));
                        mark(self.explaining.cluster, known, entry, name, (issued_at, ends))
                    });
                    return (told, spends);
                }
                Some((code, told)) => passed.push(Passed { place: entry.place, code, told }),
            }
        }
        let told = match passed.pop() {
            Some(last) => {
                let (code, summary) = (last.code, last.told.clone());
                passed.push(last);
                self.refused(code, summary, None, self.entries(None, &passed))
            }
            None => {
                self.unknown(IssueDenial::unknown_issuer(self.explaining.cluster.name.as_str(), text("iss")), &object)
            }
        };
        (Explanation { standing: "typed-in".to_owned(), claims, ..told }, None)
    }

    /// Typed-in claims may leave out what a token must have; what they do say must not contradict it.
    fn claims_fault(&self, entry: &AllowedIssuer, claims: &Object<'_>) -> Option<(&'static str, String)> {
        let audiences = &entry.provider.audiences;
        if let Some(audience) = claims.get("aud").and_then(Json::as_str)
            && !audiences.iter().any(|known| known == audience)
        {
            let told = format!("audience is `{}`, expected `{}`", Shown::of(audience), audiences.join("` or `"));
            return Some(("audience-mismatch", told));
        }
        let ends = expiry(claims)?;
        let now = self.explaining.now;
        (ends <= now).then(|| ("expired", format!("token expired {} s ago", now.seconds_since(ends))))
    }

    fn typed_in(&self, entry: &AllowedIssuer, claims: &Object<'_>, standing: &str, passed: &[Passed]) -> Explanation {
        let facts = JobFacts::typed_in(entry, claims, expiry(claims));
        let told = self.decided(&facts, passed);
        Explanation { standing: standing.to_owned(), claims: members(claims), ..told }
    }

    fn decided<S>(&self, facts: &JobFacts<'_, S>, passed: &[Passed]) -> Explanation {
        let Explaining { cluster, wanted, held, now, .. } = self.explaining;
        let sequence = self.in_force.world.sequence;
        let issuers = self.entries(Some(facts.issuer()), passed);
        let svids: Vec<Wanted<'_>> = wanted.iter().map(as_decided).collect();
        let assumed = held(facts.facts().raw());
        let held = Held { proof_key: assumed.proof_key.as_deref(), certificate: assumed.certificate.as_deref() };
        let ask = IdentityAsk { cluster, path: Entrance::Direct, wanted: &svids, held };
        let explained = explain_issue(&ask, facts, &self.in_force.world, &self.app.context(), now);
        let fault = self.csr_fault(&explained);
        let told = tell::explained_svid(explained, issuers, cluster, now, sequence);
        match fault {
            Some((code, summary)) => {
                Explanation { verdict: Verdict::Deny, reason: Some(code.to_owned()), summary, hint: None, ..told }
            }
            None => told,
        }
    }

    /// What is wrong with the requests for certificates, where the question has any.
    fn csr_fault<S>(&self, explained: &ExplainedIssue<S>) -> Option<(&'static str, String)> {
        let identity = explained.verdict.as_ref().ok()?;
        let fault = match requests(self.explaining.wanted) {
            Ok(requests) => making::other_names(identity, &requests)?,
            Err(fault) => fault,
        };
        Some((fault.code(), fault.to_string()))
    }

    /// No entry lists the issuer.
    fn unknown(&self, denial: IssueDenial, claims: &Object<'_>) -> Explanation {
        let Explaining { cluster, known, wanted, now, .. } = self.explaining;
        let issuer = claims.get("iss").and_then(Json::as_str);
        let jwt = &known.attestation.jwt;
        let mut is_near = false;
        let entries: Vec<_> = jwt
            .allowed_issuers
            .iter()
            .map(|entry| {
                let expected = &entry.provider.issuer;
                let why = match issuer {
                    Some(issuer) if issuer == expected && jwt.enabled => {
                        "profile that the entry comes from is disabled".to_owned()
                    }
                    Some(issuer) if issuer == expected => {
                        "tokens attest nothing here: `jwt.enabled` is not true".to_owned()
                    }
                    None => format!("issuer is absent, expected `{expected}`"),
                    Some(issuer) => {
                        let near = if issuer.trim_end_matches('/') == expected.trim_end_matches('/') {
                            ": only the slash at the end differs"
                        } else if issuer.eq_ignore_ascii_case(expected) {
                            ": only case differs"
                        } else {
                            ""
                        };
                        is_near |= !near.is_empty();
                        format!("issuer is `{}`, expected `{expected}`{near}", Shown::of(issuer))
                    }
                };
                let reason = Some("issuer-mismatch".to_owned());
                ConsideredIssuer { takes: false, reason, why: Some(why), ..tell::taken(entry) }
            })
            .collect();
        let svids: Vec<Wanted<'_>> = wanted.iter().map(as_decided).collect();
        let ask = IdentityAsk { cluster, path: Entrance::Direct, wanted: &svids, held: Held::default() };
        // Where one was meant, another one beside it is not what is wanted.
        let (fix, hint) = match is_near {
            true => (None, Some("correct the entry or the token's issuer: they are compared byte for byte".to_owned())),
            false => {
                let fix = admission(&ask, claims, expiry(claims), &self.in_force.world, &self.app.context(), now);
                (fix, denial.hint)
            }
        };
        let told = self.refused(denial.reason.code(), denial.operator, hint, entries);
        Explanation { fix, claims: members(claims), ..told }
    }

    fn refused(
        &self,
        code: &str,
        summary: String,
        hint: Option<String>,
        issuers: Vec<ConsideredIssuer>,
    ) -> Explanation {
        let identity = IdentityShown { issuers, ..Default::default() };
        Explanation {
            reason: Some(code.to_owned()),
            summary,
            hint,
            standing: NOT_VERIFIED.to_owned(),
            cluster: Some(self.explaining.cluster.name.to_string()),
            identity: Some(identity).filter(|identity| !identity.issuers.is_empty()),
            ..tell::nameless(self.explaining.now, self.in_force.world.sequence)
        }
    }

    /// The entries that were looked at, in their order.
    fn entries(&self, takes: Option<&AllowedIssuer>, passed: &[Passed]) -> Vec<ConsideredIssuer> {
        let known = &self.explaining.known.attestation.jwt.allowed_issuers;
        let shown = |entry: &AllowedIssuer| {
            if takes.is_some_and(|takes| takes.place == entry.place) {
                return Some(tell::taken(entry));
            }
            let Passed { place: _, code, told } = passed.iter().find(|passed| passed.place == entry.place)?;
            let (reason, why) = (Some((*code).to_owned()), Some(told.clone()));
            Some(ConsideredIssuer { takes: false, reason, why, ..tell::taken(entry) })
        };
        known.iter().filter_map(shown).collect()
    }
}

fn members(claims: &Object<'_>) -> Map<String, Value> {
    match serde_json::to_value(claims) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

fn expiry(claims: &Object<'_>) -> Option<Timestamp> {
    claims.get("exp").and_then(seconds)
}

fn seconds(claim: &Json<'_>) -> Option<Timestamp> {
    match claim {
        Json::Number(Number::Int(seconds)) => Some(Timestamp::from_unix(*seconds)),
        _ => None,
    }
}

const NOT_VERIFIED: &str = "not-verified";
