//! Tokens for Spiral's command line.

use std::sync::Arc;

use accredit_api::admin::{ProjectToken, ProjectTokenRequest};
use accredit_core::decide::access::{Subject, Verb};
use accredit_core::model::Kind;
use axum::extract::State;
use axum::{Extension, Json};

use super::actor::Actor;
use super::body::Strict;
use super::problem::{AdminFault, Answer};
use crate::app::App;
use crate::spiral::bearer;

/// Makes a token for one project, which must be enabled.
pub(super) async fn token(
    State(app): State<Arc<App>>,
    Extension(actor): Extension<Actor>,
    Strict(ProjectTokenRequest { project, lifetime }): Strict<ProjectTokenRequest>,
) -> Answer<ProjectToken> {
    let in_force = app.read_model.now();
    let found = in_force.world.find(Kind::Project, &project).filter(|project| project.enabled);
    let found = found.ok_or_else(|| {
        let shown: String = project.chars().take(130).collect();
        AdminFault::NotFound(format!("project `{}` does not exist, or is disabled", shown.escape_debug()))
    })?;
    // The token writes these, so whoever makes it must be able to.
    for kind in [Kind::ServiceAccount, Kind::Mapping, Kind::Grant] {
        let subject = Subject::new(kind, Some(found.id));
        actor.may(Verb::Write, &subject, &format!("project `{}`", found.name))?;
    }
    bearer::mint(&app, found, lifetime, &actor.name).await.map(Json)
}
