//! Where a signing key stands in its life.

/// Where a key stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyState {
    /// Published, so that verifiers learn of it before it signs.
    Prepared,
    /// Signs. One key for each purpose and algorithm.
    Active,
    /// Published until what it signed has expired; signs no more.
    Retired,
}

// === impl KeyState ===

impl KeyState {
    /// Its name in the store.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Prepared => "prepared",
            Self::Active => "active",
            Self::Retired => "retired",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::Prepared, Self::Active, Self::Retired].into_iter().find(|state| state.name() == name)
    }
}
