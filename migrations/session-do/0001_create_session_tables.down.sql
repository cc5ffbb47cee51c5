-- Takes back 0001: only what that step added, and only while it is empty.
DROP INDEX IF EXISTS idx_tasks_status;
DROP INDEX IF EXISTS idx_messages_created;
DROP TABLE IF EXISTS session_meta;
DROP TABLE IF EXISTS tasks;
DROP TABLE IF EXISTS messages;
