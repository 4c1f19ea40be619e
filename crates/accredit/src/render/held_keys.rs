//! How keys of others that a server holds are: whence, until when, and what went wrong.

use accredit_api::admin::{DroppedProviderKey, KeyFetchFault};
use accredit_client::inert::Inert;

use super::explanation::labelled;

/// How a key set is.
pub(crate) struct HeldKeys<'k> {
    pub(crate) state: &'k str,
    pub(crate) source: &'k str,
    /// Label and value, of those that there are.
    pub(crate) times: [(&'k str, &'k Option<String>); 5],
    pub(crate) last_error: Option<&'k KeyFetchFault>,
    pub(crate) dropped: &'k [DroppedProviderKey],
}

/// A line for each thing there is to say of it.
pub(crate) fn held_keys(HeldKeys { state, source, times, last_error, dropped }: &HeldKeys<'_>) -> String {
    let mut out = labelled("keys", &format!("{}, {}", Inert(state), Inert(source)));
    for (label, value) in times {
        if let Some(value) = value {
            out.push_str(&labelled(label, &Inert(value).to_string()));
        }
    }
    if let Some(fault) = last_error {
        out.push_str(&labelled("error", &format!("{} ({})", Inert(&fault.message), Inert(&fault.code))));
        if let Some(hint) = &fault.hint {
            out.push_str(&labelled("", &format!("hint: {}", Inert(hint))));
        }
    }
    for dropped in *dropped {
        out.push_str(&labelled("dropped", &format!("`{}`: {}", Inert(&dropped.kid), Inert(&dropped.reason))));
    }
    out
}
