//! What `accredit trust-domain get NAME` prints: where a trust domain is reached, and how its keys are.

use accredit_api::admin::{KeySchedule, TrustDomainStatus};
use accredit_client::inert::Inert;

use super::{change, key};

/// A line for each thing that others are told of it, then a line a key.
pub(super) fn described(status: &TrustDomainStatus) -> String {
    let TrustDomainStatus {
        id,
        trust_domain,
        status,
        agent_endpoint,
        bundle_endpoint,
        jwt_issuer,
        jwks_endpoint,
        discovery_endpoint,
        bundle_sequence,
        schedule,
        keys,
        upstream,
        keys_since,
    } = status;
    let KeySchedule { every_seconds, jwt_svid_cache_seconds, bundle_refresh_seconds, confirm_seconds } = schedule;
    let schedule = format!(
        "a new key every {every_seconds} s; key set kept for {jwt_svid_cache_seconds} s, bundle for {bundle_refresh_seconds} s, nodes waited for {confirm_seconds} s"
    );
    let sequence = bundle_sequence.map_or_else(|| "none yet".to_owned(), |sequence| sequence.to_string());
    let mut out = String::new();
    let mut line = |label: &str, text: &str| out.push_str(&format!("{label:<24} {}\n", Inert(text)));
    line("id", id);
    line("trust domain", trust_domain);
    line("status", status);
    line("agent endpoint", agent_endpoint);
    line("SPIFFE bundle endpoint", bundle_endpoint);
    line("JWT issuer", jwt_issuer);
    line("JWKS endpoint", jwks_endpoint);
    line("OIDC discovery endpoint", discovery_endpoint);
    line("key schedule", &schedule);
    line("bundle sequence", &sequence);
    if let Some(upstream) = upstream {
        let told = match (&upstream.ends_at, &upstream.code, &upstream.message) {
            (Some(ends_at), ..) => format!("ends at {ends_at}"),
            (None, Some(code), Some(message)) => format!("cannot be used: {message} ({code})"),
            (None, ..) => "cannot be used".to_owned(),
        };
        line("upstream authority", &told);
    }
    if let Some(since) = keys_since {
        line("keys since", since);
    }
    if !keys.is_empty() {
        out.push('\n');
        out.push_str(&key::rendered(keys));
    }
    out
}

/// What ends with a trust domain, a sentence for whoever deletes or disables it.
pub(super) fn what_ends(status: &TrustDomainStatus, deed: change::Deed) -> String {
    let TrustDomainStatus { trust_domain, keys, schedule, .. } = status;
    let within = schedule.jwt_svid_cache_seconds.max(schedule.bundle_refresh_seconds);
    let keys = match deed {
        change::Deed::Delete => format!("{} keys are erased", keys.len()),
        change::Deed::Disable | change::Deed::Enable => format!("{} keys sign nothing", keys.len()),
    };
    format!(
        "{keys}; SVIDs of `{}` are refused by whoever reads its key set or bundle again, within {within} s\n",
        Inert(trust_domain)
    )
}
