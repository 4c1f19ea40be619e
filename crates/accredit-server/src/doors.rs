//! Doors for fuzzing: one function for each parser of this crate that strangers reach, with what must hold of its answer.
//!
//! Not a part of the product: the feature `fuzzing` makes it, and `fuzz/` alone asks for it. Each function panics when
//! something does not hold, since that is what a fuzzer notices. Beyond not panicking, a door reads again by simpler means
//! what was accepted.

pub use crate::admin::doors::{admin_body, admin_query};
pub use crate::config::config;
pub use crate::faces::doors::{aws4_request, form_body, json_body};
pub use crate::gather::doors::{aws_answer, discovery, fetch_headers, issuer_url, network};
pub use crate::http::doors::request_head;
pub use crate::tls::doors::pem;
