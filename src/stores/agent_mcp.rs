//! `agent-mcp`: sessions, agents, tasks and messages of Agent-MCP.

use super::sqlite::{Context, Mapping, SqliteAdapter};
use crate::core::StoreError;

pub const ADAPTER: SqliteAdapter = SqliteAdapter { id: "agent-mcp", recognises, map };

fn recognises(context: &Context<'_>) -> bool {
    context.schema.has("mcp_session_persistence", &["mcp_session_id", "status"])
}

fn map(_context: &Context<'_>) -> Result<Mapping, StoreError> {
    Ok(Mapping::default())
}
