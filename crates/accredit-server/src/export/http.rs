//! A collector: a server that takes NDJSON by POST and answers 2xx once it has it.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use accredit_id::secret::Secret;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};

use super::outlet::Failure;
use crate::app::StartError;
use crate::config::{FetchConfig, SinkConfig};
use crate::egress;
use crate::gather::{Posted, Poster};

/// A collector.
pub(super) struct Collector {
    poster: Poster,
    /// Read each time: whoever renews it need not say so.
    token: Option<PathBuf>,
}

// === impl Collector ===

impl Collector {
    pub(super) fn new(sink: &SinkConfig, fetch: &FetchConfig) -> Result<Self, StartError> {
        let url = sink.url.as_deref().unwrap_or_default();
        let poster = egress::poster(url, sink.ca.as_deref(), fetch)?;
        if let Some(path) = &sink.token {
            read_token(path).map_err(|message| StartError::Fetch { field: "audit.export", message })?;
        }
        Ok(Self { poster, token: sink.token.clone() })
    }

    /// Posts lines; confirmed by any 2xx.
    pub(super) async fn put(&self, lines: Vec<u8>) -> Result<(), Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
        if let Some(path) = &self.token {
            let away = |why| Failure::Away { why, asked: None };
            headers.insert(header::AUTHORIZATION, read_token(path).map_err(away)?);
        }
        match self.poster.post(headers, Bytes::from(lines), WAIT).await {
            Ok(posted) => judge(&posted),
            Err(fault) => Err(Failure::Away { why: fault.operator_text(), asked: None }),
        }
    }
}

/// What an answer means: taken, not now, or never.
fn judge(posted: &Posted) -> Result<(), Failure> {
    let Posted { status, retry_after, said } = posted;
    let why = match said.to_string() {
        said if said.is_empty() => format!("answered {status}"),
        said => format!("answered {status}: {}", said.chars().take(200).collect::<String>()),
    };
    match status {
        200..=299 => Ok(()),
        // Busy, slow, being moved, or with a token that is just being renewed: waiting may help.
        408 | 421 | 423 | 425 | 429 | 500.. => Err(Failure::Away { why, asked: *retry_after }),
        // Redirects included: they are not followed, so that the token goes nowhere else.
        _ => Err(Failure::Refused { why }),
    }
}

/// `Bearer` and the token of a file that its owner alone can read.
#[expect(clippy::disallowed_methods, reason = "the room that owns the collector's token")]
fn read_token(path: &Path) -> Result<HeaderValue, String> {
    let unreadable = |error: std::io::Error| format!("token file `{}` cannot be read: {error}", path.display());
    let mode = fs::metadata(path).map_err(unreadable)?.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(format!("token file `{}` has mode {mode:o}, expected 600", path.display()));
    }
    let text = fs::read_to_string(path).map(Secret::new).map_err(unreadable)?;
    let bearer = Secret::new(format!("Bearer {}", text.reveal().trim()));
    let malformed = || format!("token file `{}` does not hold one token", path.display());
    if bearer.reveal().len() < 8 || bearer.reveal()[7..].contains(char::is_whitespace) {
        return Err(malformed());
    }
    let mut value = HeaderValue::from_str(bearer.reveal()).map_err(|_| malformed())?;
    value.set_sensitive(true);
    Ok(value)
}

/// For one delivery, name and handshake included.
const WAIT: Duration = Duration::from_secs(30);

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests fail by panicking and write files")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use accredit_id::shown::Shown;

    use super::*;

    #[test]
    fn what_an_answer_means() {
        let judged = |status| {
            let retry_after = Some(Duration::from_secs(7));
            match judge(&Posted { status, retry_after, said: Shown::of("no") }) {
                Ok(()) => "taken",
                Err(Failure::Away { asked, .. }) if asked == retry_after => "later",
                Err(Failure::Away { .. }) => "whenever",
                Err(Failure::Refused { why }) if why.ends_with(": no") => "never",
                Err(Failure::Refused { .. }) => "?",
            }
        };
        for (statuses, expected) in [
            (&[200, 202, 204][..], "taken"),
            (&[408, 429, 500, 502, 503, 504], "later"),
            (&[301, 307, 400, 401, 403, 404, 413, 415, 422], "never"),
        ] {
            for status in statuses {
                assert_eq!(judged(*status), expected, "{status}");
            }
        }
    }

    #[test]
    fn a_token_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let write = |text: &str, mode| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            read_token(&path)
        };
        assert_eq!(write("hunter2\n", 0o600).unwrap(), "Bearer hunter2");
        assert!(format!("{:?}", write("hunter2\n", 0o600)).contains("Sensitive"));
        assert!(write("hunter2", 0o640).unwrap_err().contains("has mode 640"));
        for text in ["", " \n", "two words", "two\nlines"] {
            let fault = write(text, 0o600).unwrap_err();
            assert!(fault.contains("does not hold one token") && !fault.contains("words"), "{fault}");
        }
    }
}
