-- Takes back 0002: only what that step added, and only while it is empty.
-- SQLite's own sqlite_sequence stays: it came with AUTOINCREMENT and cannot be dropped.
DROP INDEX IF EXISTS idx_turns_session;
DROP TABLE IF EXISTS session_events;
DROP TABLE IF EXISTS turns;
