//! What a decision looked at, for whoever asks why.

use crate::model::Bound;

/// One mapping and how it fared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingTrace {
    /// Its name.
    pub mapping: String,
    /// Its id.
    pub id: String,
    /// Whether it is enabled, and so is its project.
    pub enabled: bool,
    /// Its project, where that is what is disabled.
    pub disabled_project: Option<String>,
    /// Whether all of its clauses hold.
    pub matched: bool,
    /// Every clause.
    pub clauses: Vec<ClauseTrace>,
    /// To what its tokens must be bound, where it says.
    pub bound: Option<Bound>,
    /// Every entry of its `actors`, where somebody acts.
    pub actors: Vec<ActorTrace>,
}

/// One entry of a mapping's `actors` and how it fared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActorTrace {
    /// The name of its provider.
    pub provider: String,
    /// Whether that is the actor's; else there are no clauses.
    pub of_its_provider: bool,
    /// Whether the actor may act by it.
    pub matched: bool,
    /// Every clause.
    pub clauses: Vec<ClauseTrace>,
}

/// One clause and how it fared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClauseTrace {
    /// The claim's name, or the text of a condition's conjunct.
    pub clause: String,
    /// Whether it holds.
    pub verdict: ClauseVerdict,
    /// What was seen, control and direction characters escaped; `None` when there was nothing.
    pub seen: Option<String>,
    /// Whose values were seen, so that a record can leave out what it may not keep.
    pub claims: Vec<String>,
    /// Whether the seen value is here, if there was one: a record does not keep every claim's.
    pub recorded: bool,
    /// What was expected.
    pub expected: Option<String>,
    /// How near it was.
    pub near: Option<Near>,
    /// Whether nobody wrote it down: what is expected is what was seen at the first use of a name.
    pub pinned: bool,
}

/// How a clause came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClauseVerdict {
    /// It could not be evaluated, which is never a match.
    Error,
    /// It does not hold.
    Failed,
    /// It holds.
    Held,
}

/// A difference that a person would overlook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Near {
    /// Only upper and lower case differ.
    Case,
    /// GitHub's classic subject against the immutable one, or the reverse.
    SubjectFormat,
    /// Only a slash at the end differs.
    TrailingSlash,
    /// The same text, once as a number or truth value and once as a string.
    Type,
    /// White space around it.
    WhiteSpace,
}

impl MappingTrace {
    /// How many of its clauses do not hold; nearer mappings have fewer. What was pinned is no clause of the mapping, and
    /// makes it no farther.
    pub fn distance(&self) -> usize {
        self.clauses.iter().filter(|clause| clause.verdict != ClauseVerdict::Held && !clause.pinned).count()
    }

    /// The entry of the actor's provider that comes nearest to him, and its first clause that does not hold.
    pub fn nearest_actor(&self) -> Option<(&ActorTrace, &ClauseTrace)> {
        let failed =
            |actor: &ActorTrace| actor.clauses.iter().filter(|clause| clause.verdict != ClauseVerdict::Held).count();
        let nearest = self.actors.iter().filter(|actor| actor.of_its_provider).min_by_key(|actor| failed(actor))?;
        Some((nearest, nearest.clauses.iter().find(|clause| clause.verdict != ClauseVerdict::Held)?))
    }

    /// The first clause that does not hold.
    pub fn first_failed(&self) -> Option<&ClauseTrace> {
        self.clauses.iter().find(|clause| clause.verdict != ClauseVerdict::Held)
    }
}

impl ClauseTrace {
    /// The clause in one line, as an operator reads it.
    pub fn line(&self) -> String {
        let seen = match &self.seen {
            Some(seen) => format!("`{seen}`"),
            None if self.recorded => "absent".to_owned(),
            None => "not what was expected, its value is not recorded".to_owned(),
        };
        let expects = if self.pinned { "pinned to" } else { "expected" };
        let expected =
            self.expected.as_deref().map_or_else(String::new, |expected| format!(", {expects} `{expected}`"));
        let near = self.near.map_or("", Near::words);
        match self.verdict {
            ClauseVerdict::Error => format!(
                "`{}` cannot be evaluated: {}",
                self.clause,
                self.seen.as_deref().unwrap_or("absent or not recorded")
            ),
            ClauseVerdict::Failed | ClauseVerdict::Held => format!("`{}` is {seen}{expected}{near}", self.clause),
        }
    }
}

impl Near {
    /// Said after seen and expected.
    pub const fn words(self) -> &'static str {
        match self {
            Near::Case => ": only case differs",
            Near::SubjectFormat => ": the subject has another format",
            Near::TrailingSlash => ": only the slash at the end differs",
            Near::Type => ": the same text in another type",
            Near::WhiteSpace => ": only white space differs",
        }
    }

    /// What to do about it.
    pub const fn hint(self) -> &'static str {
        match self {
            Near::Case => "values are compared byte for byte; match a permanent id instead of a name",
            Near::SubjectFormat => "match `repository_id` and `ref` instead of `sub`",
            Near::TrailingSlash => "correct the mapping; values are compared byte for byte",
            Near::Type => "quote the value in the mapping, or take the quotes away",
            Near::WhiteSpace => "correct the mapping; values are compared byte for byte",
        }
    }
}
