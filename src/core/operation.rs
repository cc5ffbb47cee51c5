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
    /// Space that it takes in the log, its backup included.
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

/// Where operations are kept, on disk, readable by their owner alone.
pub trait OperationLog {
    /// Writes down an operation with all of its edits, as pending. It is on disk when this returns.
    fn begin(&mut self, plan: &Plan, now: Timestamp) -> Result<String, RepairError>;

    /// Where the copy of the whole store goes.
    fn backup_path(&mut self, id: &str) -> Result<PathBuf, RepairError>;

    /// The copy is whole.
    fn note_backup(&mut self, id: &str) -> Result<(), RepairError>;

    /// The lines from one to another are done, except for those that were left alone, with why.
    fn note(&mut self, id: &str, from: u64, to: u64, left: &[(u64, String)]) -> Result<(), RepairError>;

    /// Keeps facts beside the edits.
    fn note_facts(&mut self, id: &str, facts: &[(&str, &str)]) -> Result<(), RepairError>;

    fn note_locks(&mut self, id: &str, locks_us: &[u64]) -> Result<(), RepairError>;

    /// Ends an operation.
    fn finish(&mut self, id: &str, state: OperationState, now: Timestamp) -> Result<Operation, RepairError>;

    /// Takes an operation out that changed nothing.
    fn abandon(&mut self, id: &str) -> Result<(), RepairError>;

    /// The folder it is in.
    fn folder(&self) -> &Path;
}
