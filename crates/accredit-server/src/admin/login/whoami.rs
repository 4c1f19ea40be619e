//! `GET /v1/whoami`: who asks, and what he may do.

use std::sync::Arc;

use accredit_api::admin::{RoleHeld, WhoAmI};
use axum::extract::State;
use axum::{Extension, Json};

use crate::admin::Actor;
use crate::app::App;

pub(in crate::admin) async fn whoami(State(app): State<Arc<App>>, Extension(actor): Extension<Actor>) -> Json<WhoAmI> {
    let in_force = app.read_model.now();
    let name = |id| in_force.world.by_id(id).map(|resource| resource.name.to_string());
    let roles = actor.rights.held().iter().map(|held| RoleHeld {
        role: held.role.name().to_owned(),
        project: held.project.and_then(name),
        trust_domain: held.realm.as_ref().and_then(|realm| name(realm.trust_domain)),
        realm: held.realm.as_ref().map(|realm| realm.name.to_string()),
        administrator: held.through.and_then(|through| name(through.administrator)),
    });
    Json(WhoAmI { roles: roles.collect(), name: actor.name })
}
