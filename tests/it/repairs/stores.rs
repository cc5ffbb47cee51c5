//! Stores for the tests of repairs, and what is in them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use super::{Home, each_file, rows};
pub use crate::stores::agent_mcp::SCHEMA as AGENT_MCP;

/// The sessions of claude-hooks: `stale` of them not used for 25 hours and more, and `fresh` used an hour ago.
pub fn hooks(stale: u32, fresh: u32) -> String {
    format!(
        "CREATE TABLE claude_sdk_sessions (key TEXT PRIMARY KEY, session_id TEXT NOT NULL, last_used_at INTEGER NOT NULL, created_at INTEGER NOT NULL);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {})
         INSERT INTO claude_sdk_sessions SELECT 'forgejo:coder:acme/app:' || i, printf('%08x-0000-4000-8000-000000000000', i),
           1795255200000 - iif(i <= {stale}, 90000000 + i, 3600000), 1795000000000 + i FROM n;",
        stale + fresh
    )
}

/// Sessions of Agent-MCP: of 40 days ago with two entries of state each, of a grace period that ended, and one that lives.
pub fn agent_mcp(old: u32, ended: u32) -> String {
    format!(
        "{AGENT_MCP}
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {})
         INSERT INTO mcp_session_persistence (mcp_session_id, transport_state, created_at, last_heartbeat, status, grace_period_expires)
         SELECT 's' || i, '{{}}', '2026-10-01T00:00:00.000Z',
           iif(i <= {old}, '2026-10-12T00:00:00.000Z', '2026-11-21T09:30:00.000Z'), iif(i <= {old}, 'expired', 'active'),
           '2026-11-21T09:40:00.000Z' FROM n;
         INSERT INTO mcp_session_persistence (mcp_session_id, transport_state, created_at, last_heartbeat, status, grace_period_expires)
         VALUES ('lives', '{{}}', '2026-11-21T09:00:00.000Z', '2026-11-21T09:59:50.000Z', 'expired', '2026-11-21T09:10:00.000Z');
         INSERT INTO agent_session_state SELECT 'a' || k, mcp_session_id, 'todo', '[\"x\"]', '2026-10-12T00:00:00.000Z',
           iif(k = 1, NULL, '2026-10-13T00:00:00.000Z')
         FROM mcp_session_persistence, (SELECT 1 AS k UNION SELECT 2);",
        old + ended
    )
}

/// A session file of so many stale and fresh entries.
pub fn session_file(stale: u32, fresh: u32) -> String {
    let entry = |i: u32| {
        let used: i64 = if i <= stale { 1_795_155_200_000 } else { 1_795_251_600_000 };
        format!(
            "  \"forgejo:coder:acme/app:{i}\": {{\n    \"id\": \"{i:08x}-0000-4000-8000-000000000000\",\n    \"last_used_at\": {used}\n  }}"
        )
    };
    let entries: Vec<String> = (1..=stale + fresh).map(entry).collect();
    format!("{{\n{}\n}}\n", entries.join(",\n"))
}

/// A transcript of so many days ago, and its file of the same time.
pub fn transcript(home: &Home, uuid: &str, days: u64) -> PathBuf {
    let ms = crate::support::NOW_MS - i64::try_from(days).expect("days") * 86_400_000;
    let time = sessionscope::core::Timestamp(ms).rfc3339();
    let line = format!(
        "{{\"type\":\"user\",\"sessionId\":\"{uuid}\",\"timestamp\":\"{time}\",\"message\":{{\"role\":\"user\",\"content\":\"Hello\"}}}}\n"
    );
    let path = home.file(&format!("projects/-srv-app/{uuid}.jsonl"), line);
    set_time(&path, ms);
    path
}

pub fn set_time(path: &std::path::Path, ms: i64) {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_millis(ms.unsigned_abs());
    fs::File::options().write(true).open(path).and_then(|f| f.set_modified(time)).expect("a time");
}

/// What there is, by what it is and where: rows of databases, entries of session files, files by their content.
///
/// What is named `schema` or `whole` belongs to no single edit.
pub type State = BTreeMap<String, String>;

pub fn state(home: &Home) -> State {
    let mut found = State::new();
    let top = home.at("");
    each_file(&top, &mut |path| {
        let name = path.strip_prefix(&top).expect("inside").to_string_lossy().into_owned();
        if name.ends_with(".db") {
            found.extend(rows(path).into_iter().map(|(place, row)| {
                let place = match place.strip_prefix("schema ") {
                    Some(inner) => format!("schema {name} {inner}"),
                    None => format!("{name} {place}"),
                };
                (place, row)
            }));
        } else if name == "store.json" {
            let text = fs::read_to_string(path).expect("text");
            let entries: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(&text).expect("JSON");
            found
                .extend(entries.into_iter().map(|(key, value)| (format!("{name} {key}"), value.to_string())));
            found.insert(format!("whole {name}"), text);
        } else if name.ends_with(".jsonc") {
            found.insert(name, fs::read_to_string(path).expect("text"));
        } else if !["-wal", "-shm", "-journal"].iter().any(|beside| name.ends_with(beside)) {
            let print = sessionscope::core::hex(&Sha256::digest(fs::read(path).expect("bytes"))[..8]);
            found.insert(format!("file {print}"), name);
        }
    });
    found
}

/// How many edits from one state to another are done, where the state is nothing else than in between.
pub fn progress(before: &State, after: &State, now: &State) -> u64 {
    let places: std::collections::BTreeSet<&String> =
        before.keys().chain(after.keys()).chain(now.keys()).collect();
    let mut done = 0;
    for place in places {
        let (was, will, is) = (before.get(place), after.get(place), now.get(place));
        assert!(is == was || is == will, "{place} is {is:?}, neither {was:?} nor {will:?}");
        done += u64::from(
            was != will && is == will && !place.starts_with("schema ") && !place.starts_with("whole "),
        );
    }
    done
}
