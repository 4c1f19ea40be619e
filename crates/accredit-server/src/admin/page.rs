//! Pages of a list: a token names the last resource that was shown, so that writes in between neither repeat nor skip one.

use std::sync::Arc;

use accredit_core::model::{Kind, Name, Resource};
use accredit_core::world::World;
use accredit_id::base64url;

use super::problem::AdminFault;

/// Which page of which list.
pub(super) struct Page<'p> {
    pub(super) kind: Kind,
    pub(super) project: Option<&'p str>,
    pub(super) size: usize,
    /// The last name of the page before.
    pub(super) after: Option<Name>,
}

/// A page, and the token of the next one.
pub(super) struct Shown<'w> {
    pub(super) resources: Vec<&'w Arc<Resource>>,
    pub(super) next: Option<String>,
}

// === impl Page ===

impl<'p> Page<'p> {
    /// Reads what a request asks for.
    ///
    /// # Errors
    /// A size or token that is none, or that belongs to another list.
    pub(super) fn asked(
        kind: Kind,
        project: Option<&'p str>,
        size: Option<usize>,
        token: Option<&str>,
    ) -> Result<Self, AdminFault> {
        let size = page_size(size)?;
        let after = token.map(|token| {
            let fault = || AdminFault::Request("`page_token` is not one of this list".to_owned());
            let text =
                base64url::decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(fault)?;
            let mut parts = text.splitn(3, ' ');
            let is_this_list = parts.next() == Some(kind.noun()) && parts.next() == Some(project.unwrap_or_default());
            let name = parts.next().filter(|_| is_this_list).ok_or_else(fault)?;
            name.parse::<Name>().map_err(|_| fault())
        });
        Ok(Self { kind, project, size, after: after.transpose()? })
    }

    /// The page of a world, of what `reads` lets through.
    pub(super) fn of<'w>(&self, world: &'w World, reads: impl Fn(&Resource) -> bool) -> Shown<'w> {
        let mut found: Vec<&Arc<Resource>> = world
            .iter()
            .filter(|resource| {
                resource.kind() == self.kind
                    && self.after.as_ref().is_none_or(|after| resource.name > *after)
                    && belongs(resource, self.project)
                    && reads(resource)
            })
            .collect();
        let is_last = found.len() <= self.size;
        if !is_last {
            // Only this page is sorted: the list may be long.
            found.select_nth_unstable_by(self.size, |one, two| one.name.cmp(&two.name));
            found.truncate(self.size);
        }
        found.sort_unstable_by(|one, two| one.name.cmp(&two.name));
        let token = |last: &&Arc<Resource>| {
            let text = format!("{} {} {}", self.kind.noun(), self.project.unwrap_or_default(), last.name);
            base64url::encode(text.as_bytes())
        };
        let next = found.last().filter(|_| !is_last).map(token);
        Shown { resources: found, next }
    }
}

/// Whether a resource belongs to a project, where one is asked for; a project belongs to itself.
pub(super) fn belongs(resource: &Resource, project: Option<&str>) -> bool {
    project.is_none_or(|project| {
        resource.name.project() == Some(project)
            || resource.kind() == Kind::Project && resource.name.as_str() == project
    })
}

/// How many entries a page has.
///
/// # Errors
/// More than any page has, or none.
pub(super) fn page_size(asked: Option<usize>) -> Result<usize, AdminFault> {
    match asked.unwrap_or(DEFAULT_SIZE) {
        size if (1..=MAX_SIZE).contains(&size) => Ok(size),
        size => Err(AdminFault::Request(format!("`page_size` is {size}, expected 1 to {MAX_SIZE}"))),
    }
}

pub(super) const DEFAULT_SIZE: usize = 100;
pub(super) const MAX_SIZE: usize = 500;
