-- Takes back 0001: only what that step added, and only while it is empty. The child table goes first.
DROP INDEX IF EXISTS idx_agent_session_state_expiry;
DROP INDEX IF EXISTS idx_agent_session_state_session;
DROP INDEX IF EXISTS idx_mcp_sessions_recovery;
DROP INDEX IF EXISTS idx_mcp_sessions_status_heartbeat;
DROP TABLE IF EXISTS agent_session_state;
DROP TABLE IF EXISTS mcp_session_persistence;
