//! AWS, by signed requests: what AWS' token service says of whoever signed one.
//!
//! A provider of type `aws` with `signedRequests` is of this kind. Its claims have nothing in common with those of AWS'
//! web identity tokens, which are the kind that the list of kinds names `aws`.

use std::time::Duration;

use accredit_id::jose::Algorithms;

use super::{Caches, ClaimFact, Pin, Pinning, ProviderKind, Shape, Standing, SubjectGrammar, claim};

/// Signed `GetCallerIdentity` requests.
pub static AWS_SIGNED: ProviderKind = ProviderKind {
    name: "aws",
    sentence: "AWS: a signed GetCallerIdentity request with our domain among its signed headers",
    default_issuer: None,
    issuer_form: "",
    default_audiences: &[],
    claims: CLAIMS,
    attributes: &[],
    anchors: &["role_id", "arn", "account_id", "role_name", "user_id"],
    tenancy: &["account_id", "role_id", "arn", "user_id"],
    pinning: Pinning {
        whose: "whose role it means",
        add: "add `account_id: \"...\"` to match, and `role_id` or `role_name` beside it",
        by_id: "match `account_id` or `role_id` beside the name: aws iam get-role --role-name NAME --query Role.RoleId",
    },
    narrow: &["role_id", "role_name"],
    subject: SubjectGrammar { formats: &[], pins: |_| Pin::Open, without_ids: |_| None },
    max_token_lifetime: Duration::from_secs(300),
    algorithms: Algorithms::ASYMMETRIC,
    spiffe: false,
    caches: Caches::Never,
    dangers: &[
        "Every AWS account can sign such a request: a mapping without `account_id` trusts a role's name in all of them.",
        "A role that is deleted and made again keeps its name and gets another `role_id`.",
        "`account_id` alone admits every role, user and the root of the account.",
        "The name of a session is chosen by whoever assumes the role; on EC2 it is the id of the instance.",
        "Whoever may send a signed request elsewhere first can show it here for as long as it is fresh, once.",
    ],
};

use Shape::Text;
use Standing::{Chosen, Circumstance, Permanent, Reassignable};

static CLAIMS: &[ClaimFact] = &[
    claim("account_id", Permanent, Text),
    claim("arn", Reassignable, Text),
    claim("exp", Circumstance, Shape::Any),
    claim("iat", Circumstance, Shape::Any),
    claim("iss", Circumstance, Text),
    claim("jti", Circumstance, Text),
    claim("region", Chosen, Text),
    claim("role_id", Permanent, Text),
    claim("role_name", Reassignable, Text),
    claim("session_name", Chosen, Text),
    claim("user_id", Permanent, Text),
];
