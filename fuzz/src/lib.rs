//! Fuzz targets: one for each parser that meets the network, and what must hold of each answer.
//!
//! A target takes bytes and panics when something does not hold. Not to panic is the least of it: what is accepted is read
//! again by simpler means, what is rendered is parsed again, what is refused is refused for everybody. Seeds come from
//! `vectors/`, so that a vector is also where the engine begins; what it finds becomes a vector.
//!
//! `tests/seeds.rs` runs every seed in a plain test; `cargo xtask fuzz` has the engine look further.

#![expect(clippy::panic, reason = "a fuzz target fails by panicking")]

mod conditions;
mod documents;
mod json;
mod matching;
mod names;
mod proofs;
mod seeds;
mod sets;
mod svids;
mod tokens;

/// A parser and what must hold of it.
pub struct Target {
    /// Its name: `cargo xtask fuzz NAME`.
    pub name: &'static str,
    /// Judges one input. Panics when something does not hold.
    pub judge: fn(&[u8]),
    /// Where the engine begins.
    seeds: fn() -> Vec<Vec<u8>>,
}

// === impl Target ===

impl Target {
    /// Where the engine begins: from the vectors, each at most 64 KiB.
    #[must_use]
    pub fn seeds(&self) -> Vec<Vec<u8>> {
        let mut seeds = (self.seeds)();
        seeds.retain(|seed| seed.len() <= LONGEST_SEED);
        seeds.sort_unstable();
        seeds.dedup();
        seeds
    }
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "compact", judge: tokens::compact, seeds: tokens::compact_seeds },
    Target { name: "claims", judge: tokens::claims, seeds: tokens::claims_seeds },
    Target { name: "client-assertion", judge: tokens::client_assertion, seeds: tokens::claims_seeds },
    Target { name: "dpop", judge: proofs::dpop, seeds: proofs::seeds },
    Target { name: "jwks", judge: sets::jwks, seeds: sets::seeds },
    Target { name: "json", judge: json::json, seeds: json::seeds },
    Target { name: "names", judge: names::names, seeds: names::seeds },
    Target { name: "urls", judge: names::urls, seeds: seeds::urls },
    Target { name: "condition", judge: conditions::condition, seeds: conditions::seeds },
    Target { name: "match", judge: matching::matching, seeds: matching::seeds },
    Target { name: "documents", judge: documents::yaml, seeds: documents::seeds },
    Target { name: "csr", judge: svids::request, seeds: svids::request_seeds },
    Target { name: "certificate", judge: svids::certificate, seeds: svids::certificate_seeds },
    Target { name: "bundle", judge: svids::bundle, seeds: svids::bundle_seeds },
    Target { name: "template", judge: svids::template, seeds: svids::template_seeds },
    Target { name: "aws-parts", judge: proofs::aws_parts, seeds: seeds::aws_parts },
    #[cfg(feature = "engine")]
    Target { name: "form-body", judge: accredit_server::doors::form_body, seeds: seeds::forms },
    #[cfg(feature = "engine")]
    Target { name: "json-body", judge: accredit_server::doors::json_body, seeds: seeds::json_bodies },
    #[cfg(feature = "engine")]
    Target {
        name: "aws-request",
        judge: |input| text(input, accredit_server::doors::aws4_request),
        seeds: seeds::aws_requests,
    },
    #[cfg(feature = "engine")]
    Target { name: "aws-answer", judge: accredit_server::doors::aws_answer, seeds: seeds::aws_answers },
    #[cfg(feature = "engine")]
    Target { name: "request-head", judge: accredit_server::doors::request_head, seeds: seeds::heads },
    #[cfg(feature = "engine")]
    Target { name: "fetch-headers", judge: accredit_server::doors::fetch_headers, seeds: seeds::fetch_headers },
    #[cfg(feature = "engine")]
    Target { name: "discovery", judge: accredit_server::doors::discovery, seeds: seeds::discovery },
    #[cfg(feature = "engine")]
    Target { name: "issuer-url", judge: |input| text(input, accredit_server::doors::issuer_url), seeds: seeds::urls },
    #[cfg(feature = "engine")]
    Target { name: "network", judge: |input| text(input, accredit_server::doors::network), seeds: seeds::networks },
    #[cfg(feature = "engine")]
    Target { name: "admin-body", judge: accredit_server::doors::admin_body, seeds: seeds::admin_bodies },
    #[cfg(feature = "engine")]
    Target {
        name: "admin-query",
        judge: |input| text(input, accredit_server::doors::admin_query),
        seeds: seeds::admin_queries,
    },
    #[cfg(feature = "engine")]
    Target { name: "config", judge: |input| text(input, accredit_server::doors::config), seeds: seeds::configs },
    #[cfg(feature = "engine")]
    Target { name: "pem", judge: accredit_server::doors::pem, seeds: seeds::pems },
];

/// Texts alone reach these parsers.
#[cfg(feature = "engine")]
fn text(input: &[u8], judge: fn(&str)) {
    if let Ok(text) = std::str::from_utf8(input) {
        judge(text);
    }
}

/// The first line and the rest: targets of two texts have them in one input.
fn two(input: &[u8]) -> Option<(&str, &str)> {
    std::str::from_utf8(input).ok()?.split_once('\n')
}

const LONGEST_SEED: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_target_is_found_by_its_name() {
        for (place, target) in TARGETS.iter().enumerate() {
            let found = TARGETS.iter().position(|other| other.name == target.name);
            assert_eq!(found, Some(place), "`{}` is the name of two", target.name);
        }
    }
}
