//! What happens in a store that several servers share.

use crate::bundle::KeptBundle;
use crate::head::Head;
use crate::pin::NamePin;
use crate::resource::Row;
use crate::revocation::RevokedToken;
use crate::sighting::Sighting;

/// How far somebody knows what happened in a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Changes to resources and keys, as [`Head::sequence`] counts them.
    pub sequence: i64,
    /// What else is counted: revoked tokens, pins, sightings, bundles.
    pub news: i64,
}

/// What happened since some moment. Each is told as it is now; some of it may have been known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// The moment up to which this tells.
    pub known: Known,
    /// How far the store has come.
    pub head: Head,
    /// Resources that are new or were written since.
    pub puts: Vec<Row>,
    /// Resources that are gone, by kind and id. Some may have come and gone since.
    pub deletes: Vec<(String, String)>,
    /// Pins that were made since. Where [`Head::revocation`] has moved, some may be gone: they are then to be read anew.
    pub pins: Vec<NamePin>,
    /// Tokens that were revoked since.
    pub revoked: Vec<RevokedToken>,
    /// Sightings that are new, or were said to be all right since.
    pub sightings: Vec<Sighting>,
    /// Bundles that were replaced since.
    pub bundles: Vec<KeptBundle>,
}
