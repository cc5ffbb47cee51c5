//! A row in which something was found.

use super::Snippet;
use crate::core::{RowKey, Table};

/// A row in which something was found, with what a list of hits shows of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    pub table: Table,
    pub row: RowKey,
    /// The row's own key, as a person knows it: a message's id, an entry's key.
    pub key: String,
    pub session_id: Option<String>,
    /// What the row is, in a word: a message's role, a task's status.
    pub word: Option<String>,
    pub at_ms: Option<i64>,
    pub snippet: Snippet,
}
