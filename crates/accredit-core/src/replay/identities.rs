//! Identities that were given, given again on the world as a change of managed configuration would make it.
//!
//! A record keeps the claims that its issuer's kind lists and the names of the others. Where the changed policy reads a claim
//! whose value was not kept, the answer is that it is not known, and never a guess. Times and uses are not judged again.

use accredit_id::json::Object;
use accredit_id::spiffe_id::SpiffeId;

use crate::decide::Held;
use crate::decide::issue::{Entrance, IdentityAsk, IssueDenial, IssueReason, JobFacts, identity};
use crate::model::{AllowedIssuer, Claim, Cluster, Id};
use crate::template::Attribute;
use crate::world::World;

/// An issuance as it was recorded.
#[derive(Clone, Copy)]
pub struct RecordedIdentity<'r> {
    /// The cluster.
    pub cluster: Id,
    /// By whom the job's token was issued.
    pub issuer: &'r str,
    /// For whom it was: its `aud`, where that was kept.
    pub audience: Option<&'r str>,
    /// On which way the job came.
    pub path: Entrance,
    /// Its claims, as far as they were kept.
    pub claims: &'r Object<'r>,
    /// The names of those that were not.
    pub left_out: &'r [String],
    /// Who it was.
    pub spiffe_id: &'r str,
}

/// What becomes of an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentityChange {
    /// It stays.
    Same,
    /// The same job is somebody else.
    Renamed(SpiffeId),
    /// The same job has no identity.
    Refused(IssueDenial),
    /// The changed policy reads a claim whose value was not kept.
    Unknown(String),
}

/// What becomes of an identity in another world.
pub fn identity_after(recorded: &RecordedIdentity<'_>, after: &World) -> IdentityChange {
    let refused = |denial: IssueDenial| IdentityChange::Refused(denial);
    let Some(resource) = after.by_id(recorded.cluster) else {
        return refused(IssueDenial::unknown_cluster(&recorded.cluster.to_string()));
    };
    let Some(cluster) = resource.as_cluster() else {
        return refused(IssueDenial::unknown_cluster(resource.name.as_str()));
    };
    let takes = |entry: &&AllowedIssuer| {
        recorded.audience.is_none_or(|audience| entry.provider.audiences.iter().any(|known| known == audience))
    };
    let Some(entry) = cluster.attestation.jwt.of_issuer(recorded.issuer).find(takes) else {
        return refused(IssueDenial::unknown_issuer(resource.name.as_str(), Some(recorded.issuer)));
    };
    if let Some(claim) =
        reads(cluster, entry).into_iter().find(|name| recorded.left_out.iter().any(|left| left == name))
    {
        return IdentityChange::Unknown(claim);
    }
    let job = JobFacts::typed_in(entry, recorded.claims, None);
    let ask = IdentityAsk { cluster: resource, path: recorded.path, wanted: &[], held: Held::default() };
    match identity(&ask, &job, after) {
        Ok(id) if id.as_str() == recorded.spiffe_id => IdentityChange::Same,
        Ok(id) => IdentityChange::Renamed(id),
        // These are told of a token, not of a policy, and a record keeps neither.
        Err(denial) if matches!(denial.reason, IssueReason::TokenIdMissing | IssueReason::ProofMissing) => {
            IdentityChange::Same
        }
        Err(denial) => IdentityChange::Refused(denial),
    }
}

/// The claims that decide who somebody is.
fn reads(cluster: &Cluster, entry: &AllowedIssuer) -> Vec<String> {
    let required = entry.required.iter().filter_map(|clause| match &clause.claim {
        Claim::Raw(name) => Some(name.to_string()),
        Claim::Derived(_) => None,
    });
    let issuance = &cluster.issuance;
    let policies = std::iter::once(&issuance.base).chain(issuance.overrides.iter().map(|entry| &entry.policy));
    let conditions = issuance.overrides.iter().flat_map(|entry| &entry.when).map(|when| &when.attribute);
    let attributes =
        conditions.chain(policies.flat_map(|policy| policy.path.iter().flat_map(|path| path.attributes())));
    let named = attributes.filter_map(|attribute| match attribute {
        Attribute::Claim(name) => Some(name.to_string()),
        _ => None,
    });
    required.chain(named).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use accredit_id::json::Json;
    use accredit_id::time::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::model::{Kind, yaml};
    use crate::plan::{self, Context};

    fn world(path: &str, required: &str) -> World {
        let text = format!(
            "kind: TrustDomain\nname: example.org\n---\nkind: Cluster\nname: build\nid: cl_00000000000000000000000001\nspec:\n  trustDomain: example.org\n  config:\n  \
             - {{section: WorkloadAttestation, schema: v1, spec: {{jwt: {{enabled: true, allowedIssuers: [{{issuer: 'https://idp.example.org', requiredClaims: {required}}}]}}}}}}\n  \
             - {{section: SVIDIssuancePolicy, schema: v1, spec: {{policy: {{pathTemplate: '{path}'}}}}}}\n"
        );
        let documents: Vec<_> = yaml::parse("t", &text).unwrap().into_iter().map(|located| located.document).collect();
        let now = Timestamp::from_unix(0);
        let context = Context { public_url: "https://a.example.org", reserved: &[], plain_http: false, now };
        plan::apply(&World::default(), &documents, false, &context, &mut || [7; 16]).unwrap().next
    }

    #[test]
    fn what_becomes_of_an_identity() {
        let Json::Object(claims) = Json::from(json!({"project": "77", "ref": "main"})) else { unreachable!() };
        let left_out = ["user".to_owned()];
        for (path, required, becomes) in [
            ("/{{cluster.name}}/{{jwt.claim.project}}", "{}", "same"),
            ("/{{cluster.name}}/p/{{jwt.claim.project}}", "{}", "spiffe://example.org/build/p/77"),
            ("/{{cluster.name}}/{{jwt.claim.project}}", "{ref: main}", "same"),
            ("/{{cluster.name}}/{{jwt.claim.project}}", "{ref: dev}", "claims-required"),
            ("/{{cluster.name}}/{{jwt.claim.group}}", "{}", "attribute-missing"),
            ("/{{cluster.name}}/{{jwt.claim.user}}", "{}", "unknown user"),
            ("/{{cluster.name}}/{{jwt.claim.project}}", "{user: olga}", "unknown user"),
        ] {
            let after = world(path, required);
            let cluster = after.find(Kind::Cluster, "build").unwrap().id;
            let recorded = RecordedIdentity {
                cluster,
                issuer: "https://idp.example.org",
                audience: None,
                path: Entrance::Direct,
                claims: &claims,
                left_out: &left_out,
                spiffe_id: "spiffe://example.org/build/77",
            };
            let seen = match identity_after(&recorded, &after) {
                IdentityChange::Same => "same".to_owned(),
                IdentityChange::Renamed(id) => id.to_string(),
                IdentityChange::Refused(denial) => denial.reason.code().to_owned(),
                IdentityChange::Unknown(claim) => format!("unknown {claim}"),
            };
            assert_eq!(seen, becomes, "{path} {required}");
            let elsewhere = RecordedIdentity { issuer: "https://other.example.org", ..recorded };
            assert!(
                matches!(identity_after(&elsewhere, &after), IdentityChange::Refused(denial) if denial.reason == IssueReason::IssuerNotAllowed)
            );
        }
    }
}
