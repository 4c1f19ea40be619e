//! Telling who somebody is in a cluster, and why.

use accredit_api::admin::{
    AttributeShown, ConsideredIssuer, ConsideredPolicy, Explanation, IdentityShown, SvidShown, Verdict,
};
use accredit_api::svid::SvidType;
use accredit_core::decide::issue::{AttributeTrace, ExplainedIssue, PolicyTrace, SvidTerms};
use accredit_core::model::{AllowedIssuer, Resource};
use accredit_id::time::Timestamp;
use serde_json::Map;

use super::{clause, nameless};

/// A decision about SVIDs, for somebody who may see everything.
pub(crate) fn explained_svid<S>(
    explained: ExplainedIssue<S>,
    issuers: Vec<ConsideredIssuer>,
    cluster: &Resource,
    now: Timestamp,
    sequence: i64,
) -> Explanation {
    let (summary, hint) = explained.summary();
    let mut told = nameless(now, sequence);
    told.cluster = Some(cluster.name.to_string());
    (told.summary, told.hint) = (summary, hint);
    match &explained.verdict {
        Ok(identity) => {
            told.verdict = Verdict::Allow;
            told.spiffe_id = Some(identity.spiffe_id.to_string());
        }
        Err(denial) => told.reason = Some(denial.reason.code().to_owned()),
    }
    told.identity = Some(identity(&explained, issuers, now));
    told.fix = explained.fix;
    told
}

/// What was looked at.
pub(crate) fn identity<S>(
    explained: &ExplainedIssue<S>,
    issuers: Vec<ConsideredIssuer>,
    now: Timestamp,
) -> IdentityShown {
    let svids = explained.verdict.as_ref().map(|identity| identity.svids.as_slice()).unwrap_or_default();
    IdentityShown {
        issuers,
        required: explained.required.iter().map(clause).collect(),
        policies: explained.policies.iter().map(policy).collect(),
        attributes: explained.attributes.iter().map(attribute).collect(),
        svids: svids.iter().map(|made| terms(made, now)).collect(),
        unknown: None,
    }
}

/// The entry that takes a token.
pub(crate) fn taken(entry: &AllowedIssuer) -> ConsideredIssuer {
    ConsideredIssuer {
        entry: format!("jwt.allowedIssuers[{}]", entry.place),
        issuer: entry.provider.issuer.clone(),
        takes: true,
        reason: None,
        why: None,
    }
}

/// What one SVID says that is made now.
fn terms(terms: &SvidTerms, now: Timestamp) -> SvidShown {
    let (SvidTerms::Jwt { expires_at, .. } | SvidTerms::X509 { expires_at, .. }) = terms;
    let shown = SvidShown {
        kind: SvidType::Jwt,
        audience: Vec::new(),
        lifetime: u64::try_from(expires_at.seconds_since(now)).unwrap_or_default(),
        expires_at: expires_at.to_string(),
        claims: Map::new(),
        dns_names: Vec::new(),
        subject: Vec::new(),
    };
    match terms {
        SvidTerms::Jwt { audiences, issued_at: _, expires_at: _, claims } => {
            SvidShown { audience: audiences.clone(), claims: claims.clone(), ..shown }
        }
        SvidTerms::X509 { not_before: _, expires_at: _, dns_names, subject } => {
            let subject = subject.iter().map(|part| format!("{}={}", part.kind.name(), part.value)).collect();
            SvidShown { kind: SvidType::X509, dns_names: dns_names.clone(), subject, ..shown }
        }
    }
}

fn policy(trace: &PolicyTrace) -> ConsideredPolicy {
    let PolicyTrace { policy, counts, when, template } = trace;
    ConsideredPolicy {
        policy: policy.clone(),
        counts: *counts,
        when: when.iter().map(clause).collect(),
        template: template.clone(),
    }
}

fn attribute(trace: &AttributeTrace) -> AttributeShown {
    let AttributeTrace { attribute, seen, claims: _, recorded } = trace;
    AttributeShown { attribute: attribute.clone(), value: seen.clone(), not_recorded: !recorded }
}
