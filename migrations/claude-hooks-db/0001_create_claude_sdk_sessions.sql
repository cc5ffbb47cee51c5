-- Makes the table that took the place of sessions.json: which Claude session to resume for which issue.
-- Source: seed 004, charles/claude-hooks pull request 825 (its table, as its page gives it). Times are milliseconds.
CREATE TABLE IF NOT EXISTS claude_sdk_sessions (
  key TEXT PRIMARY KEY,
  session_id TEXT NOT NULL,
  last_used_at INTEGER NOT NULL,
  created_at INTEGER NOT NULL
);
