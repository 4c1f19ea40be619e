//! The way out: a fetcher from the server's own configuration.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use accredit_id::secret::Secret;

use crate::app::StartError;
use crate::config::{FetchConfig, ProxyConfig};
use crate::gather::{AllowList, Authorities, Fetcher, Guard, LOOPBACK, Poster, Proxy};
use crate::tls;

/// Makes the fetcher that every fetch of this server goes through.
pub(crate) fn fetcher(config: &FetchConfig) -> Result<Fetcher, StartError> {
    let FetchConfig { allow, ca, authorities, proxy, aws_sts } = config;
    let allow = AllowList::parse(allow).map_err(|fault| refused("fetch.allow", &fault))?;
    let mut trusted = Authorities { beside: Vec::new(), of_hosts: HashMap::new() };
    for path in ca {
        trusted.beside.extend(tls::authorities(path)?);
    }
    for (host, path) in authorities {
        if !is_plain(host) {
            let sentence =
                format!("`{}` is not a host such as `k8s.internal`, lower case, no port", host.escape_debug());
            return Err(StartError::Fetch { field: "fetch.authorities", message: sentence });
        }
        trusted.of_hosts.insert(host.clone(), tls::authorities(path)?);
    }
    let proxy = proxy.as_ref().map(through).transpose()?;
    let fetcher = Fetcher::new(Guard::new(allow), trusted, proxy);
    if let Some(stand_in) = aws_sts {
        fetcher.judge_stand_in(stand_in).map_err(|fault| refused("fetch.aws_sts", &fault))?;
    }
    Ok(fetcher)
}

/// Makes what posts the log to `url`, with authorities of its own where the configuration names some.
pub(crate) fn poster(url: &str, ca: Option<&Path>, config: &FetchConfig) -> Result<Poster, StartError> {
    let refused = |fault: &dyn std::error::Error| refused("audit.export", fault);
    let mut trusted = Authorities { beside: Vec::new(), of_hosts: HashMap::new() };
    for path in &config.ca {
        trusted.beside.extend(tls::authorities(path)?);
    }
    let host =
        url::Url::parse(url).ok().and_then(|url| url.host_str().map(|host| host.trim_matches(['[', ']']).to_owned()));
    let of_host = host.as_ref().and_then(|host| config.authorities.get(host)).map(PathBuf::as_path);
    if let (Some(host), Some(path)) = (host, ca.or(of_host)) {
        trusted.of_hosts.insert(host, tls::authorities(path)?);
    }
    // A proxy leads out, and never back to this machine.
    let near = |proxy: &ProxyConfig| {
        let except = proxy.except.iter().cloned().chain(LOOPBACK.map(str::to_owned)).collect();
        ProxyConfig { except, ..proxy.clone() }
    };
    let proxy = config.proxy.as_ref().map(near).as_ref().map(through).transpose()?;
    Poster::new(url, &config.allow, trusted, proxy).map_err(|fault| refused(&fault))
}

fn through(config: &ProxyConfig) -> Result<Proxy, StartError> {
    let ProxyConfig { url, credentials, except } = config;
    let credentials = credentials.as_deref().map(read).transpose()?;
    Proxy::new(url, credentials.as_ref(), except).map_err(|fault| refused("fetch.proxy", &fault))
}

#[expect(clippy::disallowed_methods, reason = "the room that owns the proxy's credentials")]
fn read(path: &Path) -> Result<Secret<String>, StartError> {
    let fault = |problem: String| StartError::Fetch {
        field: "fetch.proxy.credentials",
        message: format!("file `{}` {problem}", path.display()),
    };
    let unreadable = |error: std::io::Error| fault(format!("cannot be read: {error}"));
    let mode = fs::metadata(path).map_err(unreadable)?.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(fault(format!("has mode {mode:o}, so others can read it; expected 600")));
    }
    fs::read_to_string(path).map(Secret::new).map_err(unreadable)
}

fn refused(field: &'static str, fault: &dyn std::error::Error) -> StartError {
    StartError::Fetch { field, message: fault.to_string() }
}

/// A host as URLs have it once they are read: no scheme, no port, no upper case.
fn is_plain(host: &str) -> bool {
    let is_address = host.parse::<std::net::IpAddr>().is_ok();
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_');
    is_address || !host.is_empty() && !host.ends_with('.') && host.bytes().all(is_name)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests fail by panicking and write files")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn refusal(text: &str) -> String {
        fetcher(&toml::from_str(text).unwrap()).map(drop).unwrap_err().to_string()
    }

    #[test]
    fn j12_what_cannot_be_meant_does_not_start() {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        fs::write(&secret, "user:hunter2").unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
        let proxy = format!("proxy = {{ url = \"http://127.0.0.1:1\", credentials = {secret:?} }}");
        assert!(refusal(&proxy).contains("has mode 644"), "{}", refusal(&proxy));
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(fetcher(&toml::from_str(&proxy).unwrap()).is_ok());
        fs::write(&secret, "hunter2").unwrap();
        assert!(refusal(&proxy).contains("one line `user:password`") && !refusal(&proxy).contains("hunter2"));
        for (text, expected) in [
            (
                "proxy = { url = \"socks5://p:1\" }",
                "config field `fetch.proxy`: `socks5://p:1` is not the URL of a proxy",
            ),
            ("proxy = { url = \"http://p:1\", except = [\"10.1.0.0/8\"] }", "bits set behind its prefix"),
            ("allow = [\"169.254.0.0/16\"]", "config field `fetch.allow`: `169.254.0.0/16` is link-local"),
            ("[authorities]\n\"K8s.internal\" = \"a.pem\"", "`K8s.internal` is not a host"),
            ("[authorities]\n\"https://k8s\" = \"a.pem\"", "is not a host"),
            ("[authorities]\n\"k8s:6443\" = \"a.pem\"", "is not a host"),
            ("[authorities]\nk8s = \"/gone.pem\"", "authority file `/gone.pem` cannot be read"),
            ("aws_sts = \"http://10.0.0.1\"", "config field `fetch.aws_sts`"),
        ] {
            let said = refusal(text);
            assert!(said.contains(expected), "{text}: {said}");
        }
    }
}
