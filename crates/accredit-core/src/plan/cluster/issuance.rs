//! Compiling `SVIDIssuancePolicy`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{LONGEST, SHORTEST};
use crate::mint;
use crate::model::{
    AudiencePattern, Condition, Expected, Fault, Faults, IssuancePolicy, IssuancePolicySpec, JwtPolicySpec, Lifetime,
    OperatorPath, OperatorsSpec, Override, OverrideSpec, Policy, PolicySpec, X509PolicySpec,
};
use crate::nearest_name::nearest;
use crate::plan::rules::within;
use crate::template::{self, Attribute, ClaimTemplate, DnsTemplate, PathTemplate, TemplateFault};

pub(super) fn compile(spec: &IssuancePolicySpec, at: &str, realm: Option<&str>) -> Result<IssuancePolicy, Faults> {
    let mut wrong = Faults::default();
    let base = policy(&spec.policy, &Policy::default(), &[], &format!("{at}.policy"), realm, &mut wrong);
    if spec.policy_overrides.len() > MOST_OVERRIDES {
        let message = format!("{} overrides, at most {MOST_OVERRIDES} are allowed", spec.policy_overrides.len());
        return Err(Fault::at(format!("{at}.policyOverrides"), message).into());
    }
    let reserved = spec.policy.jwt.as_ref().and_then(|jwt| jwt.reserved_claims.as_deref()).unwrap_or_default();
    let overridden = |(place, spec): (usize, &OverrideSpec)| {
        let at = format!("{at}.policyOverrides[{place}]");
        let when = conditions(&spec.when, &format!("{at}.when"), &mut wrong);
        Override { when, policy: policy(&spec.policy, &base, reserved, &format!("{at}.policy"), realm, &mut wrong) }
    };
    let overrides = spec.policy_overrides.iter().enumerate().map(overridden).collect();
    let operators = match &spec.operators {
        None => Box::default(),
        Some(spec) => operators(spec, &format!("{at}.operators.paths"), realm, &mut wrong),
    };
    wrong.unless(IssuancePolicy { base, overrides, operators })
}

/// What a policy says, the rest as `base` says it.
fn policy(
    spec: &PolicySpec,
    base: &Policy,
    listed: &[String],
    at: &str,
    realm: Option<&str>,
    wrong: &mut Faults,
) -> Policy {
    let mut policy = base.clone();
    if let Some(text) = &spec.path_template {
        policy.path = wrong.note(path(text, &format!("{at}.pathTemplate"), realm)).or(policy.path);
    }
    if let Some(X509PolicySpec { ttl, subject, dns_names }) = &spec.x509 {
        if let Some(ttl) = ttl {
            wrong.note(within(&format!("{at}.x509.ttl"), *ttl, SHORTEST, LONGEST));
            policy.x509_ttl = *ttl;
        }
        if let Some(text) = subject {
            let subject = template::subject(text).map_err(|fault| told(fault, &format!("{at}.x509.subject")));
            policy.subject = wrong.note(subject).unwrap_or_default().into();
        }
        if let Some(names) = dns_names {
            let at = format!("{at}.x509.dnsNames");
            let name = |(place, text): (usize, &String)| {
                DnsTemplate::parse(text).map_err(|fault| told(fault, &format!("{at}[{place}]")))
            };
            wrong.note(at_most(names.len(), MOST_NAMES, &at));
            policy.dns_names = names.iter().enumerate().filter_map(|named| wrong.note(name(named))).collect();
        }
    }
    if let Some(spec) = &spec.jwt {
        jwt(spec, &mut policy, listed, &format!("{at}.jwt"), wrong);
    }
    policy
}

fn jwt(spec: &JwtPolicySpec, policy: &mut Policy, listed: &[String], at: &str, wrong: &mut Faults) {
    let JwtPolicySpec { ttl, additional_claims, reserved_claims, audiences, max_audiences } = spec;
    if let Some(ttl) = ttl {
        wrong.note(within(&format!("{at}.ttl"), *ttl, SHORTEST, LONGEST_JWT));
        policy.jwt_ttl = *ttl;
    }
    let listed = reserved_claims.as_deref().unwrap_or(listed);
    for (place, name) in reserved_claims.iter().flatten().enumerate() {
        wrong.note(listable(name, &format!("{at}.reservedClaims[{place}]")));
    }
    if let Some(claims) = additional_claims {
        let at = format!("{at}.additionalClaims");
        wrong.note(at_most(claims.len(), MOST_NAMES, &at));
        let claims = claims.iter().filter_map(|(name, value)| wrong.note(additional(name, value, listed, &at)));
        policy.claims = claims.collect();
    }
    if let Some(texts) = audiences {
        let at = format!("{at}.audiences");
        wrong.note(at_most(texts.len(), MOST_AUDIENCES, &at));
        let pattern = |(place, text): (usize, &String)| wrong.note(audience(text, &format!("{at}[{place}]")));
        policy.audiences = Some(texts.iter().enumerate().filter_map(pattern).collect());
    }
    if let Some(most) = max_audiences {
        if !(1..=8).contains(most) {
            wrong.push(Fault::at(format!("{at}.maxAudiences"), format!("is {most}, expected 1 to 8")));
        }
        policy.max_audiences = usize::from(*most);
    }
}

/// In a realm every path lies below the realm: whoever administers one names nobody in another.
fn path(text: &str, at: &str, realm: Option<&str>) -> Result<PathTemplate, Fault> {
    let template = PathTemplate::parse(text).map_err(|fault| told(fault, at))?;
    match realm.filter(|realm| !template.lies_in_realm(realm)) {
        Some(realm) => {
            Err(Fault::at(at, format!("path does not lie in realm `{realm}`")).hint("begin it with `/{{realm}}/`"))
        }
        None => Ok(template),
    }
}

fn additional(name: &str, value: &Value, listed: &[String], at: &str) -> Result<(Box<str>, ClaimTemplate), Fault> {
    let at = format!("{at}.{name}");
    if name.is_empty() || name.len() > 256 || name.chars().any(char::is_control) {
        return Err(Fault::at(at, "is no claim name, expected 1 to 256 bytes"));
    }
    if mint::RESERVED.contains(&name) {
        return Err(Fault::at(at, format!("`{name}` is reserved: the server says it itself, or nobody does")));
    }
    if is_reserved(name) && !listed.iter().any(|listed| listed == name) {
        return Err(Fault::at(at, format!("`{name}` is reserved: somebody else reads it as a right"))
            .hint(format!("if that is meant, list it: `reservedClaims: [{name}]`")));
    }
    let template = ClaimTemplate::parse(value).map_err(|fault| told(fault, &at))?;
    Ok((name.into(), template))
}

fn listable(name: &str, at: &str) -> Result<(), Fault> {
    if mint::RESERVED.contains(&name) {
        return Err(Fault::at(at, format!("`{name}` is set by the server itself, or by nobody")));
    }
    if is_reserved(name) {
        return Ok(());
    }
    let fault = Fault::at(at, format!("`{}` is not reserved, so it need not be listed", name.escape_debug()));
    match nearest(name, RIGHTS.iter().copied()) {
        Some(meant) => Err(fault.hint(format!("did you mean `{meant}`?"))),
        None => Err(fault),
    }
}

fn is_reserved(name: &str) -> bool {
    RIGHTS.contains(&name) || CLOUDS.iter().any(|prefix| name.starts_with(prefix))
}

fn conditions(when: &BTreeMap<String, Expected>, at: &str, wrong: &mut Faults) -> Box<[Condition]> {
    if when.is_empty() {
        let fault = Fault::at(at, "is empty, so the override would match everything");
        wrong.push(fault.hint("say it in `policy`"));
    }
    let condition = |(name, expected): (&String, &Expected)| {
        let attribute = Attribute::parse(name).map_err(|fault| {
            let told = Fault::at(format!("{at}.{name}"), fault.to_string());
            match fault.nearest {
                Some(meant) => told.hint(format!("did you mean `{meant}`?")),
                None => told.hint("claims of a job's token are `jwt.claim.NAME`"),
            }
        });
        Some(Condition { attribute: wrong.note(attribute)?, expected: expected.clone() })
    };
    when.iter().filter_map(condition).collect()
}

fn audience(text: &str, at: &str) -> Result<AudiencePattern, Fault> {
    let is_plain = (1..=512).contains(&text.len()) && !text.chars().any(|letter| letter.is_control() || letter == ' ');
    match text.strip_suffix('*') {
        _ if !is_plain => Err(Fault::at(at, "is no audience, expected 1 to 512 bytes without spaces")),
        Some("") => Err(Fault::at(at, "`*` would match anything").hint("leave `audiences` out")),
        Some(prefix) if !prefix.contains('*') => Ok(AudiencePattern::Prefix(prefix.into())),
        None if !text.contains('*') => Ok(AudiencePattern::Exact(text.into())),
        _ => Err(Fault::at(at, format!("`{text}` has a `*` that is not at its end"))),
    }
}

fn operators(spec: &OperatorsSpec, at: &str, realm: Option<&str>, wrong: &mut Faults) -> Box<[OperatorPath]> {
    wrong.note(at_most(spec.paths.len(), MOST_NAMES, at));
    let path = |(place, text): (usize, &String)| wrong.note(operator_path(text, &format!("{at}[{place}]"), realm));
    spec.paths.iter().enumerate().filter_map(path).collect()
}

fn operator_path(text: &str, at: &str, realm: Option<&str>) -> Result<OperatorPath, Fault> {
    let (plain, below) = match text.strip_suffix("/*") {
        Some(prefix) => (prefix, true),
        None => (text, false),
    };
    let template = PathTemplate::parse(plain).map_err(|fault| told(fault, at))?;
    if template.attributes().next().is_some() {
        return Err(
            Fault::at(at, "has an attribute, but of an operator nothing is known").hint("write the path itself")
        );
    }
    let lies = |realm: &str| {
        plain.strip_prefix('/').is_some_and(|rest| {
            rest == realm && below || rest.strip_prefix(realm).is_some_and(|rest| rest.starts_with('/'))
        })
    };
    if let Some(realm) = realm.filter(|realm| !lies(realm)) {
        return Err(
            Fault::at(at, format!("path does not lie in realm `{realm}`")).hint(format!("begin it with `/{realm}/`"))
        );
    }
    Ok(match below {
        true => OperatorPath::Below(format!("{plain}/").into()),
        false => OperatorPath::Exact(plain.into()),
    })
}

fn at_most(count: usize, most: usize, at: &str) -> Result<(), Fault> {
    match count > most {
        true => Err(Fault::at(at, format!("{count} entries, at most {most} are allowed"))),
        false => Ok(()),
    }
}

fn told(fault: TemplateFault, at: &str) -> Fault {
    Fault { hint: fault.hint, ..Fault::at(at, fault.message) }
}

/// Claims that relying parties read as a right, whoever wrote them: only where that was meant.
static RIGHTS: &[&str] = &[
    "amr",
    "azp",
    "client_id",
    "email",
    "email_verified",
    "entitlements",
    "groups",
    "preferred_username",
    "roles",
    "scope",
    "scp",
    "tid",
    "upn",
    "wids",
];

/// What the names of claims begin with that a cloud reads as tags or as a tenant.
static CLOUDS: &[&str] =
    &["https://aws.amazon.com/", "https://sts.amazonaws.com/", "google.", "xms_", "https://login.microsoftonline.com/"];

/// A bearer token of more than a day is a password.
const LONGEST_JWT: Lifetime = Lifetime::from_secs(86_400);
const MOST_OVERRIDES: usize = 256;
const MOST_NAMES: usize = 32;
const MOST_AUDIENCES: usize = 256;
