//! Paths of SPIFFE IDs.
//!
//! Two workloads must never come to one identity because a value of one reads like values of the other. So each value is a
//! part of one segment, no segment holds two values, and a value with slashes becomes several segments only where its end
//! is certain: last in the template, or where the claim's kind fixes how many segments it has.

use accredit_id::shown::Shown;
use accredit_id::spiffe_id::SpiffeId;
use accredit_id::trust_domain::TrustDomain;

use super::attribute::Attribute;
use super::escape::escape;
use super::sources::{RenderFault, Sources};
use super::tokens::{Hole, TemplateFault, Token, tokens};

/// A template of a path, e.g. `/{{cluster.name}}/project/{{jwt.claim.project_id}}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathTemplate {
    source: Box<str>,
    tokens: Box<[Token]>,
}

/// On what a workload runs, which says what its path is made of where no policy does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// A pod.
    Kubernetes,
    /// A process.
    Linux,
    /// A person's own machine.
    Developer,
}

/// The paths of workloads where no policy says another; in a realm `/{{realm}}` stands before them. A job without an agent
/// has none: what tells jobs apart is for their owner to say.
pub static DEFAULT_PATHS: &[(Platform, &str)] = &[
    (Platform::Kubernetes, "/{{cluster.name}}/ns/{{kubernetes.pod.namespace}}/sa/{{kubernetes.pod.service_account}}"),
    (Platform::Linux, "/{{node_group.name}}/{{linux.user.name}}"),
    (Platform::Developer, "/users/{{email.domain}}/{{email.username}}"),
];

// === impl PathTemplate ===

impl PathTemplate {
    /// Reads a template.
    ///
    /// # Errors
    /// No values could make a path of it, or two workloads could come to one path.
    pub fn parse(text: &str) -> Result<Self, TemplateFault> {
        let tokens = tokens(text)?;
        match tokens.first() {
            Some(Token::Literal(first)) if first.starts_with('/') => {}
            _ => {
                return Err(TemplateFault::new("template does not begin with `/`")
                    .hint("a path is e.g. `/{{cluster.name}}/project/{{jwt.claim.project_id}}`"));
            }
        }
        let mut segment = Segment::default();
        for token in &tokens {
            match token {
                Token::Literal(literal) => {
                    for (place, piece) in literal.split('/').enumerate() {
                        if place > 0 {
                            segment.end(text)?;
                        }
                        segment.literal(piece)?;
                    }
                }
                Token::Value(hole) => segment.value(hole)?,
            }
        }
        segment.end(text)?;
        Ok(Self { source: text.into(), tokens: tokens.into() })
    }

    /// As it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What it reads, in the order of the path; also twice.
    pub fn attributes(&self) -> impl Iterator<Item = &Attribute> {
        self.tokens.iter().filter_map(|token| match token {
            Token::Value(hole) => Some(&hole.attribute),
            Token::Literal(_) => None,
        })
    }

    /// The same template with another attribute in the place of one, or with its value escaped.
    pub fn rewritten(&self, attribute: &Attribute, by: &Attribute, escaped: bool) -> String {
        let piece = |token: &Token| match token {
            Token::Literal(literal) => literal.to_string(),
            Token::Value(hole) => {
                let (name, escape) = match hole.attribute == *attribute {
                    true => (by, hole.escaped || escaped),
                    false => (&hole.attribute, hole.escaped),
                };
                format!("{{{{{name}{}}}}}", if escape { " | escape" } else { "" })
            }
        };
        self.tokens.iter().map(piece).collect()
    }

    /// Whether every path of it lies below `/NAME/`, for whoever belongs to this realm.
    pub fn lies_in_realm(&self, realm: &str) -> bool {
        match (self.tokens.first(), self.tokens.get(1)) {
            (Some(Token::Literal(slash)), Some(Token::Value(hole))) if **slash == *"/" => {
                let is_ended = matches!(self.tokens.get(2), Some(Token::Literal(next)) if next.starts_with('/'));
                hole.attribute == Attribute::Realm && is_ended
            }
            (Some(Token::Literal(first)), _) => first
                .strip_prefix('/')
                .and_then(|rest| rest.strip_prefix(realm))
                .is_some_and(|rest| rest.starts_with('/')),
            _ => false,
        }
    }

    /// Its segments for comparing templates: a literal, or `None` where any value may stand. The last one may stand for
    /// several.
    pub(crate) fn segments(&self, cluster: &str, realm: Option<&str>) -> Vec<Option<String>> {
        let mut segments: Vec<Option<String>> = Vec::new();
        let mut add = |piece: Option<&str>, starts: bool| {
            if starts {
                segments.push(piece.map(str::to_owned));
            } else if let Some(last) = segments.last_mut() {
                *last = last.take().and_then(|text| piece.map(|piece| text + piece));
            }
        };
        for token in &self.tokens {
            match token {
                Token::Literal(literal) => {
                    for (place, piece) in literal.split('/').enumerate() {
                        add(Some(piece), place > 0);
                    }
                }
                Token::Value(Hole { attribute: Attribute::Cluster, .. }) => add(Some(cluster), false),
                Token::Value(Hole { attribute: Attribute::Realm, .. }) => add(realm, false),
                Token::Value(_) => add(None, false),
            }
        }
        segments
    }

    /// Makes a SPIFFE ID of what is known.
    ///
    /// # Errors
    /// The first attribute that is absent or does not fit, by name; or the whole is no SPIFFE ID.
    pub fn render<S>(&self, trust_domain: &TrustDomain, sources: &Sources<'_, S>) -> Result<SpiffeId, RenderFault> {
        let mut text = format!("spiffe://{trust_domain}");
        for (place, token) in self.tokens.iter().enumerate() {
            match token {
                Token::Literal(literal) => text.push_str(literal),
                Token::Value(hole) => text.push_str(&value(hole, place + 1 == self.tokens.len(), sources)?),
            }
        }
        // What fits piece by piece is still judged as a whole, by the very parser that reads SPIFFE IDs elsewhere.
        text.parse().map_err(|fault| RenderFault::Whole { why: format!("{fault}") })
    }
}

/// One value, as it stands in the path.
fn value<S>(hole: &Hole, is_last: bool, sources: &Sources<'_, S>) -> Result<String, RenderFault> {
    let Hole { attribute, escaped } = hole;
    let text = sources.text(attribute)?;
    if text.is_empty() {
        return Err(RenderFault::unfit(attribute, None, "is empty"));
    }
    if text.len() > SpiffeId::MAX_BYTES {
        let why = format!("has {} bytes, a SPIFFE ID at most {}", text.len(), SpiffeId::MAX_BYTES);
        return Err(RenderFault::unfit(attribute, None, why));
    }
    if *escaped {
        return Ok(escape(&text));
    }
    let unfit = |why: String| RenderFault::unfit(attribute, Some(&text), why);
    let escape_it = format!("write `{{{{{attribute} | escape}}}}`");
    let segments = text.split('/').count();
    match sources.segments(attribute) {
        Some(fixed) if segments != usize::from(fixed) => {
            return Err(unfit(format!("which has {} slashes, expected {}", segments - 1, fixed - 1)));
        }
        None if segments > 1 && !is_last => {
            return Err(unfit("but only one segment fits there".to_owned())
                .hint(format!("put it last, or `{{{{{attribute} | escape}}}}`")));
        }
        Some(_) | None => {}
    }
    for segment in text.split('/') {
        if let Some(other) = segment.chars().find(|letter| !is_of_a_path(*letter)) {
            let other = Shown::of(other.encode_utf8(&mut [0; 4]));
            return Err(unfit(format!("and `{other}` has no place in a SPIFFE ID")).hint(escape_it));
        }
        match segment {
            "" => return Err(unfit("which has an empty segment".to_owned()).hint(escape_it)),
            "." | ".." => return Err(unfit(format!("and `{segment}` is no segment")).hint(escape_it)),
            _ => {}
        }
    }
    Ok(text)
}

/// A segment while its template is read.
#[derive(Default)]
struct Segment {
    text: String,
    values: usize,
    /// Before the first slash there is none.
    begun: bool,
}

// === impl Segment ===

impl Segment {
    fn literal(&mut self, piece: &str) -> Result<(), TemplateFault> {
        self.text.push_str(piece);
        match piece.chars().find(|letter| !is_of_a_path(*letter)) {
            None => Ok(()),
            Some(other) => {
                let other = Shown::of(other.encode_utf8(&mut [0; 4]));
                Err(TemplateFault::new(format!("`{other}` has no place in a SPIFFE ID"))
                    .hint("a path has letters, digits, `.`, `-` and `_` between its slashes"))
            }
        }
    }

    fn value(&mut self, hole: &Hole) -> Result<(), TemplateFault> {
        let attribute = &hole.attribute;
        if attribute.is_of_an_image() {
            return Err(TemplateFault::new(format!("`{attribute}` changes with each build, so no path is made of it"))
                .hint("put it into `jwt.additionalClaims`"));
        }
        self.values += 1;
        match self.values {
            1 => Ok(()),
            _ => Err(TemplateFault::new(format!(
                "`{attribute}` is the second value of one segment, and nothing would tell where the first ends"
            ))
            .hint("put a `/` between them")),
        }
    }

    fn end(&mut self, template: &str) -> Result<(), TemplateFault> {
        let ended = std::mem::replace(self, Self { begun: true, ..Self::default() });
        if !ended.begun || ended.values > 0 {
            return Ok(());
        }
        match ended.text.as_str() {
            "" => Err(TemplateFault::new(format!("`{}` has an empty segment", Shown::of(template)))
                .hint("take the slash at its end, or the second of two, away")),
            "." | ".." => Err(TemplateFault::new(format!("`{}` is no segment", ended.text))),
            _ => Ok(()),
        }
    }
}

/// Whether a character may stand in a segment (SPIFFE-ID section 2.2).
const fn is_of_a_path(letter: char) -> bool {
    matches!(letter, 'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' | '_')
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    /// What an agent or a person would be named by must itself be a template, also in a realm.
    #[test]
    fn defaults_are_templates_also_in_a_realm() {
        for (platform, text) in DEFAULT_PATHS {
            PathTemplate::parse(text).unwrap();
            assert!(
                PathTemplate::parse(&format!("/{{{{realm}}}}{text}")).unwrap().lies_in_realm("pay"),
                "{platform:?}"
            );
        }
    }

    #[test]
    fn what_lies_in_a_realm() {
        for (template, lies) in [
            ("/{{realm}}/x", true),
            ("/{{ spirl.realm }}/{{cluster.name}}", true),
            ("/pay/x", true),
            ("/payments/x", false),
            ("/pay", false),
            ("/{{realm}}", false),
            ("/{{realm}}x/y", false),
            ("/x/{{realm}}/y", false),
            ("/{{cluster.name}}/x", false),
            ("/pay{{cluster.name}}/x", false),
        ] {
            assert_eq!(PathTemplate::parse(template).unwrap().lies_in_realm("pay"), lies, "{template}");
        }
    }
}
