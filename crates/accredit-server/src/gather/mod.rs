//! Gathering: fetching what the verifier needs from outside, and nothing else.
//!
//! | module | holds |
//! |---|---|
//! | `cidr`, `special`, `address` | ranges, those that are not public, which addresses may be dialled |
//! | `guard` | which URLs may be asked, and which addresses behind their names |
//! | `dial`, `proxy`, `trust` | a connection to an address that was judged, the proxy on the way, whose certificates count |
//! | `client`, `fetch`, `freshness`, `fault` | one request, one fetch, how long it holds, and what went wrong with it |
//! | `post` | posting to a collector of the log |
//! | `sts`, `sts_answer` | asking AWS who signed a request |
//! | `source`, `provider_keys`, `key_cache` | where keys come from, those of one provider, those of all |
//! | `bundle`, `spiffe_endpoint` | one fetch of a trust domain's bundle, and knowing who serves it |
//! | `relation`, `relations`, `live` | what is held of each foreign trust domain, and keys that are read where they are kept |
//! | `outlet` | the way to a place of the server's own configuration, which nothing judges |
//! | `health`, `seen_sets` | how they are, and which sets were seen, on their way to the log |
//!
//! A token never chooses what is fetched: only registered providers' sources are, whatever `iss` says.

mod address;
mod bundle;
mod cidr;
mod client;
mod dial;
#[cfg(feature = "fuzzing")]
pub(crate) mod doors;
mod fault;
mod fetch;
mod freshness;
mod guard;
mod health;
mod key_cache;
mod live;
mod outlet;
mod post;
mod provider_keys;
mod proxy;
mod relation;
mod relations;
mod seen_sets;
mod source;
mod special;
mod spiffe_endpoint;
mod sts;
mod sts_answer;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests;
mod trust;

pub(crate) use address::AllowList;
pub(crate) use cidr::{Cidr, RangeFault};
pub(crate) use fault::{FetchCause, FetchFault};
pub(crate) use fetch::Fetcher;
pub(crate) use guard::Guard;
pub(crate) use health::{KeyHealth, KeyState};
pub(crate) use key_cache::KeyCache;
pub(crate) use live::LiveKeys;
pub(crate) use outlet::{Outlet, OutletAnswer};
pub(crate) use post::{LOOPBACK, Posted, Poster};
pub(crate) use provider_keys::{KeysUnavailable, ProviderKeys};
pub(crate) use proxy::Proxy;
pub(crate) use relation::{Brought, BundleAttempts, HeldBundle, Relation};
pub(crate) use relations::Relations;
pub(crate) use seen_sets::SeenSet;
pub(crate) use source::{KeyPlace, KeySource};
pub(crate) use sts::StsFault;
pub(crate) use trust::Authorities;
