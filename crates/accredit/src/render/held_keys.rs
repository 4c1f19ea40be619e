//! How keys of others that a server holds are: whence, until when, and what went wrong.

use accredit_api::admin::HeldKeys;
use accredit_client::inert::Inert;

use super::explanation::labelled;

/// A line for each thing there is to say of it.
pub(crate) fn held_keys(held: &HeldKeys) -> String {
    let HeldKeys { source, location, state, since, refresh_at, usable_until, tried_at, last_error, dropped, .. } = held;
    let mut out = labelled("keys", &format!("{}, {}", Inert(state), Inert(source)));
    let times =
        [("from", location), ("since", since), ("refresh", refresh_at), ("until", usable_until), ("tried", tried_at)];
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
    for dropped in dropped {
        out.push_str(&labelled("dropped", &format!("`{}`: {}", Inert(&dropped.kid), Inert(&dropped.reason))));
    }
    out
}
