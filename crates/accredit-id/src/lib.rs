//! Names and proofs of workloads: what a token says, and whether it is true.
//!
//! The room's law: nothing here reads a clock, draws a random number, awaits, or touches a socket or a file. What
//! such a thing would give (the time, a key set's bytes) is an argument, so that every answer can be replayed from
//! its inputs.
//!
//! | module | holds |
//! |---|---|
//! | [`time`], [`secret`], [`shown`] | whole seconds, values that cannot be printed, foreign text that can be |
//! | [`act`] | who acts for whom a token is about |
//! | [`aws_request`] | a signed AWS request as a proof |
//! | [`trust_domain`], [`spiffe_id`] | the names of SPIFFE |
//! | [`bundle`] | the keys of a trust domain |
//! | [`json`] | the strict reader: no duplicate members, bounded depth and size |
//! | [`base64url`], [`hex`], [`digest`], [`mac`] | two encodings, a hash, and a keyed hash |
//! | [`jose`] | algorithms, keys and key sets, the compact form |
//! | [`verify`] | a token's road from text to checked claims |
//! | [`svid`] | SVIDs as a stranger judges them, and requests for one |

pub mod act;
pub mod aws_request;
pub mod base64url;
pub mod bundle;
pub mod digest;
pub mod hex;
pub mod jose;
pub mod json;
pub mod mac;
pub mod secret;
pub mod shown;
pub mod spiffe_id;
pub mod svid;
pub mod time;
pub mod trust_domain;
pub mod verify;
