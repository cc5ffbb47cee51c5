//! Something wrong or worth knowing.

use std::borrow::Cow;

use super::repair::Offer;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    Info,
    Warning,
    Error,
}

impl Severity {
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// Something wrong or worth knowing, with where it was seen and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub severity: Severity,
    /// A stable kebab-case word.
    pub code: &'static str,
    /// The table it is about, by name; empty where it is about the whole file.
    pub table: Cow<'static, str>,
    /// The row or thing it is about.
    pub key: String,
    pub message: String,
    pub suggestion: String,
    /// The repair for it; where it is about one session, its key is that session's.
    pub repair: Option<Offer>,
}

impl Finding {
    pub fn new(severity: Severity, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity,
            code,
            table: "".into(),
            key: String::new(),
            message: message.into(),
            suggestion: String::new(),
            repair: None,
        }
    }

    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    pub fn info(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Info, code, message)
    }

    /// Says which table and row it is about.
    pub fn at(mut self, table: impl Into<Cow<'static, str>>, key: impl Into<String>) -> Self {
        self.table = table.into();
        self.key = key.into();
        self
    }

    /// Names the repair for it.
    pub fn fix(mut self, repair: Offer) -> Self {
        self.repair = Some(repair);
        self
    }

    /// Says what to do.
    pub fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = suggestion.into();
        self
    }
}
