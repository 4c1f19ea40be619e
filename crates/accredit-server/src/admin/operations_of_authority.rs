//! The routes of the admin API about trust domains and what belongs to them, rows like those of `operations`.

use super::operation::{Operation, PLAIN, TEXT};

/// Every one of them.
pub(super) const OPERATIONS_OF_AUTHORITY: &[Operation] = &[
    Operation {
        path: "/v1/trust-domain-status",
        id: "trustDomainStatus",
        summary: "How a trust domain is: where it is reached, how its keys live, and which it has.",
        query: &[("trustDomain", TEXT, "Name or id of the trust domain.")],
        answers: &[(200, "TrustDomainStatus")],
        ..PLAIN
    },
    Operation {
        path: "/v1/trust-domain-documents",
        id: "trustDomainDocuments",
        summary: "What a trust domain publishes, byte for byte, for whoever serves it elsewhere.",
        query: &[("trustDomain", TEXT, "Name or id of the trust domain.")],
        answers: &[(200, "TrustDomainDocuments")],
        ..PLAIN
    },
    Operation {
        path: "/v1/federation-bundle",
        id: "federationBundle",
        summary: "The bundle that a federation holds of its foreign trust domain. Fetches nothing.",
        query: &[("federation", TEXT, "Name or id of the federation.")],
        answers: &[(200, "FederationBundle")],
        ..PLAIN
    },
    Operation {
        method: "post",
        path: "/v1/federation-bundle/refresh",
        id: "refreshFederationBundle",
        summary: "Asks for a federation's bundle now, and says what came of it.",
        asks: Some("RefreshFederationRequest"),
        answers: &[(200, "FederationBundle")],
        ..PLAIN
    },
    Operation {
        path: "/v1/cluster-keys",
        id: "clusterKeys",
        summary: "How the keys are by which a cluster judges its jobs, issuer by issuer. Fetches nothing.",
        query: &[("cluster", TEXT, "Name or id of the cluster.")],
        answers: &[(200, "ClusterKeys")],
        ..PLAIN
    },
];
