//! The one place of this crate that draws random bytes, from the system's generator.

/// Random bytes.
///
/// # Errors
/// What the system said. Nothing is ever made from bytes that were not drawn.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], std::io::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(bytes)
}
