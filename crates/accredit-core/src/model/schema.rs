//! The schemas of the kinds' specs (JSON Schema 2020-12, as OpenAPI 3.1 has it), derived from the very types that documents
//! are parsed into, so that what is published and what is accepted cannot part.
//!
//! A schema says the form alone: what refers to what, and what a provider's kind asks for, is judged when documents are
//! applied.

use std::borrow::Cow;

use accredit_id::jose::Algorithm;
use serde_json::{Value, json};
use utoipa::openapi::schema::{AdditionalProperties, AnyOfBuilder, ArrayBuilder, ObjectBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{OpenApi, PartialSchema, ToSchema};

use super::{
    AdminRole, AdministratorSpec, ApiSpec, CiCdProfileSpec, ClusterSpec, ConfigDocument, DiscoverySpec, Expected,
    FederationProfile, FederationSpec, GrantSpec, KeysSpec, Kind, Lifetime, LoginSpec, MappingSpec, Ownership,
    Permission, PermissionsSpec, ProjectSpec, ProviderSpec, Replay, RoleSpec, Scalar, ServiceAccountSpec,
    SignedRequestsSpec, Signing, SpiffeBundleSpec, Suppression, TrustDomainSpec, suppression,
};
use crate::providers::KINDS;

/// The name of the schema of a kind's `spec`.
pub const fn spec_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Administrator => "AdministratorSpec",
        Kind::Api => "ApiSpec",
        Kind::CiCdProfile => "CiCdProfileSpec",
        Kind::Cluster => "ClusterSpec",
        Kind::Federation => "FederationSpec",
        Kind::Grant => "GrantSpec",
        Kind::Mapping => "MappingSpec",
        Kind::Project => "ProjectSpec",
        Kind::Provider => "ProviderSpec",
        Kind::Role => "RoleSpec",
        Kind::ServiceAccount => "ServiceAccountSpec",
        Kind::TrustDomain => "TrustDomainSpec",
    }
}

/// Every schema that a spec is made of, by name.
pub fn schemas() -> Value {
    let document = serde_json::to_value(Specs::openapi()).unwrap_or_default();
    let mut schemas = document.pointer("/components/schemas").cloned().unwrap_or_default();
    // Two fields are texts in the types, because their faults name what is known.
    let provider = &mut schemas[spec_of(Kind::Provider)]["properties"];
    provider["type"]["enum"] = KINDS.iter().map(|kind| kind.name).collect();
    provider["algorithms"]["items"]["enum"] = Algorithm::ALL.iter().map(|algorithm| algorithm.as_str()).collect();
    // What every kind may have is taken out before a spec is parsed.
    for kind in Kind::ALL {
        schemas[spec_of(kind)]["properties"][suppression::FIELD] = json!({
            "type": "array",
            "description": "Findings of the linter that may stand, why, and until when.",
            "items": {"$ref": "#/components/schemas/Suppression"},
        });
    }
    schemas
}

/// What the names of a kind look like, a regular expression.
pub fn name_pattern(kind: Kind) -> String {
    match kind.ownership() {
        Ownership::Server => format!("^{PART}$"),
        Ownership::Project => format!("^{PART}/{PART}$"),
        Ownership::Either => format!("^({PART}/)?{PART}$"),
    }
}

/// What the ids of a kind look like, a regular expression.
pub fn id_pattern(kind: Kind) -> String {
    format!("^{}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$", kind.prefix())
}

#[derive(OpenApi)]
#[openapi(components(schemas(
    AdminRole,
    AdministratorSpec,
    ApiSpec,
    CiCdProfileSpec,
    ClusterSpec,
    ConfigDocument,
    DiscoverySpec,
    Expected,
    FederationProfile,
    FederationSpec,
    GrantSpec,
    KeysSpec,
    Lifetime,
    LoginSpec,
    MappingSpec,
    Permission,
    PermissionsSpec,
    ProjectSpec,
    ProviderSpec,
    Replay,
    RoleSpec,
    Scalar,
    ServiceAccountSpec,
    SignedRequestsSpec,
    Signing,
    SpiffeBundleSpec,
    Suppression,
    TrustDomainSpec,
)))]
struct Specs;

// === the types that read themselves ===

impl PartialSchema for Lifetime {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[0-9]{1,10}[smhd]$"));
        text.description(Some("A length of time: a whole number and `s`, `m`, `h` or `d`.")).into()
    }
}

impl ToSchema for Lifetime {
    fn name() -> Cow<'static, str> {
        "Lifetime".into()
    }
}

impl PartialSchema for Permission {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some(r"^[!#-\[\]-~]{1,128}$"));
        text.description(Some("One scope token (RFC 6749 section 3.3), e.g. `payments.read`.")).into()
    }
}

impl ToSchema for Permission {
    fn name() -> Cow<'static, str> {
        "Permission".into()
    }
}

impl PartialSchema for Scalar {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some(r"^[^*]+\*?$"));
        let number = ObjectBuilder::new().schema_type(Type::Integer);
        let number = number.minimum(Some(i64::MIN)).maximum(Some(i64::MAX));
        let any = AnyOfBuilder::new().item(text).item(number).item(ObjectBuilder::new().schema_type(Type::Boolean));
        any.description(Some("One value of a claim. A `*` at the end of a text means any continuation.")).into()
    }
}

impl ToSchema for Scalar {
    fn name() -> Cow<'static, str> {
        "Scalar".into()
    }
}

impl PartialSchema for Expected {
    fn schema() -> RefOr<Schema> {
        let one = || Ref::from_schema_name("Scalar");
        let many = || ArrayBuilder::new().items(one()).min_items(Some(1)).max_items(Some(super::matching::MAX_VALUES));
        let values = || AnyOfBuilder::new().item(one()).item(many());
        let quantified = |quantifier: &str| {
            let object = ObjectBuilder::new().property(quantifier, values()).required(quantifier);
            object.additional_properties(Some(AdditionalProperties::FreeForm(false)))
        };
        let any = AnyOfBuilder::new().item(one()).item(many()).item(quantified("any")).item(quantified("all"));
        any.description(Some(
            "A value, a list of which one must be it, or for claims that are arrays `any` or `all` of a list.",
        ))
        .into()
    }
}

impl ToSchema for Expected {
    fn name() -> Cow<'static, str> {
        "Expected".into()
    }
}

const PART: &str = "[a-z0-9][a-z0-9._-]{0,62}";
