//! The bearer of Spiral's command line: a token of ours with a reserved audience, for one project.
//!
//! Spiral's clients send a plain bearer, so whoever has it is whoever asks. It is therefore short-lived, writes workloads,
//! policies and grants of one project, and nothing else here or at an API takes it.

use std::sync::Arc;
use std::time::Duration;

use accredit_api::admin::ProjectToken;
use accredit_core::model::{DecisionId, Id, Kind, Resource};
use accredit_id::jose::jws::signing_input;
use accredit_id::jose::{Algorithm, Algorithms};
use accredit_id::time::Timestamp;
use accredit_id::verify::{self, Buffer, Expectations, ExpectedIssuer, ExpectedType, IssuedAtRule, KeyIdRule};
use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use serde_json::json;

use super::fault::Fault;
use crate::admin::AdminFault;
use crate::app::App;
use crate::{chance, clock, record};

/// Who asks: a token for one project, whose project is still enabled.
pub(super) struct Bearer {
    /// The one project.
    pub(super) project: Id,
    /// Its name.
    pub(super) project_name: String,
    /// Who the audit log says it was.
    pub(super) actor: String,
}

/// Makes a token for a project. Nothing leaves before it is written who made it.
pub(crate) async fn mint(
    app: &App,
    project: &Resource,
    lifetime: Option<u64>,
    actor: &str,
) -> Result<ProjectToken, AdminFault> {
    let lifetime = lifetime.map_or(DEFAULT_LIFETIME, Duration::from_secs);
    if !(SHORTEST..=LONGEST).contains(&lifetime) {
        let (least, most) = (SHORTEST.as_secs(), LONGEST.as_secs());
        return Err(AdminFault::Request(format!("lifetime is {} s, expected {least} to {most}", lifetime.as_secs())));
    }
    let key = app.signing.internal(clock::now());
    let key = key.ok_or_else(|| AdminFault::Unavailable("there is no key to sign with".to_owned()))?;
    let now = clock::now();
    let expires_at = now.plus(lifetime);
    let decision = DecisionId::new(chance::bits());
    let header = json!({"alg": "ES256", "kid": key.id(), "typ": "at+jwt"});
    let payload = json!({
        "iss": issuer(app), "sub": project.id.to_string(), "client_id": project.id.to_string(), "aud": audience(&app.public_url),
        "org_id": project.id.to_string(), "iat": now.unix(), "exp": expires_at.unix(), "jti": decision.to_string(),
    });
    let token = key
        .sign(signing_input(&header.to_string(), &payload.to_string()))
        .map_err(|_| AdminFault::Unavailable("the token could not be signed".to_owned()))?;
    let detail = json!({
        "project": project.name.as_str(), "projectId": project.id.to_string(), "token": decision.to_string(),
        "expiresAt": expires_at.unix(),
    });
    let sequence = app.read_model.now().world.sequence;
    app.recorder.note(record::admin_act("spiral-token-issued", now, actor, sequence, &detail)).await?;
    Ok(ProjectToken { token, project_id: project.id.to_string(), expires_at: expires_at.unix() })
}

/// The audience that only this face takes. INVARIANT: reserved (`app::reserved`); an API with it could replay what it is shown.
pub(crate) fn audience(public_url: &str) -> String {
    format!("{public_url}/spiral")
}

/// Not the issuer of access tokens, and signed by a key that is not published: whoever verifies those cannot take this for one,
/// whatever audiences he accepts.
fn issuer(app: &App) -> String {
    format!("{}/internal", app.public_url)
}

impl FromRequestParts<Arc<App>> for Bearer {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Fault> {
        let mut headers = parts.headers.get_all(header::AUTHORIZATION).iter();
        let (Some(only), None) = (headers.next(), headers.next()) else { return Err(Fault::unauthenticated()) };
        let (scheme, token) = only.to_str().ok().and_then(|text| text.split_once(' ')).unwrap_or_default();
        if !scheme.eq_ignore_ascii_case("Bearer") {
            return Err(Fault::unauthenticated());
        }
        verified(app, token.trim(), clock::now()).ok_or_else(Fault::unauthenticated)
    }
}

fn verified(app: &App, token: &str, now: Timestamp) -> Option<Bearer> {
    let keys = app.signing.internal_keys();
    let (issuer, audiences) = (issuer(app), [audience(&app.public_url)]);
    let expected = Expectations {
        token_type: ExpectedType::AccessToken,
        issuer: ExpectedIssuer::Exact(&issuer),
        audiences: &audiences,
        single_audience: true,
        algorithms: Algorithms::of(&[Algorithm::Es256]),
        max_lifetime: LONGEST,
        max_age: None,
        leeway: Duration::from_secs(5),
        key_id: KeyIdRule::Required,
        issued_at: IssuedAtRule::Required,
    };
    let mut buffer = Buffer::default();
    let unverified = verify::read(token, &mut buffer).ok()?;
    let verified = verify::verify(unverified, &expected, &keys, now).ok()?;
    let project: Id = verified.subject().parse().ok().filter(|id: &Id| id.kind() == Kind::Project)?;
    let in_force = app.read_model.now();
    let resource = in_force.world.enabled(project)?;
    Some(Bearer {
        project,
        project_name: resource.name.to_string(),
        actor: format!("spiral token {}", verified.token_id().unwrap_or_default()),
    })
}

const DEFAULT_LIFETIME: Duration = Duration::from_secs(15 * 60);
const SHORTEST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(60 * 60);
