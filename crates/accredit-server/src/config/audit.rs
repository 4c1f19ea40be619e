//! Where the log is delivered, and how long it is kept.

use std::path::{Path, PathBuf};

use accredit_core::model::Lifetime;
use serde::{Deserialize, Deserializer};

use super::ConfigFault;

/// The log.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditConfig {
    /// Where every record is delivered, as events of OCSF.
    pub export: Vec<SinkConfig>,
    /// How long it is kept.
    pub retention: RetentionConfig,
}

/// One place where records are delivered.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SinkConfig {
    /// What it is.
    pub to: SinkKind,
    /// What the store and the metrics call it; absent: as its kind. Another name is another sink, which gets everything anew.
    #[serde(default)]
    pub name: Option<String>,
    /// What a new sink begins with.
    #[serde(default)]
    pub from: Since,
    /// Whether values that may be erased here (claims, addresses) are delivered. There, whoever keeps them erases them.
    #[serde(default = "yes")]
    pub values: bool,
    /// The file of `file`.
    #[serde(default)]
    pub path: Option<PathBuf>,
    /// `file`: begins a new one beyond so many MiB; absent: never by itself.
    #[serde(default)]
    pub rotate_mib: Option<u64>,
    /// `file`: so many old ones are kept; those beyond are deleted.
    #[serde(default = "ten")]
    pub keep: u32,
    /// Where `http` posts to.
    #[serde(default)]
    pub url: Option<String>,
    /// `http`: a file that only its owner can read, with a bearer token. Read again when it changes.
    #[serde(default)]
    pub token: Option<PathBuf>,
    /// `http`: a PEM file of the authorities that alone speak for its host.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// `http`: the most events of one request.
    #[serde(default = "five_hundred")]
    pub batch: usize,
}

/// What a sink is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SinkKind {
    /// The server's standard output.
    Stdout,
    /// A file.
    File,
    /// An HTTP endpoint that takes NDJSON.
    Http,
}

/// What a new sink begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Since {
    /// With the oldest record that is there.
    #[default]
    Beginning,
    /// With what is written from now on.
    Now,
}

/// How long the log is kept.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionConfig {
    /// Values that may be erased: claims, explanations, addresses.
    pub values: Kept,
    /// Whole records.
    pub records: Kept,
}

/// A length of time such as `90d`, or `forever`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept(pub(crate) Option<Lifetime>);

// === impl SinkKind ===

impl SinkKind {
    fn text(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::File => "file",
            Self::Http => "http",
        }
    }
}

// === impl Kept ===

impl<'de> Deserialize<'de> for Kept {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "forever" => Ok(Self(None)),
            text => text.parse().map(|length| Self(Some(length))).map_err(serde::de::Error::custom),
        }
    }
}

// === impl RetentionConfig ===

impl Default for RetentionConfig {
    fn default() -> Self {
        Self { values: Kept(Some(Lifetime::from_secs(90 * DAY))), records: Kept(None) }
    }
}

// === impl SinkConfig ===

impl SinkConfig {
    /// What the store and the metrics call it.
    pub(crate) fn called(&self) -> &str {
        self.name.as_deref().unwrap_or(self.to.text())
    }

    fn check(&self) -> Result<(), ConfigFault> {
        let fault = |message: String| Err(ConfigFault::Value { field: "audit.export", message });
        let name = self.called();
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || name.len() > 40 || !name.bytes().all(is_plain) {
            return fault(format!("`{}` is not a name, expected at most 40 of a-z, 0-9 and `-`", name.escape_debug()));
        }
        let (is_file, is_http) = (self.to == SinkKind::File, self.to == SinkKind::Http);
        let given = [
            ("path", self.path.is_some(), is_file, true),
            ("rotate_mib", self.rotate_mib.is_some(), is_file, false),
            ("url", self.url.is_some(), is_http, true),
            ("token", self.token.is_some(), is_http, false),
            ("ca", self.ca.is_some(), is_http, false),
        ];
        for (field, is_there, belongs, is_needed) in given {
            if is_there && !belongs {
                return fault(format!("`{field}` is not for sink `{name}`, which is {}", self.to.text()));
            }
            if belongs && is_needed && !is_there {
                return fault(format!("sink `{name}` lacks `{field}`"));
            }
        }
        if self.rotate_mib.is_some_and(|size| !(1..=1_048_576).contains(&size)) || !(1..=10_000).contains(&self.keep) {
            return fault(format!("sink `{name}`: expected `rotate_mib` of 1 to 1048576, `keep` of 1 to 10000"));
        }
        if !(1..=10_000).contains(&self.batch) {
            return fault(format!("sink `{name}`: `batch` is {}, expected 1 to 10000", self.batch));
        }
        Ok(())
    }
}

// === impl AuditConfig ===

impl AuditConfig {
    pub(super) fn relative_to(&mut self, folder: &Path) {
        for sink in &mut self.export {
            for path in [&mut sink.path, &mut sink.token, &mut sink.ca].into_iter().flatten() {
                *path = folder.join(&*path);
            }
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigFault> {
        for (place, sink) in self.export.iter().enumerate() {
            sink.check()?;
            if self.export[..place].iter().any(|other| other.called() == sink.called()) {
                let message =
                    format!("two sinks are called `{}`, expected a `name` of its own for each", sink.called());
                return Err(ConfigFault::Value { field: "audit.export", message });
            }
        }
        let RetentionConfig { values, records } = self.retention;
        let least = [("audit.retention.values", values, 1, "1s"), ("audit.retention.records", records, DAY, "1d")];
        for (field, kept, least, shown) in least {
            if let Some(length) = kept.0.filter(|length| length.as_secs() < least) {
                return Err(ConfigFault::Value { field, message: format!("is {length}, expected at least {shown}") });
            }
        }
        Ok(())
    }
}

fn yes() -> bool {
    true
}

fn ten() -> u32 {
    10
}

fn five_hundred() -> usize {
    500
}

const DAY: u32 = 86_400;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (text, expected) in [
            ("export = [{ to = \"file\" }]", "sink `file` lacks `path`"),
            ("export = [{ to = \"http\" }]", "sink `http` lacks `url`"),
            ("export = [{ to = \"stdout\", path = \"a\" }]", "`path` is not for sink `stdout`"),
            ("export = [{ to = \"stdout\", name = \"A b\" }]", "`A b` is not a name"),
            ("export = [{ to = \"stdout\" }, { to = \"stdout\" }]", "two sinks are called `stdout`"),
            ("export = [{ to = \"http\", url = \"https://a\", batch = 0 }]", "`batch` is 0"),
            ("export = [{ to = \"file\", path = \"a\", rotate_mib = 0 }]", "`rotate_mib` of 1"),
            ("retention = { values = \"0s\" }", "0s"),
            ("retention = { records = \"23h\" }", "is 23h, expected at least 1d"),
        ] {
            let fault = toml::from_str::<AuditConfig>(text).unwrap().check().unwrap_err().to_string();
            assert!(fault.contains(expected), "{text}: {fault}");
        }
        for text in ["retention = { values = \"soon\" }", "export = [{ to = \"pigeon\" }]", "exports = []"] {
            assert!(toml::from_str::<AuditConfig>(text).is_err(), "{text}");
        }
        let told =
            "retention = { values = \"forever\", records = \"400d\" }\n[[export]]\nto = \"stdout\"\nfrom = \"now\"";
        let told: AuditConfig = toml::from_str(told).unwrap();
        assert!(told.check().is_ok() && told.retention.values == Kept(None) && told.export[0].values);
        let usual = AuditConfig::default();
        assert!(usual.check().is_ok() && usual.retention.values.0.unwrap().to_string() == "90d");
    }
}
