//! Prunes: what goes by its age, what is protected, and what is not judged.

use std::fs;

use super::stores::{AGENT_MCP, hooks, session_file, set_time, state, transcript};
use super::{Home, lines};
use crate::support::NOW_MS;

const DAY: i64 = 86_400_000;

#[test]
fn times_are_understood_in_every_unit_and_those_that_say_nothing_are_kept() {
    let home = Home::new();
    let old = NOW_MS - 25 * 3_600_000;
    home.database(
        "store.db",
        &format!(
            "CREATE TABLE claude_sdk_sessions (key TEXT PRIMARY KEY, session_id TEXT NOT NULL, last_used_at INTEGER NOT NULL, created_at INTEGER NOT NULL);
             INSERT INTO claude_sdk_sessions VALUES ('ms', 'x', {old}, 1), ('seconds', 'x', {}, 1), ('iso', 'x', '2026-11-20T08:00:00Z', 1),
               ('zero', 'x', 0, 1), ('future', 'x', {}, 1), ('words', 'x', 'yesterday', 1), ('blob', 'x', x'00', 1), ('negative', 'x', -1, 1),
               ('huge', 'x', 9223372036854775807, 1), ('fresh', 'x', {}, 1), ('edge', 'x', {}, 1), ('over', 'x', {}, 1);",
            old / 1000,
            NOW_MS + DAY,
            NOW_MS - 1000,
            NOW_MS - DAY,
            NOW_MS - DAY - 1,
        ),
    );
    assert_eq!(
        lines(&home.json(&["prune", "store.db"])),
        "
delete claude_sdk_sessions ms: not used for 24 h (25 h ago)
delete claude_sdk_sessions seconds: not used for 24 h (25 h ago)
delete claude_sdk_sessions iso: not used for 24 h (26 h ago)
keep claude_sdk_sessions zero: no time is recorded, so it is not judged
keep claude_sdk_sessions future: its time is 24 h in the future, so it is not judged
keep claude_sdk_sessions words: no time is recorded, so it is not judged
keep claude_sdk_sessions blob: no time is recorded, so it is not judged
keep claude_sdk_sessions negative: no time is recorded, so it is not judged
keep claude_sdk_sessions huge: its time is 85973 d 13 h in the future, so it is not judged
keep claude_sdk_sessions fresh: used within 24 h (1 s ago)
keep claude_sdk_sessions edge: used within 24 h (24 h ago)
delete claude_sdk_sessions over: not used for 24 h (24 h ago)"
    );
    assert_eq!(
        lines(&home.json(&["prune", "store.db", "--include-unknown", "--older-than", "30d"])),
        "
keep claude_sdk_sessions ms: used within 30 d (25 h ago)
keep claude_sdk_sessions seconds: used within 30 d (25 h ago)
keep claude_sdk_sessions iso: used within 30 d (26 h ago)
delete claude_sdk_sessions zero: no time is recorded, and such rows were asked for too
keep claude_sdk_sessions future: its time is 24 h in the future, so it is not judged
delete claude_sdk_sessions words: no time is recorded, and such rows were asked for too
delete claude_sdk_sessions blob: no time is recorded, and such rows were asked for too
delete claude_sdk_sessions negative: no time is recorded, and such rows were asked for too
keep claude_sdk_sessions huge: its time is 85973 d 13 h in the future, so it is not judged
keep claude_sdk_sessions fresh: used within 30 d (1 s ago)
keep claude_sdk_sessions edge: used within 30 d (24 h ago)
keep claude_sdk_sessions over: used within 30 d (24 h ago)"
    );
}

#[test]
fn a_session_of_agent_mcp_that_beats_is_protected_whatever_its_status_says() {
    let home = Home::new();
    home.database(
        "store.db",
        &format!(
            "{AGENT_MCP} INSERT INTO mcp_session_persistence (mcp_session_id, transport_state, created_at, last_heartbeat, status, grace_period_expires) VALUES
              ('beats', '{{}}', '', '2026-11-21T09:58:30.000Z', 'expired', '2026-11-21T08:00:00.000Z'),
              ('ahead', '{{}}', '', '2026-11-21T10:30:00.000Z', 'active', '2026-11-21T08:00:00.000Z'),
              ('in grace', '{{}}', '', '2026-11-21T09:50:00.000Z', 'active', '2026-11-21T10:10:00.000Z'),
              ('past grace', '{{}}', '', '2026-11-21T09:50:00.000Z', 'disconnected', '2026-11-21T09:55:00.000Z'),
              ('expired', '{{}}', '', '2026-11-21T09:50:00.000Z', 'expired', '2026-11-21T09:55:00.000Z'),
              ('old', '{{}}', '', '2026-10-01T09:50:00.000Z', 'expired', '2026-10-01T09:55:00.000Z'),
              ('old and unmarked', '{{}}', '', '2026-10-01T09:50:00.000Z', 'active', '2026-10-01T09:55:00.000Z'),
              ('no times', '{{}}', '', 'CURRENT_TIMESTAMP', 'active', NULL);
             INSERT INTO agent_session_state VALUES ('a', 'beats', 'over', '1', '', '2026-11-21T09:00:00.000Z'), ('a', 'beats', 'never', '1', '', NULL),
              ('a', 'beats', 'later', '1', '', '2026-11-22T09:00:00.000Z'), ('a', 'old', 'never', '1', '', NULL), ('a', 'old', 'over', '1', '', '2026-10-02T09:00:00.000Z'),
              ('a', 'beats', 'odd', '1', '', 'soon');"
        ),
    );
    let before = state(&home);
    assert_eq!(
        lines(&home.json(&["prune", "store.db"])),
        "
keep mcp_session_persistence beats: it lives: last beat 90 s ago (3 missed); grace ended 2 h ago; status expired; the program calls it expired all the same, since a beat does not extend the grace
keep mcp_session_persistence ahead: its time is 30 min in the future, so it is not judged
keep mcp_session_persistence in grace: its grace period ends in 10 min
update mcp_session_persistence past grace: its grace period ended 5 min ago
keep mcp_session_persistence expired: heard of within 30 d (10 min ago)
delete agent_session_state a · old · never: it is the state of a session that goes
delete agent_session_state a · old · over: it is the state of a session that goes
delete mcp_session_persistence old: not heard of for 30 d (51 d ago)
delete mcp_session_persistence old and unmarked: not heard of for 30 d (51 d ago)
keep mcp_session_persistence no times: no time is recorded, so it is not judged
delete agent_session_state a · beats · over: expired 1 h ago
keep agent_session_state a · beats · never: it never expires
keep agent_session_state a · beats · later: expires in 23 h
keep agent_session_state a · beats · odd: no time is recorded, so it is not judged"
    );
    assert_eq!(
        lines(&home.json(&["prune", "store.db", "--older-than", "1m"])),
        "
keep mcp_session_persistence beats: it lives: last beat 90 s ago (3 missed); grace ended 2 h ago; status expired; the program calls it expired all the same, since a beat does not extend the grace
keep mcp_session_persistence ahead: its time is 30 min in the future, so it is not judged
keep mcp_session_persistence in grace: its grace period ends in 10 min
delete mcp_session_persistence past grace: not heard of for 1 min (10 min ago)
delete mcp_session_persistence expired: not heard of for 1 min (10 min ago)
delete agent_session_state a · old · never: it is the state of a session that goes
delete agent_session_state a · old · over: it is the state of a session that goes
delete mcp_session_persistence old: not heard of for 1 min (51 d ago)
delete mcp_session_persistence old and unmarked: not heard of for 1 min (51 d ago)
keep mcp_session_persistence no times: no time is recorded, so it is not judged
delete agent_session_state a · beats · over: expired 1 h ago
keep agent_session_state a · beats · never: it never expires
keep agent_session_state a · beats · later: expires in 23 h
keep agent_session_state a · beats · odd: no time is recorded, so it is not judged"
    );
    let id = home.apply(&["prune", "store.db"]);
    assert_eq!(home.json(&["prune", "store.db", "--apply"])["operation"], serde_json::Value::Null);
    home.apply(&["undo", &id]);
    assert_eq!(state(&home), before);
}

#[test]
fn two_stores_in_one_file_are_pruned_in_one_operation() {
    let home = Home::new();
    home.database("store.db", &format!("{} {}", super::stores::agent_mcp(1, 1), hooks(1, 1)));
    let before = state(&home);
    let id = home.apply(&["prune", "store.db"]);
    let gone: Vec<String> = before.keys().filter(|k| !state(&home).contains_key(*k)).cloned().collect();
    assert_eq!(
        gone,
        [
            "store.db agent_session_state 2",
            "store.db agent_session_state 4",
            "store.db agent_session_state 5",
            "store.db agent_session_state 6",
            "store.db claude_sdk_sessions 1",
            "store.db mcp_session_persistence 1"
        ]
    );
    assert_eq!(home.operations().len(), 1);
    home.apply(&["undo", &id]);
    assert_eq!(state(&home), before);
}

#[test]
fn entries_of_a_session_file_go_and_every_other_byte_stays() {
    let home = Home::new();
    let text = session_file(2, 2);
    for (name, text) in [
        ("plain.json", text.clone()),
        ("wrapped.json", format!("{{\"host\": \"a\",\n \"sessions\": {text}, \"version\" : 2 }}")),
        ("one line.json", text.replace('\n', "")),
    ] {
        home.file(name, &text);
        let id = home.apply(&["prune", name]);
        let after = fs::read_to_string(home.at(name)).expect("text");
        assert!(
            text.len() > after.len() && after.contains("acme/app:3") && !after.contains("acme/app:1"),
            "{after}"
        );
        assert!(serde_json::from_str::<serde_json::Value>(&after).is_ok(), "{after}");
        home.apply(&["undo", &id]);
        assert_eq!(fs::read_to_string(home.at(name)).expect("text"), text, "{name}");
    }
}

/// Transcripts beside a database with one stale and one fresh session.
fn with_transcripts() -> Home {
    let home = Home::new();
    home.database("store.db", &hooks(1, 1));
    let uuid = |n: u32| format!("{n:08x}-0000-4000-8000-000000000000");
    // Named by a key that the same prune removes; by a fresh one; and by none.
    for n in [1, 2, 3] {
        transcript(&home, &uuid(n), 40);
    }
    transcript(&home, &uuid(4), 2);
    let old = NOW_MS - 40 * DAY;
    // Of a live session by what is in it, of one by its folder, one that is none, and one whose entries are newer than its file.
    let named = format!(
        "{{\"type\":\"user\",\"sessionId\":\"{}\",\"timestamp\":\"2026-10-01T00:00:00Z\"}}\n",
        uuid(2)
    );
    set_time(&home.file("projects/-srv-app/agent-1.jsonl", &named), old);
    set_time(
        &home
            .file(&format!("projects/-srv-app/{}/agent-2.jsonl", uuid(2)), named.replace(&uuid(2), &uuid(9))),
        old,
    );
    set_time(&home.file("projects/-srv-app/notes.jsonl", "{\"n\": 1}\n"), old);
    let recent = named.replace(&uuid(2), &uuid(8)).replace("2026-10-01", "2026-11-20");
    set_time(&home.file("projects/-srv-app/recent.jsonl", recent), old);
    home
}

const TRANSCRIPTS: &[&str] = &["prune", "store.db", "--transcripts", "projects"];

#[test]
fn transcripts_that_a_session_names_stay_and_others_move_aside() {
    let home = with_transcripts();
    let before = state(&home);
    assert_eq!(lines(&home.json(TRANSCRIPTS)), "
delete claude_sdk_sessions forgejo:coder:acme/app:1: not used for 24 h (25 h ago)
keep claude_sdk_sessions forgejo:coder:acme/app:2: used within 24 h (1 h ago)
keep files -srv-app/00000001-0000-4000-8000-000000000000.jsonl: a session's key names it; last entry 2026-10-12T10:00:00.000Z, file changed 2026-10-12T10:00:00.000Z
keep files -srv-app/00000002-0000-4000-8000-000000000000.jsonl: a session's key names it; last entry 2026-10-12T10:00:00.000Z, file changed 2026-10-12T10:00:00.000Z
rename files -srv-app/00000003-0000-4000-8000-000000000000.jsonl: no session names it, and it is older than 30 d; last entry 2026-10-12T10:00:00.000Z, file changed 2026-10-12T10:00:00.000Z
keep files -srv-app/00000004-0000-4000-8000-000000000000.jsonl: newer than 30 d; last entry 2026-11-19T10:00:00.000Z, file changed 2026-11-19T10:00:00.000Z
keep files -srv-app/agent-1.jsonl: a session's key names it; last entry 2026-10-01T00:00:00.000Z, file changed 2026-10-12T10:00:00.000Z
keep files -srv-app/recent.jsonl: newer than 30 d; last entry 2026-11-20T00:00:00.000Z, file changed 2026-10-12T10:00:00.000Z
keep files -srv-app/00000002-0000-4000-8000-000000000000/agent-2.jsonl: a session's key names it; last entry 2026-10-01T00:00:00.000Z, file changed 2026-10-12T10:00:00.000Z");
    let id = home.apply(TRANSCRIPTS);
    assert!(
        home.at("projects/.sessionscope-holding/-srv-app/00000003-0000-4000-8000-000000000000.jsonl")
            .exists()
    );
    assert_eq!(super::mode(&home.at("projects/.sessionscope-holding")), 0o700);
    // The transcript of a session that went is protected by its key in the prune that takes it, and in no later one.
    let later = home.json(TRANSCRIPTS);
    let moved = later["plan"].as_array().expect("a plan").iter().filter(|l| l["action"] == "rename");
    let keys: Vec<&str> = moved.map(|l| l["key"].as_str().expect("a key")).collect();
    assert_eq!(keys, ["-srv-app/00000001-0000-4000-8000-000000000000.jsonl"]);
    home.apply(&["undo", &id]);
    assert_eq!(state(&home), before);
}

#[test]
fn a_transcript_that_changes_or_whose_place_is_taken_is_left_alone() {
    let home = with_transcripts();
    let path = home.at("projects/-srv-app/00000003-0000-4000-8000-000000000000.jsonl");
    let halted = home.halted("start", &[TRANSCRIPTS, &["--apply"]].concat()).expect("it stands still");
    let text = fs::read_to_string(&path).expect("text") + "{\"type\":\"user\"}\n";
    fs::write(&path, &text).expect("written");
    let ended = halted.finish();
    assert!(ended.err.contains("Left alone, since the file was changed: -srv-app/00000003"), "{}", ended.err);
    assert_eq!(fs::read_to_string(&path).expect("it stays"), text);
    set_time(&path, NOW_MS - 40 * DAY);
    home.file(
        "projects/.sessionscope-holding/-srv-app/00000003-0000-4000-8000-000000000000.jsonl",
        "another",
    );
    let ended = home.run(&[TRANSCRIPTS, &["--apply"]].concat());
    assert!(ended.err.contains("its place is taken by another file"), "{}{}", ended.out, ended.err);
    assert_eq!(fs::read_to_string(&path).expect("it stays"), text);
}
