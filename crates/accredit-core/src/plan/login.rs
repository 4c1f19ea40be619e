//! Compiling how administrators log in by a provider, and keeping their audiences apart from everybody's.

use super::rules::Context;
use crate::model::{Fault, Id, Login, LoginSpec};
use crate::providers::ProviderKind;
use crate::world::World;

/// The audience by which workloads log in.
pub(super) fn workload_audience(context: &Context<'_>) -> String {
    format!("{}/admin", context.public_url)
}

pub(super) fn compile(
    spec: Option<&LoginSpec>,
    kind: &ProviderKind,
    context: &Context<'_>,
) -> Result<Option<Login>, Fault> {
    let Some(LoginSpec { client_id, scopes, workloads }) = spec else { return Ok(None) };
    if client_id.is_none() && !workloads {
        return Err(Fault::at("spec.login", "lets nobody log in, expected `clientId` or `workloads: true`")
            .hint("people log in with a `clientId`, workloads with `workloads: true`"));
    }
    if let Some(client_id) = client_id {
        if kind.spiffe {
            return Err(Fault::at("spec.login.clientId", "a trust domain has no login page for people")
                .hint("let its workloads in: `login: {workloads: true}`"));
        }
        if !is_word(client_id) || client_id.len() > 512 {
            return Err(Fault::at("spec.login.clientId", "is not a client id of 1 to 512 visible ASCII characters"));
        }
    }
    if client_id.is_none() && !scopes.is_empty() {
        return Err(Fault::at("spec.login.scopes", "are asked for people alone, and there is no `clientId`"));
    }
    if let Some(scope) = scopes.iter().find(|scope| !is_word(scope) || scope.contains(['"', '\\'])) {
        return Err(Fault::at("spec.login.scopes", format!("`{}` is no scope", scope.escape_debug())));
    }
    let mut asked = vec!["openid".to_owned()];
    asked.extend(scopes.iter().filter(|scope| *scope != "openid").cloned());
    let audiences = client_id.iter().cloned().chain(workloads.then(|| workload_audience(context))).collect();
    Ok(Some(Login { client_id: client_id.clone(), scopes: asked, workloads: *workloads, audiences }))
}

/// An audience of administrators is no audience of anything else of the same issuer, so that no token counts for both; and
/// it leads to one provider, wherever a caller need not name it (L02, L07).
pub(super) fn kept_apart(
    (issuer, audiences, login, only_named): (&str, &[String], Option<&Login>, bool),
    id: Id,
    world: &World,
    context: &Context<'_>,
) -> Result<(), Fault> {
    let reserved = workload_audience(context);
    if audiences.contains(&reserved) {
        return Err(Fault::at("spec.audiences", format!("`{reserved}` is kept for administrators"))
            .hint("say `login: {workloads: true}`"));
    }
    let is_both = |audiences: &[String], login: Option<&Login>| {
        login.and_then(|login| login.audiences.iter().find(|audience| audiences.contains(audience)).cloned())
    };
    if let Some(audience) = is_both(audiences, login) {
        let message = format!("`{audience}` is an audience of tokens to be exchanged too, so each would let in");
        return Err(Fault::at("spec.login", message).hint("leave it out of `spec.audiences`"));
    }
    for other in world.providers_of_issuer(issuer).filter(|other| other.id != id) {
        let Some(known) = other.as_provider() else { continue };
        if let Some(audience) = is_both(audiences, known.login.as_ref()) {
            let message = format!("`{audience}` lets administrators in by another provider of `{issuer}`");
            return Err(Fault::at("spec.audiences", message));
        }
        if let Some(audience) = is_both(&known.audiences, login) {
            let message = format!("`{audience}` is an audience of another provider of `{issuer}`");
            return Err(Fault::at("spec.login", message).hint("register a client for administrators alone"));
        }
        let others = known.login.as_ref().filter(|_| !only_named && !known.only_named);
        if let Some(audience) = others.and_then(|others| is_both(&others.audiences, login)) {
            let message = format!("another provider of `{issuer}` lets administrators in by `{audience}` already");
            return Err(Fault::at("spec.login", message).hint("let them in by one provider, or say `onlyNamed: true`"));
        }
    }
    Ok(())
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}
