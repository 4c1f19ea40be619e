//! SVIDs as a stranger judges them, and the requests that ask for one.
//!
//! Strict by the specification and nothing else: no setting, no knowledge of who made it. What leaves this server is held
//! against the same rules as what somebody else shows.
//!
//! | module | judges |
//! |---|---|
//! | [`jwt`] | a JWT-SVID (JWT-SVID specification sections 2 to 4) |
//! | [`x509`] | an X509-SVID and its chain (X509-SVID specification sections 2 to 5, RFC 5280) |
//! | [`authority`] | the certificate of whoever signs others, as bundles hold it |
//! | [`csr`] | a certification request (RFC 2986): who asks holds the key, and the key is one that we sign for |
//! | [`key`] | nothing: it makes a key, and the request that it signs |
//! | [`pem`] | the text form of what is DER (RFC 7468) |

pub mod authority;
mod certificate;
pub mod csr;
mod der;
pub mod jwt;
pub mod key;
mod names;
pub mod pem;
mod public_key;
mod when;
pub mod x509;

pub use certificate::last_second;
pub use public_key::{KeyKind, UnfitKey};
