//! Recording: nothing leaves before it is written.
//!
//! One writer drains what is queued and commits it as one batch with one flush; everybody who waits is answered at once.
//! Refusals of tokens that nobody has signed are counted and kept in a bounded ring instead: otherwise a flood of rubbish
//! would fill the disk.

mod acting;
mod encode;
mod forgetting;
mod login;
mod narrow;
mod queue;
mod quota;
mod ring;
mod stats;
mod svid;
mod tally;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use acting::Acted;
pub(crate) use encode::{Allowed, Denied, MAX_UNLISTED, admin_act, allowed, denied};
pub(crate) use login::{LoggedIn, NotLoggedIn, logged_in, not_logged_in};
pub(crate) use narrow::{Narrowed, NotNarrowed, narrowed, not_narrowed};
pub(crate) use queue::{RecordFault, Recorded, Recorder, StoreWork};
pub(crate) use quota::{Most, PROOFS};
pub(crate) use ring::{Ring, Unverified};
pub(crate) use svid::{By, Issued, IssuedSvid, Shown, SvidsRefused, Told, svids_issued, svids_not_issued};
pub(crate) use tally::Tally;
pub(crate) use writer::{BringPins, SignHead};
