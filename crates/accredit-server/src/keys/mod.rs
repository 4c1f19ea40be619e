//! Our own signing keys: made here, sealed for the store, unsealed into memory, used to sign.
//!
//! | module | holds |
//! |---|---|
//! | `encryption_key` | where the key-encryption key comes from; it is never in the store |
//! | `sealing` | AES-256-GCM under it, bound to what is sealed |
//! | `signing_key` | one signing key: make, seal, unseal, sign |
//! | `state` | where a key stands in its life |
//! | `ring` | the keys in force |

mod encryption_key;
mod ring;
mod sealing;
mod signing_key;
mod state;

pub(crate) use encryption_key::{EncryptionKeyFault, KeyEncryptionKey};
pub(crate) use ring::{KeyRing, RingFault};
pub(crate) use signing_key::{KeyPurpose, SigningFault, SigningKey};
pub(crate) use state::KeyState;
