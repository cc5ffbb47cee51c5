//! Why a store cannot be opened or read.

use std::path::PathBuf;

use thiserror::Error;

/// Why a store cannot be opened or read; the path comes last in every sentence.
#[derive(Debug, Error)]
pub enum StoreError {
    #[error("There is no file or folder {}", path.display())]
    NotFound { path: PathBuf },
    #[error("{what} cannot be opened as a store: {}", path.display())]
    NotAStoreFile { what: &'static str, path: PathBuf },
    #[error("The file cannot be read ({reason}): {}", path.display())]
    Unreadable { reason: String, path: PathBuf },
    #[error("This is no store that is known: {reason}: {}", path.display())]
    NotRecognised { reason: String, path: PathBuf },
    /// Recognised, and broken; nothing of it can be read.
    #[error("The file is damaged: {what}: {}", path.display())]
    Damaged { what: String, path: PathBuf },
    /// Read as far as it can be, with what is to be done about the worst of what is wrong.
    #[error("Parts of the file are damaged: {what}: {}", path.display())]
    PartlyDamaged { what: String, hint: String, path: PathBuf },
    /// What SQLite writes beside a database, without the database.
    #[error("This is the {what} of {database}, and without that database nothing can be read of it: {}", path.display())]
    Alone { what: &'static str, database: String, path: PathBuf },
    /// What SQLite writes beside a database, which is there.
    #[error("This is the {what} of {database}, which lies beside it: {}", path.display())]
    Companion { what: &'static str, database: String, path: PathBuf },
    /// SQLite cannot open it where it is without writing beside it.
    #[error("SQLite cannot open this file where it is: {reason}: {}", path.display())]
    NeedsCopy { reason: String, path: PathBuf },
    #[error("Another program has the database locked: {}", path.display())]
    Locked { path: PathBuf },
    #[error("There is no table {name} in this store")]
    NoSuchTable { name: String },
    #[error("There is no column {name} in {table}")]
    NoSuchColumn { name: String, table: String },
    #[error("The reading was cancelled")]
    Cancelled,
    #[error("SQLite: {message}")]
    Sqlite { message: String, damaged: bool },
}

impl StoreError {
    /// What the person can do about it.
    pub fn hint(&self) -> &str {
        match self {
            StoreError::NotFound { .. } => "Check the path.",
            StoreError::NotAStoreFile { .. } => "Open a file or a folder.",
            StoreError::Unreadable { .. } => "Check that you may read it.",
            StoreError::NotRecognised { .. } => {
                "Open a SQLite database, a sessions.json, a session document or a wrangler configuration."
            }
            StoreError::Damaged { .. } => {
                "Restore it from a backup, or ask the program that wrote it to write it anew."
            }
            StoreError::PartlyDamaged { hint, .. } => hint,
            StoreError::Alone { .. } => {
                "Put it beside the database that it was copied away from, under its name, and open the database."
            }
            StoreError::Companion { .. } => "Open the database itself; what is in this file is read with it.",
            StoreError::NeedsCopy { .. } => "Open a private copy; the original stays untouched.",
            StoreError::Locked { .. } => "Try again when the other program has finished.",
            StoreError::NoSuchTable { .. } => "Ask `inspect` for the tables there are.",
            StoreError::NoSuchColumn { .. } => "Choose one of the columns that the table shows.",
            StoreError::Cancelled => "Start it again.",
            StoreError::Sqlite { damaged: true, .. } => {
                "The database is damaged here; the rest of it can still be read."
            }
            StoreError::Sqlite { .. } => "Open the file again.",
        }
    }

    /// Whether the file is recognised and broken, rather than unreadable.
    pub fn is_damage(&self) -> bool {
        matches!(
            self,
            StoreError::Damaged { .. }
                | StoreError::PartlyDamaged { .. }
                | StoreError::Sqlite { damaged: true, .. }
        )
    }

    /// Whether a private copy would open where the file itself does not.
    pub fn needs_copy(&self) -> bool {
        matches!(self, StoreError::NeedsCopy { .. })
    }
}

/// An error as it is shown: what is wrong, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub message: String,
    pub hint: String,
    /// A private copy would open.
    pub needs_copy: bool,
    /// It was cancelled, not broken.
    pub cancelled: bool,
    /// It will pass by itself: another program has the file locked.
    pub passes: bool,
}

impl From<&StoreError> for Failure {
    fn from(error: &StoreError) -> Self {
        Self {
            message: error.to_string(),
            hint: error.hint().to_owned(),
            needs_copy: error.needs_copy(),
            cancelled: matches!(error, StoreError::Cancelled),
            passes: matches!(error, StoreError::Locked { .. }),
        }
    }
}

impl From<&super::repair::RepairError> for Failure {
    fn from(error: &super::repair::RepairError) -> Self {
        Self {
            message: error.to_string(),
            hint: error.hint(),
            needs_copy: false,
            cancelled: matches!(error, super::repair::RepairError::Store(StoreError::Cancelled)),
            passes: false,
        }
    }
}
