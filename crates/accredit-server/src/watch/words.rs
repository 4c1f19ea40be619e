//! What an alarm says, and what to do about it.

use accredit_store::Sighting;

use super::Code;
use super::seen::MAX_ALARMS;

/// One sentence. `formats` are those that the provider's subjects were seen in, and since when.
pub(crate) fn summary(sighting: &Sighting, provider: &str, formats: &[(String, i64)]) -> String {
    let Sighting { code, thing, first_seen, .. } = sighting;
    if *code == Code::ClaimUnlisted.text() {
        return format!("tokens of provider `{provider}` have claim `{thing}`, which nobody listed");
    }
    if *code == Code::FormatChanged.text() {
        let before = formats.iter().filter(|(format, first)| format != thing && first <= first_seen);
        let before: Vec<_> = before.map(|(format, _)| format!("`{format}`")).collect();
        return format!("subjects of provider `{provider}` are `{thing}`, until now they were {}", before.join(" or "));
    }
    if *code == Code::FormatUnknown.text() {
        let begins = if thing.is_empty() { String::new() } else { format!(": it begins with `{thing}`") };
        return format!("a subject of provider `{provider}` is in no known format{begins}");
    }
    if let Some(what) = of_a_bundle(code) {
        return format!("bundle of `{provider}` {what}: {thing} is held");
    }
    format!("provider `{provider}` raised {MAX_ALARMS} alarms; what else is new is not told apart")
}

/// One action.
pub(crate) fn hint(code: &str) -> &'static str {
    if code == Code::ClaimUnlisted.text() {
        "find out what the issuer means by it; list it in the provider's `audit` if its values may be kept"
    } else if code == Code::FormatChanged.text() || code == Code::FormatUnknown.text() {
        "match permanent ids and single claims instead of `sub`"
    } else if of_a_bundle(code).is_some() {
        "what is held goes on counting; ask whoever runs the trust domain, for an endpoint that goes back is what an attacker would serve"
    } else {
        "look at the provider's tokens with `accredit audit list`; its issuer may have changed"
    }
}

/// What is wrong with a bundle that was refused; `None` for what tokens show.
pub(crate) fn of_a_bundle(code: &str) -> Option<&'static str> {
    if code == Code::BundleOlder.text() {
        Some("went back and was refused")
    } else if code == Code::BundleUncounted.text() {
        Some("changed without counting on and was refused")
    } else {
        None
    }
}
