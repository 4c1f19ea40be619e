//! Microsoft Entra ID: tokens of managed identities and service principals, in either version.
//!
//! Version 1 has the issuer `https://sts.windows.net/TENANT/` and names the client in `appid`, version 2 has
//! `https://login.microsoftonline.com/TENANT/v2.0` and `azp`. All tenants are signed for with the same keys, so that the
//! issuer and `tid` are all that tells them apart.

use std::time::Duration;

use accredit_id::jose::Algorithms;

use super::{
    AttributeFact, Caches, ClaimFact, Guard, Pin, Pinning, ProviderKind, Shape, Standing, SubjectFormat,
    SubjectGrammar, attribute, claim, unrecorded,
};

mod starter;

pub use starter::Told;

/// Microsoft Entra ID.
pub static AZURE: ProviderKind = ProviderKind {
    name: "azure",
    sentence: "Microsoft Entra: a managed identity or service principal",
    default_issuer: None,
    issuer_form: "https://sts.windows.net/TENANT/ (version 1) or https://login.microsoftonline.com/TENANT/v2.0",
    default_audiences: &[],
    claims: CLAIMS,
    attributes: ATTRIBUTES,
    anchors: &["oid", "azp", "appid", "sub"],
    tenancy: &["tid"],
    pinning: Pinning {
        whose: "the tenant",
        add: "add `tid: \"...\"`, the tenant of the issuer, to match",
        by_id: "match `tid` and `oid`",
    },
    narrow: &["oid"],
    subject: SubjectGrammar {
        formats: &[
            SubjectFormat { name: "object id", fits: is_uuid },
            SubjectFormat { name: "pairwise", fits: is_pairwise },
        ],
        pins: |_| Pin::Open,
        without_ids: |_| None,
    },
    // Managed identities get tokens of 24 hours, and some minutes.
    max_token_lifetime: Duration::from_secs(25 * 3600),
    algorithms: Algorithms::ASYMMETRIC,
    spiffe: false,
    caches: Caches::Always,
    dangers: &[
        "All tenants are signed for with the same keys: with the issuer of another tenant, or of none (`common`), anybody could come.",
        "Any principal of the tenant can ask for a token with an audience of the tenant: match `oid`.",
        "`appid` and `azp` name the client in one version each: match `x.client_id`.",
        "`upn`, `email`, `preferred_username` and `name` can be changed and given to others, and nobody need have verified them.",
        "A user-assigned managed identity can be put on any machine by whoever may assign it.",
        "The metadata service hands the same token out for most of a day: `replay: once` would refuse honest callers.",
    ],
};

use Shape::Text;
use Standing::{Circumstance, Permanent, Reassignable};

static UPN: Guard = Guard::alone("upn", "oid");
static USERNAME: Guard = Guard::alone("preferred_username", "oid");
static UNIQUE_NAME: Guard = Guard::alone("unique_name", "oid");
static RESOURCE: Guard = Guard::alone("xms_mirid", "oid");

static CLAIMS: &[ClaimFact] = &[
    claim("acr", Circumstance, Text),
    unrecorded("aio", Circumstance, Text),
    claim("app_displayname", Reassignable, Text),
    claim("appid", Permanent, Text),
    claim("appidacr", Circumstance, Text),
    claim("aud", Circumstance, Shape::Any),
    claim("azp", Permanent, Text),
    claim("azpacr", Circumstance, Text),
    unrecorded("email", Reassignable, Text),
    claim("exp", Circumstance, Shape::Any),
    claim("groups", Permanent, Shape::Any),
    claim("iat", Circumstance, Shape::Any),
    claim("idp", Circumstance, Text),
    claim("idtyp", Circumstance, Text),
    claim("iss", Circumstance, Text),
    unrecorded("name", Reassignable, Text),
    claim("nbf", Circumstance, Shape::Any),
    claim("oid", Permanent, Text),
    unrecorded("preferred_username", Reassignable, Text).guarded(&USERNAME),
    unrecorded("rh", Circumstance, Text),
    claim("roles", Reassignable, Shape::Any),
    claim("scp", Reassignable, Text),
    claim("sub", Permanent, Text),
    claim("tid", Permanent, Text),
    unrecorded("unique_name", Reassignable, Text).guarded(&UNIQUE_NAME),
    unrecorded("upn", Reassignable, Text).guarded(&UPN),
    unrecorded("uti", Circumstance, Text),
    claim("ver", Circumstance, Text),
    claim("wids", Permanent, Shape::Any),
    unrecorded("xms_ftd", Circumstance, Text),
    claim("xms_idrel", Circumstance, Text),
    claim("xms_mirid", Reassignable, Text).guarded(&RESOURCE),
    unrecorded("xms_rd", Circumstance, Text),
];

static ATTRIBUTES: &[AttributeFact] =
    &[attribute("client_id", Permanent, "has(assertion.azp) ? assertion.azp : assertion.appid")];

use super::starter::is_uuid;

/// What Entra makes for each person and client: 43 characters of base64url.
fn is_pairwise(subject: &str) -> bool {
    subject.len() == 43 && subject.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_of_machines_are_object_ids() {
        assert_eq!(AZURE.subject_format("5c1e8a30-3b6f-4d0e-9a55-0c1d2e3f4a5b"), Some("object id"));
        assert_eq!(AZURE.subject_format("k3Zq9pN0yB2m7cX4vL8tW1sD6fH5jR-aQeUiOoPpAz0"), Some("pairwise"));
        assert_eq!(AZURE.subject_format("5c1e8a303b6f4d0e9a550c1d2e3f4a5b"), None);
    }
}
