//! What is written about an access token of ours that was to be narrowed. Its claims are ours and in the record already.

use std::net::IpAddr;

use accredit_api::admin::Explanation;
use accredit_core::decide::{Held, Terms};
use accredit_core::facts::Proved;
use accredit_core::model::{DecisionId, Resource};
use accredit_id::time::Timestamp;
use accredit_id::verify::Verified;
use accredit_store::audit::{Content, Erasable};
use serde_json::json;

use super::acting::Acted;
use super::encode::{Line, beside, terms_of};
use crate::traces::TraceId;
use crate::{chance, tell};

/// A narrower token was issued.
pub(crate) struct Narrowed<'a> {
    pub(crate) face: &'static str,
    /// The provider that the first evidence was of.
    pub(crate) provider: &'a Resource,
    pub(crate) token: &'a Verified<'a>,
    pub(crate) token_hash: [u8; 32],
    /// The decisions of the tokens that it is made from, the last one the one that was shown.
    pub(crate) ancestors: &'a [DecisionId],
    /// Who acts now, where he was not one of its actors before.
    pub(crate) actor: Option<Acted<'a>>,
    /// Whether the first evidence said who may act.
    pub(crate) limits_actors: bool,
    pub(crate) terms: &'a Terms<Proved>,
    /// The keys that the request proved.
    pub(crate) held: Held<'a>,
    /// Who asked.
    pub(crate) source: IpAddr,
    pub(crate) sequence: i64,
    pub(crate) trace: Option<TraceId>,
}

/// None was.
pub(crate) struct NotNarrowed<'a> {
    pub(crate) face: &'static str,
    pub(crate) decision: DecisionId,
    pub(crate) provider: Option<&'a Resource>,
    /// The decision of the token that was shown, where it is known.
    pub(crate) parent: Option<&'a str>,
    /// Who was to act, where his own token holds.
    pub(crate) actor: Option<Acted<'a>>,
    /// The keys that the request proved.
    pub(crate) held: Held<'a>,
    /// Who asked.
    pub(crate) source: IpAddr,
    pub(crate) token_hash: [u8; 32],
    pub(crate) reason: &'static str,
    /// Seen and expected, for the operator.
    pub(crate) operator: String,
    pub(crate) hint: Option<String>,
    pub(crate) at: Timestamp,
    pub(crate) sequence: i64,
    pub(crate) trace: Option<TraceId>,
}

/// Writes an allowing decision down.
pub(crate) fn narrowed(narrowed: &Narrowed<'_>) -> Content {
    let Narrowed { face, provider, token, token_hash, ancestors, actor, limits_actors, terms, sequence, .. } = narrowed;
    let Narrowed { held, source, trace, .. } = narrowed;
    let ancestors: Vec<String> = ancestors.iter().map(ToString::to_string).collect();
    let mut record = Line::new("exchange-allowed", terms.issued_at, face, *sequence);
    record.text("madeFrom", &ancestors.join(" ")).named("provider", provider);
    record.text("issuer", token.issuer()).text("kid", token.key_id()).text("algorithm", token.algorithm().as_str());
    record.text("tokenHash", &accredit_id::base64url::encode(&token_hash[..16]));
    record.held(held);
    record.trace(*trace);
    terms_of(&mut record, terms);
    if *limits_actors {
        record.number("mayAct", 1);
    }
    if let Some(actor) = actor {
        actor.named(&mut record);
    }
    let bytes = Acted::beside(actor.as_ref(), &terms.actors, beside(b"{}".to_vec(), None, *source));
    Content { bytes: record.end(), erasable: Some(Erasable { salt: chance::bits(), bytes }) }
}

/// Writes a refusing decision down, with its explanation.
pub(crate) fn not_narrowed(refused: NotNarrowed<'_>) -> Content {
    let NotNarrowed { face, decision, provider, parent, token_hash, reason, operator, hint, at, sequence, .. } =
        refused;
    let NotNarrowed { actor, held, source, trace, .. } = refused;
    let mut record = Line::new("exchange-denied", at, face, sequence);
    if let Some(provider) = provider {
        record.named("provider", provider);
    }
    record.text("reason", reason).text("tokenHash", &accredit_id::base64url::encode(&token_hash[..16]));
    if let Some(parent) = parent {
        record.text("madeFrom", parent);
    }
    record.held(&held);
    record.trace(trace);
    if let Some(actor) = &actor {
        actor.named(&mut record);
    }
    let explanation = Explanation {
        decision: Some(decision.to_string()),
        reason: Some(reason.to_owned()),
        summary: operator,
        hint,
        provider: provider.map(|provider| provider.name.to_string()),
        ..tell::nameless(at, sequence)
    };
    let told = json!({"claims": {}, "explanation": explanation}).to_string().into_bytes();
    let bytes = Acted::beside(actor.as_ref(), &[], beside(told, None, source));
    Content { bytes: record.end(), erasable: Some(Erasable { salt: chance::bits(), bytes }) }
}
