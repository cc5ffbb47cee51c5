-- Makes the two tables from which a client that lost its connection is recovered; the Python sibling's file lacks them.
-- Source: seed 002, rinadelph/Agent-MCP agent-mcp-node/src/db/schema.ts 361-408 at 13d98b2c. Times are ISO text in UTC.
CREATE TABLE IF NOT EXISTS mcp_session_persistence (
  mcp_session_id TEXT PRIMARY KEY,
  transport_state TEXT NOT NULL,
  agent_context TEXT,
  conversation_state TEXT,
  created_at TEXT NOT NULL,
  last_heartbeat TEXT NOT NULL,
  disconnected_at TEXT,
  recovery_attempts INTEGER DEFAULT 0,
  status TEXT NOT NULL DEFAULT 'active',
  grace_period_expires TEXT,
  working_directory TEXT,
  metadata TEXT
);
CREATE TABLE IF NOT EXISTS agent_session_state (
  agent_id TEXT,
  mcp_session_id TEXT,
  state_key TEXT,
  state_value TEXT NOT NULL,
  last_updated TEXT NOT NULL,
  expires_at TEXT,
  PRIMARY KEY (agent_id, mcp_session_id, state_key),
  FOREIGN KEY (mcp_session_id) REFERENCES mcp_session_persistence(mcp_session_id)
);
CREATE INDEX IF NOT EXISTS idx_mcp_sessions_status_heartbeat ON mcp_session_persistence (status, last_heartbeat DESC);
CREATE INDEX IF NOT EXISTS idx_mcp_sessions_recovery ON mcp_session_persistence (status, grace_period_expires);
CREATE INDEX IF NOT EXISTS idx_agent_session_state_session ON agent_session_state (mcp_session_id, last_updated DESC);
CREATE INDEX IF NOT EXISTS idx_agent_session_state_expiry ON agent_session_state (expires_at);
