//! Templates of claims' values and of DNS names.

use accredit_id::json::Json;
use serde_json::{Map, Value};

use super::attribute::Attribute;
use super::sources::{RenderFault, Sources, type_of};
use super::tokens::{Hole, TemplateFault, Token, tokens};
use crate::facts::Seen;

/// A text with values in it, each as it is: for a place where a text's end is not told from what stands behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TextTemplate(Box<[Token]>);

/// The value of a claim. A text that is one attribute alone takes over its type.
#[derive(Clone, Debug, PartialEq)]
pub enum ClaimTemplate {
    /// What has no template in it.
    Fixed(Value),
    /// The attribute's own value: a text, a number, a truth value, or a list of these.
    Whole(Attribute),
    /// A text with values in it.
    Text(TextOf),
    /// A list.
    List(Vec<ClaimTemplate>),
    /// An object.
    Object(Vec<(String, ClaimTemplate)>),
}

/// A text with values in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextOf(TextTemplate);

/// A DNS name of a certificate, e.g. `{{kubernetes.pod.service_account}}.shop.svc`. Each value is one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsTemplate {
    source: Box<str>,
    tokens: Box<[Token]>,
}

// === impl TextTemplate ===

impl TextTemplate {
    pub(super) fn parse(text: &str) -> Result<Self, TemplateFault> {
        tokens(text).map(|tokens| Self(tokens.into()))
    }

    pub(super) fn attributes(&self) -> impl Iterator<Item = &Attribute> {
        self.0.iter().filter_map(|token| match token {
            Token::Value(hole) => Some(&hole.attribute),
            Token::Literal(_) => None,
        })
    }

    pub(super) fn render<S>(&self, most: usize, sources: &Sources<'_, S>) -> Result<String, RenderFault> {
        let mut whole = String::new();
        for token in &self.0 {
            match token {
                Token::Literal(literal) => whole.push_str(literal),
                Token::Value(hole) => {
                    let text = sources.text(&hole.attribute)?;
                    whole.push_str(&if hole.escaped { super::escape(&text) } else { text });
                    if whole.len() > most {
                        let why = format!("makes a text of {} bytes, at most {most} are allowed", whole.len());
                        return Err(RenderFault::unfit(&hole.attribute, None, why));
                    }
                }
            }
        }
        Ok(whole)
    }

    /// The attribute, where the template is nothing else.
    fn alone(&self) -> Option<&Attribute> {
        match &*self.0 {
            [Token::Value(Hole { attribute, escaped: false })] => Some(attribute),
            _ => None,
        }
    }
}

// === impl ClaimTemplate ===

impl ClaimTemplate {
    /// Reads a value in which texts may be templates.
    ///
    /// # Errors
    /// A text in it is none, or it is nested too deep.
    pub fn parse(value: &Value) -> Result<Self, TemplateFault> {
        Self::parse_within(value, 0)
    }

    fn parse_within(value: &Value, depth: usize) -> Result<Self, TemplateFault> {
        if depth > MOST_DEEP {
            return Err(TemplateFault::new(format!("value is nested more than {MOST_DEEP} deep")));
        }
        let inner = |value: &Value| Self::parse_within(value, depth + 1);
        Ok(match value {
            Value::String(text) => {
                let template = TextTemplate::parse(text)?;
                match template.alone() {
                    Some(attribute) => ClaimTemplate::Whole(attribute.clone()),
                    None if template.attributes().next().is_none() => ClaimTemplate::Fixed(value.clone()),
                    None => ClaimTemplate::Text(TextOf(template)),
                }
            }
            Value::Array(items) => ClaimTemplate::List(items.iter().map(inner).collect::<Result<_, _>>()?),
            Value::Object(members) => {
                let member = |(name, value): (&String, &Value)| Ok((name.clone(), inner(value)?));
                ClaimTemplate::Object(members.iter().map(member).collect::<Result<_, _>>()?)
            }
            Value::Null => {
                return Err(TemplateFault::new("value is empty, expected a text").hint("leave the claim out"));
            }
            Value::Bool(_) | Value::Number(_) => ClaimTemplate::Fixed(value.clone()),
        })
    }

    /// What it reads.
    pub fn attributes(&self) -> Vec<&Attribute> {
        match self {
            ClaimTemplate::Fixed(_) => Vec::new(),
            ClaimTemplate::Whole(attribute) => vec![attribute],
            ClaimTemplate::Text(TextOf(text)) => text.attributes().collect(),
            ClaimTemplate::List(items) => items.iter().flat_map(ClaimTemplate::attributes).collect(),
            ClaimTemplate::Object(members) => members.iter().flat_map(|(_, value)| value.attributes()).collect(),
        }
    }

    /// Makes the value.
    ///
    /// # Errors
    /// The first attribute that is absent or does not fit.
    pub fn render<S>(&self, sources: &Sources<'_, S>) -> Result<Value, RenderFault> {
        match self {
            ClaimTemplate::Fixed(value) => Ok(value.clone()),
            ClaimTemplate::Whole(attribute) => whole(attribute, sources),
            ClaimTemplate::Text(TextOf(text)) => text.render(MOST_BYTES, sources).map(Value::String),
            ClaimTemplate::List(items) => items.iter().map(|item| item.render(sources)).collect(),
            ClaimTemplate::Object(members) => {
                let member = |(name, value): &(String, ClaimTemplate)| Ok((name.clone(), value.render(sources)?));
                members.iter().map(member).collect::<Result<Map<_, _>, _>>().map(Value::Object)
            }
        }
    }
}

fn whole<S>(attribute: &Attribute, sources: &Sources<'_, S>) -> Result<Value, RenderFault> {
    let unfit = |why: String| Err(RenderFault::unfit(attribute, None, why));
    let json = match sources.seen(attribute) {
        Seen::Raw(json) => json,
        Seen::Absent | Seen::Fault(_) | Seen::Text(_) => return sources.text(attribute).map(Value::String),
    };
    let fits = |json: &Json<'_>| matches!(json, Json::Bool(_) | Json::Number(_) | Json::String(_));
    match json {
        Json::Array(items) if !items.iter().all(fits) => {
            return unfit("is a list of more than texts, numbers and truth values".to_owned());
        }
        // An object of the job's own making says what our policy never read.
        Json::Null | Json::Object(_) => {
            return unfit(format!("is {}, expected a plain value or a list", type_of(json)));
        }
        Json::Array(_) | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
    let value = serde_json::to_value(json).unwrap_or_default();
    let bytes = value.to_string().len();
    match bytes > MOST_BYTES {
        true => unfit(format!("has {bytes} bytes, at most {MOST_BYTES} are allowed in a claim")),
        false => Ok(value),
    }
}

// === impl DnsTemplate ===

impl DnsTemplate {
    /// Reads a template of a DNS name.
    ///
    /// # Errors
    /// What stands around its values is none.
    pub fn parse(text: &str) -> Result<Self, TemplateFault> {
        let template = Self { source: text.into(), tokens: tokens(text)?.into() };
        let filled = |token: &Token| match token {
            Token::Literal(literal) => literal.to_string(),
            Token::Value(_) => "x".to_owned(),
        };
        let example: String = template.tokens.iter().map(filled).collect();
        if !is_dns_name(&example) {
            return Err(TemplateFault::new(
                "template is no DNS name, expected lower-case labels with dots between them",
            ));
        }
        match double(&template.tokens) {
            true => Err(TemplateFault::new(
                "template has two values in one label, and nothing would tell where the first ends",
            )
            .hint("put a `.` between them")),
            false => Ok(template),
        }
    }

    /// As it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What it reads.
    pub fn attributes(&self) -> impl Iterator<Item = &Attribute> {
        self.tokens.iter().filter_map(|token| match token {
            Token::Value(hole) => Some(&hole.attribute),
            Token::Literal(_) => None,
        })
    }

    /// Makes the name.
    ///
    /// # Errors
    /// An attribute is absent, or its value is not one label; or the whole is too long.
    pub fn render<S>(&self, sources: &Sources<'_, S>) -> Result<String, RenderFault> {
        let mut name = String::new();
        for token in &self.tokens {
            match token {
                Token::Literal(literal) => name.push_str(literal),
                Token::Value(Hole { attribute, .. }) => {
                    let text = sources.text(attribute)?;
                    if !text.bytes().all(is_of_a_label) || text.is_empty() || text.len() > MOST_OF_A_LABEL {
                        let why = "which is no label of a DNS name, expected a-z, 0-9 and `-`";
                        return Err(RenderFault::unfit(attribute, Some(&text), why));
                    }
                    name.push_str(&text);
                }
            }
        }
        match is_dns_name(&name) {
            true => Ok(name),
            false => Err(RenderFault::Whole { why: format!("`{}` makes no DNS name", self.source) }),
        }
    }
}

/// Whether a label holds two values with a literal between them.
fn double(tokens: &[Token]) -> bool {
    let mut values = 0;
    tokens.iter().any(|token| {
        match token {
            Token::Literal(literal) if literal.contains('.') => values = 0,
            Token::Literal(_) => {}
            Token::Value(_) => values += 1,
        }
        values > 1
    })
}

/// A DNS name as certificates bear it: labels of letters, digits and `-` (RFC 1034 section 3.5), in lower case, no wildcard.
fn is_dns_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=MOST_OF_A_LABEL).contains(&label.len())
            && label.bytes().all(is_of_a_label)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

const fn is_of_a_label(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')
}

const MOST_OF_A_LABEL: usize = 63;
/// No value of a claim is longer.
const MOST_BYTES: usize = 2048;
const MOST_DEEP: usize = 4;
