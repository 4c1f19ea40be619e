//! What the token endpoint answers.

use serde::{Deserialize, Serialize};

/// The success body: the superset that every known client accepts (RFC 8693 section 2.2.1, RFC 6749 section 5.1).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenResponse {
    /// The access token, a signed JWT (RFC 9068). Secret: `Debug` does not show it.
    pub access_token: String,
    /// Always `urn:ietf:params:oauth:token-type:access_token`.
    pub issued_token_type: String,
    /// `Bearer` (RFC 6750), later also `DPoP` (RFC 9449).
    pub token_type: String,
    /// Seconds until the token ends, at least 1.
    pub expires_in: u64,
    /// When the token ends, Unix seconds; equals its `exp`.
    pub expires_at: i64,
    /// Space-separated permissions (RFC 6749 section 3.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The decision that issued it, also the token's `jti`: `dec_` and 32 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision_id: Option<String>,
}

impl std::fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenResponse")
            .field("access_token", &"[redacted]")
            .field("expires_at", &self.expires_at)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// The error body (RFC 6749 section 5.2) with our three additions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenError {
    /// The face's error code, e.g. `invalid_request`.
    pub error: String,
    /// One sentence for the caller, in the character set of RFC 6749 section 5.2.
    pub error_description: String,
    /// A page about the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_uri: Option<String>,
    /// The decision to ask an operator about: `dec_` and 32 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision_id: Option<String>,
    /// Stable kebab-case reason, present once signature and audience have verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_printed() {
        let response = TokenResponse {
            access_token: "very.secret.token".to_owned(),
            issued_token_type: String::new(),
            token_type: "Bearer".to_owned(),
            expires_in: 60,
            expires_at: 0,
            scope: None,
            decision_id: None,
        };
        assert!(!format!("{response:?}").contains("secret"));
    }
}
