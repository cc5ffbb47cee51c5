//! The file in which what was said in a session is kept, where the store only names it.

use std::path::PathBuf;

/// What was found of the transcript that a session names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transcripts {
    /// The name by which the session calls it; none where the session names none.
    pub name: Option<String>,
    /// The files of that name, the one that was written last first; it is the one that is shown.
    pub files: Vec<TranscriptFile>,
    /// Those of its sub-agents.
    pub of_agents: Vec<TranscriptFile>,
    /// The folders that were looked through.
    pub looked_in: Vec<PathBuf>,
    /// How many transcripts there are in them.
    pub seen: u64,
}

/// A transcript on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TranscriptFile {
    pub path: PathBuf,
    pub bytes: u64,
    /// When it was written last, by the file system.
    pub modified_ms: Option<i64>,
    /// The newest time that a line of it has; none until it was looked at.
    pub last_line_ms: Option<i64>,
}
