//! Protected resource metadata (RFC 9728): how a client of an API finds us.
//!
//! An API serves this document at its own `/.well-known/oauth-protected-resource`, as it is or through a proxy, and names it
//! in its challenge: `WWW-Authenticate: Bearer resource_metadata="..."`. Here it is found by the API's id. A name would tell
//! by the answer which APIs exist; an id cannot be guessed. An API whose audience lies under our own URL is found where
//! section 3.1 says.

use std::sync::Arc;

use accredit_core::model::{Id, Permission, Resource};
use accredit_core::world::World;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::response::IntoResponse as _;
use serde_json::json;

use crate::app::App;
use crate::documents::cacheable;

pub(crate) async fn document(
    State(app): State<Arc<App>>,
    Path(rest): Path<String>,
    headers: HeaderMap,
) -> Response<Body> {
    let in_force = app.read_model.now();
    let Some(api) = find(&in_force.world, &app.public_url, &rest).and_then(|resource| resource.as_api()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let document = json!({
        "resource": &*api.audience,
        "authorization_servers": [&app.public_url],
        "scopes_supported": api.permissions.iter().map(Permission::as_str).collect::<Vec<_>>(),
        "bearer_methods_supported": ["header"],
    });
    cacheable(&headers, &document.to_string(), "application/json")
}

fn find<'w>(world: &'w World, public_url: &str, rest: &str) -> Option<&'w Arc<Resource>> {
    match rest.parse::<Id>() {
        Ok(id) => world.enabled(id),
        Err(_) => world.api_of_audience(&format!("{public_url}/{rest}")).and_then(|api| world.enabled(api.id)),
    }
}
