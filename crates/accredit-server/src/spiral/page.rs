//! Lists by the page, as Spiral's command line walks them.

use std::sync::Arc;

use accredit_core::model::Resource;
use serde::{Deserialize, Serialize};

/// Which page is asked for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    page_size: Option<usize>,
    /// The last id of the page before.
    page_token: Option<String>,
    /// Of grants: whose.
    pub(super) principal: Option<String>,
}

/// One page.
#[derive(Debug, Serialize)]
pub(super) struct Page<T> {
    items: Vec<T>,
    next_page_token: Option<String>,
}

impl Wanted {
    /// Cuts a page out of resources, in the order of their ids, so that what comes and goes meanwhile moves nothing.
    pub(super) fn page<T>(&self, mut all: Vec<&Arc<Resource>>, shown: impl Fn(&Resource) -> T) -> Page<T> {
        all.sort_unstable_by_key(|resource| resource.id);
        let after = |resource: &&Arc<Resource>| {
            self.page_token.as_deref().is_none_or(|token| resource.id.to_string().as_str() > token)
        };
        let size = self.page_size.unwrap_or(DEFAULT).clamp(1, MOST);
        let mut rest = all.into_iter().filter(after).peekable();
        let mut last = None;
        let mut items = Vec::new();
        while items.len() < size {
            let Some(resource) = rest.next() else { break };
            last = Some(resource.id.to_string());
            items.push(shown(resource));
        }
        Page { items, next_page_token: last.filter(|_| rest.peek().is_some()) }
    }
}

const DEFAULT: usize = 50;
const MOST: usize = 500;
