//! Answers to writes that came with an idempotency key: kept with what was written, given again to whoever asks the same again.

/// What was answered to a write, for whoever asks for it once more. The store reads nothing in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    /// A hash of who asked, with which rights and which key: what it is found by.
    pub asked: [u8; 32],
    /// A hash of who asked, with which rights: whom it counts against.
    pub actor: [u8; 32],
    /// A hash of the request.
    pub request: [u8; 32],
    /// The status of the answer.
    pub status: u16,
    /// Its entity tag.
    pub etag: Option<String>,
    /// Its location.
    pub location: Option<String>,
    /// Its body.
    pub body: Vec<u8>,
}

/// How long an answer is kept at most. Seconds.
pub const ANSWERS_LAST: i64 = 24 * 3600;

/// How many answers are kept, and how many bytes their bodies have. Behind that the oldest go first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) rows: i64,
    pub(crate) bytes: i64,
}

/// Of all servers on the store.
pub(crate) const ROOM: Room = Room { rows: 4096, bytes: 64 * 1024 * 1024 };
/// Of one actor, so that nobody takes the place of all others.
pub(crate) const ROOM_OF_ACTOR: Room = Room { rows: 256, bytes: 16 * 1024 * 1024 };

/// The table.
pub(crate) const TABLE: &str = "kept_answer";

/// The columns of a row, in the order in which it is read.
pub(crate) type Columns =
    (Vec<u8>, Vec<u8>, Vec<u8>, i64, i64, i64, Option<String>, Option<String>, Vec<u8>, Option<Vec<u8>>);
