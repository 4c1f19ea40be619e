//! Where a fault lies in the request's body: from a field's path to a JSON Pointer (RFC 6901).

use accredit_api::problem::Fault as OnTheWire;
use accredit_core::model::{Document, Fault};
use serde_json::Value;

use super::problem::AdminFault;

/// Puts the place of each fault beside it. `base` leads to the documents, a number in it where they are many.
pub(super) fn located(fault: AdminFault, documents: &[Document], base: impl Fn(usize) -> String) -> AdminFault {
    match fault {
        AdminFault::Documents(faults) => {
            let place = |fault: Fault| {
                let place = documents.get(fault.document).map(|document| {
                    format!("#{}", fragment(&format!("{}{}", base(fault.document), pointer(document, &fault.field))))
                });
                on_the_wire(fault, &place.unwrap_or_default())
            };
            AdminFault::Located(faults.0.into_iter().map(place).collect())
        }
        other => other,
    }
}

/// A fault in the words of the wire.
pub(super) fn on_the_wire(fault: Fault, pointer: &str) -> OnTheWire {
    let Fault { document, field, message, hint } = fault;
    OnTheWire { document, pointer: pointer.to_owned(), field, message, hint }
}

/// A field's path puts dots between names that may hold dots themselves: whichever name is there is meant, the longest first.
fn pointer(document: &Document, field: &str) -> String {
    let (mut rest, mut value, mut pointer) = (field, &Value::Null, String::new());
    if let Some(inner) = field.strip_prefix("spec").filter(|inner| inner.is_empty() || inner.starts_with(['.', '['])) {
        (rest, value) = (inner, &document.spec);
        pointer.push_str("/spec");
    }
    loop {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        if rest.is_empty() {
            return pointer;
        }
        let (name, behind) = step(value, rest);
        pointer.push('/');
        pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
        value = match value {
            Value::Array(items) => name.parse::<usize>().ok().and_then(|place| items.get(place)),
            other => other.get(name),
        }
        .unwrap_or(&Value::Null);
        rest = behind;
    }
}

/// The next name, and what is behind it.
fn step<'f>(value: &Value, rest: &'f str) -> (&'f str, &'f str) {
    if let Some((place, behind)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (place, behind);
    }
    let is_end = |end: &usize| *end == rest.len() || rest[*end..].starts_with(['.', '[']);
    let known = value.as_object().into_iter().flatten().map(|(name, _)| name);
    let longest = known.filter(|name| rest.starts_with(*name)).map(String::len).filter(is_end).max();
    let end = longest.filter(|end| *end > 0).or_else(|| rest.find(['.', '[']).filter(|end| *end > 0));
    rest.split_at(end.unwrap_or(rest.len()))
}

/// A pointer as a URI fragment (RFC 6901 section 6, RFC 3986 section 3.5).
fn fragment(pointer: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?".contains(&byte);
    let mut fragment = String::with_capacity(pointer.len());
    for byte in pointer.bytes() {
        match is_plain(byte) {
            true => fragment.push(char::from(byte)),
            false => fragment.push_str(&format!("%{byte:02X}")),
        }
    }
    fragment
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_with_dots_and_slashes_are_found() {
        let spec = json!({"match": {"https://a.example/x~y": 1, "a.b": 1, "a": {"c": 1}}, "list": [{"x": 1}]});
        let document = Document { kind: "Mapping".to_owned(), name: "ci/a".to_owned(), id: None, enabled: None, spec };
        for (field, expected) in [
            ("", ""),
            ("name", "/name"),
            ("spec", "/spec"),
            ("spec.match.a.b", "/spec/match/a.b"),
            ("spec.match.a.c", "/spec/match/a/c"),
            ("spec.match.https://a.example/x~y", "/spec/match/https:~1~1a.example~1x~0y"),
            ("spec.list[0].x", "/spec/list/0/x"),
            ("spec.absent.deep", "/spec/absent/deep"),
            ("spec.[", "/spec/["),
            ("species", "/species"),
        ] {
            assert_eq!(pointer(&document, field), expected, "{field}");
        }
        assert_eq!(fragment("/spec/a b/\"ä\"%"), "/spec/a%20b/%22%C3%A4%22%25");
    }
}
