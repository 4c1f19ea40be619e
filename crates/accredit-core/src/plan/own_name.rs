//! Issuers that are no URL: clients that sign their own assertions (RFC 7523) bear the name that they were given.

use accredit_id::aws_request::Partition;

use super::provider::owners;
use crate::model::{Fault, KeysSpec, ProviderSpec};
use crate::providers::ProviderKind;
use crate::providers::oidc::OIDC;

/// Whether a provider's issuer may be a plain name: nothing is looked up under it, since its keys lie here or elsewhere.
pub(super) fn is_one(spec: &ProviderSpec, kind: &ProviderKind, issuer: &str) -> bool {
    let has_keys = matches!(spec.keys, Some(KeysSpec::JwksUrl(_) | KeysSpec::Uploaded(_)));
    // A value with a colon is a URI (RFC 7519 section 2), and URIs are https URLs here.
    has_keys && kind.name == OIDC.name && !issuer.contains(':')
}

/// The names that a client may bear. What is an issuer by another way of writing it is no client's name: `accounts.google.com`
/// stands in tokens of Google, `aws` for signed requests.
pub(super) fn check(name: &str) -> Result<(), Fault> {
    let fault = |why: &str| Err(Fault::at("spec.issuer", format!("`{}` {why}", name.escape_debug())));
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'@' | b'/');
    if !(1..=255).contains(&name.len()) || !name.bytes().all(is_plain) {
        return fault("is neither an https URL nor a client's name of 1 to 255 letters, digits and -._~@/");
    }
    if !owners(&format!("https://{name}")).is_empty() || Partition::named(name).is_some() {
        return fault("is a platform's name, no client's");
    }
    Ok(())
}
