//! Logging in at a server's admin listener: from an identity to a session whose every request is proved by a key.
//!
//! | module | holds |
//! |---|---|
//! | `server` | the admin listener: which ways in there are, and a token for evidence |
//! | `issuer` | an OpenID provider: its endpoints, and its token endpoint |
//! | `code` | a person at a browser on this machine (RFC 6749 section 4.1, RFC 7636, RFC 8252, RFC 9207) |
//! | `device` | a person at a browser elsewhere (RFC 8628) |
//! | `session` | what is kept between two commands, and how it is renewed |
//!
//! The token that a server gives is bound to a key that never leaves this machine (RFC 9449), and the identity token too:
//! its `nonce` begins with the key's thumbprint, so that whoever steals it on its way cannot log in with a key of his own.

mod code;
mod device;
mod fault;
mod issuer;
mod loopback;
mod server;
mod session;

pub use accredit_id::jose::dpop::ProofKey;
pub use code::CodeFlow;
pub use device::DeviceFlow;
pub use fault::LoginError;
pub use issuer::{Issuer, Tokens};
pub use server::{AdminToken, LoginServer};
pub use session::{Evidence, Keeping, Kept, Session};
