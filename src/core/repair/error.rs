//! Why a repair is refused or failed.

use std::path::PathBuf;

use thiserror::Error;

use crate::core::{Operation, StoreError};

/// Why a repair is refused or failed; nothing was changed unless it says so. The path comes last.
#[derive(Debug, Error)]
pub enum RepairError {
    #[error("{what}: {}", path.display())]
    Unsupported { what: &'static str, path: PathBuf },
    #[error("This store is not understood well enough to be written: {reason}: {}", path.display())]
    NotUnderstood { reason: String, path: PathBuf },
    #[error("The database is newer than this program: {reason}: {}", path.display())]
    TooNew { reason: String, path: PathBuf },
    #[error("A migration step is not the one that was applied: {reason}: {}", path.display())]
    Edited { reason: String, path: PathBuf },
    #[error("The store is damaged, and a damaged one is never written: {reason}: {}", path.display())]
    Damaged { reason: String, path: PathBuf },
    #[error("{reason}: {}", path.display())]
    MayNotWrite { reason: String, hint: &'static str, path: PathBuf },
    #[error("Another program has the store locked: {}", path.display())]
    Locked { path: PathBuf },
    #[error("The file is not the one that was looked at: it was replaced or moved meanwhile: {}", path.display())]
    Replaced { path: PathBuf },
    /// The system did not do what it was asked to.
    #[error("{reason}: {}", path.display())]
    Failed { reason: String, hint: &'static str, path: PathBuf },
    #[error("There is not enough space: {needed_bytes} bytes are needed, {free_bytes} are free: {}", path.display())]
    NoSpace { needed_bytes: u64, free_bytes: u64, path: PathBuf },
    #[error("The disk is full: {}", path.display())]
    DiskFull { path: PathBuf },
    #[error("The operation log cannot be written ({reason}): {}", path.display())]
    LogUnwritable { reason: String, path: PathBuf },
    #[error("{planned} rows were to change, and {changed} did, by a trigger or a cascade that the plan does not list; nothing was changed: {}", path.display())]
    Unplanned { planned: u64, changed: u64, path: PathBuf },
    #[error("Nothing was changed, since it would break a rule of the schema: {what}: {}", path.display())]
    BreaksRule { what: String, path: PathBuf },
    #[error("There is no operation {operation}")]
    NoSuchOperation { operation: String },
    #[error("Operation {operation} cannot be undone: {reason}")]
    CannotUndo { operation: String, reason: String, backup: Option<PathBuf> },
    #[error("{reason}: {}", path.display())]
    Source { reason: String, path: PathBuf },
    /// A text that cannot be changed as it should be, with what the person can do.
    #[error("{reason}: {}", path.display())]
    Text { reason: String, hint: String, path: PathBuf },
    #[error("{reason}")]
    Usage { reason: String },
    #[error("It was cancelled")]
    Cancelled,
    /// A later batch failed after others were committed.
    #[error("It stopped after {} of {} changes: {why}", operation.done, operation.planned)]
    Partly { operation: Box<Operation>, why: Box<RepairError> },
    /// Whether the last changes were made is found out at the next start.
    #[error("Operation {operation} was broken off, and it is not known yet how far it came: {why}")]
    Unsettled { operation: String, why: Box<RepairError> },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl RepairError {
    /// What the person can do about it.
    /// The operation that was begun before it failed, if one was.
    pub fn operation(&self) -> Option<String> {
        match self {
            RepairError::Partly { operation, .. } => Some(operation.id.clone()),
            RepairError::Unsettled { operation, .. } => Some(operation.clone()),
            _ => None,
        }
    }

    pub fn hint(&self) -> String {
        match self {
            RepairError::Unsupported { .. } => "Choose a store that has what this repair is about.".into(),
            RepairError::NotUnderstood { .. } => {
                "Open it to look at; it is only read until its schema is known.".into()
            }
            RepairError::TooNew { .. } => "Use a version of this program that knows it.".into(),
            RepairError::Edited { .. } => "Compare both texts, and migrate it by hand.".into(),
            RepairError::Damaged { .. } => "Restore it from a backup first.".into(),
            RepairError::MayNotWrite { hint, .. } | RepairError::Failed { hint, .. } => (*hint).into(),
            RepairError::Locked { .. } => "Try again when the other program has finished.".into(),
            RepairError::Replaced { .. } => "Look at it again, and plan anew.".into(),
            RepairError::NoSpace { .. } | RepairError::DiskFull { .. } => {
                "Make room on the disk, then try again.".into()
            }
            RepairError::LogUnwritable { .. } => {
                "Without a log nothing is changed; set SESSIONSCOPE_DATA_DIR to a folder that may be written."
                    .into()
            }
            RepairError::Unplanned { .. } => {
                "Look at the database's triggers and foreign keys under Tables.".into()
            }
            RepairError::BreaksRule { .. } => "Delete what refers to these rows first.".into(),
            RepairError::NoSuchOperation { .. } => {
                "Ask `sessionscope operations` for those there are.".into()
            }
            RepairError::CannotUndo { backup: Some(path), .. } => format!(
                "The database as it was before is kept; put it into a new file with `--restore-to FILE`: {}",
                path.display()
            ),
            RepairError::CannotUndo { .. } => "Nothing was changed.".into(),
            RepairError::Source { .. } => "Choose another file to import from.".into(),
            RepairError::Text { hint, .. } => hint.clone(),
            RepairError::Usage { .. } => "Ask `sessionscope help` for what it takes.".into(),
            RepairError::Cancelled => "Start it again.".into(),
            RepairError::Partly { operation, .. } => {
                format!("Start it again to finish, or undo operation {}.", operation.id)
            }
            RepairError::Unsettled { .. } => {
                "Ask `sessionscope operations`, which compares the store with the log.".into()
            }
            RepairError::Store(error) => error.hint().into(),
        }
    }

    /// Whether it is a refusal, where nothing was tried, rather than a failure.
    pub fn is_refusal(&self) -> bool {
        match self {
            RepairError::Store(error) => error.is_damage() || matches!(error, StoreError::Locked { .. }),
            RepairError::Usage { .. }
            | RepairError::NoSuchOperation { .. }
            | RepairError::Cancelled
            | RepairError::Partly { .. }
            | RepairError::Unsettled { .. }
            | RepairError::Failed { .. }
            | RepairError::DiskFull { .. } => false,
            _ => true,
        }
    }

    /// Whether the command itself was wrong.
    pub fn is_usage(&self) -> bool {
        matches!(self, RepairError::Usage { .. } | RepairError::NoSuchOperation { .. })
    }
}
