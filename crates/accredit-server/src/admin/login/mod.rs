//! Logging in at the remote listener: which ways in there are, a token for evidence, and who somebody is.

mod asked;
mod options;
mod refused;
mod token;
mod whoami;

pub(super) use options::options;
pub(super) use token::token;
pub(super) use whoami::whoami;
