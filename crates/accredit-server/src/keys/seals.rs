//! The key under which the store seals what trust rests on. It is random, made once for each store, and sealed itself under the
//! key-encryption key, so that another key-encryption key means sealing 32 bytes anew and no row.

use accredit_id::mac::MacKey;
use accredit_id::secret::Secret;

use super::sealing::{SealFault, Sealed, random_key};
use super::unsealer::Unsealer;

/// Makes one.
pub(crate) fn make(unsealer: &Unsealer) -> Result<(MacKey, Sealed), SealFault> {
    let bytes = random_key();
    let sealed = unsealer.current().seal(PURPOSE, ID, bytes.reveal())?;
    Ok((MacKey::new(&bytes), sealed))
}

/// Opens the stored one.
pub(crate) fn open(unsealer: &Unsealer, sealed: &Sealed) -> Result<MacKey, SealFault> {
    let bytes = unsealer.open(PURPOSE, ID, sealed)?;
    let bytes: [u8; 32] = bytes.reveal().as_slice().try_into().map_err(|_| SealFault::Damaged { id: ID.to_owned() })?;
    Ok(MacKey::new(&Secret::new(bytes)))
}

/// The same key sealed under the present key-encryption key; `None` where it is already.
pub(crate) fn rewrapped(unsealer: &Unsealer, sealed: &Sealed) -> Result<Option<Sealed>, SealFault> {
    if sealed.wrapped_by == unsealer.current().id {
        return Ok(None);
    }
    let bytes = unsealer.open(PURPOSE, ID, sealed)?;
    unsealer.current().seal(PURPOSE, ID, bytes.reveal()).map(Some)
}

/// Another key that whoever opens this one has, and nobody else: servers of a store share it, and the database does not hold it.
/// No two purposes have the same, and none of them seals a row.
pub(crate) fn derived(seals: &MacKey, purpose: &str) -> MacKey {
    MacKey::new(&Secret::new(seals.tag(&[DERIVED, purpose.as_bytes()].concat())))
}

const PURPOSE: &str = "seals";
const ID: &str = "of the seals";
/// INVARIANT: no text that the store seals begins like this.
const DERIVED: &[u8] = b"accredit derived key 1\0";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_purposes_have_one_key() {
        let [ours, others] = [1, 2].map(|byte| MacKey::new(&Secret::new([byte; 32])));
        let told = [
            ours.tag(b"x"),
            derived(&ours, "a").tag(b"x"),
            derived(&ours, "b").tag(b"x"),
            derived(&others, "a").tag(b"x"),
        ];
        for (place, one) in told.iter().enumerate() {
            assert!(told[place + 1..].iter().all(|other| other != one), "{place}");
        }
        assert_eq!(derived(&ours, "a").tag(b"x"), told[1]);
    }
}
