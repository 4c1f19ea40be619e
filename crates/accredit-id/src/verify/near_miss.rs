//! Almost right: what a person mistyped.

/// How a value that does not match differs from one that would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NearMiss {
    /// One ends in a slash, the other does not.
    TrailingSlash,
    /// Upper and lower case.
    LetterCase,
    /// `https://` or `http://` at the front of one, or different ones.
    Scheme,
    /// White space around one of them.
    WhiteSpace,
}

// === impl NearMiss ===

impl NearMiss {
    /// The one small difference between two unequal texts, if that is all there is.
    #[must_use]
    pub fn between(seen: &str, expected: &str) -> Option<Self> {
        if seen.len().abs_diff(expected.len()) > 64 || seen == expected {
            return None;
        }
        if seen.trim() == expected.trim() {
            return Some(Self::WhiteSpace);
        }
        if seen.trim_end_matches('/') == expected.trim_end_matches('/') {
            return Some(Self::TrailingSlash);
        }
        if seen.eq_ignore_ascii_case(expected) {
            return Some(Self::LetterCase);
        }
        (without_scheme(seen) == without_scheme(expected)).then_some(Self::Scheme)
    }

    /// The difference as a phrase: `in letter case`.
    #[must_use]
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::TrailingSlash => "in a trailing slash",
            Self::LetterCase => "in letter case",
            Self::Scheme => "in the `https://` at the front",
            Self::WhiteSpace => "in white space",
        }
    }
}

fn without_scheme(text: &str) -> &str {
    ["https://", "http://"].into_iter().find_map(|scheme| text.strip_prefix(scheme)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_one_difference() {
        for (seen, expected, near) in [
            ("https://a.example/", "https://a.example", Some(NearMiss::TrailingSlash)),
            ("https://A.example", "https://a.example", Some(NearMiss::LetterCase)),
            ("a.example", "https://a.example", Some(NearMiss::Scheme)),
            ("http://a.example", "https://a.example", Some(NearMiss::Scheme)),
            ("https://a.example\n", "https://a.example", Some(NearMiss::WhiteSpace)),
            ("https://a.example", "https://a.example", None),
            ("https://b.example", "https://a.example", None),
            ("https://a.example.evil", "https://a.example", None),
        ] {
            assert_eq!(NearMiss::between(seen, expected), near, "{seen} {expected}");
        }
    }
}
