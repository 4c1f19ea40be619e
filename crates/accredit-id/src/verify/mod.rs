//! A token's road from text to checked claims.
//!
//! ```text
//! text --read--> Unverified --verify--> Verified
//! ```
//!
//! [`read`] judges form alone: no key, no clock. It lends what is needed to find the provider and its keys.
//! [`verify`] judges truth, in this order: type, issuer, algorithm, `kid`, key, signature; then audience, subject,
//! times. Only [`verify`] makes a [`Verified`]. What failed is a [`TokenFault`], which is told to operators; callers
//! are told its code at most.
//!
//! ```
//! use accredit_id::verify::{Buffer, read};
//!
//! let mut buffer = Buffer::default();
//! let fault = read("not.a-token", &mut buffer).unwrap_err();
//! assert_eq!(fault.code(), "malformed");
//! ```

mod audience;
mod expectations;
mod fault;
mod near_miss;
mod read;
mod signature;
mod telling;
mod times;
mod verified;

pub use expectations::{Expectations, ExpectedIssuer, ExpectedType, IssuedAtRule, KeyIdRule};
pub use fault::{Part, TokenFault};
pub use near_miss::NearMiss;
pub use read::{Buffer, LONG_EXPIRED, Unverified, read};
pub use verified::{Rejected, Verified, verify};

/// The longest token that is looked at.
pub const MAX_TOKEN_BYTES: usize = crate::jose::jws::Compact::MAX_BYTES;
