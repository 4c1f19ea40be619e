//! What is wrong with a document, said so that the line can be found and mended.

/// One fault in one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Index of the document in the set, from 0.
    pub document: usize,
    /// Path of the field, e.g. `spec.match.ref`; empty for the document as a whole.
    pub field: String,
    /// Seen and expected, lower case, no full stop.
    pub message: String,
    /// The smallest edit that mends it.
    pub hint: Option<String>,
}

/// The faults of a set of documents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl Fault {
    /// A fault of a field; the document is filled in by whoever knows it.
    pub fn at(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { document: 0, field: field.into(), message: message.into(), hint: None }
    }

    /// The same fault with a hint.
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The same fault in document number `document`.
    pub fn in_document(self, document: usize) -> Self {
        Self { document, ..self }
    }
}

impl Faults {
    /// Keeps what is wrong; what could be made is given back, so that the next thing can be looked at all the same.
    pub(crate) fn note<T>(&mut self, tried: Result<T, impl Into<Faults>>) -> Option<T> {
        tried.map_err(|faults| self.0.extend(faults.into().0)).ok()
    }

    /// Keeps one more.
    pub(crate) fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// What was made, if nothing is wrong.
    ///
    /// # Errors
    /// All that is.
    pub(crate) fn unless<T>(self, made: T) -> Result<T, Faults> {
        if self.is_empty() { Ok(made) } else { Err(self) }
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}
