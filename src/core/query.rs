//! What is asked of a table: which rows, in which order.

use super::Table;

/// Which rows of a table are wanted, and in which order.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    pub table: Table,
    /// Only the rows of this session; tables without sessions ignore it.
    pub session: Option<String>,
    /// Only rows in which some column contains this text, whatever its case.
    pub search: Option<String>,
    pub filters: Vec<Filter>,
    /// The table's own order where there is none.
    pub sort: Option<Sort>,
}

impl Query {
    pub fn all(table: Table) -> Self {
        Self { table, session: None, search: None, filters: Vec::new(), sort: None }
    }

    /// Whether it leaves rows out besides those of other sessions.
    pub fn is_filtered(&self) -> bool {
        self.search.is_some() || !self.filters.is_empty()
    }
}

/// A condition on one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    pub column: String,
    pub condition: Condition,
}

/// What a column's value must be like. Times compare as the RFC 3339 text that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Contains the text, whatever its case.
    Contains(String),
    Lacks(String),
    Is(String),
    IsNot(String),
    From(String),
    UpTo(String),
    Empty,
    NotEmpty,
}

impl Condition {
    /// Reads what a person types in a filter: `text`, `!text`, `=text`, `!=text`, `>=x`, `<=x`, `=` (empty), `!=` (not empty).
    pub fn parse(typed: &str) -> Option<Condition> {
        let typed = typed.trim();
        Some(match typed {
            "" | "!" | ">" | "<" | ">=" | "<=" => return None,
            "=" => Condition::Empty,
            "!=" => Condition::NotEmpty,
            _ => {
                let rest = |n: usize| typed[n..].trim().to_owned();
                if typed.starts_with("!=") {
                    Condition::IsNot(rest(2))
                } else if typed.starts_with(">=") {
                    Condition::From(rest(2))
                } else if typed.starts_with("<=") {
                    Condition::UpTo(rest(2))
                } else if typed.starts_with('=') {
                    Condition::Is(rest(1))
                } else if typed.starts_with('!') {
                    Condition::Lacks(rest(1))
                } else if typed.starts_with('>') {
                    Condition::From(rest(1))
                } else if typed.starts_with('<') {
                    Condition::UpTo(rest(1))
                } else {
                    Condition::Contains(typed.to_owned())
                }
            }
        })
    }

    /// The condition as [`Condition::parse`] reads it.
    pub fn typed(&self) -> String {
        match self {
            Condition::Contains(text) => text.clone(),
            Condition::Lacks(text) => format!("!{text}"),
            Condition::Is(text) => format!("={text}"),
            Condition::IsNot(text) => format!("!={text}"),
            Condition::From(text) => format!(">={text}"),
            Condition::UpTo(text) => format!("<={text}"),
            Condition::Empty => "=".to_owned(),
            Condition::NotEmpty => "!=".to_owned(),
        }
    }
}

/// The column to order by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    pub column: String,
    pub descending: bool,
}
