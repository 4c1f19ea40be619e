//! Subjects of certificates, written as RFC 4514 has them: `CN={{jwt.claim.repository}},O=Acme`.
//!
//! The text is taken apart before values are put in, so a value is never read as a further part of the name.

use super::attribute::Attribute;
use super::sources::{RenderFault, Sources};
use super::text::TextTemplate;
use super::tokens::TemplateFault;

/// One part of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rdn {
    /// What it says.
    pub kind: RdnType,
    /// Its value.
    pub value: String,
}

/// A template of one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RdnTemplate {
    kind: RdnType,
    value: TextTemplate,
}

/// What a part of a subject says (RFC 4514 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RdnType {
    /// `CN`, common name.
    CommonName,
    /// `L`, locality.
    Locality,
    /// `ST`, state or province.
    State,
    /// `O`, organisation.
    Organization,
    /// `OU`, organisational unit.
    OrganizationalUnit,
    /// `C`, country: two letters.
    Country,
    /// `STREET`, street address.
    Street,
    /// `DC`, domain component.
    DomainComponent,
    /// `UID`, user id.
    UserId,
}

/// Reads a subject. The parts come in the order of the certificate, which RFC 4514 section 2.1 writes backwards.
///
/// # Errors
/// The text is no RFC 4514 name, or one of a kind that is not made here.
pub fn subject(text: &str) -> Result<Vec<RdnTemplate>, TemplateFault> {
    let mut parts = Vec::new();
    for part in split(text)? {
        let (kind, value) = part.split_once('=').ok_or_else(|| {
            TemplateFault::new("subject has a part without `=`").hint("a subject is e.g. `CN=web,O=Acme` (RFC 4514)")
        })?;
        let kind = RdnType::named(kind.trim()).ok_or_else(|| {
            TemplateFault::new(format!("subject has a part of type `{}`", kind.trim().escape_debug()))
                .hint(format!("types are {}", RdnType::ALL.map(RdnType::name).join(", ")))
        })?;
        parts.push(RdnTemplate { kind, value: TextTemplate::parse(&unescaped(value.trim())?)? });
    }
    if parts.len() > MOST_PARTS {
        return Err(TemplateFault::new(format!("subject has {} parts, at most {MOST_PARTS} are allowed", parts.len())));
    }
    parts.reverse();
    Ok(parts)
}

// === impl RdnType ===

impl RdnType {
    /// Every type.
    pub const ALL: [RdnType; 9] = [
        RdnType::CommonName,
        RdnType::Locality,
        RdnType::State,
        RdnType::Organization,
        RdnType::OrganizationalUnit,
        RdnType::Country,
        RdnType::Street,
        RdnType::DomainComponent,
        RdnType::UserId,
    ];

    /// As RFC 4514 writes it.
    pub const fn name(self) -> &'static str {
        match self {
            RdnType::CommonName => "CN",
            RdnType::Locality => "L",
            RdnType::State => "ST",
            RdnType::Organization => "O",
            RdnType::OrganizationalUnit => "OU",
            RdnType::Country => "C",
            RdnType::Street => "STREET",
            RdnType::DomainComponent => "DC",
            RdnType::UserId => "UID",
        }
    }

    /// The object identifier (RFC 4519).
    pub const fn oid(self) -> &'static [u64] {
        match self {
            RdnType::CommonName => &[2, 5, 4, 3],
            RdnType::Locality => &[2, 5, 4, 7],
            RdnType::State => &[2, 5, 4, 8],
            RdnType::Organization => &[2, 5, 4, 10],
            RdnType::OrganizationalUnit => &[2, 5, 4, 11],
            RdnType::Country => &[2, 5, 4, 6],
            RdnType::Street => &[2, 5, 4, 9],
            RdnType::DomainComponent => &[0, 9, 2342, 19_200_300, 100, 1, 25],
            RdnType::UserId => &[0, 9, 2342, 19_200_300, 100, 1, 1],
        }
    }

    fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(text))
    }

    /// How many characters it may have (RFC 5280 appendix A.1).
    const fn most(self) -> usize {
        match self {
            RdnType::Country => 2,
            RdnType::CommonName | RdnType::Organization | RdnType::OrganizationalUnit => 64,
            RdnType::Locality | RdnType::State | RdnType::Street => 128,
            RdnType::DomainComponent => 63,
            RdnType::UserId => 256,
        }
    }
}

// === impl RdnTemplate ===

impl RdnTemplate {
    /// What it reads.
    pub fn attributes(&self) -> impl Iterator<Item = &Attribute> {
        self.value.attributes()
    }

    /// Makes the part.
    ///
    /// # Errors
    /// An attribute is absent or does not fit, or the value is empty, too long or not printable.
    pub fn render<S>(&self, sources: &Sources<'_, S>) -> Result<Rdn, RenderFault> {
        let (kind, value) = (self.kind, self.value.render(1024, sources)?);
        let letters = value.chars().count();
        let whole = |why: String| Err(RenderFault::Whole { why: format!("`{}` of the subject {why}", kind.name()) });
        match letters {
            0 => whole("is empty".to_owned()),
            _ if letters > kind.most() => {
                whole(format!("has {letters} characters, at most {} are allowed", kind.most()))
            }
            2 if kind == RdnType::Country && value.bytes().all(|byte| byte.is_ascii_uppercase()) => {
                Ok(Rdn { kind, value })
            }
            _ if kind == RdnType::Country => whole("is no country, expected two upper-case letters".to_owned()),
            _ if value.chars().any(char::is_control) => whole("has control characters".to_owned()),
            _ => Ok(Rdn { kind, value }),
        }
    }
}

/// The parts between commas, but for those that are escaped or stand inside of braces.
fn split(text: &str) -> Result<Vec<&str>, TemplateFault> {
    let (mut parts, mut begin, mut in_braces, mut escaped) = (Vec::new(), 0, false, false);
    for (place, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '{' => in_braces = true,
            '}' => in_braces = false,
            ',' if !in_braces => {
                parts.push(&text[begin..place]);
                begin = place + 1;
            }
            '+' if !in_braces => {
                return Err(TemplateFault::new(
                    "subject has a part with several values (`+`), which are not made here",
                )
                .hint("write `\\+` for the character, or a part for each value"));
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    Ok(parts)
}

/// A value without its escapes (RFC 4514 section 3): `\,` and `\2C`.
fn unescaped(value: &str) -> Result<String, TemplateFault> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    let fault = || TemplateFault::new("subject has a `\\` that escapes nothing").hint("write `\\\\` for the character");
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let next = rest.next().ok_or_else(fault)?;
        if b" \"#+,;<=>\\".contains(&next) {
            bytes.push(next);
            continue;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let low = rest.next().ok_or_else(fault)?;
        bytes.push(digit(next).zip(digit(low)).map(|(high, low)| high * 16 + low).ok_or_else(fault)?);
    }
    String::from_utf8(bytes).map_err(|_| TemplateFault::new("subject is not UTF-8 once its escapes are read"))
}

/// Nobody's subject has more.
const MOST_PARTS: usize = 16;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use crate::facts::TypedIn;

    fn rendered(text: &str) -> Result<Vec<(&'static str, String)>, String> {
        let sources =
            Sources::<TypedIn> { cluster: "build, O=evil", realm: None, trust_domain: "example.org", job: None };
        let parts = subject(text).map_err(|fault| fault.message)?;
        let part = |part: &RdnTemplate| {
            part.render(&sources).map(|rdn| (rdn.kind.name(), rdn.value)).map_err(|fault| fault.operator_text())
        };
        parts.iter().map(part).collect()
    }

    #[test]
    fn a_value_is_never_another_part() {
        let seen = rendered(r"CN={{cluster.name}}, OU=a\,b,O=\41cme\2B").unwrap();
        assert_eq!(seen, [("O", "Acme+".into()), ("OU", "a,b".into()), ("CN", "build, O=evil".into())]);
        for text in ["", "CN", "XX=a", "CN=a+O=b", r"CN=a\", r"CN=a\zz", "CN=", "C=deu", "C=de", "CN={{nothing}}"] {
            assert!(rendered(text).is_err(), "{text}");
        }
        assert!(rendered(&format!("CN={}", "a".repeat(65))).is_err());
        assert_eq!(rendered("c=DE").unwrap(), [("C", "DE".to_owned())]);
    }
}
