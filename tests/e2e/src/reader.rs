//! A reader of our tokens, who keeps a key set exactly as long as he may.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::claims::kid;
use crate::http::{Answer, Connection};

/// What he has of the keys.
pub struct Reader {
    kids: BTreeSet<String>,
    until: Instant,
}

// === impl Reader ===

impl Reader {
    /// Has nothing yet.
    pub fn new() -> Self {
        Self { kids: BTreeSet::new(), until: Instant::now() }
    }

    /// Whether the key set that he has, and may have, holds the key of a token; fetched anew where it has ended.
    ///
    /// # Panics
    /// The server says no key set, or not for how long.
    pub fn knows(&mut self, connection: &mut Connection, token: &str) -> bool {
        // Looked at before the keys are fetched: they are then a little older than he thinks, as everywhere.
        let asked = Instant::now();
        if asked >= self.until {
            let keys = connection.get("/oauth/jwks");
            let max_age = keys.header("cache-control").unwrap().strip_prefix("public, max-age=").unwrap();
            self.kids = kids(&keys);
            self.until = Instant::now() + Duration::from_secs(max_age.parse().unwrap());
        }
        self.kids.contains(&kid(token))
    }
}

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

/// The `kid`s of a key set.
///
/// # Panics
/// It is none.
pub fn kids(keys: &Answer) -> BTreeSet<String> {
    keys.json()["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}
