-- Adds what later versions record beside the messages: turns with their changes, and events in their order.
-- Source: seed 001, dylsteck/ship at b44752a0, which makes them at the first wake after the update. Times are seconds.
CREATE TABLE IF NOT EXISTS turns (
  id TEXT PRIMARY KEY,
  session_id TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  completed_at INTEGER,
  status TEXT NOT NULL,
  diff_summary TEXT
);
CREATE TABLE IF NOT EXISTS session_events (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  type TEXT NOT NULL,
  payload TEXT NOT NULL,
  occurred_at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_turns_session ON turns(session_id, started_at);
