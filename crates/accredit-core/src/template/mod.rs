//! Templates: how SPIFFE paths, claims and names are made of what is known about a workload.
//!
//! A template is parsed once, when it is written; `{{attribute}}` stands for a value, `{{attribute | escape}}` for the same
//! in an alphabet that fits into one segment. Nothing of a value is ever read as a template, and nothing of it is changed
//! silently: what does not fit is refused by name.
//!
//! | module | holds |
//! |---|---|
//! | `attribute` | what can be named, and which name was meant |
//! | `tokens` | the text of a template, taken apart |
//! | `sources` | where values come from in one decision |
//! | `path` | paths of SPIFFE IDs |
//! | `escape` | any text as one segment, and back |
//! | `text` | texts and values of claims, DNS names |
//! | `subject` | subjects of certificates (RFC 4514) |

mod attribute;
mod escape;
mod path;
mod sources;
mod subject;
mod text;
mod tokens;

pub use attribute::{Attribute, AttributeFault};
pub use escape::{escape, unescape};
pub use path::{DEFAULT_PATHS, PathTemplate, Platform};
pub use sources::{RenderFault, Sources};
pub use subject::{Rdn, RdnTemplate, RdnType, subject};
pub use text::{ClaimTemplate, DnsTemplate};
pub use tokens::TemplateFault;
