//! The decisions of Accredit, as pure functions.
//!
//! Read it along the road: checked [`evidence`] becomes [`facts`], [`decide`] holds them against the mappings of a
//! [`world`] and says which terms are allowed, [`mint`] writes these terms down as an unsigned token. [`model`] is what
//! can be written into the store, [`providers`] is one file for each kind of identity provider, [`lint`] says what is
//! unwise, [`replay`] what a change would have meant for decisions of the past, [`expr`] is the expression language of conditions,
//! [`template`] makes SPIFFE paths of facts, [`keyring`] says when our own signing keys begin and end.
//!
//! Law: nothing here awaits, reads a clock, draws a random number, opens a file or looks at the environment. Time and
//! chance are arguments, so that every decision can be replayed.

pub mod decide;
pub mod evidence;
pub mod expr;
pub mod facts;
pub mod keyring;
pub mod lint;
pub mod mint;
pub mod model;
mod nearest_name;
pub mod plan;
pub mod providers;
pub mod replay;
pub mod template;
pub mod world;
