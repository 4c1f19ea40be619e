//! Kubernetes: service account tokens that a pod finds in a projected volume, or that `TokenRequest` gives.
//!
//! What is worth matching lies inside of `kubernetes.io`, so the kind derives it. Every cluster is an issuer of its own,
//! but many call themselves `https://kubernetes.default.svc`: keys tell them apart, and callers name the one they mean.

use std::time::Duration;

use accredit_id::jose::Algorithms;

use super::{
    AttributeFact, Caches, ClaimFact, Guard, Pin, Pinning, ProviderKind, Shape, Standing, SubjectFormat,
    SubjectGrammar, attribute, claim,
};
use crate::model::Scalar;

mod starter;

pub use starter::Told;

/// A Kubernetes cluster, of whatever maker.
pub static KUBERNETES: ProviderKind = ProviderKind {
    name: "kubernetes",
    sentence: "a Kubernetes cluster: pods with a projected service account token",
    default_issuer: None,
    issuer_form: "https://k8s.example.org, as `kubectl get --raw /.well-known/openid-configuration` prints it",
    default_audiences: &[],
    claims: CLAIMS,
    attributes: ATTRIBUTES,
    anchors: &["sub"],
    tenancy: &["x.service_account_uid", "x.pod_uid"],
    pinning: Pinning {
        whose: "which service account it means",
        add: "add `sub: system:serviceaccount:NAMESPACE:NAME` or `x.service_account_uid: \"...\"` to match",
        by_id: "match `x.service_account_uid` beside the name: kubectl -n NAMESPACE get serviceaccount NAME -o jsonpath='{.metadata.uid}'",
    },
    narrow: &["sub"],
    subject: SubjectGrammar {
        formats: &[SubjectFormat { name: "service account", fits: is_service_account }],
        pins: subject_pins,
        without_ids: |_| None,
    },
    // A kubelet asks for an hour unless the volume says otherwise; clouds ask for a day.
    max_token_lifetime: Duration::from_secs(24 * 3600),
    algorithms: Algorithms::ASYMMETRIC,
    spiffe: false,
    caches: Caches::Always,
    dangers: &[
        "Whoever may make pods in a namespace can become every service account of it.",
        "A service account that is deleted and made again has the same name and another uid.",
        "A whole namespace, and its service account `default`, is every pod that asks for nothing better.",
        "Clusters that share the issuer `https://kubernetes.default.svc` differ by their keys alone: uploaded keys go stale when a cluster rotates.",
        "A token for the API server has its audience; one that is accepted here could be sent there, so ask for an audience of its own.",
        "The kubelet hands the same token out until it is due: `replay: once` would refuse honest pods.",
    ],
};

use Shape::Text;
use Standing::{Chosen, Circumstance, Permanent, Reassignable};

/// The subject says namespace and name; two namespaces may have accounts of one name. A namespace has no id in tokens, and
/// whoever may make accounts in it may make them anew, so what trusts a namespace pins nothing.
static ACCOUNT: Guard = Guard::exact("sub", "x.service_account_uid");

static CLAIMS: &[ClaimFact] = &[
    claim("aud", Circumstance, Shape::Any),
    claim("exp", Circumstance, Shape::Any),
    claim("iat", Circumstance, Shape::Any),
    claim("iss", Circumstance, Text),
    claim("jti", Circumstance, Text),
    claim("kubernetes.io", Permanent, Shape::Any),
    claim("nbf", Circumstance, Shape::Any),
    claim("sub", Reassignable, Text).guarded(&ACCOUNT),
];

static ATTRIBUTES: &[AttributeFact] = &[
    attribute("namespace", Reassignable, r#"assertion["kubernetes.io"].namespace"#),
    attribute("node", Circumstance, r#"assertion["kubernetes.io"].node.name"#),
    attribute("node_uid", Permanent, r#"assertion["kubernetes.io"].node.uid"#),
    attribute("pod", Chosen, r#"assertion["kubernetes.io"].pod.name"#),
    attribute("pod_uid", Permanent, r#"assertion["kubernetes.io"].pod.uid"#),
    attribute("service_account", Reassignable, r#"assertion["kubernetes.io"].serviceaccount.name"#).guarded(&ACCOUNT),
    attribute("service_account_uid", Permanent, r#"assertion["kubernetes.io"].serviceaccount.uid"#),
];

/// `system:serviceaccount:NAMESPACE:NAME`, neither of them empty.
fn is_service_account(subject: &str) -> bool {
    let parts = || {
        let (namespace, name) = subject.strip_prefix("system:serviceaccount:")?.split_once(':')?;
        Some(!namespace.is_empty() && !name.is_empty() && !name.contains(':'))
    };
    parts().unwrap_or(false)
}

/// One service account is named, and names can be made again. A namespace, or a part of a name, is everybody in it.
fn subject_pins(expected: &Scalar) -> Pin {
    match expected {
        Scalar::Text(text) if is_service_account(text) => Pin::ByName,
        _ => Pin::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// TP067: a namespace is no service account.
    #[test]
    fn one_service_account_pins_and_a_namespace_does_not() {
        for (expected, pin) in [
            (Scalar::Text("system:serviceaccount:ml:worker".into()), Pin::ByName),
            (Scalar::Text("system:serviceaccount:ml:".into()), Pin::Open),
            (Scalar::Text("system:node:n1".into()), Pin::Open),
            (Scalar::Prefix("system:serviceaccount:ml:".into()), Pin::Open),
            (Scalar::Prefix("system:serviceaccount:ml:work".into()), Pin::Open),
            (Scalar::Prefix("system:serviceaccount:".into()), Pin::Open),
        ] {
            assert_eq!((KUBERNETES.subject.pins)(&expected), pin, "{expected}");
        }
    }
}
