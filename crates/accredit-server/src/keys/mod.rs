//! Our own signing keys: made here, sealed for the store, unsealed into memory, used to sign.
//!
//! | module | holds |
//! |---|---|
//! | `authority` | a key as certificate authority of a trust domain |
//! | `certificate` | its certificate: made by itself or under an upstream authority, and read again |
//! | `encryption_key` | where the key-encryption key comes from; it is never in the store |
//! | `sealing` | AES-256-GCM under it, bound to what is sealed |
//! | `seals` | the key under which the store seals its rows |
//! | `signing_key` | one signing key: make, seal, unseal, sign |
//! | `upstream` | an authority above those of a trust domain |
//! | `unsealer` | the key-encryption keys at hand: the present one and the one before |
//! | `life` | where a key stands in its life, to and from the store |
//! | `ring` | the keys as the store has them |

mod authority;
mod certificate;
mod encryption_key;
mod life;
mod ring;
mod sealing;
pub(crate) mod seals;
mod signing_key;
mod unsealer;
mod upstream;

pub(crate) use authority::X509Authority;
pub(crate) use certificate::{Authority, Chain, anchor_jwk};
pub(crate) use encryption_key::{EncryptionKeyFault, KeyEncryptionKey};
pub(crate) use life::to_row as stored_life;
pub(crate) use ring::{Held, KeyRing};
pub(crate) use sealing::{SealFault, Sealed};
pub(crate) use signing_key::{SigningFault, SigningKey};
pub(crate) use unsealer::Unsealer;
pub(crate) use upstream::{Upstream, UpstreamFault};
