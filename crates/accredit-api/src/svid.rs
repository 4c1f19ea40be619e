//! `/v1/svid`: a job's token in, SVIDs out.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A request for SVIDs. One of them may stand in it by itself; several stand in `svids`, under one proof.
#[derive(Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SvidRequest {
    /// The cluster, by name or id.
    pub cluster: String,
    /// The job's token, as its platform gave it. Secret: `Debug` does not show it.
    pub token: String,
    /// What is wanted, 1 to 64 of them; all or none are issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub svids: Option<Vec<Wanted>>,
    /// In place of `svids`: `jwt` or `x509`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<SvidType>,
    /// As in [`Wanted`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<Vec<String>>,
    /// As in [`Wanted`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<u64>,
    /// As in [`Wanted`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csr: Option<String>,
}

/// One SVID that is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Which kind.
    #[serde(rename = "type")]
    pub kind: SvidType,
    /// For `jwt`: whom it is for, as a rule one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<Vec<String>>,
    /// Seconds that it is to live, at least 1; shorter than policy gives, never longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<u64>,
    /// For `x509`: a certification request (RFC 2986) in PEM, at most 16 KiB. Whatever names it has, policy gives the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csr: Option<String>,
}

/// A kind of SVID.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum SvidType {
    /// A JWT-SVID.
    #[default]
    Jwt,
    /// An X509-SVID.
    X509,
}

/// A request of an operator, who mints for a test where the cluster's policy lets him.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MintRequest {
    /// The cluster, by name or id.
    pub cluster: String,
    /// The path of the SPIFFE ID, with its leading slash.
    pub path: String,
    /// What is wanted, 1 to 64 of them.
    pub svids: Vec<Wanted>,
    /// Why, for the log: 1 to 1000 characters.
    pub reason: String,
}

/// What was issued.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SvidResponse {
    /// Whose all of them are.
    pub spiffe_id: String,
    /// The decision to ask an operator about: `dec_` and 32 hexadecimal digits.
    pub decision_id: String,
    /// One for each that was wanted, in that order.
    pub svids: Vec<Issued>,
    /// The trust domain's SPIFFE bundle; there with an X509-SVID, whose holder needs it to judge others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub bundle: Option<Value>,
}

/// One SVID that was issued.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Issued {
    /// Which kind.
    #[serde(rename = "type")]
    pub kind: SvidType,
    /// The token, or the chain of certificates in PEM, leaf first. Secret where it is a token: `Debug` shows neither.
    pub svid: String,
    /// When it ends, Unix seconds.
    pub expires_at: i64,
}

impl std::fmt::Debug for SvidRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SvidRequest")
            .field("cluster", &self.cluster)
            .field("token", &"[redacted]")
            .field("svids", &self.svids)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issued")
            .field("kind", &self.kind)
            .field("svid", &"[redacted]")
            .field("expires_at", &self.expires_at)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No secret shows, and a member that nobody knows is no request.
    #[test]
    fn requests_are_strict_and_silent() {
        let read = |text: &str| serde_json::from_str::<SvidRequest>(text);
        let good = r#"{"cluster":"build","token":"very.secret.token","type":"jwt","audience":["https://a"]}"#;
        assert!(read(good).is_ok_and(|request| !format!("{request:?}").contains("secret")));
        for bad in [
            r#"{"cluster":"build","token":"a","audiences":["https://a"]}"#,
            r#"{"cluster":"build","token":"a","svids":[{"type":"jwt","aud":["https://a"]}]}"#,
            r#"{"cluster":"build","token":"a","svids":[{"type":"wit"}]}"#,
            r#"{"cluster":"build","token":"a","svids":[{"audience":["https://a"]}]}"#,
            r#"{"cluster":"build","token":"a","lifetime":-1}"#,
            r#"{"cluster":"build","token":"a","lifetime":1.5}"#,
            r#"{"cluster":"build","token":"a","audience":"https://a"}"#,
            r#"{"cluster":"build","cluster":"other","token":"a"}"#,
            r#"{"cluster":"build"}"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        let issued = Issued { kind: SvidType::Jwt, svid: "very.secret.token".to_owned(), expires_at: 0 };
        assert!(!format!("{issued:?}").contains("secret"));
    }
}
