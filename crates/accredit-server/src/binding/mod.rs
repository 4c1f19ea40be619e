//! Sender-constrained tokens at the public endpoints: which keys a request proves to hold.
//!
//! | file | holds |
//! |---|---|
//! | `asking` | the listener's side of a handshake with a client certificate |
//! | `fault` | what a caller is told of a proof that does not count |
//! | `presented` | an access token of ours that comes as credentials, with the proof that it is bound to |
//! | `proven` | the keys of a request for a token: its DPoP proof (RFC 9449), its connection's certificate (RFC 8705) |
//!
//! A request without either costs one look for a header, and nothing is allocated for it.

mod asking;
mod fault;
mod presented;
mod proven;

pub(crate) use asking::AnyCertificate;
pub(crate) use presented::{NotProven, Presented, Scheme};
pub(crate) use proven::{Certificate, Proven};
