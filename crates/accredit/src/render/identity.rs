//! Who a job is in a cluster, as its operator reads it: who took its token, which policy counted, and what came of it.

use accredit_api::admin::{
    AttributeShown, Clause, ConsideredIssuer, ConsideredPolicy, IdentityShown, Outcome, SvidShown,
};
use accredit_api::svid::SvidType;
use accredit_client::inert::Inert;

use super::explanation::{clause, labelled, lifetime};
use super::yaml;

/// Everything that was asked of the cluster's configuration, in the order in which it was asked.
pub(super) fn lines(shown: &IdentityShown) -> String {
    let IdentityShown { issuers, required, policies, attributes, svids, unknown } = shown;
    let mut out = String::new();
    section(&mut out, "issuer", issuers.iter().map(issuer));
    section(&mut out, "requires", required.iter().map(required_clause));
    section(&mut out, "policy", policies.iter().flat_map(policy));
    let template = policies.iter().filter(|policy| policy.counts).find_map(|policy| policy.template.as_deref());
    let read = attributes.iter().map(attribute);
    section(&mut out, "template", template.map(|text| Inert(text).to_string()).into_iter().chain(read));
    section(&mut out, "svid", svids.iter().flat_map(svid));
    if let Some(unknown) = unknown {
        out.push_str(&labelled("", &Inert(unknown).to_string()));
    }
    out
}

fn section(out: &mut String, label: &str, lines: impl Iterator<Item = String>) {
    for (place, line) in lines.enumerate() {
        out.push_str(&labelled(if place == 0 { label } else { "" }, &line));
    }
}

fn issuer(considered: &ConsideredIssuer) -> String {
    let ConsideredIssuer { entry, issuer, takes, reason, why } = considered;
    let said = match (takes, why.as_deref().or(reason.as_deref())) {
        (true, _) => "takes the token".to_owned(),
        (false, Some(why)) => Inert(why).to_string(),
        (false, None) => "does not take it".to_owned(),
    };
    format!("{} {}: {said}", Inert(entry), Inert(issuer))
}

fn required_clause(required: &Clause) -> String {
    match (required.outcome, required.seen.as_deref()) {
        (Outcome::Held, Some(seen)) => format!("`{}` is {}, as it must be", Inert(&required.clause), Inert(seen)),
        _ => clause(required),
    }
}

fn policy(considered: &ConsideredPolicy) -> Vec<String> {
    let ConsideredPolicy { policy, counts, when, template: _ } = considered;
    let name = Inert(policy);
    let fallen: Vec<_> = when.iter().filter(|clause| clause.outcome != Outcome::Held).collect();
    match (counts, fallen.is_empty()) {
        (true, _) => vec![format!("{name}: counts")],
        (false, true) => vec![format!("{name}: does not count")],
        (false, false) => fallen.into_iter().map(|fallen| format!("{name}: {}", clause(fallen))).collect(),
    }
}

fn attribute(read: &AttributeShown) -> String {
    let AttributeShown { attribute, value, not_recorded } = read;
    match value {
        _ if *not_recorded => format!("{}: (not recorded)", Inert(attribute)),
        Some(value) => format!("{}: {}", Inert(attribute), Inert(value)),
        None => format!("{}: absent", Inert(attribute)),
    }
}

fn svid(shown: &SvidShown) -> Vec<String> {
    let SvidShown { kind, audience, lifetime: seconds, expires_at, claims, dns_names, subject } = shown;
    let kind = match kind {
        SvidType::Jwt => "jwt",
        SvidType::X509 => "x509",
    };
    let mut first = format!("{kind}   {}   until {}", lifetime(*seconds), Inert(expires_at));
    for audience in audience {
        first.push_str(&format!("   audience {}", Inert(audience)));
    }
    let claims = claims.iter().map(|(name, value)| format!("claim {}: {}", Inert(name), yaml::inline(value)));
    let names = dns_names.iter().map(|name| format!("dns name {}", Inert(name)));
    let subject = subject.iter().map(|part| format!("subject {}", Inert(part)));
    std::iter::once(first).chain(claims).chain(names).chain(subject).collect()
}
