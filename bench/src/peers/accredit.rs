//! The product, in the configurations that are raced.

use super::{Place, Racer, Started};
use crate::cast::Cast;
use crate::fault::Fault;
use crate::request::Requests;
use crate::world::World;

/// As it comes: what is minted is ES256, a token may come again.
pub(super) const PLAIN: Racer = Racer {
    name: "accredit",
    manner: "",
    mints: "ES256",
    is_once: false,
    connections: super::CONNECTIONS,
    warm_up_s: 1.0,
    start: |place| start(place, place.cast),
};

/// What is minted is RS256, as the others do.
pub(super) const RS256: Racer = Racer {
    name: "accredit",
    manner: "RS256",
    mints: "RS256",
    is_once: false,
    connections: super::CONNECTIONS,
    warm_up_s: 1.0,
    start: |place| start(place, Cast { mints_rs256: true, ..place.cast }),
};

/// The same, and a token counts once.
pub(super) const RS256_ONCE: Racer = Racer {
    name: "accredit",
    manner: "RS256, once",
    mints: "RS256",
    is_once: true,
    connections: super::CONNECTIONS,
    warm_up_s: 1.0,
    start: |place| start(place, Cast { mints_rs256: true, once: true, ..place.cast }),
};

fn start(place: &Place<'_>, cast: Cast) -> Result<Started, Fault> {
    // Its documents name the issuer's address; the keys it fetches itself.
    let world = World::of(place.program, place.folder.clone(), cast, place.core, Vec::new())?;
    let address = world.door.address;
    Ok(Started { server: world.into_server(), address, requests: Requests::exchanges(cast, address, place.tokens) })
}
