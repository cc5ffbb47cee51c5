//! The one core module: what a store's contents are, and how they are asked for.
//!
//! It knows no egui, no SQL, no threads, no clock and no files.

mod block;
pub mod conversation;
mod error;
pub mod export;
mod finding;
pub mod glance;
pub mod migration;
mod model;
mod operation;
mod query;
pub mod repair;
mod resume_key;
pub mod search;
mod store;
mod text;
mod time;
mod transcript;
pub mod vitals;

pub use block::Block;
pub use error::{Failure, StoreError};
pub use finding::{Defect, Finding, Learned, Severity, Tally};
pub use model::{
    Cell, Column, ColumnKind, KeyId, MASK, Row, RowIndex, RowKey, Table, Value, aside_columns, table_columns,
};
pub use operation::{LockTimes, Operation, OperationLog, OperationState};
pub use query::{Condition, Filter, Query, Sort};
pub use resume_key::{KNOWN_FORGES, RENAMED_AGENT, ResumeKey};
pub use store::{About, Change, Flow, NativeKind, NativeTable, ReadStore, Selection, Size};
pub use text::{broken_text, byte_size, group, hex, is_hidden, plural, shorten_middle, visible};
pub use time::{Timestamp, parse_timestamp, span};
pub use transcript::{TranscriptFile, Transcripts};
