//! What each SVID says: for whom, until when, with which claims and names.

use std::time::Duration;

use accredit_id::shown::Shown;
use accredit_id::time::Timestamp;
use serde_json::{Map, Value};

use super::{IdentityAsk, IssueDenial, IssueReason, JobFacts, SvidTerms, Wanted};
use crate::decide::allowed::SHORTEST;
use crate::model::{Cluster, Lifetime, Policy};
use crate::plan::Context;
use crate::template::{RenderFault, Sources};

/// The SVIDs of a request, in its order: all of them or none.
pub(super) fn svids<S>(
    ask: &IdentityAsk<'_>,
    (name, policy): (&str, &Policy),
    cluster: &Cluster,
    sources: &Sources<'_, S>,
    job: &JobFacts<'_, S>,
    context: &Context<'_>,
    now: Timestamp,
) -> Result<Vec<SvidTerms>, IssueDenial> {
    let ends = job.facts().expires_at();
    if let Some(end) = ends.filter(|end| *end <= now) {
        let told = format!("token expired {} s ago", now.seconds_since(end));
        return Err(IssueDenial::new(IssueReason::TooLittleTimeLeft, told).hint(FRESH));
    }
    let mut claims = None;
    let mut names = None;
    let svid = |wanted: &Wanted<'_>| {
        let (lifetime, usual) = match wanted {
            Wanted::Jwt { lifetime, .. } => (*lifetime, policy.jwt_ttl),
            Wanted::X509 { lifetime } => (*lifetime, policy.x509_ttl),
        };
        let expires_at = expiry(lifetime, usual, cluster, ends, now)?;
        match wanted {
            Wanted::Jwt { audiences, .. } => {
                allowed(audiences, policy, context)?;
                let claims = match &claims {
                    Some(made) => Map::clone(made),
                    None => claims.insert(additional(name, policy, sources)?).clone(),
                };
                Ok(SvidTerms::Jwt { audiences: audiences.to_vec(), issued_at: now, expires_at, claims })
            }
            Wanted::X509 { .. } => {
                let (dns_names, subject) = match &names {
                    Some((dns_names, subject)) => (Vec::clone(dns_names), Vec::clone(subject)),
                    None => {
                        let dns_names =
                            policy.dns_names.iter().map(|part| part.render(sources)).collect::<Result<_, _>>();
                        let dns_names = dns_names.map_err(|fault| IssueDenial::unfit(&fault, name, "x509.dnsNames"))?;
                        let subject = policy.subject.iter().map(|part| part.render(sources)).collect::<Result<_, _>>();
                        let subject = subject.map_err(|fault| IssueDenial::unfit(&fault, name, "x509.subject"))?;
                        names.insert((dns_names, subject)).clone()
                    }
                };
                Ok(SvidTerms::X509 { not_before: now.minus(BACKDATED), expires_at, dns_names, subject })
            }
        }
    };
    ask.wanted.iter().map(svid).collect()
}

/// Whether audiences may be asked for. Reserved ones never may, whatever a policy says (L02).
pub(super) fn allowed(audiences: &[String], policy: &Policy, context: &Context<'_>) -> Result<(), IssueDenial> {
    if audiences.is_empty() {
        return Err(IssueDenial::new(IssueReason::AudienceRequired, "JWT-SVID is asked for without an audience"));
    }
    for (place, audience) in audiences.iter().enumerate() {
        let shown = Shown::of(audience);
        if is_reserved(audience, context) {
            return Err(IssueDenial::new(
                IssueReason::AudienceReserved,
                format!("audience `{shown}` is this server's own"),
            ));
        }
        let is_plain = (1..=512).contains(&audience.len()) && !audience.chars().any(|c| c.is_control() || c == ' ');
        let is_listed = policy.audiences.as_ref().is_none_or(|known| known.iter().any(|known| known.takes(audience)));
        if !is_plain {
            let told = format!("audience `{shown}` is none, expected 1 to 512 bytes without spaces");
            return Err(IssueDenial::new(IssueReason::AudienceNotAllowed, told));
        }
        if audiences[..place].contains(audience) {
            let told = format!("audience `{shown}` is asked for twice");
            return Err(IssueDenial::new(IssueReason::AudienceNotAllowed, told));
        }
        if !is_listed {
            let told = format!("audience `{shown}` is not one that the policy allows");
            return Err(IssueDenial::new(IssueReason::AudienceNotAllowed, told)
                .hint("add it to `jwt.audiences` of the cluster's SVIDIssuancePolicy, or ask for another"));
        }
    }
    match audiences.len() > policy.max_audiences {
        true => {
            let told =
                format!("{} audiences are asked for, at most {} are allowed", audiences.len(), policy.max_audiences);
            Err(IssueDenial::new(IssueReason::AudienceNotAllowed, told)
                .hint("ask for an SVID for each, or raise `jwt.maxAudiences`"))
        }
        false => Ok(()),
    }
}

/// The server's own audiences, with or without a slash at the end, and everything under our trust domains' issuers.
fn is_reserved(audience: &str, context: &Context<'_>) -> bool {
    let plain = audience.trim_end_matches('/');
    let domains = format!("{}/td/", context.public_url.trim_end_matches('/'));
    context.reserved.iter().any(|reserved| reserved.trim_end_matches('/') == plain) || audience.starts_with(&domains)
}

/// The earliest of what was asked, the policy, the cluster and the job's token.
pub(super) fn expiry(
    asked: Option<Lifetime>,
    usual: Lifetime,
    cluster: &Cluster,
    ends: Option<Timestamp>,
    now: Timestamp,
) -> Result<Timestamp, IssueDenial> {
    let lifetime = [asked, Some(usual), cluster.max_svid_lifetime].into_iter().flatten().min().unwrap_or(usual);
    let by_policy = now.plus(lifetime.duration());
    let end = ends.map_or(by_policy, |end| end.min(by_policy));
    let left = end.seconds_since(now);
    match left >= SHORTEST {
        true => Ok(end),
        false if end < by_policy => {
            let told = format!("token ends in {left} s, an SVID made from it needs at least {SHORTEST} s");
            Err(IssueDenial::new(IssueReason::TooLittleTimeLeft, told).hint(FRESH))
        }
        false => {
            let told = format!("lifetime is {left} s, an SVID needs at least {SHORTEST} s");
            Err(IssueDenial::new(IssueReason::TooLittleTimeLeft, told))
        }
    }
}

fn additional<S>(name: &str, policy: &Policy, sources: &Sources<'_, S>) -> Result<Map<String, Value>, IssueDenial> {
    let claim = |(claim, value): &(Box<str>, crate::template::ClaimTemplate)| {
        let unfit = |fault: RenderFault| IssueDenial::unfit(&fault, name, &format!("jwt.additionalClaims.{claim}"));
        Ok((claim.to_string(), value.render(sources).map_err(unfit)?))
    };
    policy.claims.iter().map(claim).collect()
}

/// How long before it was made a certificate holds, for clocks that are behind.
pub(super) const BACKDATED: Duration = Duration::from_secs(10);
const FRESH: &str = "fetch a fresh token for each step";
