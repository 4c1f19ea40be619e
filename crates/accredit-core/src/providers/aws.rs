//! AWS: tokens of `GetWebIdentityToken`, whose issuer is an account's own.
//!
//! They say the account by its permanent number and the role by its ARN; the role's permanent id (`AROA...`) stands in none.

use std::time::Duration;

use accredit_id::jose::Algorithms;

use super::{
    AttributeFact, Caches, ClaimFact, Pin, Pinning, ProviderKind, Shape, Standing, SubjectFormat, SubjectGrammar,
    attribute, claim, unrecorded,
};
use crate::model::Scalar;

mod starter;

pub use starter::Told;

/// IAM roles and users of AWS.
pub static AWS: ProviderKind = ProviderKind {
    name: "aws",
    sentence: "AWS: an IAM role with a web identity token",
    default_issuer: None,
    issuer_form: "https://ID.tokens.sts.global.api.aws",
    default_audiences: &[],
    claims: CLAIMS,
    attributes: ATTRIBUTES,
    anchors: &["sub"],
    tenancy: &["x.account_id", "x.org_id"],
    pinning: Pinning {
        whose: "whose role it means",
        add: "add `x.account_id: \"...\"` to match, and `sub` beside it",
        by_id: "match `x.account_id` beside the name: aws sts get-caller-identity --query Account",
    },
    narrow: &["sub"],
    subject: SubjectGrammar {
        formats: &[SubjectFormat { name: "role", fits: is_role }, SubjectFormat { name: "user", fits: is_user }],
        pins: subject_pins,
        without_ids: |_| None,
    },
    max_token_lifetime: Duration::from_secs(3600),
    algorithms: Algorithms::ASYMMETRIC,
    spiffe: false,
    caches: Caches::Never,
    dangers: &[
        "Without a role, every role and user of the account that may call `sts:GetWebIdentityToken` is trusted.",
        "A role that is deleted and made again has the same ARN and another id; tokens tell the ARN alone.",
        "Whoever may assume the role is the role.",
        "`request_tags` are what the caller wrote; `principal_tags` are what whoever may tag the role wrote.",
        "A role of IAM Identity Center has a random suffix in its name, and changes it when it is made anew.",
    ],
};

use Shape::Text;
use Standing::{Circumstance, Permanent, Reassignable};

static CLAIMS: &[ClaimFact] = &[
    claim("aud", Circumstance, Shape::Any),
    claim("exp", Circumstance, Shape::Any),
    unrecorded("https://sts.amazonaws.com/", Reassignable, Shape::Any),
    claim("iat", Circumstance, Shape::Any),
    claim("iss", Circumstance, Text),
    claim("jti", Circumstance, Text),
    claim("nbf", Circumstance, Shape::Any),
    claim("sub", Reassignable, Text),
];

static ATTRIBUTES: &[AttributeFact] = &[
    attribute("account_id", Permanent, r#"assertion["https://sts.amazonaws.com/"].aws_account"#),
    attribute("org_id", Permanent, r#"assertion["https://sts.amazonaws.com/"].org_id"#),
    attribute("ou_path", Reassignable, r#"assertion["https://sts.amazonaws.com/"].ou_path"#),
    attribute("source_function", Reassignable, r#"assertion["https://sts.amazonaws.com/"].lambda_source_function_arn"#),
    attribute("source_region", Circumstance, r#"assertion["https://sts.amazonaws.com/"].source_region"#),
];

/// `arn:PARTITION:iam::ACCOUNT:TYPE/PATH`, the path not empty.
fn resource(subject: &str) -> Option<(&str, &str)> {
    let rest = subject.strip_prefix("arn:aws").filter(|rest| rest.starts_with(":") || rest.starts_with("-"))?;
    let (partition, rest) = rest.split_once(":iam::")?;
    let (account, resource) = rest.split_once(':')?;
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let (kind, path) = resource.split_once('/')?;
    (is_account && !partition.contains(':') && !path.is_empty()).then_some((kind, path))
}

fn is_role(subject: &str) -> bool {
    resource(subject).is_some_and(|(kind, path)| kind == "role" && !path.ends_with('/'))
}

fn is_user(subject: &str) -> bool {
    resource(subject).is_some_and(|(kind, path)| kind == "user" && !path.ends_with('/'))
}

/// An ARN pins the account, whose number is never given to another one, once it goes past `role/` or `user/`.
fn subject_pins(expected: &Scalar) -> Pin {
    match expected {
        Scalar::Text(text) if is_role(text) || is_user(text) => Pin::Permanent,
        Scalar::Prefix(text) if resource(text).is_some_and(|(kind, _)| matches!(kind, "role" | "user")) => {
            Pin::Permanent
        }
        _ => Pin::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F20: accounts, roots and paths are told apart exactly.
    #[test]
    fn arns_are_read_exactly() {
        for (subject, format) in [
            ("arn:aws:iam::123456789012:role/deploy", Some("role")),
            ("arn:aws-us-gov:iam::123456789012:role/ci/deploy", Some("role")),
            (
                "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef",
                Some("role"),
            ),
            ("arn:aws:iam::123456789012:user/ada", Some("user")),
            ("arn:aws:iam::123456789012:root", None),
            ("arn:aws:iam::12345678901:role/deploy", None),
            ("arn:aws:iam::1234567890123:role/deploy", None),
            ("arn:aws:iam::123456789012:role/", None),
            ("arn:aws:iam::123456789012:role", None),
            ("arn:aws:sts::123456789012:assumed-role/deploy/s", None),
            ("arn:awsome:iam::123456789012:role/deploy", None),
        ] {
            assert_eq!(AWS.subject_format(subject), format, "{subject}");
        }
        for (prefix, pin) in [
            ("arn:aws:iam::123456789012:role/ci/", Pin::Permanent),
            ("arn:aws:iam::123456789012:role/", Pin::Open),
            ("arn:aws:iam::123456789012:", Pin::Open),
            ("arn:aws:iam::1234", Pin::Open),
        ] {
            assert_eq!((AWS.subject.pins)(&Scalar::Prefix(prefix.into())), pin, "{prefix}");
        }
    }
}
