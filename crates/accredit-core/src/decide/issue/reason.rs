//! Why an identity was refused: stable codes, and the operator's text beside them.

use accredit_id::shown::Shown;

use crate::template::RenderFault;

/// A reason that policy has to refuse an identity, in the order of the road. The code is public, documented and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IssueReason {
    /// No cluster is called so.
    ClusterUnknown,
    /// The cluster, or its trust domain, is disabled.
    ClusterDisabled,
    /// None, or too many, are asked for at once.
    SvidsTooMany,
    /// Tokens of this issuer attest no job in the cluster.
    IssuerNotAllowed,
    /// Many share the issuer, nothing says whose tokens are meant, and the job came without an agent (L27).
    TenantNotPinned,
    /// The job's token is bound to a key, and nothing proves that its presenter holds it.
    ProofMissing,
    /// A claim is not what `requiredClaims` says.
    ClaimsRequired,
    /// A one-time use was asked of a token that has no `jti`.
    TokenIdMissing,
    /// The policy says no path.
    PathMissing,
    /// What the policy reads is not there.
    AttributeMissing,
    /// What the policy reads does not fit where it is to stand.
    AttributeUnfit,
    /// A JWT-SVID is asked for without an audience.
    AudienceRequired,
    /// The audience is this server's own.
    AudienceReserved,
    /// The policy does not allow the audience, or so many of them.
    AudienceNotAllowed,
    /// The job's token ends too soon for an SVID to be of use.
    TooLittleTimeLeft,
    /// Operators may not mint this identity.
    OperatorNotAllowed,
}

/// A refusal: its reason, and a sentence for the operator. It has no `Display`, so that the sentence cannot slip into an
/// answer to the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueDenial {
    /// Why.
    pub reason: IssueReason,
    /// Seen and expected, for the operator alone.
    pub operator: String,
    /// At most one action.
    pub hint: Option<String>,
}

// === impl IssueReason ===

impl IssueReason {
    /// Every reason.
    pub const ALL: [IssueReason; 16] = [
        IssueReason::ClusterUnknown,
        IssueReason::ClusterDisabled,
        IssueReason::SvidsTooMany,
        IssueReason::IssuerNotAllowed,
        IssueReason::TenantNotPinned,
        IssueReason::ProofMissing,
        IssueReason::ClaimsRequired,
        IssueReason::TokenIdMissing,
        IssueReason::PathMissing,
        IssueReason::AttributeMissing,
        IssueReason::AttributeUnfit,
        IssueReason::AudienceRequired,
        IssueReason::AudienceReserved,
        IssueReason::AudienceNotAllowed,
        IssueReason::TooLittleTimeLeft,
        IssueReason::OperatorNotAllowed,
    ];

    /// The operator's code.
    pub const fn code(self) -> &'static str {
        match self {
            IssueReason::ClusterUnknown => "cluster-unknown",
            IssueReason::ClusterDisabled => "cluster-disabled",
            IssueReason::SvidsTooMany => "svids-too-many",
            IssueReason::IssuerNotAllowed => "issuer-not-allowed",
            IssueReason::TenantNotPinned => "tenant-not-pinned",
            IssueReason::ProofMissing => "proof-missing",
            IssueReason::ClaimsRequired => "claims-required",
            IssueReason::TokenIdMissing => "jti-missing",
            IssueReason::PathMissing => "path-missing",
            IssueReason::AttributeMissing => "attribute-missing",
            IssueReason::AttributeUnfit => "attribute-unfit",
            IssueReason::AudienceRequired => "audience-required",
            IssueReason::AudienceReserved => "audience-reserved",
            IssueReason::AudienceNotAllowed => "audience-not-allowed",
            IssueReason::TooLittleTimeLeft => "too-little-time-left",
            IssueReason::OperatorNotAllowed => "operator-not-allowed",
        }
    }

    /// The caller's code. Which clusters there are, and what they ask of a job, he does not learn.
    pub const fn caller_code(self) -> &'static str {
        match self {
            IssueReason::ClusterUnknown
            | IssueReason::ClusterDisabled
            | IssueReason::IssuerNotAllowed
            | IssueReason::TenantNotPinned
            | IssueReason::ClaimsRequired
            | IssueReason::PathMissing
            | IssueReason::AttributeMissing
            | IssueReason::AttributeUnfit => "identity-not-allowed",
            IssueReason::SvidsTooMany
            | IssueReason::ProofMissing
            | IssueReason::TokenIdMissing
            | IssueReason::AudienceRequired
            | IssueReason::AudienceReserved
            | IssueReason::AudienceNotAllowed
            | IssueReason::TooLittleTimeLeft
            | IssueReason::OperatorNotAllowed => self.code(),
        }
    }

    /// What the caller is told.
    pub const fn caller_sentence(self) -> &'static str {
        match self {
            IssueReason::ClusterUnknown
            | IssueReason::ClusterDisabled
            | IssueReason::IssuerNotAllowed
            | IssueReason::TenantNotPinned
            | IssueReason::ClaimsRequired
            | IssueReason::PathMissing
            | IssueReason::AttributeMissing
            | IssueReason::AttributeUnfit => "the cluster gives this token no identity",
            IssueReason::SvidsTooMany => "the request must ask for 1 to 64 SVIDs",
            IssueReason::ProofMissing => "the token is bound to a key, and no proof of that key was shown",
            IssueReason::TokenIdMissing => "the token has no jti, which the cluster requires",
            IssueReason::AudienceRequired => "a JWT-SVID needs an audience",
            IssueReason::AudienceReserved => "the audience asked for is reserved",
            IssueReason::AudienceNotAllowed => "an audience asked for is not allowed, or there are too many of them",
            IssueReason::TooLittleTimeLeft => "the token ends too soon",
            IssueReason::OperatorNotAllowed => "operators may not mint this identity",
        }
    }
}

// === impl IssueDenial ===

impl IssueDenial {
    pub(super) fn new(reason: IssueReason, operator: impl Into<String>) -> Self {
        Self { reason, operator: operator.into(), hint: None }
    }

    /// The same with an action.
    #[must_use]
    pub fn hint(self, action: impl Into<String>) -> Self {
        Self { hint: Some(action.into()), ..self }
    }

    /// The refusal of a request that names a cluster which does not exist.
    pub fn unknown_cluster(name: &str) -> Self {
        Self::new(IssueReason::ClusterUnknown, format!("cluster `{}` does not exist", Shown::of(name)))
    }

    /// The refusal of a token whose issuer a cluster does not list.
    pub fn unknown_issuer(cluster: &str, issuer: Option<&str>) -> Self {
        let issuer = issuer.map_or_else(|| "absent".to_owned(), |issuer| format!("`{}`", Shown::of(issuer)));
        let told = format!("issuer is {issuer}, which attests no job in cluster `{}`", Shown::of(cluster));
        Self::new(IssueReason::IssuerNotAllowed, told)
            .hint("add it to `jwt.allowedIssuers` of its WorkloadAttestation, and `enabled: true`")
    }

    /// What a template of a policy cannot be filled with.
    pub(super) fn unfit(fault: &RenderFault, policy: &str, field: &str) -> Self {
        let reason = match fault {
            RenderFault::Absent { .. } => IssueReason::AttributeMissing,
            RenderFault::Unfit { .. } | RenderFault::Whole { .. } => IssueReason::AttributeUnfit,
        };
        let told = format!("policy `{policy}`, {field}: {}", fault.operator_text());
        Self { hint: fault.hint_text(), ..Self::new(reason, told) }
    }
}
