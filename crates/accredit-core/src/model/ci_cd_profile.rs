//! Profiles of CI and CD platforms: whose tokens attest jobs, said once under a name and linked to clusters.
//!
//! A profile does nothing by itself. Linking writes what it says into the managed configuration of a cluster
//! ([`link`]), as an entry of `jwt.allowedIssuers` that names the profile; there it is judged as any other entry.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{AllowedIssuerSpec, ConfigDocument, Lifetime, Match, Replay, Section};

/// `spec` of a `CiCdProfile`: the fields of an entry of `jwt.allowedIssuers`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CiCdProfileSpec {
    /// The `iss` of the tokens, compared byte for byte.
    pub issuer: String,
    /// Its kind, as a provider's `type`; absent means the one that its issuer tells.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Where its keys lie; absent means discovery.
    #[serde(default, rename = "jwksURI", skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// Which `aud` the tokens must bear, one of them; absent means `spiffe://TRUST-DOMAIN` of each cluster, or what the
    /// platform fixes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audiences: Option<Vec<String>>,
    /// What each claim must be; all must hold. The grammar of a mapping's `match`.
    #[serde(default, skip_serializing_if = "Match::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::BTreeMap<String, crate::model::Expected>))]
    pub required_claims: Match,
    /// Whether a token may be shown again; absent means that it may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<Replay>,
    /// `now - iat` of the tokens at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Lifetime>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A profile.
#[derive(Clone, Debug, PartialEq)]
pub struct CiCdProfile {
    /// What it says in each cluster that it is linked to, but for its name.
    pub entry: AllowedIssuerSpec,
}

/// Why a profile is not linked, or its link not taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkFault {
    /// It is linked.
    #[error("is linked already")]
    Linked,
    /// The cluster lists issuers, and says that tokens attest nothing.
    #[error("`jwt.enabled` is off while `jwt.allowedIssuers` lists issuers: linking would switch them on")]
    Off,
    /// It is not linked.
    #[error("is not linked")]
    NotLinked,
}

/// A cluster's managed configuration with what a profile says. Tokens attest jobs from then on, also where none did.
///
/// # Errors
/// It is there, or issuers of others would begin to count.
pub fn link(config: &[ConfigDocument], name: &str, spec: &CiCdProfileSpec) -> Result<Vec<ConfigDocument>, LinkFault> {
    if linked(config).any(|(_, profile)| profile == name) {
        return Err(LinkFault::Linked);
    }
    let entry = AllowedIssuerSpec { profile: Some(name.to_owned()), ..spec.entry() };
    changed(config, |jwt| {
        let is_on = jwt.get("enabled").and_then(Value::as_bool).unwrap_or(false);
        match jwt.get_mut(ISSUERS).and_then(Value::as_array_mut).filter(|issuers| !issuers.is_empty()) {
            Some(_) if !is_on => return Err(LinkFault::Off),
            Some(issuers) => issuers.push(json!(entry)),
            None => {
                jwt.insert("enabled".to_owned(), json!(true));
                jwt.insert(ISSUERS.to_owned(), json!([entry]));
            }
        }
        Ok(())
    })
}

/// A cluster's managed configuration without what a profile says there. Where nothing else was listed, tokens attest nothing.
///
/// # Errors
/// It is not linked.
pub fn unlink(config: &[ConfigDocument], name: &str) -> Result<Vec<ConfigDocument>, LinkFault> {
    let place = linked(config).find(|(_, profile)| *profile == name).map(|(place, _)| place);
    let place = place.ok_or(LinkFault::NotLinked)?;
    changed(config, |jwt| {
        let left = jwt.get_mut(ISSUERS).and_then(Value::as_array_mut).map_or(0, |issuers| {
            issuers.remove(place);
            issuers.len()
        });
        if left == 0 {
            jwt.remove(ISSUERS);
            jwt.insert("enabled".to_owned(), json!(false));
        }
        Ok(())
    })
}

/// The profiles that are linked to a cluster, each with its place in `jwt.allowedIssuers`.
pub fn linked(config: &[ConfigDocument]) -> impl Iterator<Item = (usize, &str)> {
    let section = config.iter().find(|document| document.section == SECTION);
    let issuers = section.and_then(|document| document.spec.pointer("/jwt/allowedIssuers")?.as_array());
    let entries = issuers.into_iter().flatten().enumerate();
    entries.filter_map(|(place, entry)| Some((place, entry.get("profile")?.as_str()?)))
}

// === impl CiCdProfileSpec ===

impl CiCdProfileSpec {
    /// The entry of `jwt.allowedIssuers` that says the same, without the profile's name.
    pub fn entry(&self) -> AllowedIssuerSpec {
        let Self { issuer, kind, jwks_uri, audiences, required_claims, replay, max_age, description: _ } = self.clone();
        AllowedIssuerSpec { issuer, kind, jwks_uri, audiences, required_claims, replay, max_age, profile: None }
    }
}

/// The same with another `jwt` in its section, which is made where it is not there.
fn changed(
    config: &[ConfigDocument],
    edit: impl FnOnce(&mut Map<String, Value>) -> Result<(), LinkFault>,
) -> Result<Vec<ConfigDocument>, LinkFault> {
    let mut config = config.to_vec();
    let place = config.iter().position(|document| document.section == SECTION).unwrap_or(config.len());
    if place == config.len() {
        let (section, schema) = (SECTION.to_owned(), Section::SCHEMA.to_owned());
        config.push(ConfigDocument { section, schema, spec: Value::Null });
    }
    let mut spec = members(config[place].spec.take());
    let mut jwt = members(spec.remove("jwt").unwrap_or_default());
    edit(&mut jwt)?;
    spec.insert("jwt".to_owned(), Value::Object(jwt));
    config[place].spec = Value::Object(spec);
    Ok(config)
}

/// What is left out is written as `null` or not at all.
fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

const SECTION: &str = Section::WorkloadAttestation.name();
const ISSUERS: &str = "allowedIssuers";

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn attestation(spec: Value) -> Vec<ConfigDocument> {
        let policy = ConfigDocument { section: "SVIDIssuancePolicy".into(), schema: "v1".into(), spec: json!({}) };
        vec![policy, ConfigDocument { section: SECTION.into(), schema: "v1".into(), spec }]
    }

    /// Before, linked, and unlinked again: what stood there besides stays as it was.
    #[test]
    fn a_link_is_one_entry_and_goes_alone() {
        let spec: CiCdProfileSpec = serde_json::from_value(json!({
            "issuer": "https://idp.example.org", "audiences": ["a"], "requiredClaims": {"owner": "98"}, "description": "ours",
        }))
        .unwrap();
        let entry = json!({"issuer": "https://idp.example.org", "audiences": ["a"], "requiredClaims": {"owner": "98"}, "profile": "ci"});
        let other = json!({"issuer": "https://other.example.org", "replay": "once"});
        for (before, with, without) in [
            (json!({}), json!({"jwt": {"enabled": true, ISSUERS: [entry]}}), json!({"jwt": {"enabled": false}})),
            (Value::Null, json!({"jwt": {"enabled": true, ISSUERS: [entry]}}), json!({"jwt": {"enabled": false}})),
            (
                json!({"linux": {"enabled": true}, "jwt": {"enabled": false, ISSUERS: []}}),
                json!({"linux": {"enabled": true}, "jwt": {"enabled": true, ISSUERS: [entry]}}),
                json!({"linux": {"enabled": true}, "jwt": {"enabled": false}}),
            ),
            (
                json!({"jwt": {"enabled": true, ISSUERS: [other]}}),
                json!({"jwt": {"enabled": true, ISSUERS: [other, entry]}}),
                json!({"jwt": {"enabled": true, ISSUERS: [other]}}),
            ),
        ] {
            let present = attestation(before);
            assert_eq!(unlink(&present, "ci"), Err(LinkFault::NotLinked));
            let changed = link(&present, "ci", &spec).unwrap();
            assert_eq!(changed, attestation(with));
            assert_eq!(linked(&changed).map(|(_, name)| name).collect::<Vec<_>>(), ["ci"]);
            assert_eq!(link(&changed, "ci", &spec), Err(LinkFault::Linked));
            assert_eq!(unlink(&changed, "other"), Err(LinkFault::NotLinked));
            assert_eq!(unlink(&changed, "ci").unwrap(), attestation(without));
        }
        let policy = &attestation(json!({}))[..1];
        assert_eq!(link(policy, "ci", &spec).unwrap()[1].section, SECTION);
        let off = attestation(json!({"jwt": {"enabled": false, ISSUERS: [other]}}));
        assert_eq!(link(&off, "ci", &spec), Err(LinkFault::Off));
    }
}
