//! Providers: identity providers whose tokens are accepted.

use std::collections::BTreeMap;
use std::sync::Arc;

use accredit_id::jose::{Algorithm, Algorithms};
use accredit_id::trust_domain::TrustDomain;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::{Id, Lifetime, Login, LoginSpec, Replay, SignedRequests, SignedRequestsSpec};
use crate::expr::Program;
use crate::providers::ProviderKind;

/// `spec` of a `Provider`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProviderSpec {
    /// The kind: `github`, `kubernetes`, `oidc`, ...
    #[serde(rename = "type")]
    pub kind: String,
    /// The `iss` of its tokens, compared byte for byte. Never changes. For kind `spiffe`: the `iss` that its JWT-SVIDs may
    /// bear, where the authority writes one (SPIRE's `jwt_issuer`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// For kind `spiffe`, instead of an issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust_domain: Option<String>,
    /// Which `aud` its tokens must bear; absent means this server's public URL, or what the kind's platform fixes, or none
    /// where people log in by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audiences: Option<Vec<String>>,
    /// Where its keys come from; absent means discovery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<KeysSpec>,
    /// Beside uploaded keys: the set that its issuer will change over to. Its keys count already.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub next_keys: Option<Value>,
    /// For kind `aws`, instead of tokens: accepts requests that are signed with AWS credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_requests: Option<SignedRequestsSpec>,
    /// Derived values that mappings match as `x.NAME`, each a CEL expression over `assertion`. No name that the kind derives
    /// already.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// Signature algorithms accepted; absent means what the kind says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithms: Option<Vec<String>>,
    /// `exp - iat` of its tokens at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_token_lifetime: Option<Lifetime>,
    /// `now - iat` of its tokens at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_token_age: Option<Lifetime>,
    /// Clock difference forgiven for `nbf` and `iat`, 60 seconds at most; never for `exp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leeway: Option<Lifetime>,
    /// Accepts tokens with further audiences beside ours.
    #[serde(default, skip_serializing_if = "is_false")]
    pub many_audiences: bool,
    /// Accepts tokens without `kid` while the key set has exactly one key.
    #[serde(default, skip_serializing_if = "is_false")]
    pub key_id_optional: bool,
    /// Callers must name this provider; two of the same issuer may then exist.
    #[serde(default, skip_serializing_if = "is_false")]
    pub only_named: bool,
    /// How administrators log in by it; absent means that they do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<LoginSpec>,
    /// Claims whose values the audit log keeps, beside the kind's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audit: Vec<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// The form of a key set or bundle is judged when it is parsed; that it is an object is said where it stands.
pub(super) fn object<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Ok(Option::<Map<String, Value>>::deserialize(deserializer)?.map(Value::Object))
}

/// Where a provider's keys come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum KeysSpec {
    /// The issuer's discovery document (OpenID Connect Discovery 1.0 section 4).
    Discovery(DiscoverySpec),
    /// A key set at this URL (RFC 7517 section 5).
    JwksUrl(String),
    /// This key set. Private members are refused.
    Uploaded(Value),
    /// For kind `spiffe`: the trust domain's bundle endpoint, known by a certificate of the web.
    SpiffeBundle(SpiffeBundleSpec),
    /// For kind `spiffe`: a trust domain of ours, by name or id. Its keys are read here, nothing is fetched.
    TrustDomain(String),
    /// For kind `spiffe`: whatever this federation holds, by name or id.
    Federation(String),
}

/// Where a trust domain's bundle lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SpiffeBundleSpec {
    /// The URL of the bundle document.
    pub url: String,
}

/// How a provider is discovered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DiscoverySpec {
    /// Where the document lies, when not under the issuer; its `issuer` must still be the provider's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A provider.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Its kind.
    pub kind: &'static ProviderKind,
    /// The `iss` of its tokens; `spiffe://TRUST-DOMAIN` for kind `spiffe`.
    pub issuer: String,
    /// For kind `spiffe`.
    pub trust_domain: Option<TrustDomain>,
    /// For kind `spiffe`: the `iss` that its JWT-SVIDs may bear beside none.
    pub jwt_issuer: Option<String>,
    /// Which `aud` its tokens must bear.
    pub audiences: Vec<String>,
    /// Where its keys come from.
    pub keys: KeysSpec,
    /// The trust domain of ours or the federation whose keys count, where its keys are one's.
    pub keys_of: Option<Id>,
    /// Beside uploaded keys: the set that its issuer will change over to.
    pub next_keys: Option<Value>,
    /// What it accepts of signed requests; no tokens then.
    pub signed_requests: Option<SignedRequests>,
    /// Derived values, by name: the kind's, then its own.
    pub attributes: Vec<(Arc<str>, Arc<Program>)>,
    /// Signature algorithms accepted.
    pub algorithms: Algorithms,
    /// `exp - iat` at most.
    pub max_token_lifetime: Lifetime,
    /// `now - iat` at most.
    pub max_token_age: Option<Lifetime>,
    /// Forgiven for `nbf` and `iat`.
    pub leeway: Lifetime,
    /// Whether further audiences are accepted.
    pub many_audiences: bool,
    /// Whether a token may lack `kid`.
    pub key_id_optional: bool,
    /// Whether callers must name it.
    pub only_named: bool,
    /// How administrators log in by it, if they do.
    pub login: Option<Login>,
    /// Claims whose values the audit log keeps, beside the kind's own.
    pub audit: Vec<String>,
}

impl Provider {
    /// Leeway of a provider that names none.
    pub const DEFAULT_LEEWAY: Lifetime = Lifetime::from_secs(30);
    /// The most leeway that a provider may ask for.
    pub const MAX_LEEWAY: Lifetime = Lifetime::from_secs(60);

    /// Whether the audit log keeps this claim's value.
    pub fn audits(&self, claim: &str) -> bool {
        self.kind.claim(claim).is_some_and(|fact| fact.audited) || self.audit.iter().any(|name| name == claim)
    }

    /// The uploaded set with what is staged beside it, as one JWK Set; `None` where keys are fetched.
    pub fn uploaded_keys(&self) -> Option<Value> {
        let KeysSpec::Uploaded(current) = &self.keys else { return None };
        Some(self.next_keys.as_ref().map_or_else(|| current.clone(), |next| joined(current, next)))
    }

    /// Whether evidence may be shown again where a mapping does not say. A signed request is made for one use, and whoever
    /// signs can always sign another.
    pub fn default_replay(&self) -> Replay {
        if self.signed_requests.is_some() { Replay::Once } else { Replay::Reuse }
    }

    /// Parses the algorithms that a provider lists.
    ///
    /// # Errors
    /// A sentence that names the one that is not accepted.
    pub fn parse_algorithms(names: &[String]) -> Result<Algorithms, String> {
        let parse = |name: &String| {
            name.parse::<Algorithm>().map_err(|_| {
                format!(
                    "`{}` is not an accepted algorithm, expected RS, PS or ES with 256, 384 or 512, or EdDSA",
                    name.escape_debug()
                )
            })
        };
        Ok(names.iter().map(parse).collect::<Result<Vec<_>, _>>()?.into_iter().collect())
    }
}

impl Default for KeysSpec {
    fn default() -> Self {
        KeysSpec::Discovery(DiscoverySpec::default())
    }
}

/// Two JWK Sets as one. Whatever else they hold is the first one's.
pub(crate) fn joined(first: &Value, second: &Value) -> Value {
    let mut joined = first.clone();
    if let (Some(keys), Some(more)) =
        (joined.get_mut("keys").and_then(Value::as_array_mut), second.get("keys").and_then(Value::as_array))
    {
        keys.extend(more.iter().cloned());
    }
    joined
}

fn is_false(value: &bool) -> bool {
    !value
}
