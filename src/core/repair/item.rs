//! The lines of a plan: what happens to a row, and why.

use std::path::Path;

use super::{Edit, RepairError};
use crate::core::{Flow, StoreError};

/// What a plan does with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    Insert,
    Update,
    Delete,
    Keep,
    Reject,
    Create,
    Rename,
    /// Only listed, to compare: no row of the repair.
    Beside,
}

impl Action {
    pub const ALL: [Action; 8] = [
        Action::Insert,
        Action::Update,
        Action::Delete,
        Action::Keep,
        Action::Reject,
        Action::Create,
        Action::Rename,
        Action::Beside,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Action::Insert => "insert",
            Action::Update => "update",
            Action::Delete => "delete",
            Action::Keep => "keep",
            Action::Reject => "reject",
            Action::Create => "create",
            Action::Rename => "rename",
            Action::Beside => "beside",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.as_str() == word)
    }

    /// Whether it changes the store.
    pub fn changes(self) -> bool {
        !matches!(self, Action::Keep | Action::Reject | Action::Beside)
    }
}

/// What kind of line it is, for a preview to gather by; the words are shown.
pub type Class = &'static str;

/// One line of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    pub action: Action,
    pub class: Class,
    /// The store's own table.
    pub table: std::sync::Arc<str>,
    /// The row as people know it.
    pub key: String,
    pub reason: String,
    /// The time by which it was judged, in milliseconds.
    pub at_ms: Option<i64>,
    /// What is done; none where nothing is, or where another line's edit does it too.
    pub edit: Option<Edit>,
    /// Lines of one group are done in one transaction where they fit.
    pub group: u64,
}

impl Item {
    /// A line that changes nothing.
    pub fn line(
        action: Action,
        class: Class,
        table: &std::sync::Arc<str>,
        key: &str,
        reason: impl Into<String>,
    ) -> Self {
        let (table, key, reason) = (table.clone(), key.to_owned(), reason.into());
        Self { action, class, table, key, reason, at_ms: None, edit: None, group: 0 }
    }

    /// A line that changes what its edit says.
    pub fn change(action: Action, class: Class, key: &str, reason: impl Into<String>, edit: Edit) -> Self {
        let table = edit.table.clone();
        Self { edit: Some(edit), ..Self::line(action, class, &table, key, reason) }
    }

    /// The time by which it was judged.
    pub fn at(self, at_ms: Option<i64>) -> Self {
        Self { at_ms, ..self }
    }
}

/// How many lines of each action a plan has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    counts: [u64; 8],
    pub edits: u64,
    /// What they take in the operation log, about, with its own pages and a copy of the whole where there is one.
    pub undo_bytes: u64,
}

impl Summary {
    pub fn of(&self, action: Action) -> u64 {
        self.counts[action as usize]
    }

    pub fn count(&mut self, item: &Item) {
        self.counts[item.action as usize] += 1;
        self.edits += u64::from(item.edit.is_some());
    }

    /// Lines that change the store, or say of a piece of it that it changes.
    pub fn changes(&self) -> u64 {
        Action::ALL.into_iter().filter(|a| a.changes()).map(|a| self.of(a)).sum()
    }
}

/// Where the lines of a plan are written while it is made: a temporary file, not memory.
pub trait Draft {
    fn add(&mut self, item: &Item) -> Result<(), RepairError>;
    fn finish(self: Box<Self>) -> Result<Box<dyn PlanItems>, RepairError>;
}

/// A line of a plan as it is printed.
#[derive(Debug, Clone, Copy)]
pub struct PlanLine<'a> {
    pub action: Action,
    pub table: &'a str,
    pub key: &'a str,
    pub reason: &'a str,
}

/// The lines of a plan that is made.
pub trait PlanItems: Send {
    /// Hands out all lines in their order.
    fn lines(&self, each: &mut dyn FnMut(PlanLine<'_>) -> Flow) -> Result<(), StoreError>;

    /// Hands out the edits from a line on: the line's number, its group and the edit.
    fn edits(&self, from: u64, each: &mut dyn FnMut(u64, u64, Edit) -> Flow) -> Result<(), RepairError>;

    /// The file they are in.
    fn path(&self) -> &Path;
}
