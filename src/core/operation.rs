//! Repairs that were applied, kept with all it takes to undo them.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Timestamp;
use super::repair::{Plan, Repair, RepairError};

/// How an operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationState {
    /// Being applied right now, by this program or another of its kind.
    Running,
    /// It was interrupted, and nobody has looked yet how far it came.
    Pending,
    Applied,
    /// Only its first batches were done.
    Partly,
    /// It changed nothing.
    Nothing,
    /// Applied, and what undoing it takes was thrown away.
    Forgotten,
}

impl OperationState {
    pub fn as_str(self) -> &'static str {
        match self {
            OperationState::Running => "running",
            OperationState::Pending => "interrupted",
            OperationState::Applied => "applied",
            OperationState::Partly => "partly applied",
            OperationState::Nothing => "not applied",
            OperationState::Forgotten => "forgotten",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        use OperationState as S;
        [S::Running, S::Pending, S::Applied, S::Partly, S::Nothing, S::Forgotten]
            .into_iter()
            .find(|s| s.as_str() == word)
    }
}

/// A repair that was applied.
#[derive(Debug, Clone)]
pub struct Operation {
    pub id: String,
    pub repair: Repair,
    /// The store that was changed.
    pub path: PathBuf,
    pub stores: Vec<String>,
    pub state: OperationState,
    pub started_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    /// Edits that were planned, that were done, and that were left alone since the row had changed.
    pub planned: u64,
    pub done: u64,
    pub left: u64,
    /// Space that its undo takes in the log, its backup included; none once it is forgotten.
    pub size_bytes: u64,
    /// The operation that it takes back.
    pub undoes: Option<String>,
    /// The operation that took it back.
    pub undone_by: Option<String>,
    /// The store as it was before, whole, where there is such a copy.
    pub backup: Option<PathBuf>,
    /// The longest time that the write lock was held, in microseconds.
    pub longest_lock_us: Option<u64>,
    /// How long it was held, over all batches.
    pub locks: Option<LockTimes>,
}

/// How long the batches of an operation held the write lock, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockTimes {
    pub batches: u64,
    pub median_us: u64,
    pub p99_us: u64,
    pub p999_us: u64,
}

impl LockTimes {
    /// Of the times of each batch; none where there are none.
    pub fn of(locks_us: &[u64]) -> Option<Self> {
        let mut sorted = locks_us.to_vec();
        sorted.sort_unstable();
        let last = sorted.len().checked_sub(1)?;
        let at = |thousandths: usize| sorted[(last * thousandths + 500) / 1000];
        let batches = sorted.len() as u64;
        Some(Self { batches, median_us: at(500), p99_us: at(990), p999_us: at(999) })
    }
}

impl Operation {
    /// What was done, as `Prune` or `Undo of 12`.
    pub fn title(&self) -> String {
        match &self.repair {
            Repair::Import { from, .. } => {
                format!("Import of {}", from.file_name().unwrap_or_default().to_string_lossy())
            }
            Repair::Prune(_) => "Prune".to_owned(),
            Repair::DeleteIssue(wanted) => format!("Delete issue {} of {}", wanted.issue, wanted.repo),
            Repair::DeleteSessions { ids } => match ids.as_slice() {
                [id] => format!("Delete session {id}"),
                ids => format!("Delete {} sessions", ids.len()),
            },
            Repair::Migrate { .. } => "Migrate".to_owned(),
            Repair::Undo { operation } => format!("Undo of {operation}"),
        }
    }

    /// Whether there is something of it that can be taken back.
    pub fn can_be_undone(&self) -> bool {
        matches!(self.state, OperationState::Applied | OperationState::Partly)
            && self.undone_by.is_none()
            && self.done > 0
    }
}

/// Where operations are kept, on disk, readable by their owner alone.
pub trait OperationLog {
    /// Writes down an operation with all of its edits, as pending. It is on disk when this returns.
    fn begin(&mut self, plan: &Plan, now: Timestamp) -> Result<String, RepairError>;

    /// Where the copy of the whole store goes.
    fn backup_path(&mut self, id: &str) -> Result<PathBuf, RepairError>;

    /// The copy is whole.
    fn note_backup(&mut self, id: &str) -> Result<(), RepairError>;

    /// Writes down what the next commit makes last: the lines from one to another, without those that are left alone.
    ///
    /// Called under the lock. `facts` are what the store needs to tell, after an interruption, whether it was made.
    fn intend(
        &mut self,
        id: &str,
        from: u64,
        to: u64,
        left: &[(u64, String)],
        facts: &[(&'static str, String)],
    ) -> Result<(), RepairError>;

    /// The lines that were intended from one on are done.
    fn confirm(&mut self, id: &str, from: u64) -> Result<(), RepairError>;

    /// The lines that were intended from one on are not done.
    fn withdraw(&mut self, id: &str, from: u64) -> Result<(), RepairError>;

    /// A line is left alone, with why.
    fn leave(&mut self, id: &str, line: u64, how: &str) -> Result<(), RepairError>;

    fn note_locks(&mut self, id: &str, locks_us: &[u64]) -> Result<(), RepairError>;

    /// Ends an operation.
    fn finish(&mut self, id: &str, state: OperationState, now: Timestamp) -> Result<Operation, RepairError>;

    /// Lets go of the operation that is being applied, for whoever settles it.
    fn release(&mut self);

    /// Takes an operation out that changed nothing.
    fn abandon(&mut self, id: &str) -> Result<(), RepairError>;

    /// The folder it is in.
    fn folder(&self) -> &Path;
}
