//! The service: what stands between a socket and a decision.
//!
//! The road runs through `exchange`: a face (`faces`) understands a request, `gather` fetches the provider's keys, the
//! rooms of `accredit_id` and `accredit_core` verify, decide and mint, `keys` signs, `record` writes it down before
//! anything is answered. `app` puts the pieces together, `http` listens, `admin` changes and explains.
//!
//! Law: no SQL and no CEL here; the clock is read in `clock` alone and randomness drawn in `chance` alone.

mod admin;
mod app;
mod backup;
mod binding;
mod budget;
mod chance;
mod client;
mod clock;
mod config;
mod demo_issuer;
mod descriptors;
mod documents;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod doors;
mod dpop;
mod egress;
mod exchange;
mod export;
mod faces;
mod federation;
mod finishing;
mod following;
mod gather;
mod health;
mod http;
mod issue;
mod issued;
mod key_history;
mod keys;
mod memory;
mod metrics;
mod moving;
mod ocsf;
mod pinning;
mod provider;
mod read_model;
mod record;
mod resource_metadata;
mod retention;
mod signing;
mod spending;
mod spiral;
mod tell;
mod tls;
mod traces;
mod trust_domains;
mod watch;

pub use accredit_store::archive::Inspected;
pub use accredit_store::audit::SignedHead;
pub use admin::{openapi, signed_head};
pub use app::{App, StartError};
pub use backup::{BackupFault, Restored, restore as restore_backup, verify as verify_backup};
pub use config::{Config, ConfigFault, KeyEncryption, KeysConfig, RotationConfig, TelemetryConfig, TracesConfig};
pub use demo_issuer::DemoIssuer;
pub use http::{Running, serve};
pub use metrics::reference as metrics_reference;
pub use moving::{MoveFault, Moved, Schema, StoreError, migrate, move_store, schema};
