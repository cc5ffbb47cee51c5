//! Adapters: all SQL and all formats.
//!
//! A store kind is one adapter, listed in `sqlite_adapters` or `document_adapters`; everything else is shared.

mod agent_mcp;
mod blocks;
mod claude_hooks;
mod document;
pub mod durable;
pub mod folder;
mod json;
mod ledgers;
pub mod migrations;
mod open;
mod session_do;
mod session_document;
pub mod sqlite;
mod wrangler;

pub use open::{Opened, Options, open, size};
pub use wrangler::moving as wrangler_move;

use document::DocumentAdapter;
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
