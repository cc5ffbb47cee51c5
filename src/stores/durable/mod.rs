//! Durable Object files, as `workerd` writes them for `wrangler dev`: two adapters, and what all objects have in common.

mod agents;
pub mod document;
pub mod identity;
mod kv;
pub mod mcp_session;
pub mod object;
pub mod repairs;
pub mod v8;
