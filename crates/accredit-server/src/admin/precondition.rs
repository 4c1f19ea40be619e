//! Optimistic concurrency: a resource's revision is its entity tag (RFC 9110 section 8.8.3), `If-Match` holds a writer to it.

use accredit_core::model::{Kind, Resource};
use accredit_core::world::World;
use axum::http::{HeaderMap, HeaderValue, header};

use super::change::called;
use super::problem::AdminFault;

/// What must hold of one resource when it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Precondition {
    kind: Kind,
    name: String,
    wanted: Vec<Wanted>,
}

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    /// It exists (`If-Match: *`).
    Existing,
    /// It does not (`If-None-Match: *`).
    Absent,
    /// It is at one of these revisions.
    Revision(Vec<i64>),
}

// === impl Precondition ===

impl Precondition {
    /// Reads the headers of a request, and the revision that its document names.
    ///
    /// # Errors
    /// A header that is no list of this server's tags.
    pub(crate) fn of(
        kind: Kind,
        name: &str,
        headers: &HeaderMap,
        revision: Option<i64>,
    ) -> Result<Option<Self>, AdminFault> {
        let mut wanted = Vec::new();
        for value in headers.get_all(header::IF_MATCH) {
            wanted.push(matching(value)?);
        }
        for value in headers.get_all(header::IF_NONE_MATCH) {
            match value.as_bytes() {
                b"*" => wanted.push(Wanted::Absent),
                _ => return Err(AdminFault::Request("`If-None-Match` is not `*`".to_owned())),
            }
        }
        wanted.extend(revision.map(|revision| Wanted::Revision(vec![revision])));
        Ok((!wanted.is_empty()).then(|| Self { kind, name: name.to_owned(), wanted }))
    }

    /// Judges it on what is in force.
    ///
    /// # Errors
    /// Which revision was expected, and which one it is.
    pub(crate) fn check(&self, world: &World) -> Result<(), AdminFault> {
        let called = called(self.kind, &self.name);
        let present = world.find(self.kind, &self.name).map(|resource| resource.revision);
        let fault = |what: String| Err(AdminFault::Precondition(format!("{called} {what}")));
        for wanted in &self.wanted {
            match (wanted, present) {
                (Wanted::Absent, Some(_)) => return fault("exists".to_owned()),
                (Wanted::Existing | Wanted::Revision(_), None) => return fault("does not exist".to_owned()),
                (Wanted::Revision(any), Some(is)) if !any.contains(&is) => {
                    let any: Vec<String> = any.iter().map(i64::to_string).collect();
                    return fault(format!("is at revision {is}, expected {}", any.join(" or ")));
                }
                (Wanted::Absent, None) | (Wanted::Existing | Wanted::Revision(_), Some(_)) => {}
            }
        }
        Ok(())
    }
}

/// The entity tag of a resource as it stands.
pub(super) fn tag(resource: &Resource) -> Option<HeaderValue> {
    HeaderValue::from_str(&tag_text(resource)).ok()
}

/// The same as text.
pub(super) fn tag_text(resource: &Resource) -> String {
    format!("\"{}\"", resource.revision)
}

fn matching(value: &HeaderValue) -> Result<Wanted, AdminFault> {
    let fault = || AdminFault::Request("`If-Match` is neither `*` nor a list of revisions in quotes".to_owned());
    let text = value.to_str().map_err(|_| fault())?.trim();
    if text == "*" {
        return Ok(Wanted::Existing);
    }
    let tag = |tag: &str| {
        let number = tag.trim().strip_prefix('"')?.strip_suffix('"')?;
        // A tag of somebody else's making matches nothing; it is not malformed for that.
        Some(number.parse().unwrap_or(-1))
    };
    text.split(',').map(tag).collect::<Option<Vec<i64>>>().map(Wanted::Revision).ok_or_else(fault)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_strictly() {
        let read = |name: header::HeaderName, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            Precondition::of(Kind::Project, "ci", &headers, None)
        };
        for (value, expected) in [
            ("*", Wanted::Existing),
            ("\"3\"", Wanted::Revision(vec![3])),
            ("\"3\", \"x\"", Wanted::Revision(vec![3, -1])),
        ] {
            assert_eq!(read(header::IF_MATCH, value).unwrap().unwrap().wanted, [expected], "{value}");
        }
        for value in ["", "3", "W/\"3\"", "\"3", "\"3\";"] {
            assert!(read(header::IF_MATCH, value).is_err(), "{value}");
        }
        assert_eq!(read(header::IF_NONE_MATCH, "*").unwrap().unwrap().wanted, [Wanted::Absent]);
        assert!(read(header::IF_NONE_MATCH, "\"3\"").is_err());
        assert_eq!(read(header::ACCEPT, "*/*").unwrap(), None);
    }
}
