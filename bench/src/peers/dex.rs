//! Dex: token exchange (RFC 8693) through a connector of type `oidc`, storage in SQLite, as its own image is
//! configured.

use std::process::Command;

use super::{Place, Racer, Started};
use crate::fault::{Because as _, Fault};
use crate::process::{self, Server};
use crate::request::{self, Requests};

/// As it comes. It knows no replay, and does not look at the audience of what is exchanged.
pub(super) const PLAIN: Racer = Racer {
    name: "dex",
    manner: "",
    mints: "RS256",
    is_once: false,
    connections: super::CONNECTIONS,
    warm_up_s: 3.0,
    start,
};

fn start(place: &Place<'_>) -> Result<Started, Fault> {
    let address = process::free_address()?;
    let issuer = place.cast.issuer(0);
    // JSON is YAML. A name is taken from the claim that is there; without the scope `email` none is asked for.
    let config = serde_json::json!({
        "issuer": format!("http://{address}/dex"),
        "storage": {"type": "sqlite3", "config": {"file": place.folder.join("dex.db")}},
        "web": {"http": address.to_string()},
        "staticClients": [{"id": "bench", "secret": "bench-secret", "name": "Bench", "redirectURIs": ["http://127.0.0.1/"]}],
        "connectors": [{"type": "oidc", "id": "issuer", "name": "issuer", "config": {
            "issuer": issuer,
            "clientID": "bench",
            "clientSecret": "unused",
            "redirectURI": format!("http://{address}/dex/callback"),
            "scopes": ["openid"],
            "userNameKey": "actor",
        }}],
    });
    let file = place.folder.join("dex.yaml");
    std::fs::write(&file, config.to_string()).because(|| file.display().to_string())?;
    let mut command = Command::new(place.program);
    command.arg("serve").arg(&file).current_dir(&place.folder);
    let ready = (address, "/dex/.well-known/openid-configuration");
    let server = Server::start_until(command, place.core, ready, &place.folder.join("log"))?;
    let request = |token: &String| {
        let body = format!(
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange\
             &subject_token={token}\
             &subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aid_token\
             &connector_id=issuer&scope=openid"
        );
        request::post(address, "/dex/token", Some(CLIENT), &body).into_bytes().into()
    };
    Ok(Started { server, address, requests: Requests::of(place.tokens.iter().map(request).collect()) })
}

/// `bench:bench-secret`.
const CLIENT: &str = "YmVuY2g6YmVuY2gtc2VjcmV0";
