//! Keycloak: clients authenticated by another issuer's token, which is asked for client credentials. Its own database in a file.
//! It refuses a `jti` that it has seen.

use std::process::Command;

use serde_json::{Value, json};

use super::{Place, Racer, Started};
use crate::cast;
use crate::fault::{Because as _, Fault};
use crate::process::{self, Server};
use crate::request::{self, Requests};

/// As it comes, in its production mode, but for plain HTTP.
pub(super) const PLAIN: Racer = Racer {
    name: "keycloak",
    manner: "",
    mints: "RS256",
    is_once: true,
    connections: super::CONNECTIONS,
    warm_up_s: 30.0,
    start,
};

fn start(place: &Place<'_>) -> Result<Started, Fault> {
    let (address, management) = (process::free_address()?, process::free_address()?);
    // It writes into its own folder, which stays as it was installed.
    let home = place.folder.join("home");
    let mut copy = Command::new("cp");
    copy.arg("-r").arg(place.program).arg(&home);
    process::run(copy)?;
    let import = home.join("data/import");
    std::fs::create_dir_all(&import).because(|| import.display().to_string())?;
    let file = import.join("bench.json");
    std::fs::write(&file, realm(place).to_string()).because(|| file.display().to_string())?;
    let command = |import: Option<&str>| {
        let mut command = Command::new(home.join("bin/kc.sh"));
        command
            .args(["start", "--optimized", "--http-enabled=true", "--http-host=127.0.0.1", "--cache=local"])
            .arg(format!("--http-port={}", address.port()))
            .arg(format!("--http-management-port={}", management.port()))
            .arg(format!("--hostname={}", hostname()))
            .args(import)
            .current_dir(&place.folder);
        command
    };
    let ready = (address, "/realms/bench/.well-known/openid-configuration");
    let log = place.folder.join("log");
    // Its database is made when it first starts, which is not what a start takes.
    Server::start_until(command(Some("--import-realm")), place.core, ready, &log)?.stop()?;
    let server = Server::start_until(command(None), place.core, ready, &log)?;
    let request = |token: &String| {
        let body = format!(
            "grant_type=client_credentials\
             &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer\
             &client_assertion={token}"
        );
        request::post(address, "/realms/bench/protocol/openid-connect/token", None, &body).into_bytes().into()
    };
    Ok(Started { server, address, requests: Requests::of(place.tokens.iter().map(request).collect()) })
}

/// The realm's issuer is the audience of the tokens.
fn hostname() -> &'static str {
    cast::SUBJECT_AUDIENCE.trim_end_matches("/realms/bench")
}

/// One identity provider, and a client for each subject.
fn realm(place: &Place<'_>) -> Value {
    let issuer = place.cast.issuer(0);
    let client = |number: usize| {
        json!({
            "clientId": format!("account-{number}"),
            "enabled": true,
            "publicClient": false,
            "standardFlowEnabled": false,
            "serviceAccountsEnabled": true,
            "clientAuthenticatorType": "federated-jwt",
            "attributes": {"jwt.credential.issuer": "issuer", "jwt.credential.sub": cast::subject(number)},
        })
    };
    json!({
        "realm": "bench",
        "enabled": true,
        "sslRequired": "none",
        "identityProviders": [{
            "alias": "issuer",
            "providerId": "oidc",
            "enabled": true,
            "config": {
                "issuer": issuer,
                "useJwksUrl": "true",
                "validateSignature": "true",
                "jwksUrl": format!("{issuer}/keys"),
                "authorizationUrl": format!("{issuer}/authorize"),
                "tokenUrl": format!("{issuer}/token"),
                "clientId": "bench",
                "clientSecret": "unused",
                "supportsClientAssertions": "true",
            },
        }],
        "clients": (0..place.cast.mappings).map(client).collect::<Vec<_>>(),
    })
}
