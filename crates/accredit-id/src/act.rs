//! `act`: who acts for whom a token is about (RFC 8693 section 4.1).
//!
//! Both ends of our own tokens use this: the server writes the claim, the server and whoever verifies a token read it. Only
//! the present actor, the first one, counts for what is allowed; those after him are whom he acts after, for the log.
//!
//! Strict: each level names its actor by `iss` and `sub`, perhaps the level before it by `act`, and nothing else. Of another
//! issuer's `act`, which may look otherwise, nothing is ever read.

use std::fmt;

use crate::json::{Json, Object};

/// The longest chain that is written or read.
pub const MOST_ACTORS: usize = 4;

/// One who acts, by the issuer of his own token and its `sub`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Who vouched for him: the issuer URL, or `spiffe://` and the trust domain.
    pub issuer: Box<str>,
    /// Who he is there.
    pub subject: Box<str>,
}

/// An `act` that is not one of ours. The text is for operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActFault {
    /// There are more actors than [`MOST_ACTORS`].
    TooDeep,
    /// A level is not what is written here.
    Malformed,
}

/// Reads the `act` of a token, the present actor first; empty where there is none.
///
/// ```
/// use accredit_id::act;
/// use accredit_id::json::{Limits, object};
///
/// let claims = br#"{"act":{"iss":"https://a.example","sub":"agent","act":{"iss":"https://a.example","sub":"desk"}}}"#;
/// let chain = act::read(&object(claims, &Limits::DOCUMENT).unwrap()).unwrap();
/// assert_eq!((&*chain[0].subject, &*chain[1].subject), ("agent", "desk"));
/// ```
///
/// # Errors
/// [`ActFault`].
pub fn read(claims: &Object<'_>) -> Result<Vec<Actor>, ActFault> {
    let mut chain = Vec::new();
    let mut level = claims.get("act");
    while let Some(claim) = level {
        if chain.len() == MOST_ACTORS {
            return Err(ActFault::TooDeep);
        }
        let members = claim.as_object().ok_or(ActFault::Malformed)?;
        if members.iter().any(|(name, _)| !matches!(name, "iss" | "sub" | "act")) {
            return Err(ActFault::Malformed);
        }
        let text = |name| members.get(name).and_then(Json::as_str).filter(|text| !text.is_empty());
        let (issuer, subject) = text("iss").zip(text("sub")).ok_or(ActFault::Malformed)?;
        chain.push(Actor { issuer: issuer.into(), subject: subject.into() });
        level = members.get("act");
    }
    Ok(chain)
}

impl fmt::Display for ActFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ActFault::TooDeep => write!(f, "`act` has more than {MOST_ACTORS} actors"),
            ActFault::Malformed => f.write_str("`act` is not an object of `iss`, `sub` and perhaps `act`"),
        }
    }
}

impl std::error::Error for ActFault {}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use crate::json::{Limits, object};

    fn nested(depth: usize) -> String {
        (0..depth).fold(String::new(), |inner, level| {
            let inner = if inner.is_empty() { inner } else { format!(",\"act\":{inner}") };
            format!("{{\"iss\":\"https://a\",\"sub\":\"{level}\"{inner}}}")
        })
    }

    /// H05: a chain is read to its cap and no further, and nothing that is not ours is taken for one.
    #[test]
    fn chains_are_read_strictly() {
        let read_text = |act: &str| {
            let text = format!("{{\"sub\":\"x\",\"act\":{act}}}");
            read(&object(text.as_bytes(), &Limits::DOCUMENT).unwrap())
        };
        for depth in 1..=MOST_ACTORS {
            let chain = read_text(&nested(depth)).unwrap();
            assert_eq!((chain.len(), &*chain[0].subject), (depth, (depth - 1).to_string().as_str()));
        }
        assert_eq!(read_text(&nested(MOST_ACTORS + 1)), Err(ActFault::TooDeep));
        for act in [
            "null",
            "\"agent\"",
            "[]",
            "{}",
            "true",
            r#"{"sub":"a"}"#,
            r#"{"iss":"https://a"}"#,
            r#"{"iss":"https://a","sub":""}"#,
            r#"{"iss":"https://a","sub":["a"]}"#,
            r#"{"iss":"https://a","sub":"a","exp":1}"#,
            r#"{"iss":"https://a","sub":"a","act":null}"#,
            r#"{"iss":"https://a","sub":"a","act":{"sub":"b"}}"#,
        ] {
            assert_eq!(read_text(act), Err(ActFault::Malformed), "{act}");
        }
        assert_eq!(read(&Object::new()), Ok(Vec::new()));
    }
}
