//! Starters: the documents that `accredit init KIND` prints, out of what a person knows.
//!
//! Each kind says what its platform's words mean in claims; what is the same for all of them is written here: projects,
//! provider, API, service account, grant, and the frame of the mapping.

use accredit_id::jose::jwk::{KeySet, Purpose, Source};
use serde_json::Value;

use super::{Caches, ProviderKind};
use crate::model::{Fault, Name, Permission};

/// What every starter is told beside the words of its platform.
#[derive(Clone, Debug, Default)]
pub struct Goal {
    /// What the provider is called; absent: as its kind.
    pub name: Option<String>,
    /// The audience of the workload's tokens; absent: the server's public URL, or what the platform fixes.
    pub audience: Option<String>,
    /// The API that the workload calls, by its audience, a URL.
    pub api: Option<String>,
    /// Permissions of that API; none: `use`.
    pub permissions: Vec<String>,
    /// `PROJECT/NAME` of the service account that the workload becomes.
    pub account: Option<String>,
}

/// Documents to begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Starter {
    /// All of them.
    pub yaml: String,
    /// What its reader should know and the documents cannot say, a text each.
    pub notes: Vec<String>,
}

/// A starter in the making.
pub(super) struct Draft<'g> {
    kind: &'static ProviderKind,
    goal: &'g Goal,
    provider: String,
    audience: Option<String>,
    clauses: String,
    /// Whether `replay: once` is worth a thought: it is not where it is the rule, and where tokens come again.
    offers_once: bool,
    notes: Vec<String>,
}

/// Where a permanent id is found.
pub(super) struct Lookup<'l> {
    /// The name that the mapping is pinned by instead.
    pub(super) name: &'l str,
    /// The claims to match, e.g. ["project_id"].
    pub(super) claims: &'l [&'l str],
    /// The flags that take the ids, e.g. `--project-id`.
    pub(super) flags: &'l str,
    /// A command that prints them, or where they are shown.
    pub(super) ask: &'l str,
}

// === impl Draft ===

impl<'g> Draft<'g> {
    /// A starter for a kind.
    pub(super) fn new(kind: &'static ProviderKind, goal: &'g Goal) -> Self {
        let (provider, clauses) = (String::new(), String::new());
        let (audience, offers_once) = (goal.audience.clone(), kind.caches == Caches::Never);
        Self { kind, goal, provider, audience, clauses, offers_once, notes: Vec::new() }
    }

    /// A line of the provider's `spec`.
    pub(super) fn provider(&mut self, line: &str) {
        self.provider.push_str(&format!("  {line}\n"));
    }

    /// The provider's issuer, where it is not the kind's own.
    pub(super) fn issuer(&mut self, issuer: &str) {
        if self.kind.default_issuer != Some(issuer) {
            self.provider(&format!("issuer: {}", quote(issuer)));
        }
    }

    /// The audience where the goal names none.
    pub(super) fn audience(&mut self, audience: &str) {
        self.audience.get_or_insert_with(|| audience.to_owned());
    }

    /// A line of `match`.
    pub(super) fn line(&mut self, line: &str) {
        self.clauses.push_str(&format!("    {line}\n"));
    }

    /// A claim with one value.
    pub(super) fn clause(&mut self, claim: &str, value: &str) {
        self.line(&format!("{}: {}", key(claim), quote(value)));
    }

    /// A claim that is a truth value.
    pub(super) fn truth(&mut self, claim: &str, value: bool) {
        self.line(&format!("{}: {value}", key(claim)));
    }

    /// A claim with one value and what it is in words.
    pub(super) fn clause_of(&mut self, claim: &str, value: &str, who: &str) {
        self.line(&format!("{}: {}  # {who}", key(claim), quote(value)));
    }

    /// A claim with several values; none of them: nothing.
    pub(super) fn clauses(&mut self, claim: &str, values: &[String]) {
        if !values.is_empty() {
            self.line(&format!("{}: {}", key(claim), flow(values)));
        }
    }

    /// Says where the permanent ids are found that the mapping does without.
    pub(super) fn by_name_only(&mut self, lookup: &Lookup<'_>) {
        let Lookup { name, claims, flags, ask } = lookup;
        let claims: Vec<String> = claims.iter().map(|claim| format!("{}: \"...\"", key(claim))).collect();
        self.line(&format!("# Pinned by name only: whoever takes over the name {name} would be trusted."));
        self.line(&format!("# The permanent {}: {ask}", if claims.len() == 1 { "id" } else { "ids" }));
        self.line(&format!("# then: {}", claims.join(" and ")));
        let note = format!("pinned by name only, and names can be taken over by others; for {flags} ask\n  {ask}");
        self.notes.push(note);
    }

    /// Says that each piece of evidence counts once already.
    pub(super) fn counts_once(&mut self) {
        self.offers_once = false;
    }

    /// Something to know.
    pub(super) fn note(&mut self, note: &str) {
        self.notes.push(note.to_owned());
    }

    /// The documents. `account` is `PROJECT/NAME` where the goal names none, `suffix` ends the mapping's name.
    ///
    /// # Errors
    /// What cannot be used as given, named by its flag.
    pub(super) fn finish(self, (project, local): (&str, &str), suffix: &str) -> Result<Starter, Fault> {
        let Self { kind, goal, provider, audience, clauses, offers_once, notes } = self;
        let account: Name = match &goal.account {
            Some(name) => name.parse().map_err(|fault| Fault::at("--as", format!("{fault}")))?,
            None => {
                let name = format!("{}/{}", named(&slug(project), "workloads"), named(&slug(local), "workload"));
                name.parse().map_err(|fault| Fault::at("--as", format!("{fault}")))?
            }
        };
        let project = account
            .project()
            .ok_or_else(|| Fault::at("--as", format!("`{account}` has no project, expected PROJECT/NAME")))?;
        let name = goal.name.as_deref().unwrap_or(kind.name);
        let name: Name = name.parse().map_err(|fault| Fault::at("--name", format!("{fault}")))?;
        let mapping = format!("{account}-{}", slug(suffix));
        let mapping = mapping.trim_end_matches('-');
        let api = Api::of(goal)?;

        let api_project = api.as_ref().map(Api::project).filter(|owner| *owner != project);
        let mut yaml = String::new();
        for name in std::iter::once(project).chain(api_project) {
            yaml.push_str(&format!("kind: Project\nname: {name}\n---\n"));
        }
        yaml.push_str(&format!("kind: Provider\nname: {name}\nspec:\n  type: {}\n{provider}", kind.name));
        if let Some(audience) = &audience {
            yaml.push_str(&format!("  audiences: [{}]\n", quote(audience)));
        }
        if let Some(api) = &api {
            yaml.push_str(&api.yaml());
        }
        yaml.push_str(&format!("---\nkind: ServiceAccount\nname: {account}\n"));
        if let Some(api) = &api {
            yaml.push_str(&api.grant(&account, project));
        }
        yaml.push_str(&format!(
            "---\nkind: Mapping\nname: {mapping}\nspec:\n  provider: {name}\n  serviceAccount: {account}\n  match:\n{clauses}"
        ));
        if let Some(api) = &api {
            yaml.push_str(&format!("  permissions: {}\n", api.permissions));
        }
        yaml.push_str("  lifetime: 15m\n");
        if offers_once {
            yaml.push_str(ONCE);
        }
        Ok(Starter { yaml, notes })
    }
}

/// For platforms that make a new token for each request. Not the default: a client may show what it has once more.
const ONCE: &str = "  # replay: once  # if each exchange fetches a token of its own: a copied one is then of no use\n";

/// The API of a starter.
struct Api<'g> {
    name: String,
    audience: &'g str,
    /// In YAML.
    permissions: String,
}

// === impl Api ===

impl<'g> Api<'g> {
    fn of(goal: &'g Goal) -> Result<Option<Self>, Fault> {
        let Some(audience) = goal.api.as_deref() else {
            return match goal.permissions.is_empty() {
                true => Ok(None),
                false => Err(Fault::at("--permission", "says what of an API, expected `--api` beside it")),
            };
        };
        for permission in &goal.permissions {
            Permission::parse(permission).map_err(|sentence| Fault::at("--permission", sentence))?;
        }
        let default = ["use".to_owned()];
        let permissions = if goal.permissions.is_empty() { &default[..] } else { &goal.permissions };
        Ok(Some(Self { name: api_name(audience)?, audience, permissions: flow(permissions) }))
    }

    fn project(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }

    fn yaml(&self) -> String {
        let Self { name, audience, permissions } = self;
        let audience = quote(audience);
        format!("---\nkind: API\nname: {name}\nspec:\n  audience: {audience}\n  permissions: {permissions}\n")
    }

    fn grant(&self, account: &Name, project: &str) -> String {
        let Self { name, audience: _, permissions } = self;
        let (owner, local) = (self.project(), account.local());
        format!(
            "---\nkind: Grant\nname: {owner}/{project}-{local}\nspec:\n  api: {name}\n  permissions: {permissions}\n  to: {account}\n"
        )
    }
}

/// A text that is fit to be a part of a name, or another one instead.
fn named<'t>(text: &'t str, instead: &'t str) -> &'t str {
    if text.is_empty() { instead } else { text }
}

/// Refuses what could not be a claim's value, or would say more than one thing.
///
/// # Errors
/// What is wrong with it, named by its flag.
pub(super) fn plain<'t>(flag: &str, text: &'t str, what: &str) -> Result<&'t str, Fault> {
    let is_plain =
        !text.is_empty() && text.len() <= 256 && !text.chars().any(|letter| letter.is_control() || letter == '*');
    match is_plain {
        true => Ok(text),
        false => Err(Fault::at(flag, format!("`{}` is not {what}", text.escape_debug()))),
    }
}

/// Refuses the same of a text that may be only how others begin, with a `*` at its end.
///
/// # Errors
/// What is wrong with it, named by its flag.
pub(super) fn beginning<'t>(flag: &str, text: &'t str, what: &str) -> Result<&'t str, Fault> {
    plain(flag, text.strip_suffix('*').filter(|rest| !rest.is_empty()).unwrap_or(text), what)
}

/// Refuses what is no id of this form.
///
/// # Errors
/// What was expected, named by its flag.
pub(super) fn id<'t>(
    flag: &str,
    text: &'t str,
    expected: &str,
    fits: impl FnOnce(&str) -> bool,
) -> Result<&'t str, Fault> {
    match fits(text) {
        true => Ok(text),
        false => Err(Fault::at(flag, format!("`{}` is not an id, expected {expected}", text.escape_debug()))),
    }
}

/// A key set on one line, without anything that is not JSON.
///
/// # Errors
/// Why it is none, named by its flag.
pub(super) fn key_set(flag: &str, text: &str) -> Result<Value, Fault> {
    let value = serde_json::from_str(text).map_err(|_| Fault::at(flag, "is no JSON, expected a key set"))?;
    KeySet::parse(text.as_bytes(), Source::Uploaded, Purpose::Signature)
        .map_err(|fault| Fault::at(flag, format!("{fault}")))?;
    Ok(value)
}

/// Digits and nothing else.
pub(super) fn is_digits(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A UUID (RFC 9562), written with hyphens.
pub(super) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Letters, digits, `-` and `_`, after this beginning.
pub(super) fn is_word_after(prefix: &str, text: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|rest| {
        (1..=64).contains(&rest.len())
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    })
}

/// A name for the API out of its audience: `https://payments.example.org` becomes `payments/payments`.
fn api_name(audience: &str) -> Result<String, Fault> {
    let host = audience.strip_prefix("https://").or_else(|| audience.strip_prefix("http://")).ok_or_else(|| {
        Fault::at("--api", format!("`{}` is not an audience, expected an https URL", audience.escape_debug()))
    })?;
    let host = host.split(['/', ':', '?', '#']).next().unwrap_or_default();
    let label = slug(host.split('.').next().unwrap_or_default());
    if label.is_empty() {
        return Err(Fault::at("--api", format!("`{}` has no host", audience.escape_debug())));
    }
    // An IP address says nothing, and YAML would take its first number for one.
    let label = if label.starts_with(|letter: char| letter.is_ascii_digit()) { "api".to_owned() } else { label };
    Ok(format!("{label}/{label}"))
}

/// What is left of a text where only `a-z`, `0-9` and `-` are allowed, at most 40 of them.
pub(super) fn slug(text: &str) -> String {
    let lower: String = text
        .chars()
        .take(40)
        .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' })
        .collect();
    lower.trim_matches('-').to_owned()
}

/// `main` is a branch; `tags/v*` and `heads/main` are refs without their first word.
pub(super) fn full_ref(text: &str) -> Result<String, Fault> {
    let full = if text.starts_with("refs/") {
        text.to_owned()
    } else if text.starts_with("tags/") || text.starts_with("heads/") {
        format!("refs/{text}")
    } else {
        format!("refs/heads/{text}")
    };
    let body = full.strip_suffix('*').unwrap_or(&full);
    if text.is_empty()
        || text == "*"
        || body.contains('*')
        || full.chars().any(|letter| letter.is_control() || letter == ' ')
    {
        return Err(Fault::at("--ref", format!("`{}` is not a branch, a tag or a ref", text.escape_debug())));
    }
    Ok(full)
}

/// A claim's name as a key of YAML.
fn key(claim: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'/' | b'-');
    if claim.bytes().all(plain) { claim.to_owned() } else { quote(claim) }
}

fn flow(items: &[String]) -> String {
    match items {
        [one] => format!("[{}]", bare(one)),
        _ => format!("[{}]", items.iter().map(|item| bare(item)).collect::<Vec<_>>().join(", ")),
    }
}

/// Without quotes where YAML needs none.
fn bare(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'/' | b'-');
    if text.bytes().all(plain)
        && text.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && !WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
    {
        return text.to_owned();
    }
    quote(text)
}

/// Words that YAML has taken for truth values or nothing, in some version and in any case.
const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];

pub(super) fn quote(text: &str) -> String {
    Value::from(text).to_string()
}
