//! Reading what AWS' token service answers, strictly: the elements that it is documented to send, in their places, and
//! no markup beside them.

use accredit_core::evidence::aws_request::Answer;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// `GetCallerIdentityResponse`.
///
/// # Errors
/// What is not as it is documented.
pub(super) fn caller(xml: &[u8]) -> Result<Answer, &'static str> {
    let read = |name: &str| -> Result<String, &'static str> {
        let wanted = ["GetCallerIdentityResponse", "GetCallerIdentityResult", name];
        one(xml, &wanted)
    };
    Ok(Answer { account: read("Account")?, arn: read("Arn")?, user_id: read("UserId")? })
}

/// The code of an `ErrorResponse`.
///
/// # Errors
/// What is not as it is documented.
pub(super) fn error_code(xml: &[u8]) -> Result<String, &'static str> {
    one(xml, &["ErrorResponse", "Error", "Code"])
}

/// The text of the one element at a path. Every element of the document is looked at, so that a second one, or markup that
/// could hide one, is refused wherever it stands.
fn one(xml: &[u8], wanted: &[&str]) -> Result<String, &'static str> {
    let text = std::str::from_utf8(xml).map_err(|_| "it is not UTF-8")?;
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    config.check_end_names = true;
    config.allow_unmatched_ends = false;
    config.expand_empty_elements = true;
    let mut path: Vec<String> = Vec::new();
    let mut found: Option<String> = None;
    let mut roots = 0;
    for _ in 0..MAX_EVENTS {
        let is_there = path.iter().map(String::as_str).eq(wanted.iter().copied());
        match reader.read_event().map_err(|_| "it is not well-formed XML")? {
            Event::Decl(_) if path.is_empty() && roots == 0 => {}
            Event::Start(start) => {
                if is_there {
                    return Err("an element that holds text holds another element");
                }
                roots += usize::from(path.is_empty());
                path.push(name(&start, path.is_empty())?);
                if path.len() > MAX_DEPTH {
                    return Err("it is nested too deep");
                }
                if path.iter().map(String::as_str).eq(wanted.iter().copied()) && found.replace(String::new()).is_some()
                {
                    return Err("an element stands twice");
                }
            }
            Event::End(_) => drop(path.pop()),
            Event::Text(text) => match found.as_mut().filter(|_| is_there) {
                Some(found) => found.push_str(&text),
                None if path.is_empty() && !text.trim().is_empty() => return Err("text stands outside"),
                None => {}
            },
            Event::Eof => {
                return match (roots, path.is_empty(), found) {
                    (1, true, Some(found)) if !found.is_empty() => Ok(found),
                    (1, true, _) => Err("an element is missing or empty"),
                    _ => Err("it is not one whole document"),
                };
            }
            // References mean other text than is written; messages of errors may hold them, what is read here never does.
            Event::GeneralRef(_) if !is_there && !path.is_empty() => {}
            _ => return Err("it holds markup that AWS does not send"),
        }
    }
    Err("it has too many elements")
}

/// An element's name. Only the outermost may have an attribute, its namespace.
fn name(start: &BytesStart<'_>, is_root: bool) -> Result<String, &'static str> {
    let mut attributes = start.attributes();
    if let Some(attribute) = attributes.next() {
        let attribute = attribute.map_err(|_| "it is not well-formed XML")?;
        if !is_root
            || attribute.key.as_ref() != "xmlns"
            || &*attribute.value != NAMESPACE
            || attributes.next().is_some()
        {
            return Err("an element has an attribute that AWS does not send");
        }
    }
    Ok(start.name().as_ref().to_owned())
}

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
const MAX_EVENTS: usize = 64;
const MAX_DEPTH: usize = 4;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    const GOOD: &str = r#"<?xml version="1.0"?>
<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <GetCallerIdentityResult>
    <Arn>arn:aws:sts::123456789012:assumed-role/web/s</Arn>
    <UserId>AROAEXAMPLE:s</UserId>
    <Account>123456789012</Account>
  </GetCallerIdentityResult>
  <ResponseMetadata><RequestId>01234567</RequestId></ResponseMetadata>
</GetCallerIdentityResponse>
"#;

    #[test]
    fn what_aws_sends_is_read() {
        let answer = caller(GOOD.as_bytes()).unwrap();
        assert_eq!(answer.account, "123456789012");
        assert_eq!(answer.user_id, "AROAEXAMPLE:s");
        let error = "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
                     <Code>SignatureDoesNotMatch</Code><Message>it &amp; that</Message></Error><RequestId>1</RequestId></ErrorResponse>";
        assert_eq!(error_code(error.as_bytes()).unwrap(), "SignatureDoesNotMatch");
    }

    /// An answer that could be read in two ways, or that somebody made of a request's own text, is none.
    #[test]
    fn whatever_else_is_refused() {
        let with = |old: &str, new: &str| GOOD.replacen(old, new, 1);
        for xml in [
            String::new(),
            "{\"GetCallerIdentityResponse\":{}}".to_owned(),
            with("<Account>123456789012</Account>", ""),
            with("<Account>123456789012</Account>", "<Account/>"),
            with("<Account>", "<Account>1</Account><Account>"),
            with("<Account>", "<account>1</account><x:Account xmlns:x=\"y\">").replace("</Account>", "</x:Account>"),
            with("<Arn>", "<Arn><!-- -->"),
            with("<Arn>", "<Arn><![CDATA[x]]>"),
            with("<Arn>", "<Arn>&#97;"),
            with("<Arn>", "<Arn>&amp;"),
            with("<Arn>", "<Arn><b>x</b>"),
            with("<Arn>", "<Arn a=\"b\">"),
            with("<?xml version=\"1.0\"?>", "<!DOCTYPE a [<!ENTITY b \"c\">]>"),
            with("<?xml version=\"1.0\"?>", "<?php x?>"),
            with("https://sts.amazonaws.com/doc/2011-06-15/", "https://example.org/"),
            with("</GetCallerIdentityResponse>", ""),
            with("</Arn>", "</Arm>"),
            format!("{GOOD}{GOOD}"),
            format!("{GOOD}trailing"),
            with("<GetCallerIdentityResult>", "<GetCallerIdentityResult><GetCallerIdentityResult>"),
            with("GetCallerIdentityResponse", "Other").replace("/GetCallerIdentityResponse", "/Other"),
            with("<ResponseMetadata>", &"<x></x>".repeat(100)),
        ] {
            assert!(caller(xml.as_bytes()).is_err(), "{xml}");
        }
        assert!(caller(b"\xff").is_err());
    }
}
