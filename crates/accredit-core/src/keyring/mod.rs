//! The lives of our own signing keys: when one is published, signs, stops to sign, and leaves.
//!
//! | state | in the key set | signs | ends |
//! |---|---|---|---|
//! | prepared | no | no | at once: it is published with the next step |
//! | published | yes | no | when its predecessor's turn is over, and every reader of the key set must have seen it |
//! | active | yes | yes | when its turn is over and a successor may sign |
//! | retired | yes | no | when the last token that it signed has ended, and every reader has had time to notice |
//! | removed | no | no | |
//!
//! Keys of a trust domain are read by more than those who ask for them: nodes hand its bundle on. A new one signs when each
//! node that is there has confirmed a bundle with it, or at a deadline ([`Confirmation`]); a key that others may know waits
//! for none of them.
//!
//! There is always a published successor, so that a key whose private half may be known can be replaced at once.
//! Everything is told from the stored times: whoever steps next, after whatever crash or on whichever server, goes on where
//! the last step ended. A clock that runs behind makes states last longer and leaves none out.

mod command;
mod confirm;
mod schedule;
#[cfg(test)]
mod simulation;
mod step;

use std::fmt;

use accredit_id::jose::Algorithm;
use accredit_id::time::Timestamp;

use crate::model::{Id, Signing};

pub use command::{Command, CommandFault, command};
pub use confirm::{Confirmation, awaits};
pub use schedule::{DomainSchedule, Schedule};
pub use step::{Act, Standing, Step, next_bundle, signer, step};

/// What a key signs. Keys are apart by it: a signature for one purpose never counts for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Access tokens. Published.
    Access,
    /// Tokens of agents and administrators. Published nowhere: we alone verify them.
    Internal,
    /// Heads of the audit chain. Published nowhere, and never removed: old heads are verified by it.
    Audit,
    /// JWT-SVIDs of a trust domain. Published in its key set and in its bundle.
    JwtSvid,
    /// X509-SVIDs of a trust domain: certificate authorities. Published in its bundle.
    X509Ca,
}

/// What one key signs at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    /// What is signed.
    pub purpose: Purpose,
    /// How.
    pub algorithm: Algorithm,
    /// The trust domain that it is signed for, where the purpose is one of trust domains.
    pub domain: Option<Id>,
}

/// Where a key stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It exists, and nobody has been told of it.
    Prepared,
    /// In the key set, so that verifiers know it before it signs.
    Published,
    /// Signs. One key of each slot.
    Active,
    /// In the key set until what it signed has ended; signs no more.
    Retired,
    /// Gone: what it signed is refused. Its private half is erased.
    Removed,
}

/// Where a key stands, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// Its state.
    pub state: State,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it came into the key set.
    pub published_at: Option<Timestamp>,
    /// When it began to sign.
    pub activated_at: Option<Timestamp>,
    /// When it stopped to sign.
    pub retired_at: Option<Timestamp>,
    /// When it leaves, or left, the key set.
    pub leaves_at: Option<Timestamp>,
    /// When somebody said that its turn is over.
    pub due_at: Option<Timestamp>,
    /// When somebody said that others may know its private half.
    pub tainted_at: Option<Timestamp>,
    /// How long the longest token lives that it may have signed, in seconds.
    pub longest_token: u64,
    /// When its certificate ends, of a certificate authority.
    pub ends_at: Option<Timestamp>,
    /// The sequence of the bundle that it came with, or with which it left; of keys of trust domains.
    pub bundle: Option<u64>,
}

/// A key, as far as its life goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its id, which tokens name as `kid`.
    pub id: String,
    /// What it signs.
    pub slot: Slot,
    /// Where it stands.
    pub life: Life,
}

// === impl Purpose ===

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Access, Self::Internal, Self::Audit, Self::JwtSvid, Self::X509Ca];

    /// Its name in the store and for people. INVARIANT: it is part of what every private key is sealed to; renamed, none
    /// opens.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Internal => "internal",
            Self::Audit => "audit",
            Self::JwtSvid => "jwt-svid",
            Self::X509Ca => "x509-ca",
        }
    }

    /// The purpose of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.name() == name)
    }
}

// === impl Slot ===

impl Slot {
    /// The slots that every server fills. Others are filled once something asks for them, such as an API for RS256.
    pub const ALWAYS: [Self; 3] =
        [Self::es256(Purpose::Access), Self::es256(Purpose::Internal), Self::es256(Purpose::Audit)];

    /// The slot of a purpose with the algorithm that is ours unless something else is asked for.
    pub const fn es256(purpose: Purpose) -> Self {
        Self { purpose, algorithm: Algorithm::Es256, domain: None }
    }

    /// The slots of a trust domain: JWT-SVIDs as it says, X509-SVIDs with ECDSA on P-384.
    pub const fn of_domain(domain: Id, jwt_signing: Signing) -> [Self; 2] {
        let algorithm = match jwt_signing {
            Signing::Es256 => Algorithm::Es256,
            Signing::Rs256 => Algorithm::Rs256,
        };
        [
            Self { purpose: Purpose::JwtSvid, algorithm, domain: Some(domain) },
            Self { purpose: Purpose::X509Ca, algorithm: Algorithm::Es384, domain: Some(domain) },
        ]
    }

    /// What a private key of the slot is sealed as. INVARIANT: it names the trust domain, so that no key of one domain
    /// opens as another one's; renamed, none opens.
    pub fn sealed_as(&self) -> String {
        match self.domain {
            None => self.purpose.name().to_owned(),
            Some(domain) => format!("{} {domain}", self.purpose.name()),
        }
    }

    /// Whether whoever reads the keys of one slot reads the other's as well: keys of one trust domain lie in one set,
    /// whatever their algorithm.
    fn is_read_with(&self, other: &Self) -> bool {
        self == other || self.domain.is_some() && self.domain == other.domain && self.purpose == other.purpose
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.purpose.name(), self.algorithm)?;
        self.domain.map_or(Ok(()), |domain| write!(f, " of {domain}"))
    }
}

// === impl State ===

impl State {
    /// All of them, in the order of a life.
    pub const ALL: [Self; 5] = [Self::Prepared, Self::Published, Self::Active, Self::Retired, Self::Removed];

    /// Its name in the store and for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prepared => "prepared",
            Self::Published => "published",
            Self::Active => "active",
            Self::Retired => "retired",
            Self::Removed => "removed",
        }
    }

    /// The state of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

// === impl Life ===

impl Life {
    /// The life of a key that was made just now.
    pub const fn new(created_at: Timestamp) -> Self {
        Self {
            state: State::Prepared,
            created_at,
            published_at: None,
            activated_at: None,
            retired_at: None,
            leaves_at: None,
            due_at: None,
            tainted_at: None,
            longest_token: 0,
            ends_at: None,
            bundle: None,
        }
    }

    /// Whether verifiers are to know the key: a token of it may be under way, or may be before long.
    pub const fn is_published(&self) -> bool {
        matches!(self.state, State::Published | State::Active | State::Retired)
    }

    /// Since when it is in its state.
    pub fn since(&self) -> Timestamp {
        let since = match self.state {
            State::Prepared => None,
            State::Published => self.published_at,
            State::Active => self.activated_at,
            State::Retired => self.retired_at,
            State::Removed => self.leaves_at,
        };
        since.unwrap_or(self.created_at)
    }
}
