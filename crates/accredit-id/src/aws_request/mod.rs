//! A signed AWS request, shown as a proof: `GetCallerIdentity`, signed (Signature Version 4) and not yet sent.
//!
//! Whoever holds AWS credentials signs it: an AWS SDK in the workload, `spiral`, Google's libraries. Whoever checks it
//! (`accredit_core::evidence::aws_request`) hands it to AWS' own token service, which alone can verify the signature and
//! says whose it is. A request that somebody else wrote is not sent on as it came: what is read here is the one shape that
//! is understood, and the request that is sent is written anew from it.
//!
//! A signed request proves identity to whoever receives it, so it has to say who that is meant to be: exactly one header
//! beside AWS' own must be among the signed ones, and its value is the receiver's domain.

mod read;
mod region;

pub use read::{AwsRequestFault, Parts, Sent};
pub use region::{Endpoint, Partition, Region};

use crate::time::Timestamp;

/// A signed `GetCallerIdentity` request: one shape, nothing free but the values of its headers.
///
/// `Debug` shows neither the session token nor the signature.
pub struct AwsRequest {
    region: Region,
    host: Host,
    placement: Placement,
    access_key_id: String,
    signed_at: Timestamp,
    /// `x-amz-date` as it was signed.
    date: String,
    /// In the order of `SignedHeaders`, which is sorted.
    signed: Vec<SignedHeader>,
    domain_header: usize,
    signature: String,
}

/// A header that the signature covers.
pub struct SignedHeader {
    /// Its name, lower case.
    pub name: String,
    /// Its value; `None` where the sender left out what the receiver knows: its own domain.
    pub value: Option<String>,
}

/// Which of a partition's endpoints the request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// `sts.amazonaws.com`, which is in us-east-1.
    Global,
    /// One of the region in the credential scope.
    Regional(Endpoint),
}

/// Where the action stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// In the body, as AWS SDKs have it.
    Body,
    /// In the query, with an empty body, as Google's libraries have it.
    Query,
}

/// The one action that is understood.
pub const ACTION: &str = "Action=GetCallerIdentity&Version=2011-06-15";
/// The longest request that is read, in bytes.
pub const MAX_BYTES: usize = 16 * 1024;

// === impl AwsRequest ===

impl AwsRequest {
    /// The region of its credential scope.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// The host that it is signed for.
    pub fn host(&self) -> String {
        match self.host {
            Host::Global => "sts.amazonaws.com".to_owned(),
            Host::Regional(endpoint) => self.region.host_of(endpoint),
        }
    }

    /// Where its action stands.
    pub fn placement(&self) -> Placement {
        self.placement
    }

    /// Whose key signed it, as it says; an id, no secret.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// When it was signed, as it says.
    pub fn signed_at(&self) -> Timestamp {
        self.signed_at
    }

    /// The signed header that names who may receive it, and its value where it was sent along.
    pub fn domain(&self) -> (&str, Option<&str>) {
        let header = &self.signed[self.domain_header];
        (&header.name, header.value.as_deref())
    }

    /// Every signed header.
    pub fn signed(&self) -> &[SignedHeader] {
        &self.signed
    }

    /// The signature, 64 hexadecimal digits. Whoever has it and the rest can be taken for the signer.
    pub fn signature(&self) -> &str {
        &self.signature
    }

    /// The `Authorization` header, written anew.
    pub fn authorization(&self) -> String {
        let names: Vec<_> = self.signed.iter().map(|header| header.name.as_str()).collect();
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{}/{}/sts/aws4_request, SignedHeaders={}, Signature={}",
            self.access_key_id,
            &self.date[..8],
            self.region,
            names.join(";"),
            self.signature
        )
    }
}

impl std::fmt::Debug for AwsRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AwsRequest")
            .field("region", &self.region)
            .field("access_key_id", &self.access_key_id)
            .field("signed_at", &self.signed_at)
            .finish_non_exhaustive()
    }
}
