//! Gathering: fetching what the verifier needs from outside, and nothing else.
//!
//! | module | holds |
//! |---|---|
//! | `cidr`, `special`, `address` | ranges, those that are not public, which addresses may be dialled |
//! | `guard` | which URLs may be asked, and the name resolution that screens addresses |
//! | `client`, `fetch`, `fault` | one fetch, its caps, and what went wrong with it |
//! | `sts`, `sts_answer` | asking AWS who signed a request |
//! | `source`, `provider_keys`, `key_cache` | where keys come from, those of one provider, those of all |
//!
//! A token never chooses what is fetched: only registered providers' sources are, whatever `iss` says.

mod address;
mod cidr;
mod client;
mod fault;
mod fetch;
mod guard;
mod key_cache;
mod provider_keys;
mod source;
mod special;
mod sts;
mod sts_answer;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests;

pub(crate) use address::AllowList;
pub(crate) use cidr::{Cidr, RangeFault};
pub(crate) use fetch::Fetcher;
pub(crate) use guard::{Guard, UrlFault};
pub(crate) use key_cache::KeyCache;
pub(crate) use provider_keys::{KeysUnavailable, ProviderKeys};
pub(crate) use source::{KeyPlace, KeySource};
pub(crate) use sts::StsFault;
