//! What compiling any kind needs: the context, looking up references, compiling expressions, keeping bounds.

use std::sync::Arc;

use accredit_id::time::Timestamp;

use crate::expr::Program;
use crate::model::{Fault, Kind, Lifetime, Resource};
use crate::world::World;

/// What a document's rules depend on beside other resources.
#[derive(Clone, Copy, Debug)]
pub struct Context<'c> {
    /// The server's own issuer, also the default audience of providers.
    pub public_url: &'c str,
    /// Audiences that no API may have.
    pub reserved: &'c [String],
    /// Whether issuers and key sets may be fetched by plain HTTP; true where the server's own config lists loopback.
    pub plain_http: bool,
    /// When this is: suppressions of findings end.
    pub now: Timestamp,
}

/// Finds what a field refers to, by name or id.
pub(super) fn reference<'w>(field: &str, kind: Kind, text: &str, world: &'w World) -> Result<&'w Arc<Resource>, Fault> {
    world.find(kind, text).ok_or_else(|| unknown(field, kind, text))
}

pub(super) fn unknown(field: &str, kind: Kind, text: &str) -> Fault {
    let shown: String = text.chars().take(130).collect();
    Fault::at(field, format!("{} `{}` does not exist", kind.noun(), shown.escape_debug()))
        .hint(format!("add a document of kind {}, or correct the name", kind.document()))
}

/// Compiles an expression, its fault told at its field.
pub(super) fn program(field: &str, source: &str, world: &World) -> Result<Arc<Program>, Fault> {
    if let Some(program) = world.program(source) {
        return Ok(program);
    }
    Program::compile(source)
        .map(Arc::new)
        .map_err(|fault| Fault { hint: fault.hint(), ..Fault::at(field, format!("{}: {fault}", fault.code())) })
}

/// Keeps the longest lifetime of tokens, where one is set, in the bounds of any token's.
pub(super) fn max_lifetime(longest: Option<Lifetime>) -> Result<Option<Lifetime>, Fault> {
    longest.map_or(Ok(()), |longest| within("spec.maxLifetime", longest, MIN_LIFETIME, MAX_LIFETIME))?;
    Ok(longest)
}

/// Keeps a length of time in its bounds.
pub(super) fn within(field: &str, length: Lifetime, least: Lifetime, most: Lifetime) -> Result<(), Fault> {
    match (least..=most).contains(&length) {
        true => Ok(()),
        false => Err(Fault::at(field, format!("is {length}, expected {least} to {most}"))),
    }
}

/// No token can be set to live shorter.
pub(super) const MIN_LIFETIME: Lifetime = Lifetime::from_secs(10);
/// No token can be set to live longer.
pub(super) const MAX_LIFETIME: Lifetime = Lifetime::from_secs(3600);
