//! Staged keys: the set that an issuer will change over to, uploaded before it does.

use accredit_id::jose::jwk::{KeySet, KeySetFault, Purpose, Source};
use serde_json::Value;

use crate::model::{Fault, KeysSpec, joined};
use crate::providers::ProviderKind;

/// Checks what is staged: beside an uploaded set, a set of its own, and no key under a name that is taken.
pub(super) fn check(next: Option<&Value>, keys: &KeysSpec, kind: &ProviderKind) -> Result<(), Fault> {
    let Some(next) = next else { return Ok(()) };
    let KeysSpec::Uploaded(current) = keys else {
        return Err(Fault::at("spec.nextKeys", "stands beside `keys: {uploaded: ...}` alone")
            .hint("leave it out: keys that are fetched follow their issuer by themselves"));
    };
    let purpose = if kind.spiffe { Purpose::JwtSvid } else { Purpose::Signature };
    let read = |document: &Value| KeySet::parse(document.to_string().as_bytes(), Source::Uploaded, purpose);
    if read(next).map_err(|fault| Fault::at("spec.nextKeys", format!("{fault}")))?.is_empty() {
        return Err(Fault::at("spec.nextKeys", "has no usable key"));
    }
    match read(&joined(current, next)) {
        Ok(_) => Ok(()),
        Err(KeySetFault::DuplicateKeyId { kid }) => {
            Err(Fault::at("spec.nextKeys", format!("holds a key `{kid}`, which `keys.uploaded` holds already"))
                .hint("stage what is new alone"))
        }
        Err(fault) => Err(Fault::at("spec.nextKeys", format!("{fault}"))),
    }
}
