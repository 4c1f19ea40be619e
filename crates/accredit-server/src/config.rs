//! The server's own configuration: what must be known before the store is open. Everything else is a resource.

mod audit;
#[cfg(feature = "fuzzing")]
mod doors;
mod drain;
mod federation;
mod fetch;
mod keys;
mod limits;
mod listeners;
mod metrics;
mod store;
mod telemetry;
mod trust_domains;

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

pub(crate) use audit::{AuditConfig, Kept, RetentionConfig, Since, SinkConfig, SinkKind};
#[cfg(feature = "fuzzing")]
pub use doors::config;
pub(crate) use drain::DrainConfig;
pub(crate) use federation::FederationConfig;
pub(crate) use fetch::{FetchConfig, ProxyConfig};
pub use keys::{KeyEncryption, KeysConfig, RotationConfig};
pub(crate) use limits::{Allowance, LimitsConfig};
pub(crate) use listeners::{Admin, ClientCertificates, Public, TlsFiles};
pub(crate) use metrics::MetricsConfig;
pub(crate) use store::StoreConfig;
pub use telemetry::{TelemetryConfig, TracesConfig};
pub(crate) use trust_domains::{TrustDomainConfig, UpstreamConfig};

/// The configuration file (TOML). Every path is relative to the file's folder.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where workloads reach this server; also the `iss` of its access tokens, so it never changes. No slash at its end.
    pub public_url: String,
    /// The listener for workloads and APIs.
    pub public: Public,
    /// The listener for administrators.
    pub admin: Admin,
    /// Where resources and records are kept.
    pub store: StoreConfig,
    /// How signing keys are kept.
    pub keys: KeysConfig,
    /// What fetching providers' keys may reach.
    #[serde(default)]
    pub fetch: FetchConfig,
    /// Limits.
    #[serde(default)]
    pub limits: LimitsConfig,
    /// How the server ends.
    #[serde(default)]
    pub drain: DrainConfig,
    /// Where it is watched.
    #[serde(default)]
    pub metrics: Option<MetricsConfig>,
    /// Where bundles of trust domains are served under X509-SVIDs of theirs.
    #[serde(default)]
    pub federation: Vec<FederationConfig>,
    /// What is sent to whoever watches many services.
    #[serde(default)]
    pub telemetry: TelemetryConfig,
    /// Where the log is delivered, and how long it is kept.
    #[serde(default)]
    pub audit: AuditConfig,
    /// What this server has for trust domains that is not in the store, by their names.
    #[serde(default)]
    pub trust_domains: BTreeMap<String, TrustDomainConfig>,
    /// Trust the rows of a store of before there were seals, as they are, and seal them. Said once, on the command line.
    #[serde(skip)]
    pub seal_store: bool,
    /// Trust the clock though it is behind what the store has seen. Said once, on the command line.
    #[serde(skip)]
    pub trust_clock: bool,
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigFault {
    /// The file cannot be read.
    #[error("config `{path}` cannot be read: {cause}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
    /// It is no TOML, or has a field that is not known.
    #[error("config `{path}`: {message}")]
    Malformed {
        /// The file.
        path: String,
        /// Where and what.
        message: String,
    },
    /// A value cannot be used.
    #[error("config field `{field}`: {message}")]
    Value {
        /// The field.
        field: &'static str,
        /// Seen and expected.
        message: String,
    },
}

// === impl Config ===

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// What is wrong, and where.
    #[expect(clippy::disallowed_methods, reason = "reading this file is this room's purpose")]
    pub fn read(path: &Path) -> Result<Self, ConfigFault> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|cause| ConfigFault::Unreadable { path: shown, cause })?;
        Self::parse(path, &text)
    }

    /// Reads and checks a text, as what that file holds.
    fn parse(path: &Path, text: &str) -> Result<Self, ConfigFault> {
        let mut config: Config = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            let path = format!("{}:{line}", path.display());
            ConfigFault::Malformed { path, message: error.message().to_owned() }
        })?;
        config.relative_to(path.parent().unwrap_or(Path::new(".")));
        config.check()?;
        Ok(config)
    }

    /// What `accredit server` runs with when it is told nothing: loopback, with a store and keys in one's own folders.
    pub fn laptop(listen: SocketAddr, data: &Path, key_file: &Path, socket: &Path) -> Self {
        Self {
            public_url: format!("http://{listen}"),
            public: Public {
                listen,
                tls: None,
                hosts: Vec::new(),
                trusted_proxies: Vec::new(),
                client_certificates: ClientCertificates::None,
            },
            admin: Admin::local(socket),
            store: StoreConfig::at(format!("sqlite:{}", data.join("accredit.db").display())),
            keys: KeysConfig::sealed_by(KeyEncryption::File(key_file.to_owned())),
            fetch: FetchConfig {
                allow: vec!["127.0.0.0/8".to_owned(), "::1/128".to_owned()],
                ..FetchConfig::default()
            },
            limits: LimitsConfig::default(),
            drain: DrainConfig::default(),
            metrics: None,
            federation: Vec::new(),
            telemetry: TelemetryConfig::default(),
            audit: AuditConfig::default(),
            trust_domains: BTreeMap::new(),
            seal_store: false,
            trust_clock: false,
        }
    }

    /// What `accredit demo` runs with: nothing outlives the process but what is in `folder`.
    pub fn demo(listen: SocketAddr, folder: &Path) -> Self {
        let laptop = Self::laptop(listen, folder, folder, &folder.join("run").join("admin.sock"));
        Self { keys: KeysConfig::sealed_by(KeyEncryption::Memory), ..laptop }
    }

    /// Fills in what OpenTelemetry's variables say of traces and the file leaves open.
    pub fn heed_environment(&mut self, variable: impl Fn(&str) -> Option<String>) {
        self.telemetry.heed(variable);
    }

    /// Whether only this machine can reach the public listener.
    pub fn is_loopback(&self) -> bool {
        self.public.listen.ip().is_loopback()
    }

    /// How long the server goes on serving after it was told to end.
    pub(crate) fn drain_delay(&self) -> Duration {
        let usual = if self.is_loopback() { 0 } else { 5 };
        Duration::from_secs(self.drain.delay_seconds.unwrap_or(usual))
    }

    /// Where administrators reach the admin listener.
    pub(crate) fn admin_url(&self, address: SocketAddr) -> String {
        if let Some(url) = &self.admin.url {
            return url.clone();
        }
        match &self.admin.tls {
            None => format!("http://{address}"),
            Some(_) if address.port() == 443 => format!("https://{}", host_of(&self.public_url)),
            Some(_) => format!("https://{}:{}", host_of(&self.public_url), address.port()),
        }
    }

    /// `Host` values that the admin listener answers, lower case.
    pub(crate) fn admin_hosts(&self, address: SocketAddr) -> Vec<String> {
        let mut hosts: Vec<String> = self.admin.hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        let name = host_of(&self.public_url);
        hosts.extend(self.admin.url.as_deref().map(|url| authority_of(url).to_ascii_lowercase()));
        hosts.push(format!("{name}:{}", address.port()));
        if address.port() == 443 {
            hosts.push(name);
        }
        if address.ip().is_loopback() {
            hosts.extend([address.to_string(), format!("localhost:{}", address.port())]);
        }
        hosts
    }

    /// Whether plain HTTP to issuers is possible at all.
    pub fn allows_plain_http(&self) -> bool {
        !self.fetch.allow.is_empty()
    }

    /// The longest life of an access token.
    pub fn max_token_lifetime(&self) -> Duration {
        Duration::from_secs(self.limits.max_token_seconds)
    }

    /// What stands above the authorities of trust domains, by their names.
    pub(crate) fn upstreams(&self) -> HashMap<String, UpstreamConfig> {
        let upstream = |(name, domain): (&String, &TrustDomainConfig)| Some((name.clone(), domain.upstream.clone()?));
        self.trust_domains.iter().filter_map(upstream).collect()
    }

    /// The longest lives of a JWT-SVID and of an X509-SVID.
    pub(crate) fn max_svid_lifetimes(&self) -> [Duration; 2] {
        [self.limits.max_jwt_svid_seconds, self.limits.max_x509_svid_seconds].map(Duration::from_secs)
    }

    fn relative_to(&mut self, folder: &Path) {
        let place = |path: &mut PathBuf| *path = folder.join(&*path);
        place(&mut self.admin.socket);
        self.admin.bootstrap.iter_mut().for_each(place);
        let metrics = self.metrics.as_mut().and_then(|metrics| metrics.tls.as_mut());
        for tls in [self.public.tls.as_mut(), self.admin.tls.as_mut(), metrics].into_iter().flatten() {
            place(&mut tls.certificate);
            place(&mut tls.key);
        }
        self.keys.files().for_each(place);
        self.fetch.relative_to(folder);
        self.audit.relative_to(folder);
        self.store.relative_to(folder);
        self.telemetry.relative_to(folder);
        self.trust_domains.values_mut().for_each(|domain| domain.relative_to(folder));
    }

    fn check(&self) -> Result<(), ConfigFault> {
        let fault = |field, message: String| Err(ConfigFault::Value { field, message });
        let url = &self.public_url;
        let plain = url.starts_with("http://");
        if !plain && !url.starts_with("https://") || url.ends_with('/') || url.contains(['?', '#', '@', ' ']) {
            return fault(
                "public_url",
                format!("`{url}` is not a URL such as https://accredit.example.org, without a slash at its end"),
            );
        }
        if self.public.tls.is_none() && !self.is_loopback() && self.public.trusted_proxies.is_empty() {
            return fault(
                "public.tls",
                format!(
                    "`{}` is reachable from elsewhere, and there is no certificate; plain HTTP is served on loopback or to `trusted_proxies` alone",
                    self.public.listen
                ),
            );
        }
        if self.public.tls.is_none() && self.public.client_certificates != ClientCertificates::None {
            let message = "is `request`, but there is no `public.tls`: certificates are shown in its handshake";
            return fault("public.client_certificates", message.to_owned());
        }
        if let Some(listen) = self.admin.listen.filter(|listen| self.admin.tls.is_none() && !listen.ip().is_loopback())
        {
            return fault(
                "admin.tls",
                format!(
                    "`{listen}` is reachable from elsewhere, and there is no certificate; plain HTTP is served on loopback alone"
                ),
            );
        }
        let is_for_it = self.admin.tls.is_some() || self.admin.url.is_some() || !self.admin.hosts.is_empty();
        if self.admin.listen.is_none() && is_for_it {
            let message = "is missing, expected the address that `tls`, `url` and `hosts` are for";
            return fault("admin.listen", message.to_owned());
        }
        if let Some(url) = self.admin.url.as_ref().filter(|url| {
            !url.starts_with("https://")
                && !url.starts_with("http://127.0.0.1:")
                && !url.starts_with("http://localhost:")
                || url.ends_with('/')
                || url.contains(['?', '#', '@', ' '])
        }) {
            let message =
                format!("`{url}` is not a URL such as https://admin.example.org:7443, without a slash at its end");
            return fault("admin.url", message);
        }
        if plain && !self.is_loopback() {
            return fault(
                "public_url",
                format!("`{url}` is plain http, but `{}` is reachable from elsewhere", self.public.listen),
            );
        }
        if let Some((field, message)) = self.keys.fault(self.is_loopback()) {
            return fault(field, message);
        }
        self.limits.check()?;
        self.audit.check()?;
        self.telemetry.check()?;
        self.drain.check()
    }
}

/// Host and port of a URL.
fn authority_of(url: &str) -> &str {
    url.split("://").nth(1).unwrap_or_default().split('/').next().unwrap_or_default()
}

/// The host alone, lower case.
fn host_of(url: &str) -> String {
    let authority = authority_of(url);
    let name = authority.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    name.map_or(authority, |(name, _)| name).to_ascii_lowercase()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests fail by panicking and write files")]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, ConfigFault> {
        let folder = std::env::temp_dir().join(format!("accredit-config-{}-{}", std::process::id(), text.len()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("accredit.toml");
        std::fs::write(&path, text).unwrap();
        let read = Config::read(&path);
        std::fs::remove_dir_all(&folder).unwrap();
        read
    }

    fn text(url: &str, listen: &str, more: &str) -> String {
        format!(
            "public_url = \"{url}\"\n[admin]\nsocket = \"a.sock\"\n[store]\nurl = \"sqlite:a.db\"\n[keys]\nencryption = {{ file = \"kek\" }}\n[public]\nlisten = \"{listen}\"\n{more}"
        )
    }

    #[test]
    fn what_is_unsafe_does_not_start() {
        assert!(read(&text("http://127.0.0.1:7070", "127.0.0.1:7070", "")).is_ok());
        assert!(
            read(&text("https://a.example.org", "0.0.0.0:443", "tls = { certificate = \"c\", key = \"k\" }")).is_ok()
        );
        assert!(read(&text("https://a.example.org", "0.0.0.0:80", "trusted_proxies = [\"10.0.0.0/8\"]")).is_ok());
        for (url, listen, more, field) in [
            ("https://a.example.org", "0.0.0.0:443", "", "public.tls"),
            ("http://a.example.org", "0.0.0.0:443", "tls = { certificate = \"c\", key = \"k\" }", "public_url"),
            ("https://a.example.org/", "127.0.0.1:1", "", "public_url"),
            ("ftp://a.example.org", "127.0.0.1:1", "", "public_url"),
            ("http://127.0.0.1:1", "127.0.0.1:1", "client_certificates = \"request\"", "public.client_certificates"),
            ("http://127.0.0.1:1", "127.0.0.1:1", "[limits]\nmax_token_seconds = 7200", "limits.max_token_seconds"),
            ("http://127.0.0.1:1", "127.0.0.1:1", "[limits]\nconnections = 1", "limits.connections"),
            ("http://127.0.0.1:1", "127.0.0.1:1", "[limits]\nsource = { burst = 9, per_second = 0 }", "limits.source"),
            ("http://127.0.0.1:1", "127.0.0.1:1", "[drain]\ndeadline_seconds = 0", "drain.deadline_seconds"),
        ] {
            let fault = read(&text(url, listen, more)).unwrap_err().to_string();
            assert!(fault.contains(field), "{fault}");
        }
        let fault = read(&text("http://127.0.0.1:1", "127.0.0.1:1", "lisen = 5")).unwrap_err().to_string();
        assert!(fault.contains("accredit.toml:10") && fault.contains("lisen"), "{fault}");
    }
}
