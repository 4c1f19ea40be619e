//! From the configuration to a running exporter.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::export::Exporter;
use super::otlp::Resource;
use super::queue::Queue;
use super::sampler::Sampler;
use super::{Kept, Traces};
use crate::app::StartError;
use crate::config::{TelemetryConfig, TracesConfig};
use crate::gather::{Authorities, Outlet};
use crate::{chance, tls};

impl Traces {
    /// Starts the exporter, where the configuration wants one. Nothing is sent yet, and nobody is asked whether a collector is
    /// there.
    ///
    /// # Errors
    /// What cannot be meant, by its field.
    pub(crate) fn start(config: &TelemetryConfig) -> Result<Self, StartError> {
        let Some(config) = &config.traces else { return Ok(Self::default()) };
        let fault = |field, message| StartError::Telemetry { field, message };
        let mut authorities = Authorities::default();
        if let Some(path) = &config.ca {
            authorities.beside = tls::authorities(path)?;
        }
        let outlet = Outlet::new(&config.url(), authorities).map_err(|why| fault("telemetry.traces.endpoint", why))?;
        let queue = Arc::new(Queue::new(config.queue));
        let ending = Arc::new(AtomicBool::new(false));
        let exporter = Exporter {
            queue: Arc::clone(&queue),
            outlet,
            resource: resource(config),
            headers: headers(config).map_err(|why| fault("telemetry.traces.headers", why))?,
            patience: Duration::from_secs(config.timeout_seconds),
            every: Duration::from_millis(config.delay_milliseconds),
            ending: Arc::clone(&ending),
        };
        let sampler = Sampler::new(config.ratio, config.heed_callers, config.per_second);
        let exporter = Mutex::new(Some(tokio::spawn(exporter.run())));
        Ok(Self(Some(Arc::new(Kept { sampler, queue, ending, exporter }))))
    }

    /// Sends what is left, for three seconds at most.
    pub(crate) async fn end(&self) {
        let Some(kept) = &self.0 else { return };
        kept.ending.store(true, Relaxed);
        kept.queue.hurry();
        let exporter = kept.exporter.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut exporter) = exporter
            && tokio::time::timeout(LAST_WORD, &mut exporter).await.is_err()
        {
            exporter.abort();
        }
    }
}

/// What is said of this process (semantic conventions, `service`). Later entries of the configuration win.
fn resource(config: &TracesConfig) -> Resource {
    let id = accredit_id::base64url::encode(&chance::bits());
    let mut attributes = vec![
        ("service.name".to_owned(), "accredit".to_owned()),
        ("service.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("service.instance.id".to_owned(), id),
        ("telemetry.sdk.name".to_owned(), "accredit".to_owned()),
        ("telemetry.sdk.language".to_owned(), "rust".to_owned()),
        ("telemetry.sdk.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
    ];
    for (name, value) in &config.resource {
        attributes.retain(|(known, _)| known != name);
        attributes.push((name.clone(), value.clone()));
    }
    if let Some(service) = &config.service {
        attributes.retain(|(known, _)| known != "service.name");
        attributes.push(("service.name".to_owned(), service.clone()));
    }
    Resource { attributes }
}

/// Headers of the file, and of the environment. Neither is ever shown.
fn headers(config: &TracesConfig) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    if let Some(path) = &config.headers {
        let text = secret(path)?;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').ok_or("the file holds a line without a colon")?;
            add(&mut headers, name.trim(), value.trim())?;
        }
    }
    for (name, value) in &config.more_headers {
        add(&mut headers, name, value.reveal())?;
    }
    Ok(headers)
}

fn add(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), String> {
    let name: HeaderName = name.parse().map_err(|_| "a name is no header's")?;
    let mut value = HeaderValue::from_str(value).map_err(|_| format!("the value of `{name}` is no header's"))?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the room that owns the collector's credentials")]
fn secret(path: &Path) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("file `{}` cannot be read: {error}", path.display());
    let mode = fs::metadata(path).map_err(unreadable)?.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(format!("file `{}` has mode {mode:o}, so others can read it; expected 600", path.display()));
    }
    fs::read_to_string(path).map_err(unreadable)
}

const LAST_WORD: Duration = Duration::from_secs(3);
