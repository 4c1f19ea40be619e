//! Where traces go. Without this section, and without the environment saying so, they go nowhere and nothing is measured.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use accredit_id::secret::Secret;
use serde::Deserialize;

use super::ConfigFault;

/// What is sent to whoever watches many services.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetryConfig {
    /// Traces; absent: none.
    pub traces: Option<TracesConfig>,
    /// What of the environment could not be heeded, for the log.
    #[serde(skip)]
    pub(crate) unheeded: Vec<String>,
}

/// Where traces go, and which.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TracesConfig {
    /// The collector's OTLP/HTTP endpoint; `/v1/traces` is added where the URL does not end so.
    pub endpoint: String,
    /// The share of requests that are traced, where nobody else decides; 0 to 1.
    pub ratio: f64,
    /// Whether a caller's `traceparent` decides for its request.
    pub heed_callers: bool,
    /// The most traces that are begun in a second, whatever callers say.
    pub per_second: u32,
    /// A file that only its owner can read: lines of `NAME: VALUE`, sent with every request.
    pub headers: Option<PathBuf>,
    /// A PEM file of certificate authorities that the collector's certificate may be of, beside the system's.
    pub ca: Option<PathBuf>,
    /// `service.name`; absent: `accredit`.
    pub service: Option<String>,
    /// The most spans that wait; those beyond are dropped and counted.
    pub queue: usize,
    /// How long a request to the collector may take, in seconds.
    pub timeout_seconds: u64,
    /// How long a span waits for others at most, in milliseconds.
    pub delay_milliseconds: u64,
    /// Resource attributes of the environment.
    #[serde(skip)]
    pub(crate) resource: Vec<(String, String)>,
    /// Headers of the environment.
    #[serde(skip)]
    pub(crate) more_headers: Vec<(String, Arc<Secret<String>>)>,
}

// === impl TelemetryConfig ===

impl TelemetryConfig {
    /// Fills from OpenTelemetry's own variables what the file leaves open, as their specification says: a variable that
    /// cannot be heeded is told of and counts as absent. The file's word stands above the environment's.
    ///
    /// Traces are on when the file has the section or a variable names an endpoint; `OTEL_SDK_DISABLED=true` and
    /// `OTEL_TRACES_EXPORTER=none` turn them off.
    pub(crate) fn heed(&mut self, variable: impl Fn(&str) -> Option<String>) {
        let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let is = |name: &str, value: &str| variable(name).is_some_and(|seen| seen.trim().eq_ignore_ascii_case(value));
        if is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none") {
            self.traces = None;
            return;
        }
        let endpoint = variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").or_else(|| {
            let base = variable("OTEL_EXPORTER_OTLP_ENDPOINT")?;
            Some(format!("{}/v1/traces", base.trim_end_matches('/')))
        });
        let of_file = self.traces.take();
        if of_file.is_none() && endpoint.is_none() {
            return;
        }
        let protocol =
            variable("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL").or_else(|| variable("OTEL_EXPORTER_OTLP_PROTOCOL"));
        if let Some(protocol) = protocol.filter(|protocol| protocol != "http/protobuf") {
            let seen = protocol.escape_debug();
            self.unheeded.push(format!("`OTEL_EXPORTER_OTLP_PROTOCOL` is `{seen}`, expected `http/protobuf`"));
            if of_file.is_none() {
                return;
            }
        }
        let mut traces = of_file.unwrap_or_else(|| TracesConfig { endpoint: String::new(), ..TracesConfig::default() });
        let was_default = TracesConfig::default();
        if let Some(endpoint) =
            endpoint.filter(|_| traces.endpoint.is_empty() || traces.endpoint == was_default.endpoint)
        {
            traces.endpoint = endpoint;
        }
        let header = variable("OTEL_EXPORTER_OTLP_TRACES_HEADERS").or_else(|| variable("OTEL_EXPORTER_OTLP_HEADERS"));
        traces.more_headers =
            pairs(header.as_deref()).map(|(name, value)| (name, Arc::new(Secret::new(value)))).collect();
        traces.resource = pairs(variable("OTEL_RESOURCE_ATTRIBUTES").as_deref()).collect();
        traces.service = traces.service.or_else(|| variable("OTEL_SERVICE_NAME"));
        let authority =
            variable("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE").or_else(|| variable("OTEL_EXPORTER_OTLP_CERTIFICATE"));
        traces.ca = traces.ca.or(authority.map(PathBuf::from));
        let timeout = variable("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT").or_else(|| variable("OTEL_EXPORTER_OTLP_TIMEOUT"));
        for (name, text, take) in [
            (
                "OTEL_EXPORTER_OTLP_TIMEOUT",
                timeout,
                (|traces, number| traces.timeout_seconds = number.div_ceil(1000)) as Take,
            ),
            ("OTEL_BSP_MAX_QUEUE_SIZE", variable("OTEL_BSP_MAX_QUEUE_SIZE"), |traces, number| {
                traces.queue = usize::try_from(number).unwrap_or(usize::MAX);
            }),
            ("OTEL_BSP_SCHEDULE_DELAY", variable("OTEL_BSP_SCHEDULE_DELAY"), |traces, number| {
                traces.delay_milliseconds = number;
            }),
        ] {
            let Some(text) = text else { continue };
            let mut with = traces.clone();
            match text.trim().parse().map(|number| take(&mut with, number)) {
                Ok(()) if with.check().is_ok() => traces = with,
                _ => {
                    self.unheeded.push(format!("`{name}` is `{}`, expected a number in its range", text.escape_debug()))
                }
            }
        }
        if let Some(sampler) = variable("OTEL_TRACES_SAMPLER")
            && let Err(why) = traces.sample(&sampler, variable("OTEL_TRACES_SAMPLER_ARG").as_deref())
        {
            self.unheeded.push(why);
        }
        self.traces = Some(traces);
    }

    pub(super) fn relative_to(&mut self, folder: &Path) {
        for path in self.traces.iter_mut().flat_map(|traces| traces.headers.iter_mut().chain(traces.ca.iter_mut())) {
            *path = folder.join(&*path);
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigFault> {
        self.traces.as_ref().map_or(Ok(()), TracesConfig::check)
    }
}

// === impl TracesConfig ===

impl Default for TracesConfig {
    fn default() -> Self {
        Self {
            endpoint: "http://127.0.0.1:4318".to_owned(),
            ratio: 0.01,
            heed_callers: true,
            per_second: 100,
            headers: None,
            ca: None,
            service: None,
            queue: 2048,
            timeout_seconds: 10,
            delay_milliseconds: 5000,
            resource: Vec::new(),
            more_headers: Vec::new(),
        }
    }
}

impl TracesConfig {
    /// Where traces are sent.
    pub(crate) fn url(&self) -> String {
        match self.endpoint.ends_with("/v1/traces") {
            true => self.endpoint.clone(),
            false => format!("{}/v1/traces", self.endpoint.trim_end_matches('/')),
        }
    }

    fn check(&self) -> Result<(), ConfigFault> {
        let fault = |field, message| Err(ConfigFault::Value { field, message });
        if !(0.0..=1.0).contains(&self.ratio) {
            return fault("telemetry.traces.ratio", format!("is {}, expected 0 to 1", self.ratio));
        }
        for (field, seen, expected) in [
            ("telemetry.traces.per_second", u64::from(self.per_second), 1..=100_000),
            ("telemetry.traces.queue", self.queue as u64, 512..=1_000_000),
            ("telemetry.traces.timeout_seconds", self.timeout_seconds, 1..=60),
            ("telemetry.traces.delay_milliseconds", self.delay_milliseconds, 10..=60_000),
        ] {
            if !expected.contains(&seen) {
                return fault(field, format!("is {seen}, expected {} to {}", expected.start(), expected.end()));
            }
        }
        Ok(())
    }

    /// A sampler by the name that OpenTelemetry gives it.
    fn sample(&mut self, name: &str, argument: Option<&str>) -> Result<(), String> {
        let (heeds, kind) = match name.strip_prefix("parentbased_") {
            Some(kind) => (true, kind),
            None => (false, name),
        };
        let ratio = match (kind, argument.map(str::parse::<f64>)) {
            ("always_on", _) => 1.0,
            ("always_off", _) => 0.0,
            ("traceidratio", None) => 1.0,
            ("traceidratio", Some(Ok(ratio))) if (0.0..=1.0).contains(&ratio) => ratio,
            ("traceidratio", Some(_)) => {
                let seen = argument.unwrap_or_default().escape_debug();
                return Err(format!("`OTEL_TRACES_SAMPLER_ARG` is `{seen}`, expected 0 to 1"));
            }
            _ => {
                return Err(format!("`OTEL_TRACES_SAMPLER` is `{}`, which is none that is known", name.escape_debug()));
            }
        };
        (self.heed_callers, self.ratio) = (heeds, ratio);
        Ok(())
    }
}

type Take = fn(&mut TracesConfig, u64);

/// `NAME=VALUE,NAME=VALUE`, values percent-encoded (W3C Baggage, as OpenTelemetry has it).
fn pairs(text: Option<&str>) -> impl Iterator<Item = (String, String)> {
    let pairs = text.unwrap_or_default().split(',').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.trim().to_owned(), decoded(value.trim()))).collect::<Vec<_>>().into_iter()
}

fn decoded(text: &str) -> String {
    // A plus is a plus here.
    let form = text.replace('+', "%2B");
    url::form_urlencoded::parse(format!("v={}", form.replace('&', "%26")).as_bytes())
        .next()
        .map_or_else(String::new, |(_, value)| value.into_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn heeded(file: &str, variables: &[(&str, &str)]) -> TelemetryConfig {
        let mut config: TelemetryConfig = toml::from_str(file).unwrap();
        config.heed(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()));
        config
    }

    #[test]
    fn traces_are_off_until_somebody_names_a_collector() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/");
        for (file, variables, expected) in [
            ("", &[][..], None),
            ("", &[("OTEL_SERVICE_NAME", "x"), ("OTEL_TRACES_SAMPLER", "always_on")], None),
            ("", &[endpoint], Some("http://collector:4318/v1/traces")),
            (
                "",
                &[endpoint, ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://t/otlp")],
                Some("https://t/otlp/v1/traces"),
            ),
            ("", &[endpoint, ("OTEL_SDK_DISABLED", "true")], None),
            ("", &[endpoint, ("OTEL_TRACES_EXPORTER", "none")], None),
            ("", &[endpoint, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")], None),
            ("[traces]", &[], Some("http://127.0.0.1:4318/v1/traces")),
            ("[traces]", &[endpoint], Some("http://collector:4318/v1/traces")),
            ("[traces]\nendpoint = \"https://a/b\"", &[endpoint], Some("https://a/b/v1/traces")),
            ("[traces]", &[("OTEL_SDK_DISABLED", "TRUE")], None),
        ] {
            let url = heeded(file, variables).traces.map(|traces| traces.url());
            assert_eq!(url.as_deref(), expected, "{file} {variables:?}");
        }
    }

    #[test]
    fn variables_say_what_the_file_leaves_open() {
        let config = heeded(
            "[traces]\nservice = \"ours\"",
            &[
                ("OTEL_SERVICE_NAME", "theirs"),
                ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=prod, k=a%20b+c,broken"),
                ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20hunter2"),
                ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
                ("OTEL_BSP_MAX_QUEUE_SIZE", "7"),
                ("OTEL_TRACES_SAMPLER", "traceidratio"),
                ("OTEL_TRACES_SAMPLER_ARG", "0.5"),
            ],
        );
        assert!(!format!("{config:?}").contains("hunter2"));
        assert_eq!(config.unheeded, ["`OTEL_BSP_MAX_QUEUE_SIZE` is `7`, expected a number in its range"]);
        let traces = config.traces.unwrap();
        assert_eq!(traces.service.as_deref(), Some("ours"));
        let expected = [("deployment.environment.name", "prod"), ("k", "a b+c")];
        assert_eq!(traces.resource, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(traces.more_headers[0].1.reveal(), "Bearer hunter2");
        assert_eq!((traces.timeout_seconds, traces.queue, traces.ratio, traces.heed_callers), (3, 2048, 0.5, false));
    }

    #[test]
    fn samplers_have_opentelemetrys_names() {
        for (name, argument, expected) in [
            ("always_on", None, Ok((false, 1.0))),
            ("parentbased_always_off", None, Ok((true, 0.0))),
            ("parentbased_traceidratio", Some("0.25"), Ok((true, 0.25))),
            ("traceidratio", Some("2"), Err("OTEL_TRACES_SAMPLER_ARG")),
            ("traceidratio", Some("NaN"), Err("OTEL_TRACES_SAMPLER_ARG")),
            ("jaeger_remote", None, Err("OTEL_TRACES_SAMPLER")),
        ] {
            let mut traces = TracesConfig::default();
            match (traces.sample(name, argument), expected) {
                (Ok(()), Ok(expected)) => assert_eq!((traces.heed_callers, traces.ratio), expected, "{name}"),
                (Err(why), Err(expected)) => assert!(why.contains(expected), "{name}: {why}"),
                (seen, _) => panic!("{name}: {seen:?}"),
            }
        }
    }
}
