//! From a parsed document to a resource: references looked up, rules of its kind kept.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::rules::{Context, max_lifetime, reference, unknown};
use super::{administrator, authority, cluster, federation, mapping, provider};
use crate::model::{
    Api, ApiSpec, Compiled, Fault, Faults, Given, Grant, GrantSpec, Id, KeysSpec, Kind, Name, Parsed, Permission,
    Project, Resource, Role, RoleSpec, ServiceAccount, Spec,
};
use crate::world::World;

/// Compiles one document against a world that holds everything it may refer to.
pub(super) fn resource(
    id: Id,
    revision: i64,
    document: &Parsed,
    world: &World,
    context: &Context<'_>,
) -> Result<Resource, Faults> {
    let project = match document.name.project() {
        None => None,
        Some(project) => {
            Some(world.find(Kind::Project, project).ok_or_else(|| unknown("name", Kind::Project, project))?.id)
        }
    };
    let name = &document.name;
    let compiled = match &document.spec {
        Spec::Administrator(spec) => Compiled::Administrator(administrator::compile(spec, name, world)?),
        Spec::Api(spec) => Compiled::Api(api(spec, id, world, context)?),
        Spec::CiCdProfile(spec) => Compiled::CiCdProfile(Box::new(cluster::profile(spec, id, name, context)?)),
        Spec::Cluster(spec) => Compiled::Cluster(Box::new(cluster::compile(spec, id, name, world, context)?)),
        Spec::Federation(spec) => Compiled::Federation(Box::new(federation::compile(spec, id, world, context)?)),
        Spec::Grant(spec) => Compiled::Grant(grant(spec, name, world)?),
        Spec::Mapping(spec) => Compiled::Mapping(mapping::compile(spec, id, name, world)?),
        Spec::Project(_) => Compiled::Project(Project),
        Spec::Provider(spec) => Compiled::Provider(Box::new(provider::compile(spec, id, name, world, context)?)),
        Spec::Role(spec) => Compiled::Role(role(spec, name, world)?),
        Spec::ServiceAccount(spec) => {
            Compiled::ServiceAccount(ServiceAccount { max_lifetime: max_lifetime(spec.max_lifetime)? })
        }
        Spec::TrustDomain(spec) => Compiled::TrustDomain(Box::new(authority::trust_domain(spec, id, name, world)?)),
    };
    let written = match compiled {
        Compiled::Mapping(_) => None,
        _ => Some(canonical(&document.spec, world).to_string().into_boxed_str()),
    };
    let (name, suppressions) = (document.name.clone(), document.suppressions.clone());
    Ok(Resource { id, project, name, enabled: document.enabled, revision, suppressions, written, compiled })
}

fn api(spec: &ApiSpec, id: Id, world: &World, context: &Context<'_>) -> Result<Api, Fault> {
    let audience = spec.audience.as_str();
    let fault = |why: String| Fault::at("spec.audience", why);
    let scheme_end = audience.find(':').filter(|end| *end > 0);
    let is_absolute = scheme_end.is_some_and(|end| {
        audience[..end].bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
            && audience.len() > end + 1
    });
    let is_visible = audience.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    if !is_absolute || !is_visible || audience.contains('#') || audience.len() > 512 {
        return Err(fault(format!("`{}` is not an absolute URI without a fragment", audience.escape_debug())));
    }
    // So is every issuer of a trust domain, also of one that is still to come.
    let is_issuer = audience.strip_prefix(context.public_url).is_some_and(|path| path.starts_with("/td/"));
    if is_issuer || context.reserved.iter().any(|reserved| reserved == audience) {
        return Err(fault(format!("`{audience}` is reserved: it is this server's own")));
    }
    if let Some(other) = world.api_of_audience(audience).filter(|other| other.id != id) {
        // Not told whose it is: another project's names are nobody else's business.
        let _ = other;
        return Err(
            fault(format!("`{audience}` is the audience of another API")).hint("audiences are unique on the server")
        );
    }
    unique("spec.permissions", &spec.permissions)?;
    Ok(Api {
        audience: audience.into(),
        permissions: spec.permissions.as_slice().into(),
        signing: spec.signing,
        max_lifetime: max_lifetime(spec.max_lifetime)?,
    })
}

fn role(spec: &RoleSpec, name: &Name, world: &World) -> Result<Role, Fault> {
    let api = own_api(&spec.api, name, world)?;
    known(&spec.permissions, api)?;
    Ok(Role { api: api.id, permissions: spec.permissions.as_slice().into() })
}

fn grant(spec: &GrantSpec, name: &Name, world: &World) -> Result<Grant, Fault> {
    let api = own_api(&spec.api, name, world)?;
    let to = reference("spec.to", Kind::ServiceAccount, &spec.to, world)?.id;
    let given = match (&spec.permissions, &spec.role) {
        (Some(permissions), None) => {
            known(permissions, api)?;
            Given::Permissions(permissions.as_slice().into())
        }
        (None, Some(role)) => {
            let role = reference("spec.role", Kind::Role, role, world)?;
            if role.as_role().is_none_or(|role| role.api != api.id) {
                return Err(Fault::at("spec.role", format!("role `{}` is not of API `{}`", role.name, api.name)));
            }
            Given::Role(role.id)
        }
        _ => return Err(Fault::at("spec", "a grant has either `permissions` or `role`")),
    };
    Ok(Grant { api: api.id, given, to })
}

/// The API of a role or grant, which only its own project may give away.
fn own_api<'w>(text: &str, name: &Name, world: &'w World) -> Result<&'w Arc<Resource>, Fault> {
    let api = reference("spec.api", Kind::Api, text, world)?;
    if api.name.project() == name.project() {
        return Ok(api);
    }
    let project = api.name.project().unwrap_or_default();
    Err(Fault::at("spec.api", format!("API `{}` belongs to another project than `{name}`", api.name))
        .hint(format!("only the API's owner gives it away: name it `{project}/{}`", name.local())))
}

fn known(permissions: &[Permission], api: &Resource) -> Result<(), Fault> {
    unique("spec.permissions", permissions)?;
    if permissions.is_empty() {
        return Err(Fault::at("spec.permissions", "the list is empty"));
    }
    let known = api.as_api().map(|api| &*api.permissions).unwrap_or_default();
    match permissions.iter().find(|permission| !known.contains(permission)) {
        None => Ok(()),
        Some(other) => {
            let known: Vec<_> = known.iter().map(Permission::as_str).collect();
            Err(Fault::at("spec.permissions", format!("API `{}` knows no permission `{other}`", api.name))
                .hint(format!("it knows {}", known.join(", "))))
        }
    }
}

fn unique(field: &str, permissions: &[Permission]) -> Result<(), Fault> {
    let mut seen = BTreeSet::new();
    match permissions.iter().find(|permission| !seen.insert(*permission)) {
        None => Ok(()),
        Some(twice) => Err(Fault::at(field, format!("`{twice}` stands there twice"))),
    }
}

/// The spec as it is stored: references by name, whatever they were written as.
fn canonical(spec: &Spec, world: &World) -> serde_json::Value {
    let named = |kind: Kind, text: &str| {
        world.find(kind, text).map_or_else(|| text.to_owned(), |resource| resource.name.to_string())
    };
    let mut spec = spec.clone();
    match &mut spec {
        Spec::Administrator(administrator) => {
            administrator.provider = named(Kind::Provider, &administrator.provider);
            administrator.project = administrator.project.as_ref().map(|project| named(Kind::Project, project));
            let domain = administrator.trust_domain.as_ref();
            administrator.trust_domain = domain.map(|domain| named(Kind::TrustDomain, domain));
        }
        Spec::Cluster(cluster) => cluster.trust_domain = named(Kind::TrustDomain, &cluster.trust_domain),
        Spec::Federation(federation) => {
            federation.trust_domain = named(Kind::TrustDomain, &federation.trust_domain);
        }
        Spec::Grant(grant) => {
            grant.api = named(Kind::Api, &grant.api);
            grant.to = named(Kind::ServiceAccount, &grant.to);
            grant.role = grant.role.as_ref().map(|role| named(Kind::Role, role));
        }
        Spec::Provider(provider) => match &mut provider.keys {
            Some(KeysSpec::TrustDomain(text)) => *text = named(Kind::TrustDomain, text),
            Some(KeysSpec::Federation(text)) => *text = named(Kind::Federation, text),
            _ => {}
        },
        Spec::Role(role) => role.api = named(Kind::Api, &role.api),
        Spec::Api(_)
        | Spec::CiCdProfile(_)
        | Spec::Mapping(_)
        | Spec::Project(_)
        | Spec::ServiceAccount(_)
        | Spec::TrustDomain(_) => {}
    }
    spec.to_value()
}
