//! The guard in front of every fetch: which URLs may be asked, and which addresses may be dialled for them.
//!
//! A provider's URL is written by whoever may write providers, and the key set's URL by whoever answers there. Neither may
//! make this server talk to its own network. URLs are judged when they are written and again when they are used;
//! addresses are judged at the only place that cannot be raced: where the connection is made (`dial`).

use std::io;
use std::net::IpAddr;
use std::pin::Pin;

use accredit_id::shown::Shown;
use url::Url;

use super::address::{AllowList, Reach, Refusal};

/// The rules for URLs and addresses, with the server's own allow-list.
pub(crate) struct Guard {
    allow: AllowList,
    names: Box<dyn Names>,
}

/// A URL that the guard let through, with how far a request to it may reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(super) url: Url,
    pub(super) reach: Reach,
}

/// Why a URL may not be fetched. Meant for whoever writes the resource; none of it is for a caller of the token endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UrlFault {
    /// No URL with a host.
    #[error("`{0}` is not a URL, expected one such as `https://issuer.example.org`")]
    Malformed(Shown),
    /// Longer than [`Guard::MAX_URL_BYTES`].
    #[error("URL has {bytes} bytes, expected at most {}", Guard::MAX_URL_BYTES)]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// A scheme that is never fetched, such as `file` or `ftp`.
    #[error("`{url}` has the scheme `{scheme}`, expected `https`")]
    Scheme {
        /// The URL.
        url: Shown,
        /// Its scheme.
        scheme: Shown,
    },
    /// A user name or password. They are not repeated here.
    #[error("URL of `{host}` holds credentials, expected none")]
    Credentials {
        /// The host alone.
        host: Shown,
    },
    /// A part that the place does not allow.
    #[error("`{url}` has a {part}, expected none")]
    Part {
        /// The URL.
        url: Shown,
        /// `query` or `fragment`.
        part: &'static str,
    },
    /// Another text than the one that is asked: issuers are compared byte for byte, so only one spelling is accepted.
    #[error("`{url}` is not in its normal form, expected `{expected}`")]
    NotNormal {
        /// The URL as it was written.
        url: Shown,
        /// How it is read.
        expected: Shown,
    },
    /// Plain http or another port while the allow-list is empty: no address could be dialled for it.
    #[error("`{url}` uses {what}, which is open to addresses that the server lists alone")]
    NothingListed {
        /// The URL.
        url: Shown,
        /// `plain http` or `another port than 443`.
        what: &'static str,
    },
    /// The host is an IP address that is not dialled, in whatever notation.
    #[error("`{url}` is {}", .refused.sentence())]
    Address {
        /// The URL.
        url: Shown,
        /// The address and why not.
        refused: RefusedAddress,
    },
    /// A document fetched by https names a URL of plain http.
    #[error("`{0}` is plain http, but the document that names it came by https")]
    Downgrade(Shown),
}

/// An address that was not dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RefusedAddress {
    /// The address.
    pub(crate) address: IpAddr,
    /// Why not.
    pub(crate) refusal: Refusal,
}

// === impl Guard ===

impl Guard {
    /// The longest URL that is fetched, in bytes.
    pub(crate) const MAX_URL_BYTES: usize = 2048;

    /// A guard with this allow-list, that resolves names as the system does.
    pub(crate) fn new(allow: AllowList) -> Self {
        Self { allow, names: Box::new(SystemNames) }
    }

    /// Judges an issuer: as [`Guard::configured`], and without a query (OpenID Connect Discovery 1.0 section 2).
    pub(crate) fn issuer(&self, text: &str) -> Result<Target, UrlFault> {
        let target = self.judge(text)?;
        match target.url.query() {
            Some(_) => Err(UrlFault::Part { url: Shown::of(text), part: "query" }),
            None => target.written_as(text),
        }
    }

    /// Judges a URL that somebody wrote into a resource: it must be written in its normal form.
    pub(crate) fn configured(&self, text: &str) -> Result<Target, UrlFault> {
        self.judge(text)?.written_as(text)
    }

    /// Judges a URL that a fetched document names. It may lead to another host, as large providers do, but not from https to
    /// plain http.
    pub(crate) fn discovered(&self, text: &str, from: &Target) -> Result<Target, UrlFault> {
        let target = self.judge(text)?;
        if from.url.scheme() == "https" && target.url.scheme() != "https" {
            return Err(UrlFault::Downgrade(Shown::of(text)));
        }
        Ok(target)
    }

    /// Judges a URL that this server wrote itself, query and all.
    pub(super) fn discovered_by_us(&self, text: &str) -> Result<Target, UrlFault> {
        self.judge(text)
    }

    fn judge(&self, text: &str) -> Result<Target, UrlFault> {
        if text.len() > Self::MAX_URL_BYTES {
            return Err(UrlFault::TooLong { bytes: text.len() });
        }
        // What stands before an `@` may be a password, also where nothing else can be read.
        let malformed = |_| UrlFault::Malformed(Shown::of(text.rsplit('@').next().unwrap_or_default()));
        let url = Url::parse(text).map_err(malformed)?;
        let Some(host) = url.host_str() else {
            return Err(UrlFault::Scheme { url: Shown::of(text), scheme: Shown::of(url.scheme()) });
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlFault::Credentials { host: Shown::of(host) });
        }
        let shown = Shown::of(text);
        let special = match url.scheme() {
            "https" if url.port().is_none() => None,
            "https" => Some("another port than 443"),
            "http" => Some("plain http"),
            scheme => return Err(UrlFault::Scheme { url: shown, scheme: Shown::of(scheme) }),
        };
        if url.fragment().is_some() {
            return Err(UrlFault::Part { url: shown, part: "fragment" });
        }
        if host.ends_with('.') {
            let expected = Shown::of(&url.as_str().replacen(host, host.trim_end_matches('.'), 1));
            return Err(UrlFault::NotNormal { url: shown, expected });
        }
        let reach = match special {
            None => Reach::PublicOrListed,
            Some(what) if self.allow.is_empty() => return Err(UrlFault::NothingListed { url: shown, what }),
            Some(_) => Reach::ListedOnly,
        };
        // The parser has read every notation of an IPv4 address (decimal, octal, hexadecimal, shortened) by now.
        if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
            self.address(address, reach).map_err(|refused| UrlFault::Address { url: shown, refused })?;
        }
        Ok(Target { url, reach })
    }

    /// Judges an address that is about to be dialled.
    pub(super) fn address(&self, address: IpAddr, reach: Reach) -> Result<(), RefusedAddress> {
        self.allow.judge(address, reach).map_err(|refusal| RefusedAddress { address, refusal })
    }

    /// Every address of a host, as it comes; [`Guard::address`] judges each.
    pub(super) fn lookup(&self, host: &str) -> Lookup {
        self.names.lookup(host)
    }

    #[cfg(test)]
    pub(super) fn with_names(allow: AllowList, names: impl Names + 'static) -> Self {
        Self { allow, names: Box::new(names) }
    }
}

// === impl Target ===

impl Target {
    /// The host, an IPv6 address without its brackets.
    pub(super) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default().trim_matches(['[', ']'])
    }

    fn written_as(self, text: &str) -> Result<Self, UrlFault> {
        let normal = self.url.as_str();
        // The parser gives an empty path its slash; issuers are commonly written without.
        if normal == text || normal.strip_suffix('/') == Some(text) {
            return Ok(self);
        }
        Err(UrlFault::NotNormal { url: Shown::of(text), expected: Shown::of(normal) })
    }
}

// === impl RefusedAddress ===

impl RefusedAddress {
    /// `10.0.3.4, which is not public (private)`: to follow "is" or "resolves to".
    pub(crate) fn sentence(&self) -> String {
        let address = self.address;
        match self.refusal {
            Refusal::Never(what) => format!("{address}, which is {what} and never fetched from"),
            Refusal::NotPublic(what) => format!("{address}, which is not public ({what})"),
            Refusal::NotListed => {
                format!("{address}, which is not listed: plain http and other ports than 443 need that")
            }
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> &'static str {
        match self.refusal {
            Refusal::Never(_) => "upload the keys; no setting opens such an address",
            Refusal::NotPublic(_) => "list the range in the server's config, or upload the keys",
            Refusal::NotListed => "use https on port 443, or list the range in the server's config",
        }
    }
}

/// Resolves host names. The seam at which tests play a hostile name server.
pub(super) trait Names: Send + Sync {
    /// Every address of the host.
    fn lookup(&self, host: &str) -> Lookup;
}

/// A name resolution under way.
pub(super) type Lookup = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

struct SystemNames;

impl Names for SystemNames {
    fn lookup(&self, host: &str) -> Lookup {
        let host = host.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            Ok(found.map(|socket| socket.ip()).collect())
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn open_to_none() -> Guard {
        Guard::new(AllowList::default())
    }

    fn open_to(ranges: &[&str]) -> Guard {
        Guard::new(AllowList::parse(ranges).unwrap())
    }

    #[test]
    fn j06_j09_issuers_that_are_refused() {
        let cases = [
            ("", "is not a URL"),
            ("issuer.example.org", "is not a URL"),
            ("https://", "is not a URL"),
            ("https:///x", "not in its normal form"),
            ("file:///etc/passwd", "scheme `file`"),
            ("ftp://example.org/jwks", "scheme `ftp`"),
            ("unix:/run/docker.sock", "scheme `unix`"),
            ("data:application/json,{}", "scheme `data`"),
            ("gopher://127.0.0.1:6379/_x", "scheme `gopher`"),
            ("https://user:hunter2@example.org", "URL of `example.org` holds credentials"),
            ("https://user:hunter2@", "`` is not a URL"),
            ("https://good.example@evil.example", "URL of `evil.example` holds credentials"),
            ("https://example.org#x", "has a fragment"),
            ("https://example.org/a#", "has a fragment"),
            ("https://example.org?x=1", "has a query"),
            ("https://example.org/a?", "has a query"),
            ("https://example.org:8443", "another port than 443"),
            ("http://example.org", "plain http"),
            ("https://example.org.", "expected `https://example.org/`"),
            ("HTTPS://example.org", "expected `https://example.org/`"),
            ("https://Example.org", "expected `https://example.org/`"),
            ("https://example.org:443", "expected `https://example.org/`"),
            ("https://example.org/a/../b", "expected `https://example.org/b`"),
            ("https://example.org\\a", "expected `https://example.org/a`"),
            ("https://exa\tmple.org", "expected `https://example.org/`"),
            (" https://example.org", "expected `https://example.org/`"),
            ("https:example.org", "expected `https://example.org/`"),
            ("https://b\u{fc}cher.example", "expected `https://xn--bcher-kva.example/`"),
            ("https://127.0.0.1", "127.0.0.1, which is not public (loopback)"),
            ("https://2130706433", "127.0.0.1, which is not public (loopback)"),
            ("https://0x7f.1", "127.0.0.1, which is not public (loopback)"),
            ("https://0177.0.0.1", "127.0.0.1, which is not public (loopback)"),
            ("https://127.1", "127.0.0.1, which is not public (loopback)"),
            ("https://0", "0.0.0.0, which is not public (this network)"),
            ("https://[::1]", "::1, which is not public (loopback)"),
            ("https://[::ffff:10.0.0.1]", "which is not public (private)"),
            ("https://[64:ff9b::a00:1]", "which is not public (NAT64)"),
            ("https://169.254.169.254", "169.254.169.254, which is link-local and never fetched from"),
            ("https://2852039166", "169.254.169.254, which is link-local and never fetched from"),
        ];
        for (text, expected) in cases {
            let fault = open_to_none().issuer(text).unwrap_err().to_string();
            assert!(fault.contains(expected), "{text}: {fault}");
            assert!(!fault.contains("hunter2"));
        }
        let long = format!("https://example.org/{}", "a".repeat(2048));
        assert_eq!(open_to_none().issuer(&long), Err(UrlFault::TooLong { bytes: 2068 }));
    }

    #[test]
    fn ordinary_issuers_pass() {
        for text in [
            "https://token.actions.githubusercontent.com",
            "https://accounts.google.com",
            "https://gitlab.example.org/",
            "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
            "https://8.8.8.8",
        ] {
            assert_eq!(open_to_none().issuer(text).unwrap().reach, Reach::PublicOrListed, "{text}");
        }
        assert!(open_to_none().configured("https://example.org/keys?p=b2c").is_ok());
    }

    #[test]
    fn j06_j08_a_list_opens_ports_plain_http_and_literals() {
        let guard = open_to(&["127.0.0.0/8"]);
        assert_eq!(guard.issuer("http://127.0.0.1:7071").unwrap().reach, Reach::ListedOnly);
        assert_eq!(guard.issuer("https://127.0.0.1").unwrap().reach, Reach::PublicOrListed);
        assert_eq!(guard.issuer("https://k8s.internal:6443").unwrap().reach, Reach::ListedOnly);
        for text in ["http://10.0.0.1", "http://8.8.8.8", "https://8.8.8.8:8443", "https://10.0.0.1"] {
            assert!(matches!(guard.issuer(text), Err(UrlFault::Address { .. })), "{text}");
        }
    }

    #[test]
    fn j08_a_document_may_lead_to_another_host_but_not_to_plain_http() {
        let guard = open_to(&["127.0.0.0/8"]);
        let https = guard.issuer("https://example.org").unwrap();
        let http = guard.issuer("http://127.0.0.1:7071").unwrap();
        assert!(guard.discovered("https://keys.example.net/jwks?x=1", &https).is_ok());
        assert!(guard.discovered("http://127.0.0.1:7072/jwks", &http).is_ok());
        assert!(matches!(guard.discovered("http://127.0.0.1/jwks", &https), Err(UrlFault::Downgrade(_))));
        for text in
            ["file:///etc/passwd", "//evil.example/jwks", "/jwks", "https://10.0.0.1/", "https://a:b@example.org"]
        {
            assert!(guard.discovered(text, &https).is_err(), "{text}");
        }
    }
}
