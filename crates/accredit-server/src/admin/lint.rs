//! What the linter says of everything in force.

use std::sync::Arc;

use accredit_api::admin::{self as wire, LintReport};
use accredit_core::decide::access::Subject;
use accredit_core::lint::{Found, Severity, lint};
use accredit_core::model::{Kind, Suppression};
use axum::extract::State;
use axum::{Extension, Json};

use super::Actor;
use super::blot::Blot;
use super::problem::Answer;
use crate::app::App;
use crate::clock;

/// Runs every rule over every resource that the actor reads.
pub(super) async fn report(State(app): State<Arc<App>>, Extension(actor): Extension<Actor>) -> Answer<LintReport> {
    let in_force = app.read_model.now();
    let now = clock::now();
    let resources = Kind::ALL.into_iter().flat_map(|kind| in_force.world.of_kind(kind));
    let resources = resources.filter(|resource| actor.reads(&Subject::of(resource)));
    let blot = Blot { actor: &actor, world: &in_force.world };
    let found = resources.flat_map(|resource| lint(resource, &in_force.world, now));
    let findings = found.take(MAX_FINDINGS).map(|found| on_the_wire(&found, &blot)).collect();
    Ok(Json(LintReport { findings, sequence: in_force.world.sequence }))
}

/// A finding in the words of the wire, as its reader may know it.
pub(super) fn on_the_wire(found: &Found, blot: &Blot<'_>) -> wire::Finding {
    wire::Finding {
        rule: found.rule.id.to_owned(),
        severity: match found.rule.severity {
            Severity::Note => wire::Severity::Info,
            Severity::Warning => wire::Severity::Warning,
            Severity::Error => wire::Severity::Error,
        },
        kind: found.resource.kind().document().to_owned(),
        name: found.resource.name.to_string(),
        field: found.finding.field.to_string(),
        message: blot.text(found.finding.message.clone()),
        fix: found.finding.fix.clone().map(|fix| blot.text(fix)),
        suppressed: found.suppressed.as_ref().map(|Suppression { rule: _, reason, until }| wire::Suppressed {
            reason: reason.to_string(),
            until: until.to_string(),
        }),
    }
}

/// Nobody reads more, and an answer has its limits.
const MAX_FINDINGS: usize = 50_000;
