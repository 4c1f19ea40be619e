//! Which servers an address names, and how they are reached.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::error::StoreError;

/// The servers of one database: one of them takes writes.
///
/// Says nothing of itself but the database's name: the rest holds a password.
pub(super) struct Address {
    servers: Vec<PgConnectOptions>,
    /// The one that took writes last.
    current: AtomicUsize,
}

// === impl Address ===

impl Address {
    /// Reads `postgres://[USER[:PASSWORD]@]HOST[:PORT][,HOST[:PORT]]...[/DATABASE][?PARAMETER=VALUE&...]`.
    ///
    /// A server that is neither on this machine nor given an `sslmode` is reached by TLS alone, and must show that it is
    /// the one that it is called.
    pub(super) fn parse(url: &str) -> Result<Self, StoreError> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| refused("expected `postgres://`"))?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        let (user, hosts) = authority.rsplit_once('@').map_or((None, authority), |(user, hosts)| (Some(user), hosts));
        let has_mode = check_parameters(tail)?;
        let user = user.map_or_else(String::new, |user| format!("{user}@"));
        let server = |host: &str| server(&format!("{scheme}://{user}{host}{tail}"), has_mode);
        let servers = hosts.split(',').map(server).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { servers, current: AtomicUsize::new(0) })
    }

    /// All places, the one that took writes last before the others.
    pub(super) fn places(&self) -> impl Iterator<Item = usize> + use<> {
        let (current, count) = (self.current.load(Ordering::Relaxed), self.servers.len());
        (0..count).map(move |step| (current + step) % count)
    }

    /// The server at a place.
    pub(super) fn server(&self, place: usize) -> &PgConnectOptions {
        &self.servers[place % self.servers.len()]
    }

    /// The server that took writes last.
    pub(super) fn current(&self) -> &PgConnectOptions {
        self.server(self.current.load(Ordering::Relaxed))
    }

    /// The server at a place takes writes.
    pub(super) fn settle(&self, place: usize) {
        self.current.store(place, Ordering::Relaxed);
    }

    /// The name of the database.
    pub(super) fn database(&self) -> &str {
        let server = self.current();
        server.get_database().unwrap_or(server.get_username())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address").field("database", &self.database()).finish_non_exhaustive()
    }
}

/// Sees that all parameters are known, since the library would write an unknown one down with its value. True when
/// `sslmode` is among them.
fn check_parameters(tail: &str) -> Result<bool, StoreError> {
    if tail.contains('#') {
        return Err(refused("expected no `#`; in a password it is written `%23`"));
    }
    let Some((_, parameters)) = tail.split_once('?') else { return Ok(false) };
    let mut has_mode = false;
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, _) = parameter.split_once('=').unwrap_or((parameter, ""));
        if !PARAMETERS.contains(&name) {
            let known = PARAMETERS.map(|name| format!("`{name}`")).join(", ");
            return Err(refused(&format!("unknown parameter, expected one of {known}")));
        }
        has_mode |= name == "sslmode";
    }
    Ok(has_mode)
}

fn server(url: &str, has_mode: bool) -> Result<PgConnectOptions, StoreError> {
    // What the library says of it might repeat a password.
    let options = PgConnectOptions::from_str(url)
        .map_err(|_| refused("expected `postgres://USER:PASSWORD@HOST:PORT/DATABASE`; other characters in a name or password are written as `%` and two digits"))?;
    let is_weak = !has_mode && matches!(options.get_ssl_mode(), PgSslMode::Prefer | PgSslMode::Allow);
    let options = if is_weak && !is_here(&options) { options.ssl_mode(PgSslMode::VerifyFull) } else { options };
    let options = match options.get_application_name() {
        Some(_) => options,
        None => options.application_name("accredit"),
    };
    Ok(options.statement_cache_capacity(STATEMENTS))
}

fn is_here(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn refused(reason: &str) -> StoreError {
    StoreError::Address { scheme: "postgres".to_owned(), reason: reason.to_owned() }
}

const PARAMETERS: [&str; 6] = ["application_name", "host", "sslcert", "sslkey", "sslmode", "sslrootcert"];
/// Prepared statements of a connection: all that there are, with room for more.
const STATEMENTS: usize = 256;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn servers_are_tried_from_the_last_good_one_on() {
        let address = Address::parse("postgres://me:p%2Cw@one:1,two,[::1]:3/store").unwrap();
        let named: Vec<_> = address.servers.iter().map(|server| (server.get_host(), server.get_port())).collect();
        assert_eq!(named, [("one", 1), ("two", 5432), ("[::1]", 3)]);
        assert_eq!(address.places().collect::<Vec<_>>(), [0, 1, 2]);
        address.settle(2);
        assert_eq!(address.places().collect::<Vec<_>>(), [2, 0, 1]);
        assert_eq!((address.current().get_host(), address.database()), ("[::1]", "store"));
    }

    #[test]
    fn servers_elsewhere_must_prove_who_they_are() {
        for (url, is_strict) in [
            ("postgres://db.example.org/store", true),
            ("postgres://10.0.0.1/store", true),
            ("postgres://db.example.org/store?sslmode=require", false),
            ("postgres://127.0.0.1/store", false),
            ("postgres://[::1]/store", false),
            ("postgres://localhost/store", false),
            ("postgres:///store?host=/run/postgresql", false),
            ("postgres://%2Frun%2Fpostgresql/store", false),
        ] {
            let mode = Address::parse(url).unwrap().current().get_ssl_mode();
            assert_eq!(matches!(mode, PgSslMode::VerifyFull), is_strict, "{url}: {mode:?}");
        }
    }

    #[test]
    fn nothing_repeats_a_password() {
        for url in [
            "postgres:secret",
            "postgres://me:secret@host:port/store",
            "postgres://me:se?cret@host/store",
            "postgres://me:se#cret@host/store",
            "postgres://host/store?pasword=secret",
            "postgres://host/store?options=secret",
            "postgres://host/store?sslmode=secret",
            "postgres://me:sec ret@[host/store",
        ] {
            let error = Address::parse(url).unwrap_err();
            assert_eq!(error.code(), "store-address", "{url}");
            assert!(!error.to_string().contains("cret"), "{error}");
        }
        let address = Address::parse("postgres://me:secret@host/store").unwrap();
        assert_eq!(format!("{address:?}"), "Address { database: \"store\", .. }");
    }
}
