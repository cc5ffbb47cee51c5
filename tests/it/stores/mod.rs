//! Each store, from its files to the canonical tables.

pub mod agent_mcp;
mod claude_hooks;
mod claude_transcript;
mod durable;
mod findings;
mod folder;
mod glance;
mod ledgers;
mod live;
mod migrations;
pub mod session_do;
mod session_document;
mod transcript_links;
mod trouble;
mod v8;
mod vitals;
mod wrangler;
