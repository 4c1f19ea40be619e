//! The world that a vector speaks of, built as `accredit apply` builds it, with ids that are always the same.

use accredit_core::model::{DecisionId, Document, Fault, Faults, Kind, Resource, yaml};
use accredit_core::plan::{self, Context, Plan, Stored};
use accredit_core::world::World;
use accredit_core::world::pins::NamePin;
use accredit_id::time::Timestamp;

/// The server's own address, and so the default audience of providers.
pub(crate) const PUBLIC_URL: &str = "https://accredit.example.org";

/// When documents are looked at: 2027-01-15T08:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

/// What no token may be for.
pub(crate) fn reserved() -> Vec<String> {
    ["", "/", "/oauth/token", "/admin", "/agent"].map(|path| format!("{PUBLIC_URL}{path}")).to_vec()
}

/// Ids in the order of asking: 1, 2, 3, ... in the order that `turn` gives to the bits.
pub(crate) struct Ids {
    next: u128,
    step: i8,
}

/// A world in the making.
#[derive(Clone)]
pub(crate) struct Stage {
    /// As it is now.
    pub(crate) world: World,
    /// How many ids were given.
    pub(crate) used: u128,
    /// Whether ids count up or down.
    pub(crate) step: i8,
}

// === impl Stage ===

impl Stage {
    /// An empty world whose ids count upwards, or downwards.
    pub(crate) fn empty(step: i8) -> Self {
        Self { world: World::at(0), used: 0, step }
    }

    /// Plans a set of documents.
    pub(crate) fn plan(&mut self, documents: &[Document], prune: bool) -> Result<Plan, Faults> {
        let reserved = reserved();
        let context = Context { public_url: PUBLIC_URL, reserved: &reserved, plain_http: false, now: NOW };
        let mut ids = Ids { next: self.used, step: self.step };
        let plan = plan::apply(&self.world, documents, prune, &context, &mut || ids.next());
        self.used = ids.next;
        plan
    }

    /// Brings documents into force.
    pub(crate) fn bring(&mut self, documents: &[Document]) {
        let plan = self.plan(documents, false).unwrap_or_else(|faults| panic!("{}", told(&faults.0)));
        self.world = plan.next;
    }

    /// Enables or disables `KIND NAME`.
    pub(crate) fn turn(&mut self, named: &str, enabled: bool) {
        self.world = self.turned(named, enabled).unwrap_or_else(|faults| panic!("{}", told(&faults.0))).next;
    }

    /// Pins a name of a mapping, given by its claim, to the id in another claim.
    pub(crate) fn pin(&mut self, mapping: &str, [claim, name, id_claim, id]: [&str; 4]) {
        let mapping = self.world.find(Kind::Mapping, mapping).unwrap_or_else(|| panic!("no mapping `{mapping}`")).id;
        let [claim, name, id_claim, id] = [claim, name, id_claim, id].map(Into::into);
        let (decision, at) = (DecisionId::new([1; 16]), Timestamp::from_unix(1_799_000_000));
        self.world.pins.put(mapping, NamePin { claim, name, id_claim, id, decision, at });
    }

    /// Plans to enable or disable `KIND NAME`.
    pub(crate) fn turned(&self, named: &str, enabled: bool) -> Result<Plan, Faults> {
        let (kind, name) = kind_and_name(named);
        let reserved = reserved();
        let context = Context { public_url: PUBLIC_URL, reserved: &reserved, plain_http: false, now: NOW };
        plan::set_enabled(&self.world, kind, name, enabled, &context)
    }

    /// Plans to delete `KIND NAME`.
    pub(crate) fn deleted(&self, named: &str) -> Result<Plan, Faults> {
        let (kind, name) = kind_and_name(named);
        let reserved = reserved();
        let context = Context { public_url: PUBLIC_URL, reserved: &reserved, plain_http: false, now: NOW };
        plan::delete(&self.world, kind, name, &context)
    }

    /// The same world, read back from what a store would hold of it.
    pub(crate) fn restored(&self) -> World {
        let row = |resource: &std::sync::Arc<Resource>| Stored {
            id: resource.id,
            name: resource.name.to_string(),
            enabled: resource.enabled,
            revision: resource.revision,
            body: resource.body(),
        };
        let reserved = reserved();
        let context = Context { public_url: PUBLIC_URL, reserved: &reserved, plain_http: false, now: NOW };
        let mut restored = plan::restore(self.world.sequence, self.world.iter().map(row).collect(), &context)
            .unwrap_or_else(|fault| panic!("{}", told(&[fault])));
        restored.pins = self.world.pins.clone();
        restored
    }

    /// Every document, as `accredit export` prints them.
    pub(crate) fn exported(&self) -> Vec<Document> {
        Kind::ALL.iter().flat_map(|kind| self.world.of_kind(*kind)).map(|resource| resource.document()).collect()
    }
}

// === impl Ids ===

impl Ids {
    fn next(&mut self) -> [u8; 16] {
        self.next += 1;
        let bits = if self.step < 0 { u128::MAX - self.next } else { self.next };
        bits.to_be_bytes()
    }
}

/// The documents of a YAML text.
pub(crate) fn documents(text: &str) -> Vec<Document> {
    let located = yaml::parse("vector", text).unwrap_or_else(|faults| panic!("{faults:?}"));
    located.into_iter().map(|located| located.document).collect()
}

/// A later document takes the place of an earlier one of the same kind and name.
pub(crate) fn overlaid(earlier: &str, later: &str) -> Vec<Document> {
    let mut all = documents(earlier);
    for document in documents(later) {
        match all.iter_mut().find(|other| other.kind == document.kind && other.name == document.name) {
            Some(other) => *other = document,
            None => all.push(document),
        }
    }
    all
}

/// `service-account ci/web` as its two words.
pub(crate) fn kind_and_name(named: &str) -> (Kind, &str) {
    let (noun, name) = named.split_once(' ').unwrap_or_else(|| panic!("`{named}` is not KIND NAME"));
    (Kind::named(noun).unwrap_or_else(|| panic!("`{noun}` is no kind")), name)
}

/// Faults as text.
pub(crate) fn told(faults: &[Fault]) -> String {
    faults.iter().map(|fault| format!("#{} {}: {}\n", fault.document, fault.field, fault.message)).collect()
}
