-- Takes back 0001: only what that step added, and only while it is empty.
DROP TABLE IF EXISTS claude_sdk_sessions;
