//! The shared SQLite machinery: a read-only connection, its schema, and the mapping onto the canonical tables.

mod ahead;
mod check;
mod connect;
mod functions;
mod glance;
mod mapping;
mod pages;
mod reader;
mod salvage;
mod schema;
pub(in crate::stores) mod search;
mod select;
mod trouble;

pub(in crate::stores) use check::Checked;
pub(in crate::stores) use connect::writer_waits;
pub use connect::{Cancel, connect, memory, memory_again, sqlite_error};
pub use functions::{exact, install, lossy, owned, time_ms};
pub use mapping::{Expr, Mapping, Part, Secret, detail, literal, quote, raw_order_is_time, time};
pub use pages::Pages;
pub use reader::SqliteStore;
pub use schema::{Schema, TableInfo};
pub use trouble::{Companion, network_name, untold, untold_name};
pub(in crate::stores) use trouble::{findings as trouble, wanted_indexes};

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use rusqlite::Connection;

use super::examine::Scan;
use crate::core::StoreError;
use crate::core::migration::Step;

/// What an adapter knows of the database while it maps it.
pub struct Context<'a> {
    pub connection: &'a Connection,
    pub schema: &'a Schema,
    pub file: &'a FileFacts,
}

/// Where a database is, and what that tells.
#[derive(Debug, Clone)]
pub struct FileFacts {
    pub path: PathBuf,
    /// The file's name without its last extension.
    pub stem: String,
    /// Size of the `-wal` file; none where there is no such file.
    pub wal_bytes: Option<u64>,
    /// The clock, in milliseconds; fixed in tests and by `SESSIONSCOPE_NOW`.
    pub clock: Clock,
}

impl FileFacts {
    pub fn of(path: &Path, clock: Clock) -> Self {
        Self {
            path: path.to_owned(),
            stem: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            wal_bytes: std::fs::metadata(beside(path, "-wal")).ok().map(|m| m.len()),
            clock,
        }
    }
}

/// A file beside another, named like it with something behind.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The time of day as SQL sees it: the real one, or a fixed one.
#[derive(Debug, Clone, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    pub fn fixed(ms: i64) -> Self {
        Self(Some(Arc::new(AtomicI64::new(ms))))
    }

    /// `SESSIONSCOPE_NOW` (RFC 3339) where it is set, else the real time.
    pub fn from_environment() -> Self {
        std::env::var("SESSIONSCOPE_NOW")
            .ok()
            .and_then(|text| crate::core::parse_timestamp(&text))
            .map_or_else(Self::default, |t| Self::fixed(t.0))
    }

    /// Whether it stands still.
    pub fn is_fixed(&self) -> bool {
        self.0.is_some()
    }

    pub fn now_ms(&self) -> i64 {
        match &self.0 {
            Some(fixed) => fixed.load(std::sync::atomic::Ordering::Relaxed),
            None => chrono::Utc::now().timestamp_millis(),
        }
    }
}

/// How a kind of SQLite store is recognised and mapped: the one thing that a new store adds.
pub struct SqliteAdapter {
    pub id: &'static str,
    /// Whether the file is this store's, judged by its tables and columns, and by its keys where tables tell nothing.
    pub recognises: fn(&Context<'_>) -> bool,
    /// Maps the store onto the canonical tables.
    pub map: fn(&Context<'_>) -> Result<Mapping, StoreError>,
    /// What looks its rows over in the background, besides what every store is looked over for; `r` is a row.
    pub examine: fn(&Context<'_>) -> Vec<Scan>,
    /// What makes its schema, step by step; none where that is not ours to make.
    pub steps: &'static [Step],
    /// What can be repaired of it.
    pub repairs: &'static dyn crate::stores::repair::Repairs,
}
