//! Each store, from its files to the canonical tables.

mod claude_hooks;
mod durable;
mod folder;
pub mod session_do;
mod v8;
