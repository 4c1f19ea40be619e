//! `GET /admin/login-options`: what somebody needs to know before he logs in. Nothing in it is secret.

use std::sync::Arc;

use accredit_api::admin::{LoginOptions, LoginProvider};
use axum::Json;
use axum::extract::State;

use crate::admin::gate::Gate;

pub(in crate::admin) async fn options(State(gate): State<Arc<Gate>>) -> Json<LoginOptions> {
    let in_force = gate.app.read_model.now();
    let world = &in_force.world;
    let mut providers: Vec<LoginProvider> = world
        .iter()
        .filter_map(|resource| {
            let known = resource.as_provider()?;
            let login = known.login.as_ref()?;
            let client_id = login.client_id.clone()?;
            world.enabled(resource.id)?;
            Some(LoginProvider {
                name: resource.name.to_string(),
                issuer: known.issuer.clone(),
                client_id,
                scopes: login.scopes.clone(),
            })
        })
        .collect();
    providers.sort_by(|one, two| one.name.cmp(&two.name));
    Json(LoginOptions {
        server: gate.app.public_url.clone(),
        admin: gate.proofs.url.clone(),
        audience: gate.audience(),
        providers,
    })
}
