//! The usual resources, as an operator writes them.

use serde_json::Value;

/// A provider of kind `github` with the uploaded keys of `issuer`, an API with two permissions, an account that is granted one of
/// them, and a mapping for jobs of `acme/web` on `main`.
pub fn usual(issuer: &crate::issuer::Issuer) -> String {
    format!("{}---\n{}", provider("github", &issuer.url, &keys(&issuer.key_set())), REST)
}

/// The same where the provider is discovered.
pub fn discovered(issuer: &crate::issuer::Issuer) -> String {
    format!("{}---\n{}", provider("github", &issuer.url, "{discovery: {}}"), REST)
}

/// One provider of kind `github`.
pub fn provider(name: &str, issuer: &str, keys: &str) -> String {
    format!("kind: Provider\nname: {name}\nspec:\n  type: github\n  issuer: {issuer}\n  keys: {keys}\n")
}

/// `spec.keys` with an uploaded set.
pub fn keys(set: &Value) -> String {
    // JSON is YAML.
    format!("{{uploaded: {set}}}")
}

/// A mapping of the jobs of `acme/web` on a branch to `ci/web`, with further lines of its `spec`.
pub fn mapping(name: &str, provider: &str, branch: &str, more: &str) -> String {
    format!(
        "kind: Mapping\nname: {name}\nspec:\n  provider: {provider}\n  serviceAccount: ci/web\n  \
         match: {{repository_id: \"123\", repository_owner_id: \"98\", ref: refs/heads/{branch}}}\n{more}"
    )
}

/// One whose tokens count once.
pub fn once(name: &str, provider: &str, branch: &str) -> String {
    mapping(name, provider, branch, "  replay: once\n")
}

const REST: &str = r#"kind: Project
name: ci
---
kind: Project
name: shop
---
kind: API
name: shop/payments
spec: {audience: "https://payments.test", permissions: [payments.read, payments.write]}
---
kind: ServiceAccount
name: ci/web
---
kind: Grant
name: shop/ci-web
spec: {api: shop/payments, permissions: [payments.read], to: ci/web}
---
kind: Mapping
name: ci/web-main
spec:
  provider: github
  serviceAccount: ci/web
  match:
    repository_id: "123"
    repository_owner_id: "98"
    ref: refs/heads/main
  condition: assertion.runner_environment == "github-hosted"
  lifetime: 15m
"#;
