//! Adapters: all SQL and all formats.
//!
//! A store kind is one adapter, listed in `sqlite_adapters` or `document_adapters`; everything else is shared.

mod agent_mcp;
mod blocks;
mod claude_hooks;
mod claude_transcript;
mod damage;
mod document;
pub mod durable;
mod encoding;
mod examine;
pub mod folder;
mod gate;
mod json;
mod ledgers;
mod lenient;
mod lines;
mod live;
mod machine;
mod media;
pub mod migrations;
pub mod new_file;
mod open;
pub mod repair;
mod scratch;
pub mod search;
mod session_do;
mod session_do_findings;
mod session_do_repairs;
mod session_document;
pub mod sqlite;
mod vitals;
mod wrangler;

pub use claude_transcript::Places;
pub use examine::Examination;
pub use lines::{Peek, peek};
pub use open::{Opened, Options, open, open_with, size};
pub use wrangler::moving as wrangler_move;

use std::path::PathBuf;

use document::DocumentAdapter;
use lines::LinesAdapter;
use sqlite::SqliteAdapter;

/// The adapters for SQLite databases; several may recognise the same file.
fn sqlite_adapters() -> &'static [SqliteAdapter] {
    &[
        agent_mcp::ADAPTER,
        session_do::ADAPTER,
        claude_hooks::DATABASE,
        durable::mcp_session::ADAPTER,
        durable::document::ADAPTER,
    ]
}

/// The adapters for JSON and configuration files; the first that recognises a file reads it.
fn document_adapters() -> &'static [DocumentAdapter] {
    &[wrangler::ADAPTER, session_document::ADAPTER, claude_hooks::FILE]
}

/// The adapters for files of JSON lines, which are read piece by piece; the first that recognises a file reads it.
fn lines_adapters() -> &'static [LinesAdapter] {
    &[claude_transcript::ADAPTER]
}

/// The folder for what the program keeps: `SESSIONSCOPE_DATA_DIR`, else the platform's own for data.
pub fn data_folder() -> Option<PathBuf> {
    match std::env::var_os("SESSIONSCOPE_DATA_DIR") {
        Some(folder) if !folder.is_empty() => Some(folder.into()),
        _ => directories::ProjectDirs::from("", "", "sessionscope").map(|d| d.data_dir().to_owned()),
    }
}
