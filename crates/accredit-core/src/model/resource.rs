//! A resource: a document that has been understood.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    Administrator, AdministratorSpec, Api, ApiSpec, CiCdProfile, CiCdProfileSpec, Cluster, ClusterSpec, Document,
    Fault, Federation, FederationSpec, Grant, GrantSpec, Id, Kind, Mapping, MappingSpec, Name, Project, ProjectSpec,
    Provider, ProviderSpec, Role, RoleSpec, ServiceAccount, ServiceAccountSpec, Suppression, TrustDomain,
    TrustDomainSpec, suppression,
};

/// The fields of a document, by kind, its references still as written.
#[derive(Clone, Debug, PartialEq)]
pub enum Spec {
    /// Of an administrator.
    Administrator(AdministratorSpec),
    /// Of an API.
    Api(ApiSpec),
    /// Of a profile of a CI or CD platform.
    CiCdProfile(Box<CiCdProfileSpec>),
    /// Of a cluster.
    Cluster(Box<ClusterSpec>),
    /// Of a federation.
    Federation(Box<FederationSpec>),
    /// Of a grant.
    Grant(GrantSpec),
    /// Of a mapping.
    Mapping(MappingSpec),
    /// Of a project.
    Project(ProjectSpec),
    /// Of a provider.
    Provider(Box<ProviderSpec>),
    /// Of a role.
    Role(RoleSpec),
    /// Of a service account.
    ServiceAccount(ServiceAccountSpec),
    /// Of a trust domain.
    TrustDomain(TrustDomainSpec),
}

/// A resource in force.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Its id.
    pub id: Id,
    /// The project that owns it.
    pub project: Option<Id>,
    /// Its name.
    pub name: Name,
    /// Whether it counts.
    pub enabled: bool,
    /// Counts its changes, from 1.
    pub revision: i64,
    /// Which findings of the linter may stand.
    pub suppressions: Box<[Suppression]>,
    /// Its kind's fields as canonical JSON, references by name; `None` where [`Compiled`] says it all.
    pub written: Option<Box<str>>,
    /// What the decisions read.
    pub compiled: Compiled,
}

/// A resource's fields with references resolved and expressions compiled. Mappings lie here in one piece: where there are
/// many resources, they are mappings.
#[derive(Clone, Debug)]
pub enum Compiled {
    /// An administrator.
    Administrator(Administrator),
    /// An API.
    Api(Api),
    /// A profile of a CI or CD platform.
    CiCdProfile(Box<CiCdProfile>),
    /// A cluster.
    Cluster(Box<Cluster>),
    /// A federation.
    Federation(Box<Federation>),
    /// A grant.
    Grant(Grant),
    /// A mapping.
    Mapping(Mapping),
    /// A project.
    Project(Project),
    /// A provider.
    Provider(Box<Provider>),
    /// A role.
    Role(Role),
    /// A service account.
    ServiceAccount(ServiceAccount),
    /// A trust domain.
    TrustDomain(Box<TrustDomain>),
}

// === impl Spec ===

impl Spec {
    /// Reads the fields of a kind.
    ///
    /// # Errors
    /// The first field that does not fit, with its path.
    pub fn parse(kind: Kind, value: &Value) -> Result<Self, Fault> {
        match kind {
            Kind::Administrator => read(value).map(Spec::Administrator),
            Kind::Api => read(value).map(Spec::Api),
            Kind::CiCdProfile => read(value).map(Box::new).map(Spec::CiCdProfile),
            Kind::Cluster => read(value).map(Box::new).map(Spec::Cluster),
            Kind::Federation => read(value).map(Box::new).map(Spec::Federation),
            Kind::Grant => read(value).map(Spec::Grant),
            Kind::Mapping => read(value).map(Spec::Mapping),
            Kind::Project => read(value).map(Spec::Project),
            Kind::Provider => read(value).map(Box::new).map(Spec::Provider),
            Kind::Role => read(value).map(Spec::Role),
            Kind::ServiceAccount => read(value).map(Spec::ServiceAccount),
            Kind::TrustDomain => read(value).map(Spec::TrustDomain),
        }
    }

    /// The canonical form.
    pub fn to_value(&self) -> Value {
        match self {
            Spec::Administrator(spec) => write(spec),
            Spec::Api(spec) => write(spec),
            Spec::CiCdProfile(spec) => write(spec),
            Spec::Cluster(spec) => write(spec),
            Spec::Federation(spec) => write(spec),
            Spec::Grant(spec) => write(spec),
            Spec::Mapping(spec) => write(spec),
            Spec::Project(spec) => write(spec),
            Spec::Provider(spec) => write(spec),
            Spec::Role(spec) => write(spec),
            Spec::ServiceAccount(spec) => write(spec),
            Spec::TrustDomain(spec) => write(spec),
        }
    }
}

fn read<T: DeserializeOwned>(value: &Value) -> Result<T, Fault> {
    let empty = Value::Object(serde_json::Map::new());
    let value = if value.is_null() { &empty } else { value };
    // Fields have names, not places.
    if value.is_array() {
        return Err(Fault::at("spec", "is a list, expected an object"));
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = match error.path().to_string() {
            path if path == "." => "spec".to_owned(),
            path => format!("spec.{path}"),
        };
        Fault::at(path, plain(&error.inner().to_string()))
    })
}

fn write<T: Serialize>(spec: &T) -> Value {
    serde_json::to_value(spec).unwrap_or_default()
}

/// Puts a schema error the way a person would: `is a number, expected a string`.
pub(crate) fn plain(message: &str) -> String {
    let invalid = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    let Some((seen, expected)) = invalid.and_then(|rest| rest.split_once(", expected ")) else {
        return message.to_owned();
    };
    let seen = match seen.split([' ', '`']).next() {
        Some("integer" | "floating") => "a number",
        Some("boolean") => "a truth value",
        Some("string") => "a text",
        Some("sequence") => "a list",
        Some("map") => "an object",
        Some("null" | "unit") => "empty",
        _ => seen,
    };
    let expected = match expected {
        "a string" => "a text in quotes",
        "a sequence" => "a list",
        "a boolean" => "true or false",
        "a map" | "newtype variant" => "an object",
        "map with a single key" => "one with a single member",
        "struct Document" => "a document",
        other => other,
    };
    format!("is {seen}, expected {expected}")
}

// === impl Resource ===

impl Resource {
    /// The kind.
    pub fn kind(&self) -> Kind {
        self.id.kind()
    }

    /// Its spec, canonical, references by name.
    pub fn spec(&self) -> Value {
        let spec = match (&self.written, &self.compiled) {
            (Some(written), _) => serde_json::from_str(written).unwrap_or_default(),
            (None, Compiled::Mapping(mapping)) => write(&mapping.spec()),
            (None, _) => Value::Null,
        };
        suppression::join(spec, &self.suppressions)
    }

    /// Its spec as it is stored: canonical JSON.
    pub fn body(&self) -> String {
        match &self.written {
            Some(written) if self.suppressions.is_empty() => written.to_string(),
            _ => self.spec().to_string(),
        }
    }

    /// Its document, as `export` prints it.
    pub fn document(&self) -> Document {
        Document {
            kind: self.kind().document().to_owned(),
            name: self.name.as_str().to_owned(),
            id: Some(self.id.to_string()),
            enabled: (!self.enabled).then_some(false),
            spec: self.spec(),
        }
    }

    /// The administrator, if it is one.
    pub fn as_administrator(&self) -> Option<&Administrator> {
        match &self.compiled {
            Compiled::Administrator(administrator) => Some(administrator),
            _ => None,
        }
    }

    /// The API, if it is one.
    pub fn as_api(&self) -> Option<&Api> {
        match &self.compiled {
            Compiled::Api(api) => Some(api),
            _ => None,
        }
    }

    /// The profile, if it is one.
    pub fn as_ci_cd_profile(&self) -> Option<&CiCdProfile> {
        match &self.compiled {
            Compiled::CiCdProfile(profile) => Some(profile),
            _ => None,
        }
    }

    /// The cluster, if it is one.
    pub fn as_cluster(&self) -> Option<&Cluster> {
        match &self.compiled {
            Compiled::Cluster(cluster) => Some(cluster),
            _ => None,
        }
    }

    /// The federation, if it is one.
    pub fn as_federation(&self) -> Option<&Federation> {
        match &self.compiled {
            Compiled::Federation(federation) => Some(federation),
            _ => None,
        }
    }

    /// The grant, if it is one.
    pub fn as_grant(&self) -> Option<&Grant> {
        match &self.compiled {
            Compiled::Grant(grant) => Some(grant),
            _ => None,
        }
    }

    /// The mapping, if it is one.
    pub fn as_mapping(&self) -> Option<&Mapping> {
        match &self.compiled {
            Compiled::Mapping(mapping) => Some(mapping),
            _ => None,
        }
    }

    /// The provider, if it is one.
    pub fn as_provider(&self) -> Option<&Provider> {
        match &self.compiled {
            Compiled::Provider(provider) => Some(provider),
            _ => None,
        }
    }

    /// The role, if it is one.
    pub fn as_role(&self) -> Option<&Role> {
        match &self.compiled {
            Compiled::Role(role) => Some(role),
            _ => None,
        }
    }

    /// The service account, if it is one.
    pub fn as_service_account(&self) -> Option<&ServiceAccount> {
        match &self.compiled {
            Compiled::ServiceAccount(account) => Some(account),
            _ => None,
        }
    }

    /// The trust domain, if it is one.
    pub fn as_trust_domain(&self) -> Option<&TrustDomain> {
        match &self.compiled {
            Compiled::TrustDomain(trust_domain) => Some(trust_domain),
            _ => None,
        }
    }
}
