//! Several bundles in one document, each under its trust domain's name (SPIFFE Trust Domain and Bundle section 4.3).

use std::collections::BTreeMap;

use super::{Bundle, MapFault, parse};
use crate::jose::jwk::Source;
use crate::json::{self, Json};
use crate::shown::Shown;
use crate::trust_domain::TrustDomain;

/// Reads a map of bundles. What one of them says of its refresh is not heeded: the map is asked for as a whole.
///
/// # Errors
/// [`MapFault`]; one bundle that cannot be read refuses the map.
pub fn parse_map(document: &[u8], source: Source) -> Result<BTreeMap<TrustDomain, Bundle>, MapFault> {
    if document.len() > Bundle::MAX_BYTES {
        return Err(MapFault::TooLarge { bytes: document.len() });
    }
    let document = json::object(document, &json::Limits::DOCUMENT)?;
    let domains = match document.get("trust_domains") {
        Some(Json::Object(domains)) => domains,
        other => return Err(MapFault::TrustDomains { seen: other.map_or("missing", Json::type_name) }),
    };
    let mut bundles = BTreeMap::new();
    for (name, value) in domains.iter() {
        let trust_domain: TrustDomain = name.parse()?;
        let of_it = |fault| MapFault::Bundle { trust_domain: Shown::of(name), fault: Box::new(fault) };
        let object =
            value.as_object().ok_or_else(|| of_it(json::JsonFault::NotAnObject { seen: value.type_name() }.into()))?;
        let mut bundle = parse::object(object, source).map_err(of_it)?;
        bundle.refresh_hint = None;
        bundles.insert(trust_domain, bundle);
    }
    Ok(bundles)
}
