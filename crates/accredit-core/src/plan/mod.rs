//! Planning a change: documents in, the world as it would be out, all or nothing.
//!
//! A plan is made on a clone of the world, so every document sees those before it, faults of all of them are told at
//! once, and a dry run is a plan that nobody carries out.

mod actors;
mod administrator;
mod authority;
mod cluster;
mod compile;
mod diff;
mod federation;
mod keys;
mod login;
mod mapping;
mod own_name;
mod provider;
mod remove;
mod retain;
mod review;
mod rules;
mod signed_requests;
mod staged_keys;
mod suppressions;
mod unpin;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use diff::FieldChange;
pub use remove::{delete, set_enabled};
pub use retain::{Stored, follow, restore, restore_what_holds};
pub use review::{Review, review};
pub use rules::Context;
use rules::unknown;

use crate::lint::{Found, Severity, lint};
use crate::model::{Compiled, Document, Fault, Faults, Id, Kind, Name, Parsed, Resource};
use crate::world::World;
use crate::world::pins::PinKey;

/// What would be done.
#[derive(Debug)]
pub struct Plan {
    /// The world afterwards.
    pub next: World,
    /// One entry a document in its order, deletions after them.
    pub changes: Vec<Change>,
    /// Resources to write.
    pub puts: Vec<Arc<Resource>>,
    /// Resources to take away.
    pub deletes: Vec<Arc<Resource>>,
    /// What the linter says of what is written.
    pub findings: Vec<Found>,
    /// First-use pins that go: of mappings that are deleted, and of names that one no longer expects.
    pub unpinned: Vec<PinKey>,
    /// Whether something that was allowed may no longer be: decisions made before must be made again.
    pub revokes: bool,
}

/// What happens to one resource.
#[derive(Clone, Debug)]
pub struct Change {
    /// What happens.
    pub action: Action,
    /// Which kind.
    pub kind: Kind,
    /// Which one.
    pub name: Name,
    /// Its id.
    pub id: Id,
    /// Field by field, for updates.
    pub fields: Vec<FieldChange>,
    /// What another mapping would newly allow once this one is gone (L06), a sentence each.
    pub newly_allowed: Vec<String>,
}

/// What happens to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is new.
    Create,
    /// It goes.
    Delete,
    /// It is so already.
    Unchanged,
    /// It becomes different.
    Update,
}

/// What else goes when documents are brought into force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prune<'p> {
    /// Nothing.
    Nothing,
    /// Every resource that is not among the documents.
    Everything,
    /// Of those, what this project owns; the project itself stays.
    Project(&'p str),
}

impl From<bool> for Prune<'_> {
    fn from(prune: bool) -> Self {
        if prune { Prune::Everything } else { Prune::Nothing }
    }
}

impl Prune<'_> {
    fn takes(self, resource: &Resource) -> bool {
        match self {
            Prune::Nothing => false,
            Prune::Everything => true,
            Prune::Project(project) => resource.name.project() == Some(project),
        }
    }
}

/// Plans to bring documents into force; `prune` also takes away what is not among them. `random` gives ids.
///
/// # Errors
/// Every fault of every document; nothing is to be written then.
pub fn apply<'p>(
    world: &World,
    documents: &[Document],
    prune: impl Into<Prune<'p>>,
    context: &Context<'_>,
    random: &mut dyn FnMut() -> [u8; 16],
) -> Result<Plan, Faults> {
    let prune = prune.into();
    let mut draft = Draft::new(world);
    let parsed = parse_all(documents, &mut draft.faults);
    for kind in Kind::ALL {
        for (place, document) in parsed.iter().filter(|(_, document)| document.kind == kind) {
            draft.bring(*place, document, context, random);
        }
    }
    // While a document is not understood, it is not known what else is to stay.
    if prune != Prune::Nothing && draft.faults.is_empty() {
        let named: BTreeSet<_> = parsed.iter().map(|(_, document)| (document.kind, document.name.clone())).collect();
        let mut gone: Vec<_> = world
            .iter()
            .filter(|resource| prune.takes(resource) && !named.contains(&(resource.kind(), resource.name.clone())))
            .cloned()
            .collect();
        gone.sort_unstable_by(|one, two| (two.kind(), &two.name).cmp(&(one.kind(), &one.name)));
        draft.take_away(gone);
    }
    draft.drop_what_follows(documents);
    draft.finish(context)
}

fn parse_all(documents: &[Document], faults: &mut Vec<Fault>) -> Vec<(usize, Parsed)> {
    let mut parsed: Vec<(usize, Parsed)> = Vec::with_capacity(documents.len());
    let mut seen: BTreeMap<(Kind, Name), usize> = BTreeMap::new();
    for (place, document) in documents.iter().enumerate() {
        match document.parse() {
            Err(fault) => faults.push(fault.in_document(place)),
            Ok(read) => match seen.insert((read.kind, read.name.clone()), place) {
                Some(_) => faults.push(
                    Fault::at("name", format!("{} `{}` stands twice in this set", read.kind.noun(), read.name))
                        .in_document(place),
                ),
                None => parsed.push((place, read)),
            },
        }
    }
    parsed
}

/// What to do about a resource that is still used.
fn how_to_part(used: &Resource, user: &Resource) -> String {
    match used.kind() {
        Kind::CiCdProfile => {
            format!("unlink it: `accredit ci-cd profile link delete {} {}`", user.name, used.name)
        }
        _ => "delete that first, or both in one set with --prune".to_owned(),
    }
}

/// A plan in the making.
struct Draft<'w> {
    before: &'w World,
    next: World,
    /// By document, so that changes come out in the documents' order.
    changes: BTreeMap<usize, Change>,
    places: BTreeMap<Id, usize>,
    deleted: Vec<Change>,
    puts: Vec<Arc<Resource>>,
    deletes: Vec<Arc<Resource>>,
    faults: Vec<Fault>,
}

impl<'w> Draft<'w> {
    fn new(before: &'w World) -> Self {
        Self {
            before,
            next: before.clone(),
            changes: BTreeMap::new(),
            places: BTreeMap::new(),
            deleted: Vec::new(),
            puts: Vec::new(),
            deletes: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// Compiles one document and puts it into the next world.
    fn bring(&mut self, place: usize, document: &Parsed, context: &Context<'_>, random: &mut dyn FnMut() -> [u8; 16]) {
        match self.compile(document, context, random) {
            Err(faults) => self.faults.extend(faults.0.into_iter().map(|fault| fault.in_document(place))),
            Ok(resource) => {
                let existing = self.before.by_id(resource.id).cloned();
                let action = match &existing {
                    None => Action::Create,
                    Some(old) if old.body() == resource.body() && old.enabled == resource.enabled => Action::Unchanged,
                    Some(_) => Action::Update,
                };
                let fields = existing
                    .as_deref()
                    .filter(|_| action == Action::Update)
                    .map(|old| diff::fields(old, &resource))
                    .unwrap_or_default();
                let change = Change {
                    action,
                    kind: document.kind,
                    name: document.name.clone(),
                    id: resource.id,
                    fields,
                    newly_allowed: Vec::new(),
                };
                self.changes.insert(place, change);
                self.places.insert(resource.id, place);
                if action != Action::Unchanged {
                    let resource = Arc::new(resource);
                    self.next.put(Arc::clone(&resource));
                    self.puts.push(resource);
                }
            }
        }
    }

    fn compile(
        &self,
        document: &Parsed,
        context: &Context<'_>,
        random: &mut dyn FnMut() -> [u8; 16],
    ) -> Result<Resource, Faults> {
        let existing = self.next.find(document.kind, document.name.as_str());
        let id = match (existing, document.id) {
            (Some(existing), Some(id)) if existing.id != id => {
                return Err(Fault::at(
                    "id",
                    format!(
                        "`{id}` is not the id of {} `{}`, which has `{}`",
                        document.kind.noun(),
                        document.name,
                        existing.id
                    ),
                )
                .hint("ids never change: leave `id` out, or delete the old one first")
                .into());
            }
            (Some(existing), _) => existing.id,
            (None, Some(id)) => match self.next.by_id(id) {
                Some(other) => {
                    let message = format!("`{id}` belongs to {} `{}`", other.kind().noun(), other.name);
                    return Err(Fault::at("id", message).into());
                }
                None => id,
            },
            (None, None) => Id::new(document.kind, random()),
        };
        let revision = existing.map_or(1, |existing| existing.revision + 1);
        if let (Some(Compiled::Provider(old)), crate::model::Spec::Provider(spec)) =
            (existing.map(|existing| &existing.compiled), &document.spec)
        {
            provider::unchanged_issuer(old, spec)?;
        }
        suppressions::check(&document.suppressions)?;
        compile::resource(id, revision, document, &self.next, context)
    }

    /// Drops the faults that only say that a document of this set did not come into force: it has a fault of its own.
    fn drop_what_follows(&mut self, documents: &[Document]) {
        if self.faults.len() < 2 {
            return;
        }
        let missing = documents.iter().filter_map(|document| {
            let kind = Kind::named(&document.kind).filter(|kind| self.next.find(*kind, &document.name).is_none())?;
            Some(unknown("", kind, &document.name).message)
        });
        let missing: BTreeSet<String> = missing.collect();
        self.faults.retain(|fault| !missing.contains(&fault.message));
    }

    fn take_away(&mut self, gone: Vec<Arc<Resource>>) {
        for resource in gone {
            let newly_allowed = remove::newly_allowed(&resource, &self.next);
            self.next.remove(resource.id);
            self.deleted.push(Change {
                action: Action::Delete,
                kind: resource.kind(),
                name: resource.name.clone(),
                id: resource.id,
                fields: Vec::new(),
                newly_allowed,
            });
            self.deletes.push(resource);
        }
        for resource in &self.deletes {
            if let Some(other) = self.next.referrers(resource.id).next() {
                self.faults.push(
                    Fault::at(
                        "",
                        format!(
                            "{} `{}` is still used by {} `{}`",
                            resource.kind().noun(),
                            resource.name,
                            other.kind().noun(),
                            other.name
                        ),
                    )
                    .hint(how_to_part(resource, other)),
                );
            }
        }
    }

    /// Looks at what refers to changed resources once more, runs the linter, and closes the plan.
    fn finish(mut self, context: &Context<'_>) -> Result<Plan, Faults> {
        let written: Vec<_> = self.puts.iter().filter_map(|put| self.next.by_id(put.id).cloned()).collect();
        for resource in &written {
            if self.before.by_id(resource.id).is_some() {
                self.recheck_referrers(resource, context);
            }
        }
        // What a set names is linted whether it changes or not: a warning does not go away by applying twice.
        let mut named: Vec<_> = self.places.iter().map(|(id, place)| (*place, *id)).collect();
        named.sort_unstable();
        let mut findings = Vec::new();
        for resource in named.iter().filter_map(|(_, id)| self.next.by_id(*id)) {
            for found in lint(resource, &self.next, context.now) {
                if found.rule.severity == Severity::Error {
                    let document = self.places.get(&resource.id).copied().unwrap_or_default();
                    let fault =
                        Fault::at(found.finding.field.clone(), found.finding.message.clone()).in_document(document);
                    self.faults.push(Fault { hint: found.finding.fix.clone(), ..fault });
                } else if found.rule.severity == Severity::Warning {
                    findings.push(found);
                }
            }
        }
        if !self.faults.is_empty() {
            self.faults.sort_by_key(|fault| fault.document);
            return Err(Faults(self.faults));
        }
        for change in self.changes.values_mut().filter(|change| change.action == Action::Update) {
            if let (Some(old), Some(new)) = (self.before.by_id(change.id), self.next.by_id(change.id))
                && old.enabled
                && !new.enabled
            {
                change.newly_allowed = remove::newly_allowed(old, &self.next);
            }
        }
        let updated = self.changes.values().any(|change| change.action == Action::Update);
        let revokes = updated || !self.deletes.is_empty();
        let unpinned = unpin::outdated(self.before, &self.next, &self.puts, &self.deletes);
        self.next.pins.remove(&unpinned);
        let changes = self.changes.into_values().chain(self.deleted).collect();
        Ok(Plan { next: self.next, changes, puts: self.puts, deletes: self.deletes, findings, unpinned, revokes })
    }

    /// A changed API may have lost a permission that a role names; a changed provider may now need pins; a changed profile no
    /// longer says what it said where it is linked.
    fn recheck_referrers(&mut self, changed: &Arc<Resource>, context: &Context<'_>) {
        if !matches!(changed.kind(), Kind::Api | Kind::Role | Kind::Provider | Kind::CiCdProfile) {
            return;
        }
        let referrers: Vec<_> =
            self.next.referrers(changed.id).filter(|other| !self.places.contains_key(&other.id)).cloned().collect();
        let document = self.places.get(&changed.id).copied().unwrap_or_default();
        for other in referrers {
            let again = other
                .document()
                .parse()
                .map_err(Faults::from)
                .and_then(|parsed| compile::resource(other.id, other.revision, &parsed, &self.next, context));
            let fault = match again {
                Err(faults) => faults.0.into_iter().next(),
                Ok(resource) => {
                    let resource = Arc::new(resource);
                    self.next.put(Arc::clone(&resource));
                    let error = lint(&resource, &self.next, context.now)
                        .into_iter()
                        .find(|found| found.rule.severity == Severity::Error);
                    error.map(|found| Fault::at(found.finding.field, found.finding.message))
                }
            };
            if let Some(fault) = fault {
                let message =
                    format!("{} `{}` would no longer be valid: {}", other.kind().noun(), other.name, fault.message);
                let hint = (changed.kind() == Kind::CiCdProfile).then(|| how_to_part(changed, &other));
                self.faults.push(Fault { hint, ..Fault::at("", message).in_document(document) });
            }
        }
    }
}
