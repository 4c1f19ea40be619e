//! Resources as the store sees them: opaque bodies under an id and a name.

use crate::answer::KeptAnswer;
use crate::audit::NewRecord;
use crate::head::Head;
use crate::pin::PinKey;

/// A resource. The store reads nothing in its body and changes nothing in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its kind. Part of its name, not of its id.
    pub kind: String,
    /// Its id, unique in the store.
    pub id: String,
    /// The id of the project that owns it; `None`: the server.
    pub owner: Option<String>,
    /// Its name, unique within the kind.
    pub name: String,
    /// Whether it counts.
    pub enabled: bool,
    /// What its writer counts. Stored as it is given.
    pub revision: i64,
    /// JSON.
    pub body: String,
}

/// A change of resources: all of it is done, with its records, or nothing.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// The sequence that the change was decided on. When the store has gone on since, nothing is done.
    pub expected_sequence: i64,
    /// Resources to write, by id: new ones, and such as replace what they have the id of. A kind never changes.
    pub puts: Vec<Row>,
    /// Resources to delete, by kind and id.
    pub deletes: Vec<(String, String)>,
    /// Pins to take away. Those of deleted resources go by themselves.
    pub unpins: Vec<PinKey>,
    /// Whether somebody may lose something by it. Then what was decided before is not recorded any more, but decided
    /// again.
    pub revokes: bool,
    /// What is put down about it in the log. Never empty.
    pub records: Vec<NewRecord>,
    /// What is answered to it, for whoever asks for it again by the same key.
    pub answer: Option<KeptAnswer>,
}

/// All resources at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The moment.
    pub head: Head,
    /// The resources, in the order of their ids.
    pub rows: Vec<Row>,
}

/// What became of the resources since some moment. Intermediate states are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// The moment up to which this tells.
    pub head: Head,
    /// Resources that are new or were written since, as they are now.
    pub puts: Vec<Row>,
    /// Resources that are gone, by kind and id. Some may have come and gone since.
    pub deletes: Vec<(String, String)>,
}

/// The columns of a row, in the order in which every statement names them.
pub(crate) type Columns = (String, String, Option<String>, String, bool, i64, String, Option<Vec<u8>>);

// === impl Row ===

impl Row {
    /// A row and its seal.
    pub(crate) fn sealed((kind, id, owner, name, enabled, revision, body, seal): Columns) -> (Self, Option<Vec<u8>>) {
        (Self { kind, id, owner, name, enabled, revision, body }, seal)
    }
}
