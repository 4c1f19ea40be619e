//! Compiling an administrator.

use super::cluster::realm_name;
use super::mapping::clauses;
use super::rules::reference;
use crate::model::{Administrator, AdministratorSpec, Fault, Id, Kind, Name, Realm};
use crate::world::World;

/// A server's administrator is told by a server's provider alone: whoever writes a project's provider could otherwise
/// make himself the server's owner (K10).
pub(super) fn compile(spec: &AdministratorSpec, name: &Name, world: &World) -> Result<Administrator, Fault> {
    let provider = reference("spec.provider", Kind::Provider, &spec.provider, world)?;
    if provider.name.project().is_some() && provider.name.project() != name.project() {
        return Err(Fault::at("spec.provider", format!("provider `{}` serves its own project alone", provider.name))
            .hint("name one of the server's own providers"));
    }
    let project = project(spec, name, world)?;
    let known = provider.as_provider().ok_or_else(|| Fault::at("spec.provider", "is no provider"))?;
    let clauses = clauses("spec.match", &spec.matches, known, world)?;
    if clauses.is_empty() {
        return Err(Fault::at(
            "spec.match",
            format!("administrator `{name}` matches nothing, so it would admit everybody"),
        )
        .hint("add the claims that its tokens must have"));
    }
    let realm = realm(spec, world)?;
    Ok(Administrator { provider: provider.id, clauses, role: spec.role, project, realm })
}

fn project(spec: &AdministratorSpec, name: &Name, world: &World) -> Result<Option<Id>, Fault> {
    let role = spec.role.name();
    match (name.project(), spec.role.is_of_project(), spec.project.as_deref()) {
        (None, false, None) => Ok(None),
        (None, false, Some(_)) => Err(Fault::at("spec.project", format!("role `{role}` is not one of a project"))
            .hint("leave `project` out, or choose project-admin or project-viewer")),
        (None, true, None) => Err(Fault::at("spec.project", format!("is missing, role `{role}` is one of a project"))),
        (None, true, Some(project)) => {
            reference("spec.project", Kind::Project, project, world).map(|found| Some(found.id))
        }
        (Some(_), false, _) => {
            let whose = if spec.role.is_of_realm() { "a realm" } else { "the server" };
            Err(Fault::at("spec.role", format!("`{role}` is a role of {whose}, but `{name}` belongs to a project"))
                .hint(format!("name it `{}`, or choose project-admin or project-viewer", name.local())))
        }
        (Some(own), true, said) => {
            let own = reference("name", Kind::Project, own, world)?;
            match said.map(|said| reference("spec.project", Kind::Project, said, world)).transpose()? {
                Some(other) if other.id != own.id => Err(Fault::at(
                    "spec.project",
                    format!("is `{}`, but `{name}` belongs to another project", other.name),
                )
                .hint(format!("name it `{}/{}`, or leave `project` out", other.name, name.local()))),
                _ => Ok(Some(own.id)),
            }
        }
    }
}

/// A realm is told by the trust domain and by its name in there, as a cluster tells it.
fn realm(spec: &AdministratorSpec, world: &World) -> Result<Option<Realm>, Fault> {
    let role = spec.role.name();
    let said = [("spec.trustDomain", &spec.trust_domain), ("spec.realm", &spec.realm)];
    if !spec.role.is_of_realm() {
        return match said.into_iter().find(|(_, said)| said.is_some()) {
            None => Ok(None),
            Some((field, _)) => Err(Fault::at(field, format!("role `{role}` is not one of a realm"))
                .hint("leave `trustDomain` and `realm` out, or choose realm-admin or realm-viewer")),
        };
    }
    let missing = |field: &str| Fault::at(field, format!("is missing, role `{role}` is one of a realm"));
    let domain = spec.trust_domain.as_deref().ok_or_else(|| missing("spec.trustDomain"))?;
    let name = spec.realm.as_deref().ok_or_else(|| missing("spec.realm"))?;
    let trust_domain = reference("spec.trustDomain", Kind::TrustDomain, domain, world)?.id;
    realm_name("spec.realm", name)?;
    Ok(Some(Realm { trust_domain, name: name.into() }))
}
