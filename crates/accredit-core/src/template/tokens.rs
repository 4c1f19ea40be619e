//! The text of a template, taken apart: what stands there, and what stands for something.

use accredit_id::shown::Shown;

use super::attribute::Attribute;

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// Text that stays as it is.
    Literal(Box<str>),
    /// A value.
    Value(Hole),
}

/// `{{attribute}}` or `{{attribute | escape}}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hole {
    pub(super) attribute: Attribute,
    pub(super) escaped: bool,
}

/// Why a text is no template, and what would make it one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateFault {
    /// Seen and expected.
    pub message: String,
    /// One action.
    pub hint: Option<String>,
}

// === impl TemplateFault ===

impl TemplateFault {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// Takes a template apart. Literals are neither empty nor do two of them stand beside each other.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, TemplateFault> {
    if text.len() > MOST_BYTES {
        return Err(TemplateFault::new(format!("template has {} bytes, at most {MOST_BYTES} are allowed", text.len())));
    }
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("{{") {
        literal(before, &mut tokens)?;
        let (inside, after) =
            behind.split_once("}}").ok_or_else(|| TemplateFault::new("template has `{{` without `}}`"))?;
        tokens.push(Token::Value(hole(inside)?));
        if tokens.len() > MOST_TOKENS {
            return Err(TemplateFault::new(format!("template has more than {MOST_TOKENS} parts")));
        }
        rest = after;
    }
    literal(rest, &mut tokens)?;
    Ok(tokens)
}

fn literal(text: &str, tokens: &mut Vec<Token>) -> Result<(), TemplateFault> {
    if let Some(brace) = text.chars().find(|letter| matches!(letter, '{' | '}')) {
        return Err(TemplateFault::new(format!("template has a single `{brace}`"))
            .hint("an attribute stands between `{{` and `}}`"));
    }
    if !text.is_empty() {
        tokens.push(Token::Literal(text.into()));
    }
    Ok(())
}

fn hole(inside: &str) -> Result<Hole, TemplateFault> {
    let (name, filter) = match inside.split_once('|') {
        None => (inside.trim(), None),
        Some((name, filter)) => (name.trim(), Some(filter.trim())),
    };
    let escaped = match filter {
        None => false,
        Some("escape") => true,
        Some(other) => {
            return Err(TemplateFault::new(format!("`{}` is no filter, expected `escape`", Shown::of(other)))
                .hint("`{{attribute | escape}}` makes one segment of any text"));
        }
    };
    if name.is_empty() {
        return Err(TemplateFault::new("template has `{{}}`, expected an attribute between the braces"));
    }
    let attribute = Attribute::parse(name).map_err(|fault| {
        let told = TemplateFault::new(fault.to_string());
        match fault.nearest {
            Some(nearest) => told.hint(format!("did you mean `{nearest}`?")),
            None => told.hint("claims of a job's token are `jwt.claim.NAME`"),
        }
    })?;
    Ok(Hole { attribute, escaped })
}

/// The longest SPIFFE ID, and so more than any template of one needs.
pub(super) const MOST_BYTES: usize = 2048;
const MOST_TOKENS: usize = 64;
