//! What is written about a decision: JSON, the identifiers for ever, the claims where they can be erased.
//!
//! Never a token. Of a claim that neither its kind nor its provider lists, the name alone.

use std::net::IpAddr;

use accredit_core::decide::{Ask, Held, Terms};
use accredit_core::evidence::Evidence;
use accredit_core::facts::Proved;
use accredit_core::model::{Provider, Resource};
use accredit_id::json::Object;
use accredit_id::shown::is_deceptive;
use accredit_id::time::Timestamp;
use accredit_store::audit::{Content, Erasable, NewRecord};
use serde_json::{Value, json};

use super::acting::Acted;
use crate::chance;
use crate::traces::TraceId;

/// A decision that issued a token.
pub(crate) struct Allowed<'a> {
    pub(crate) face: &'static str,
    pub(crate) provider: &'a Resource,
    pub(crate) known: &'a Provider,
    pub(crate) evidence: Evidence<'a>,
    pub(crate) token_hash: [u8; 32],
    pub(crate) ask: Ask<'a>,
    /// What the workload says of itself.
    pub(crate) context: Option<&'a str>,
    pub(crate) actor: Option<Acted<'a>>,
    /// Who asked.
    pub(crate) source: IpAddr,
    pub(crate) terms: &'a Terms<Proved>,
    pub(crate) sequence: i64,
    pub(crate) trace: Option<TraceId>,
}

/// A decision that refused a token whose signature holds.
pub(crate) struct Denied<'a> {
    pub(crate) face: &'static str,
    pub(crate) provider: &'a Resource,
    pub(crate) known: &'a Provider,
    pub(crate) claims: &'a Object<'a>,
    pub(crate) token_hash: [u8; 32],
    pub(crate) reason: &'static str,
    pub(crate) ask: Ask<'a>,
    /// What the workload says of itself.
    pub(crate) context: Option<&'a str>,
    pub(crate) actor: Option<Acted<'a>>,
    /// Who asked.
    pub(crate) source: IpAddr,
    /// Of the key that the evidence was verified under, where that is known.
    pub(crate) key_thumbprint: Option<&'a str>,
    pub(crate) at: Timestamp,
    pub(crate) sequence: i64,
    pub(crate) trace: Option<TraceId>,
    /// The operator's explanation, values that may not be kept already taken out.
    pub(crate) explanation: Value,
}

/// Writes an allowing decision down. Allocates twice.
pub(crate) fn allowed(allowed: &Allowed<'_>) -> Content {
    let Allowed { face, provider, known, evidence, token_hash, ask, context, source, actor, terms, sequence, trace } =
        allowed;
    let mut record = Line::new("exchange-allowed", terms.issued_at, face, *sequence);
    record.named("provider", provider).text("issuer", evidence.issuer()).text("kid", evidence.key_id());
    if let Some(thumbprint) = evidence.key_thumbprint() {
        record.text("keyThumbprint", thumbprint);
    }
    record
        .text("algorithm", evidence.algorithm())
        .text("tokenHash", &accredit_id::base64url::encode(&token_hash[..16]));
    record.asked(ask);
    record.trace(*trace);
    terms_of(&mut record, terms);
    if evidence.claims().get("may_act").is_some() {
        record.number("mayAct", 1);
    }
    if let Some(actor) = actor {
        actor.named(&mut record);
    }
    let bytes = beside(claims(known, evidence.claims(), None), *context, *source);
    let bytes = Acted::beside(actor.as_ref(), &terms.actors, bytes);
    let erasable = Erasable { salt: chance::bits(), bytes };
    Content { bytes: record.end(), erasable: Some(erasable) }
}

/// What was allowed, under names that `accredit decision` and introspection read.
pub(super) fn terms_of(record: &mut Line, terms: &Terms<Proved>) {
    record
        .named("mapping", &terms.mapping)
        .number("mappingRevision", terms.mapping.revision)
        .named("serviceAccount", &terms.account)
        .named("api", &terms.api);
    record.text("scope", &terms.scope()).number("expiresAt", terms.expires_at.unix());
    if !terms.first_uses.is_empty() {
        let pinned: Vec<_> = terms.first_uses.iter().map(|first| first.id_claim).collect();
        record.text("pinned", &pinned.join(" "));
    }
}

/// Writes a refusing decision down, with its explanation.
pub(crate) fn denied(denied: &Denied<'_>) -> Content {
    let Denied { face, provider, known, claims: seen, token_hash, reason, .. } = denied;
    let Denied { ask, context, source, key_thumbprint, actor, at, sequence, trace, explanation, .. } = denied;
    let mut record = Line::new("exchange-denied", *at, face, *sequence);
    record
        .named("provider", provider)
        .text("reason", reason)
        .text("tokenHash", &accredit_id::base64url::encode(&token_hash[..16]));
    if let Some(thumbprint) = key_thumbprint {
        record.text("keyThumbprint", thumbprint);
    }
    record.asked(ask);
    record.trace(*trace);
    if let Some(actor) = actor {
        actor.named(&mut record);
    }
    let bytes = Acted::beside(actor.as_ref(), &[], beside(claims(known, seen, Some(explanation)), *context, *source));
    let erasable = Erasable { salt: chance::bits(), bytes };
    Content { bytes: record.end(), erasable: Some(erasable) }
}

/// Writes an administrator's act down, with what was before and after.
pub(crate) fn admin_act(event: &'static str, at: Timestamp, actor: &str, sequence: i64, detail: &Value) -> NewRecord {
    let record = json!({"event": event, "at": at.unix(), "actor": actor, "sequence": sequence, "detail": detail});
    NewRecord { id: chance::bits(), content: Content::from(record.to_string().into_bytes()) }
}

/// The claims that may be kept, the names of the others, and perhaps an explanation.
pub(super) fn claims(provider: &Provider, seen: &Object<'_>, explanation: Option<&Value>) -> Vec<u8> {
    let mut line = String::with_capacity(1024);
    line.push_str(r#"{"claims":{"#);
    let mut unlisted: Vec<&str> = Vec::new();
    let mut first = true;
    for (name, value) in seen.iter() {
        if !provider.audits(name) {
            unlisted.push(name);
            continue;
        }
        if !first {
            line.push(',');
        }
        first = false;
        push_text(&mut line, name);
        line.push(':');
        match value.as_str() {
            Some(text) => push_text(&mut line, text),
            None => line.push_str(&serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())),
        }
    }
    line.push('}');
    if !unlisted.is_empty() {
        unlisted.truncate(MAX_UNLISTED);
        line.push_str(r#","unlisted":"#);
        line.push_str(&json!(unlisted.iter().map(|name| short(name)).collect::<Vec<_>>()).to_string());
    }
    if let Some(explanation) = explanation {
        line.push_str(r#","explanation":"#);
        line.push_str(&explanation.to_string());
    }
    line.push('}');
    line.into_bytes()
}

/// The same with who asked, and with what a workload says of itself, as text: nobody vouches for it, so nothing is read out of it.
/// The beginning is kept, and what a reader would not see is written out.
pub(super) fn beside(mut claims: Vec<u8>, context: Option<&str>, source: IpAddr) -> Vec<u8> {
    use std::io::Write as _;
    claims.pop();
    let separator = if claims.len() > 1 { "," } else { "" };
    // Writing to a vector cannot fail.
    let _ = write!(claims, r#"{separator}"source":"{source}"}}"#);
    let Some(context) = context else { return claims };
    let mut kept = String::new();
    for character in context.chars().take(MAX_CONTEXT) {
        match is_deceptive(character) {
            true => kept.extend(character.escape_unicode()),
            false => kept.push(character),
        }
    }
    let mut member = r#","workloadIdentityContext":"#.to_owned();
    push_text(&mut member, &kept);
    member.push('}');
    claims.pop();
    claims.extend_from_slice(member.as_bytes());
    claims
}

/// One JSON object on one line.
pub(super) struct Line(String);

impl Line {
    pub(super) fn new(event: &str, at: Timestamp, face: &str, sequence: i64) -> Self {
        let mut line = Self(String::with_capacity(768));
        line.0.push_str(r#"{"event":"#);
        push_text(&mut line.0, event);
        line.number("at", at.unix()).text("face", face).number("sequence", sequence);
        line
    }

    pub(super) fn text(&mut self, name: &str, value: &str) -> &mut Self {
        self.name(name);
        push_text(&mut self.0, value);
        self
    }

    pub(super) fn number(&mut self, name: &str, value: i64) -> &mut Self {
        use std::fmt::Write as _;
        self.name(name);
        let _ = write!(self.0, "{value}");
        self
    }

    pub(super) fn value(&mut self, name: &str, value: &Value) -> &mut Self {
        self.name(name);
        self.0.push_str(&value.to_string());
        self
    }

    /// A resource by its name, and its id under NAME + `Id`: the name may come to mean another one.
    pub(super) fn named(&mut self, name: &str, resource: &Resource) -> &mut Self {
        use std::fmt::Write as _;
        self.text(name, resource.name.as_str());
        self.0.push_str(",\"");
        self.0.push_str(name);
        let _ = write!(self.0, "Id\":\"{}\"", resource.id);
        self
    }

    /// What the request named, so that the same can be asked again.
    fn asked(&mut self, ask: &Ask<'_>) {
        let Ask { account, mapping, api, scope, lifetime: _, held } = ask;
        let named = [
            ("askedServiceAccount", account, MAX_NAME),
            ("askedMapping", mapping, MAX_NAME),
            ("askedApi", api, MAX_NAME),
            ("askedScope", scope, MAX_SCOPE),
        ];
        for (name, asked, most) in named {
            if let Some(asked) = asked {
                self.text(name, asked.char_indices().nth(most).map_or(asked, |(end, _)| &asked[..end]));
            }
        }
        self.held(held);
    }

    /// The trace that the request belongs to, by which its spans are found.
    pub(super) fn trace(&mut self, trace: Option<TraceId>) {
        if let Some(trace) = trace {
            self.text("trace", &trace.to_string());
        }
    }

    /// The keys that the request proved.
    pub(super) fn held(&mut self, held: &Held<'_>) {
        let Held { proof_key, certificate } = held;
        for (name, key) in [("proofKey", proof_key), ("certificate", certificate)] {
            if let Some(key) = key {
                self.text(name, key);
            }
        }
    }

    fn name(&mut self, name: &str) {
        self.0.push_str(",\"");
        self.0.push_str(name);
        self.0.push_str("\":");
    }

    pub(super) fn end(mut self) -> Vec<u8> {
        self.0.push('}');
        self.0.into_bytes()
    }
}

fn push_text(line: &mut String, text: &str) {
    let plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\' && byte != 0x7f;
    if text.bytes().all(plain) {
        line.push('"');
        line.push_str(text);
        line.push('"');
    } else {
        line.push_str(&Value::from(text).to_string());
    }
}

fn short(text: &str) -> String {
    text.chars().take(MAX_NAME).collect()
}

/// So many names of claims are kept whose values are not.
pub(crate) const MAX_UNLISTED: usize = 64;
/// The longest name that is kept, in characters.
const MAX_NAME: usize = 200;
/// So many characters are kept of what a workload says of itself.
const MAX_CONTEXT: usize = 1000;
/// The longest scope.
const MAX_SCOPE: usize = 1000;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    /// L24: what a workload says of itself stays a text of its own, short and plain to see.
    #[test]
    fn a_context_is_kept_as_text() {
        let kept = |context: &str| {
            let line = beside(br#"{"claims":{}}"#.to_vec(), Some(context), IpAddr::from([192, 0, 2, 7]));
            let record: Value = serde_json::from_slice(&line).unwrap();
            assert_eq!((&record["claims"], &record["source"]), (&json!({}), &json!("192.0.2.7")));
            record["workloadIdentityContext"].as_str().unwrap().to_owned()
        };
        let context = r#"{"instance_id":"i-1","labels":{"team":"a"}}"#;
        assert_eq!(kept(context), context);
        assert_eq!(kept("\"}, \"claims\": {\n\u{202e}"), "\"}, \"claims\": {\\u{a}\\u{202e}");
        assert_eq!(kept(&"\u{e4}".repeat(5000)).chars().count(), MAX_CONTEXT);
        let plain = beside(br#"{"claims":{}}"#.to_vec(), None, IpAddr::from([192, 0, 2, 7]));
        assert_eq!(plain, br#"{"claims":{},"source":"192.0.2.7"}"#);
        let alone = beside(b"{}".to_vec(), None, IpAddr::from([192, 0, 2, 7]));
        assert_eq!(alone, br#"{"source":"192.0.2.7"}"#);
    }
}
