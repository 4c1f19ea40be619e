//! The reference page, from the list.

use std::fmt::Write as _;

use super::list::{Described, every};

/// `docs/reference/metrics.md`.
#[must_use]
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    for Described { name, shape, labels, help, read: _ } in every() {
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        let _ = writeln!(page, "| `{name}` | {} | {} | {help} |", shape.name(), labels.join(", "));
    }
    page.push_str(TAIL);
    page
}

const HEAD: &str = "\
<!-- Written by `cargo xtask gen` from crates/accredit-server/src/metrics/list.rs; do not edit. -->

# Metrics

What `GET /metrics` says, in Prometheus' text format. [Watching a server](../operations/metrics.md) tells where it is served
and what to look at first.

| metric | kind | labels | what it says |
|---|---|---|---|
";

const TAIL: &str = "
## Labels

| label | values |
|---|---|
| `face` | the protocol of the request: `rfc8693`, `openai`, `jwt-bearer`, `client-credentials`, `anthropic`, `entra`, `spiral`, `spiral-aws`; `admin` for logins of administrators |
| `provider` | the name of a registered provider; `-` for none. Beyond a thousand that were asked for, exchanges count as `-` and keys have no lines of their own |
| `cluster` | the name of a cluster; `-` for a request that names none that there is |
| `kind` | whose bundle it is: `federation`, `provider` |
| `name` | the name of that federation or provider. Beyond a thousand, bundles have no lines of their own |
| `use` | of a bundle's entry: `jwt-svid`, `x509-svid` |
| `type` | of an SVID: `jwt`, `x509` |
| `outcome` | `allowed`, `refused` |
| `reason` | the code that the audit log has for a refusal, `-` where there is none; elsewhere as the metric says |
| `version` | of the binary |
| `listener` | `public`, `admin`, `metrics` |
| `budget` | `source`, `token`, `subject`, `provider`, `replay-marks` |
| `sink` | what the configuration calls it |
| `purpose` | what [our own signing keys](../operations/keys.md) are for: `access`, `internal`, `audit`, `jwt-svid`, `x509-ca` |
| `algorithm` | `ES256`, `RS256`, `ES384` |
| `trust_domain` | the trust domain of keys that are one's; not there for others. Beyond a hundred, keys have no lines of their own |
| `state` | `prepared`, `published`, `active`, `retired` |

No label holds what a token or a caller says.
";
