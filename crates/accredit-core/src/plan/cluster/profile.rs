//! Compiling a profile of a CI or CD platform, and holding the entries that name one to what it says.

use super::attestation::{self, Whose};
use crate::model::{AllowedIssuerSpec, CiCdProfile, CiCdProfileSpec, Fault, Faults, Id, Kind, Name};
use crate::plan::rules::{Context, reference};
use crate::world::World;

/// A profile is judged in its form alone: what it means beside others is judged in each cluster that it is linked to.
pub(in crate::plan) fn profile(
    spec: &CiCdProfileSpec,
    id: Id,
    name: &Name,
    context: &Context<'_>,
) -> Result<CiCdProfile, Faults> {
    let entry = spec.entry();
    let whose = Whose { id, name, domain: "trust-domain" };
    attestation::entry(&entry, "spec", whose, &World::default(), context)?;
    Ok(CiCdProfile { entry })
}

/// The profile that an entry names. Such an entry says what the profile says and nothing else, so that the profile tells what
/// is in force.
pub(super) fn named(written: &AllowedIssuerSpec, at: &str, world: &World) -> Result<Option<Id>, Fault> {
    let Some(text) = &written.profile else { return Ok(None) };
    let field = format!("{at}.profile");
    let resource = reference(&field, Kind::CiCdProfile, text, world)?;
    let own = AllowedIssuerSpec { profile: None, ..written.clone() };
    match resource.as_ci_cd_profile().is_some_and(|profile| profile.entry == own) {
        true => Ok(Some(resource.id)),
        false => Err(Fault::at(field, format!("entry differs from ci-cd-profile `{}`", resource.name))
            .hint("take `profile` out, so that the entry is the cluster's own; or unlink the profile, and link one that says this")),
    }
}
