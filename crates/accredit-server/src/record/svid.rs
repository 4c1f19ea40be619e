//! What is written about SVIDs: whose they are, by which policy, and what tells each of them again. Never a token of either side.

use std::net::IpAddr;

use accredit_api::admin::{Explanation, IdentityShown};
use accredit_core::model::{DecisionId, Provider, Resource};
use accredit_id::json::Object;
use accredit_id::spiffe_id::SpiffeId;
use accredit_id::time::Timestamp;
use accredit_id::{base64url, hex};
use accredit_store::audit::{Content, Erasable};
use serde_json::{Value, json};

use super::encode::{Line, beside, claims};
use crate::metrics::SVID_FACE;
use crate::traces::TraceId;
use crate::{chance, tell};

/// On which proof SVIDs are asked for.
#[derive(Clone, Copy)]
pub(crate) struct Shown<'a> {
    /// What the cluster says of the issuer of the job's token.
    pub(crate) known: &'a Provider,
    /// What the token says.
    pub(crate) claims: &'a Object<'a>,
    pub(crate) token_hash: [u8; 32],
    /// The key that it was verified under.
    pub(crate) key: Option<(&'a str, &'a str)>,
}

/// On whose word.
#[derive(Clone, Copy)]
pub(crate) enum By<'a> {
    /// A job's, who asked from this address.
    Job {
        shown: Shown<'a>,
        source: IpAddr,
        /// The place of the entry of `jwt.allowedIssuers` that took the token.
        entry: usize,
    },
    /// An operator's: what the log calls him, what admitted him, and why he did it.
    Operator { name: &'a str, admitted: &'a Value, reason: &'a str },
}

/// SVIDs were issued.
pub(crate) struct Issued<'a> {
    pub(crate) cluster: &'a Resource,
    pub(crate) trust_domain: &'a Resource,
    pub(crate) by: By<'a>,
    pub(crate) spiffe_id: &'a SpiffeId,
    /// Which policy gave the path: the base one, or which override.
    pub(crate) policy: &'a str,
    /// The template of the path.
    pub(crate) template: &'a str,
    pub(crate) svids: &'a [IssuedSvid],
    pub(crate) at: Timestamp,
    pub(crate) sequence: i64,
    pub(crate) trace: Option<TraceId>,
}

/// One of them, as the log knows it again.
pub(crate) enum IssuedSvid {
    /// A JWT-SVID.
    Jwt {
        audiences: Vec<String>,
        expires_at: Timestamp,
        key_id: String,
        /// SHA-256 of the whole token.
        hash: [u8; 32],
    },
    /// An X509-SVID.
    X509 {
        dns_names: Vec<String>,
        expires_at: Timestamp,
        serial: Vec<u8>,
        /// SHA-256 of the public key (`SubjectPublicKeyInfo`).
        key: [u8; 32],
    },
}

/// SVIDs were refused to whoever showed a token that its issuer has signed.
pub(crate) struct SvidsRefused<'a> {
    pub(crate) decision: DecisionId,
    pub(crate) cluster: &'a Resource,
    pub(crate) shown: Shown<'a>,
    pub(crate) reason: &'static str,
    pub(crate) told: Told,
    pub(crate) source: IpAddr,
    pub(crate) at: Timestamp,
    pub(crate) sequence: i64,
    pub(crate) trace: Option<TraceId>,
}

/// What the operator reads of a refusal.
pub(crate) struct Told {
    /// Seen and expected.
    pub(crate) operator: String,
    pub(crate) hint: Option<String>,
    /// What was looked at, values that may not be kept already taken out.
    pub(crate) identity: Option<IdentityShown>,
    /// The smallest edit that would allow it.
    pub(crate) fix: Option<String>,
}

/// Writes an issuance down: one record for all SVIDs of a request.
pub(crate) fn svids_issued(issued: &Issued<'_>) -> Content {
    let Issued { cluster, trust_domain, by, spiffe_id, policy, template, svids, at, sequence, trace } = issued;
    let mut record = Line::new("svid-issued", *at, SVID_FACE, *sequence);
    record.named("cluster", cluster).number("clusterRevision", cluster.revision).named("trustDomain", trust_domain);
    realm(&mut record, cluster);
    record.text("spiffeId", spiffe_id.as_str());
    record.text("policy", policy).text("template", template);
    let values = match by {
        By::Job { shown, source, entry } => {
            proof(&mut record, shown);
            record.number("allowedIssuer", i64::try_from(*entry).unwrap_or_default());
            Some(beside(claims(shown.known, shown.claims, None), None, *source))
        }
        By::Operator { name, admitted, reason } => {
            record.text("actor", name).text("why", reason).value("by", admitted);
            None
        }
    };
    record.value("svids", &Value::Array(svids.iter().map(IssuedSvid::told).collect()));
    let ends = svids.iter().map(IssuedSvid::expires_at).max();
    record.number("expiresAt", ends.map_or(0, Timestamp::unix)).trace(*trace);
    let erasable = values.map(|bytes| Erasable { salt: chance::bits(), bytes });
    Content { bytes: record.end(), erasable }
}

/// Writes a refusal down, with its explanation.
pub(crate) fn svids_not_issued(refused: SvidsRefused<'_>) -> Content {
    let SvidsRefused { decision, cluster, shown, reason, told, source, at, sequence, trace } = refused;
    let Told { operator, hint, identity, fix } = told;
    let mut record = Line::new("svid-denied", at, SVID_FACE, sequence);
    record.named("cluster", cluster);
    if let Some(known) = cluster.as_cluster() {
        let (name, id) = (known.trust_domain_name.to_string(), known.trust_domain.to_string());
        record.text("trustDomain", &name).text("trustDomainId", &id);
    }
    realm(&mut record, cluster);
    record.text("reason", reason);
    proof(&mut record, &shown);
    record.trace(trace);
    let explanation = tell::kept(Explanation {
        decision: Some(decision.to_string()),
        reason: Some(reason.to_owned()),
        summary: operator,
        hint,
        cluster: Some(cluster.name.to_string()),
        identity,
        fix,
        ..tell::nameless(at, sequence)
    });
    let bytes = beside(claims(shown.known, shown.claims, Some(&explanation)), None, source);
    Content { bytes: record.end(), erasable: Some(Erasable { salt: chance::bits(), bytes }) }
}

// === impl Told ===

impl Told {
    /// A sentence and a hint.
    pub(crate) fn plain(operator: String, hint: Option<String>) -> Self {
        Self { operator, hint, identity: None, fix: None }
    }
}

// === impl IssuedSvid ===

impl IssuedSvid {
    pub(crate) fn expires_at(&self) -> Timestamp {
        match self {
            Self::Jwt { expires_at, .. } | Self::X509 { expires_at, .. } => *expires_at,
        }
    }

    fn told(&self) -> Value {
        match self {
            Self::Jwt { audiences, expires_at, key_id, hash } => json!({
                "type": "jwt",
                "audience": audiences,
                "expiresAt": expires_at.unix(),
                "kid": key_id,
                "hash": base64url::encode(&hash[..16]),
            }),
            Self::X509 { dns_names, expires_at, serial, key } => {
                let mut told = json!({
                    "type": "x509",
                    "expiresAt": expires_at.unix(),
                    "serial": hex::encode(serial),
                    "keyHash": base64url::encode(&key[..16]),
                });
                if !dns_names.is_empty() {
                    told["dnsNames"] = json!(dns_names);
                }
                told
            }
        }
    }
}

/// Whose administrators may read the record, beside those who read all.
fn realm(record: &mut Line, cluster: &Resource) {
    if let Some(realm) = cluster.as_cluster().and_then(|known| known.realm.as_deref()) {
        record.text("realm", realm);
    }
}

fn proof(record: &mut Line, shown: &Shown<'_>) {
    let Shown { known, claims: _, token_hash, key } = shown;
    record.text("issuer", &known.issuer).text("tokenHash", &base64url::encode(&token_hash[..16]));
    if let Some((key_id, thumbprint)) = key {
        record.text("kid", key_id).text("keyThumbprint", thumbprint);
    }
}
