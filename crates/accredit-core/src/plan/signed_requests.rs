//! Compiling `signedRequests` of a provider.

use accredit_id::aws_request::{Partition, Region};

use super::rules::{Context, within};
use crate::model::{Fault, KeysSpec, Provider, ProviderSpec, SignedRequests, SignedRequestsSpec};
use crate::providers::aws_signed::AWS_SIGNED;

/// What a provider accepts of signed requests; `None` where it accepts tokens.
pub(super) fn compile(spec: &ProviderSpec, context: &Context<'_>) -> Result<Option<SignedRequests>, Fault> {
    let Some(signed) = &spec.signed_requests else { return Ok(None) };
    if spec.kind != AWS_SIGNED.name {
        let shown = spec.kind.escape_debug();
        return Err(Fault::at("spec.signedRequests", format!("a provider of type `{shown}` has none"))
            .hint("say `type: aws`, or leave it out"));
    }
    let token_fields = [
        ("spec.issuer", spec.issuer.is_some()),
        ("spec.trustDomain", spec.trust_domain.is_some()),
        ("spec.audiences", spec.audiences.is_some()),
        ("spec.keys", spec.keys.is_some()),
        ("spec.algorithms", spec.algorithms.is_some()),
        ("spec.maxTokenLifetime", spec.max_token_lifetime.is_some()),
        ("spec.maxTokenAge", spec.max_token_age.is_some()),
        ("spec.leeway", spec.leeway.is_some()),
        ("spec.manyAudiences", spec.many_audiences),
        ("spec.keyIdOptional", spec.key_id_optional),
        ("spec.nextKeys", spec.next_keys.is_some()),
    ];
    if let Some((field, _)) = token_fields.iter().find(|(_, is_there)| *is_there) {
        return Err(Fault::at(*field, "is about tokens, and this provider accepts signed requests")
            .hint("make two providers where both are accepted"));
    }
    accepted(signed, context).map(Some)
}

/// What says whom a request is for stands where a token has its audience. There is no key, so that no token of such a
/// provider verifies.
pub(super) fn instead_of_tokens(accepted: &SignedRequests) -> (Vec<String>, KeysSpec) {
    let audience = format!("{}: {}", accepted.domain_header, accepted.domain);
    (vec![audience], KeysSpec::Uploaded(serde_json::json!({"keys": []})))
}

/// The partition is the issuer, and as little as that does it change.
pub(super) fn unchanged_partition(old: &Provider, spec: &ProviderSpec) -> bool {
    let named = |spec: &SignedRequestsSpec| spec.partition.clone().unwrap_or_else(|| Partition::Aws.name().to_owned());
    match (&old.signed_requests, &spec.signed_requests) {
        (Some(old), Some(spec)) => old.partition.name() == named(spec),
        _ => false,
    }
}

fn accepted(spec: &SignedRequestsSpec, context: &Context<'_>) -> Result<SignedRequests, Fault> {
    let partition = match &spec.partition {
        None => Partition::Aws,
        Some(name) => Partition::named(name).ok_or_else(|| {
            let known: Vec<_> = Partition::ALL.iter().map(|partition| partition.name()).collect();
            Fault::at("spec.signedRequests.partition", format!("`{}` is no partition", name.escape_debug()))
                .hint(format!("partitions are {}", known.join(", ")))
        })?,
    };
    let regions = spec.regions.iter().map(|name| region(name, partition)).collect::<Result<Vec<_>, _>>()?;
    let max_age = spec.max_age.unwrap_or(SignedRequests::MAX_AGE);
    within("spec.signedRequests.maxAge", max_age, SignedRequests::MIN_MAX_AGE, SignedRequests::MAX_AGE)?;
    let host = context.public_url.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let domain = spec.domain.clone().unwrap_or_else(|| host.to_owned());
    if !(1..=255).contains(&domain.len()) || !domain.bytes().all(|byte| (0x21..=0x7e).contains(&byte)) {
        return Err(Fault::at("spec.signedRequests.domain", "expected 1 to 255 visible ASCII characters"));
    }
    Ok(SignedRequests { domain_header: domain_header(spec)?, domain, partition, regions, max_age })
}

/// A header of the caller's choice goes to AWS with his request, so it is one that means nothing there.
fn domain_header(spec: &SignedRequestsSpec) -> Result<String, Fault> {
    let name = spec.domain_header.as_deref().unwrap_or(SignedRequests::DEFAULT_DOMAIN_HEADER);
    let is_ours = name.strip_prefix("x-").is_some_and(|rest| !rest.is_empty() && !rest.starts_with("amz"));
    let is_name = name.len() <= 64 && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    match is_ours && is_name && !name.starts_with("x-forwarded") {
        true => Ok(name.to_owned()),
        false => Err(Fault::at(
            "spec.signedRequests.domainHeader",
            format!("`{}` is no header for it, expected lower case, `x-` and no `x-amz`", name.escape_debug()),
        )),
    }
}

fn region(name: &str, partition: Partition) -> Result<Region, Fault> {
    let fault = |why: String| Fault::at("spec.signedRequests.regions", why);
    let region: Region = name.parse().map_err(|_| fault(format!("`{}` is no region", name.escape_debug())))?;
    match region.partition() == partition {
        true => Ok(region),
        false => {
            Err(fault(format!("`{name}` is of partition `{}`, not `{}`", region.partition().name(), partition.name()))
                .hint("make a provider for each partition"))
        }
    }
}
