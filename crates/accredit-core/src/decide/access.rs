//! Access: who may read and write which resources. Pure, and closed: what no line allows is refused.
//!
//! A person or workload holds a role for each enabled [`Administrator`](crate::model::Administrator) that its proved facts
//! match; what any of them allows is allowed. Nobody edits what admitted him: not that administrator, and not the provider
//! behind it (K10, L19).

use super::clause::holds;
use crate::facts::{Facts, Proved};
use crate::model::{AdminRole, Administrator, Id, Kind, Realm, Resource};
use crate::world::World;

/// What somebody wants to do with a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// See it, alone or in a list.
    Read,
    /// Create, change, enable, disable or delete it.
    Write,
    /// Have SVIDs made in it by one's own word. Of clusters alone, whose policy then says which.
    Mint,
}

/// What is to be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject<'s> {
    /// Its kind.
    pub kind: Kind,
    /// The project that owns it; a project is its own.
    pub project: Option<Id>,
    /// The realm that a cluster lies in, or that an administrator is one of.
    pub realm: Option<InRealm<'s>>,
    /// Its id, once it has one.
    pub id: Option<Id>,
}

/// A realm, lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InRealm<'s> {
    /// Its trust domain.
    pub trust_domain: Id,
    /// Its name there.
    pub name: &'s str,
}

/// A role that somebody holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Which.
    pub role: AdminRole,
    /// Where, for the roles of a project.
    pub project: Option<Id>,
    /// Where, for the roles of a realm.
    pub realm: Option<Realm>,
    /// What admitted him; `None` for the server's own user at the local socket.
    pub through: Option<Through>,
}

/// What admitted somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Through {
    /// The administrator.
    pub administrator: Id,
    /// The provider that said who he is.
    pub provider: Id,
}

/// What somebody may do: the union of the roles held. Nothing, when there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights(Vec<Held>);

/// Why something may not be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No role held allows it.
    NoRight,
    /// A role would, but this is what the role came from.
    OwnAdmission,
}

// === impl Rights ===

impl Rights {
    /// The server's own user, at the local socket.
    pub fn local() -> Self {
        Self::of(AdminRole::Owner, None, None)
    }

    /// What one role gives, as if somebody held it there: for describing and comparing roles.
    pub fn of(role: AdminRole, project: Option<Id>, realm: Option<Realm>) -> Self {
        Self(vec![Held { role, project, realm, through: None }])
    }

    /// What the proved facts of a token of this provider give: every enabled administrator that they match.
    pub fn proved(provider: &Resource, facts: &Facts<'_, Proved>, world: &World) -> Self {
        let admits = |resource: &&std::sync::Arc<Resource>| {
            resource.as_administrator().is_some_and(|administrator| {
                !administrator.clauses.is_empty() && administrator.clauses.iter().all(|clause| holds(clause, facts))
            })
        };
        let admitting = world.administrators_of(provider.id).filter(admits).map(|resource| resource.id);
        Self::through(admitting, world)
    }

    /// What administrators give that admitted somebody before: those that still count. Deleting or disabling one, its
    /// provider or its project ends it with the next request.
    pub fn through(administrators: impl IntoIterator<Item = Id>, world: &World) -> Self {
        let held = administrators.into_iter().filter_map(|id| {
            let resource = world.enabled(id)?;
            let administrator = resource.as_administrator()?;
            let provider = world.enabled(administrator.provider)?;
            // A project's own provider serves that project alone; the plan sees to it, and so does this.
            if provider.project.is_some() && provider.project != resource.project {
                return None;
            }
            let through = Some(Through { administrator: id, provider: provider.id });
            let Administrator { role, project, realm, .. } = administrator;
            Some(Held { role: *role, project: *project, realm: realm.clone(), through })
        });
        let mut held: Vec<Held> = held.collect();
        held.sort_by_key(|held| {
            (held.role, held.project, held.realm.clone(), held.through.map(|through| through.administrator))
        });
        Self(held)
    }

    /// Whether nothing at all may be done.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The roles held, the mightiest first.
    pub fn held(&self) -> &[Held] {
        &self.0
    }

    /// Whether something may be done, and by which role.
    ///
    /// # Errors
    /// Why not.
    pub fn may(&self, verb: Verb, subject: &Subject<'_>) -> Result<&Held, Refusal> {
        let admitted_by_it = |held: &Held| {
            held.through.is_some_and(|through| {
                subject.id.is_some_and(|id| id == through.administrator || id == through.provider)
            })
        };
        let allowed = self.0.iter().find(|held| held.allows(verb, subject)).ok_or(Refusal::NoRight)?;
        // Whichever role allows it: with two, each would otherwise edit what the other came from.
        match verb == Verb::Write && self.0.iter().any(admitted_by_it) {
            true => Err(Refusal::OwnAdmission),
            false => Ok(allowed),
        }
    }

    /// Whether everything may be read: other people's decisions and the whole audit log among it.
    pub fn reads_everything(&self) -> bool {
        self.0.iter().any(|held| match held.role {
            AdminRole::Owner | AdminRole::Operator | AdminRole::Auditor => true,
            AdminRole::ProjectAdmin | AdminRole::ProjectViewer | AdminRole::RealmAdmin | AdminRole::RealmViewer => {
                false
            }
        })
    }

    /// Whether decisions and records about a project may be read.
    pub fn reads_project(&self, project: Id) -> bool {
        self.reads_everything() || self.0.iter().any(|held| held.project == Some(project))
    }

    /// Whether decisions and records about the clusters of a realm may be read.
    pub fn reads_realm(&self, realm: InRealm<'_>) -> bool {
        self.reads_everything() || self.0.iter().any(|held| held.is_of(realm))
    }
}

/// Which roles would allow something, in words, the mightiest first. What the subject belongs to is not told: whoever is
/// refused need not know it.
pub fn takes(verb: Verb, subject: &Subject<'_>) -> String {
    // Wherever a cluster lies, its realm is one that somebody might administer.
    let trust_domain = Id::new(Kind::TrustDomain, [0; 16]);
    let has_realm = subject.kind == Kind::Cluster;
    let realm = has_realm.then_some(InRealm { trust_domain, name: "" });
    let subject = Subject { realm, id: None, ..*subject };
    let realm = Realm { trust_domain, name: "".into() };
    let would = |role: &AdminRole| {
        let realm = role.is_of_realm().then(|| realm.clone());
        Rights::of(*role, subject.project.filter(|_| role.is_of_project()), realm).may(verb, &subject).is_ok()
    };
    let named = |role: AdminRole| match role {
        _ if role.is_of_project() => format!("`{}` of its project", role.name()),
        _ if role.is_of_realm() => format!("`{}` of its realm", role.name()),
        _ => format!("`{}`", role.name()),
    };
    let roles: Vec<String> = AdminRole::ALL.into_iter().filter(would).map(named).collect();
    match roles.split_last() {
        Some((last, [])) => format!("role {last}"),
        Some((last, others)) => format!("role {} or {last}", others.join(", ")),
        None => "a role that there is not".to_owned(),
    }
}

// === impl Held ===

impl Held {
    fn allows(&self, verb: Verb, subject: &Subject<'_>) -> bool {
        let is_own = self.project.is_some() && self.project == subject.project;
        // Whoever writes mappings must be able to name the server's providers, and whoever writes clusters their trust domain.
        let is_servers_provider = subject.kind == Kind::Provider && subject.project.is_none();
        let is_own_realm = subject.realm.is_some_and(|realm| self.is_of(realm));
        let is_realms_domain = subject.id.is_some() && self.realm.as_ref().map(|own| own.trust_domain) == subject.id;
        match (self.role, verb) {
            (_, Verb::Mint) if subject.kind != Kind::Cluster => false,
            (AdminRole::Owner, _) | (AdminRole::Operator | AdminRole::Auditor, Verb::Read) => true,
            (AdminRole::Operator, Verb::Write) => !is_trust(subject.kind),
            (AdminRole::Operator, Verb::Mint) => true,
            (AdminRole::Auditor | AdminRole::ProjectViewer | AdminRole::RealmViewer, Verb::Write | Verb::Mint)
            | (AdminRole::ProjectAdmin, Verb::Mint) => false,
            (AdminRole::ProjectAdmin | AdminRole::ProjectViewer, Verb::Read) => is_own || is_servers_provider,
            (AdminRole::ProjectAdmin, Verb::Write) => is_own && is_projects_affair(subject.kind),
            (AdminRole::RealmAdmin | AdminRole::RealmViewer, Verb::Read) => is_own_realm || is_realms_domain,
            (AdminRole::RealmAdmin, Verb::Write | Verb::Mint) => is_own_realm && subject.kind == Kind::Cluster,
        }
    }

    fn is_of(&self, realm: InRealm<'_>) -> bool {
        self.realm.as_ref().is_some_and(|own| own.trust_domain == realm.trust_domain && *own.name == *realm.name)
    }
}

/// Whom the server believes, and who may say so. A cluster says whose word makes a workload, and which identity of the trust
/// domain it becomes: an operator who wrote one could be anybody, administrators among them.
fn is_trust(kind: Kind) -> bool {
    match kind {
        Kind::TrustDomain
        | Kind::Federation
        | Kind::Provider
        | Kind::Administrator
        | Kind::CiCdProfile
        | Kind::Cluster => true,
        Kind::Project | Kind::ServiceAccount | Kind::Api | Kind::Role | Kind::Grant | Kind::Mapping => false,
    }
}

/// What a project's own administrators write; its provider serves that project alone.
fn is_projects_affair(kind: Kind) -> bool {
    match kind {
        Kind::Provider | Kind::ServiceAccount | Kind::Api | Kind::Role | Kind::Grant | Kind::Mapping => true,
        Kind::Project
        | Kind::TrustDomain
        | Kind::Federation
        | Kind::Administrator
        | Kind::CiCdProfile
        | Kind::Cluster => false,
    }
}

// === impl Subject ===

impl<'s> Subject<'s> {
    /// What is not there yet, and lies in no realm.
    pub const fn new(kind: Kind, project: Option<Id>) -> Self {
        Self { kind, project, realm: None, id: None }
    }

    /// A resource that exists.
    pub fn of(resource: &'s Resource) -> Self {
        let project = if resource.kind() == Kind::Project { Some(resource.id) } else { resource.project };
        let of_cluster = resource
            .as_cluster()
            .and_then(|cluster| Some(InRealm { trust_domain: cluster.trust_domain, name: cluster.realm.as_deref()? }));
        let of_administrator = || resource.as_administrator()?.realm.as_ref().map(Realm::lent);
        let realm = of_cluster.or_else(of_administrator);
        Self { kind: resource.kind(), project, realm, id: Some(resource.id) }
    }
}

// === impl Realm ===

impl Realm {
    /// The realm, lent.
    pub fn lent(&self) -> InRealm<'_> {
        InRealm { trust_domain: self.trust_domain, name: &self.name }
    }
}

// === impl Refusal ===

impl Refusal {
    /// Its stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Refusal::NoRight => "right-missing",
            Refusal::OwnAdmission => "own-admission",
        }
    }

    /// What to do about it.
    pub const fn hint(self) -> &'static str {
        match self {
            Refusal::NoRight => "an owner gives rights by a document of kind Administrator",
            Refusal::OwnAdmission => {
                "nobody edits what admitted him: another owner can, or the server's own user at the admin socket"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(kind: Kind, number: u8) -> Id {
        Id::new(kind, [number; 16])
    }

    fn realm(name: &str) -> Realm {
        Realm { trust_domain: id(Kind::TrustDomain, 1), name: name.into() }
    }

    fn rights(role: AdminRole) -> Rights {
        let project = role.is_of_project().then(|| id(Kind::Project, 1));
        let realm = role.is_of_realm().then(|| realm("pay"));
        let through = Some(Through { administrator: id(Kind::Administrator, 9), provider: id(Kind::Provider, 9) });
        Rights(vec![Held { role, project, realm, through }])
    }

    /// K10: who may write (`w`), read (`r`) or neither (`-`), for resources of the server, of one's own project (1) and of
    /// another one (2). A kind that is added stands in no line until somebody decides about it. What lies in a realm is in
    /// `vectors/access`.
    #[test]
    fn the_table_of_rights() {
        let table = "
            kind             owner  operator auditor  project-admin project-viewer realm-admin realm-viewer
            project          .ww    .ww      .rr      .r-           .r-            .--         .--
            trust-domain     w..    r..      r..      -..           -..            -..         -..
            federation       w..    r..      r..      -..           -..            -..         -..
            provider         www    rrr      rrr      rw-           rr-            ---         ---
            service-account  .ww    .ww      .rr      .w-           .r-            .--         .--
            api              .ww    .ww      .rr      .w-           .r-            .--         .--
            role             .ww    .ww      .rr      .w-           .r-            .--         .--
            grant            .ww    .ww      .rr      .w-           .r-            .--         .--
            mapping          .ww    .ww      .rr      .w-           .r-            .--         .--
            administrator    www    rrr      rrr      -r-           -r-            ---         ---
            ci-cd-profile    w..    r..      r..      -..           -..            -..         -..
            cluster          w..    r..      r..      -..           -..            -..         -..
        ";
        let mut lines = table.lines().map(str::trim).filter(|line| !line.is_empty());
        let roles: Vec<&str> = lines.next().into_iter().flat_map(str::split_whitespace).skip(1).collect();
        assert_eq!(roles, AdminRole::ALL.map(AdminRole::name));
        let owners = [None, Some(id(Kind::Project, 1)), Some(id(Kind::Project, 2))];
        let mut kinds = Vec::new();
        for line in lines {
            let mut cells = line.split_whitespace();
            let kind = cells.next().and_then(Kind::named);
            kinds.extend(kind);
            for (role, cell) in AdminRole::ALL.into_iter().zip(cells) {
                for (owner, expected) in owners.into_iter().zip(cell.chars()).filter(|(_, expected)| *expected != '.') {
                    let subject = kind.map(|kind| Subject::new(kind, owner));
                    let may = |verb| subject.is_some_and(|subject| rights(role).may(verb, &subject).is_ok());
                    let seen = match (may(Verb::Read), may(Verb::Write)) {
                        (true, true) => 'w',
                        (true, false) => 'r',
                        (false, false) => '-',
                        (false, true) => '?',
                    };
                    assert_eq!(seen, expected, "{} on {line} of {owner:?}", role.name());
                }
            }
        }
        assert_eq!(kinds, Kind::ALL, "a kind stands in no line");
    }

    /// L19: the administrator that admitted somebody, and its provider, stay as they are, by whichever of two roles.
    #[test]
    fn nobody_edits_what_admitted_him() {
        let mut twice = rights(AdminRole::Owner);
        let other = Through { administrator: id(Kind::Administrator, 8), provider: id(Kind::Provider, 8) };
        let project = Some(id(Kind::Project, 1));
        twice.0.push(Held { role: AdminRole::ProjectAdmin, project, realm: None, through: Some(other) });
        for (kind, number, refused) in [
            (Kind::Administrator, 9, true),
            (Kind::Provider, 9, true),
            (Kind::Administrator, 8, true),
            (Kind::Provider, 8, true),
            (Kind::Administrator, 7, false),
            (Kind::Provider, 7, false),
        ] {
            let subject = Subject { id: Some(id(kind, number)), ..Subject::new(kind, None) };
            let expected = if refused { Some(Refusal::OwnAdmission) } else { None };
            assert_eq!(twice.may(Verb::Write, &subject).err(), expected, "{kind:?} {number}");
            assert!(twice.may(Verb::Read, &subject).is_ok() && Rights::local().may(Verb::Write, &subject).is_ok());
        }
    }

    #[test]
    fn no_role_is_no_right() {
        let subject = Subject::new(Kind::Provider, None);
        assert_eq!(Rights::default().may(Verb::Read, &subject), Err(Refusal::NoRight));
        assert!(!Rights::default().reads_everything() && !Rights::default().reads_project(id(Kind::Project, 1)));
        assert!(rights(AdminRole::ProjectViewer).reads_project(id(Kind::Project, 1)));
        assert!(!rights(AdminRole::ProjectViewer).reads_project(id(Kind::Project, 2)));
    }

    /// Whoever is refused is told what it takes, and not whose it is.
    #[test]
    fn a_refusal_names_the_roles() {
        let (server, own) = (None, Some(id(Kind::Project, 1)));
        for (verb, kind, project, expected) in [
            (Verb::Write, Kind::Provider, server, "role `owner`"),
            (Verb::Write, Kind::Provider, own, "role `owner` or `project-admin` of its project"),
            (Verb::Write, Kind::Mapping, own, "role `owner`, `operator` or `project-admin` of its project"),
            (Verb::Write, Kind::Cluster, server, "role `owner` or `realm-admin` of its realm"),
            (Verb::Mint, Kind::Cluster, server, "role `owner`, `operator` or `realm-admin` of its realm"),
            (Verb::Read, Kind::TrustDomain, server, "role `owner`, `operator` or `auditor`"),
        ] {
            assert_eq!(takes(verb, &Subject::new(kind, project)), expected);
        }
    }
}
