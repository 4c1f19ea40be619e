//! Ory Hydra: the JWT bearer grant (RFC 7523) for a trusted issuer, its database in memory, which
//! fails requests that come beside each other: one connection asks. It refuses a `jti` that it has seen.

use std::net::SocketAddr;
use std::process::Command;

use serde_json::{Value, json};

use super::{Place, Racer, Started};
use crate::cast::{PERMISSION, SUBJECT_AUDIENCE};
use crate::fault::{Because as _, Fault};
use crate::generator;
use crate::issuer::Issuer;
use crate::process::{self, Server};
use crate::request::{self, Requests};

/// As it comes: opaque access tokens, a client with a secret.
pub(super) const PLAIN: Racer = Racer {
    name: "hydra",
    manner: "",
    mints: "opaque",
    is_once: true,
    connections: 1,
    warm_up_s: 3.0,
    start: |place| start(place, false),
};

/// Access tokens are JWTs signed with a key of 2048 bits instead of its usual 4096, and the client is a public one, whose
/// secret need not be hashed: as near to the others as it gets.
pub(super) const RS256: Racer = Racer {
    name: "hydra",
    manner: "RS256",
    mints: "RS256",
    is_once: true,
    connections: 1,
    warm_up_s: 3.0,
    start: |place| start(place, true),
};

fn start(place: &Place<'_>, signs: bool) -> Result<Started, Fault> {
    let (public, admin) = (process::free_address()?, process::free_address()?);
    let listen = |address: SocketAddr| json!({"host": address.ip().to_string(), "port": address.port()});
    let config = json!({
        "dsn": "memory",
        "serve": {"public": listen(public), "admin": listen(admin)},
        "urls": {"self": {"issuer": format!("http://{public}")}},
        "secrets": {"system": ["a secret of a bench, not of anybody"]},
        "strategies": {"access_token": if signs { "jwt" } else { "opaque" }},
        // What the tokens' audience says.
        "webfinger": {"oidc_discovery": {"token_url": SUBJECT_AUDIENCE}},
        "sqa": {"opt_out": true},
    });
    let file = place.folder.join("hydra.json");
    std::fs::write(&file, config.to_string()).because(|| file.display().to_string())?;
    let mut command = Command::new(place.program);
    command.args(["serve", "all", "--dev", "--sqa-opt-out", "--config"]).arg(&file).current_dir(&place.folder);
    let server = Server::start_until(command, place.core, (public, "/health/ready"), &place.folder.join("log"))?;
    set_up(place, admin, signs)?;
    let request = |token: &String| {
        let client = if signs { "&client_id=bench" } else { "" };
        let body = format!(
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={token}&scope={PERMISSION}{client}"
        );
        let secret = (!signs).then_some(CLIENT);
        request::post(public, "/oauth2/token", secret, &body).into_bytes().into()
    };
    Ok(Started { server, address: public, requests: Requests::of(place.tokens.iter().map(request).collect()) })
}

fn set_up(place: &Place<'_>, admin: SocketAddr, signs: bool) -> Result<(), Fault> {
    let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    let (method, secret) = if signs { ("none", Value::Null) } else { ("client_secret_basic", json!("bench-secret")) };
    let client = json!({
        "client_id": "bench",
        "client_secret": secret,
        "grant_types": [grant],
        "token_endpoint_auth_method": method,
        "scope": PERMISSION,
        "audience": [SUBJECT_AUDIENCE],
    });
    send(admin, "POST", "/admin/clients", &client)?;
    if signs {
        let keys = json!({"keys": [Issuer::private_key()?]});
        send(admin, "PUT", "/admin/keys/hydra.jwt.access-token", &keys)?;
    }
    let keys = place.issuer.key_set()?;
    let trust = json!({
        "issuer": place.cast.issuer(0),
        "allow_any_subject": true,
        "scope": [PERMISSION],
        "jwk": keys["keys"][0],
        "expires_at": "2099-01-01T00:00:00Z",
    });
    send(admin, "POST", "/admin/trust/grants/jwt-bearer/issuers", &trust)
}

fn send(admin: SocketAddr, method: &str, path: &str, body: &Value) -> Result<(), Fault> {
    let body = body.to_string();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {admin}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let (status, answer) = generator::send_one(&admin.into(), request.as_bytes())?;
    if matches!(status, 200 | 201) { Ok(()) } else { Err(Fault::new(format!("hydra: {path}: {status}: {answer}"))) }
}

/// `bench:bench-secret`.
const CLIENT: &str = "YmVuY2g6YmVuY2gtc2VjcmV0";
