//! `claude-hooks`: session files of every generation, broken ones, and the table that took their place.

use std::fs;
use std::path::PathBuf;

use sessionscope::core::{
    Finding, KNOWN_FORGES, ReadStore, ResumeKey, Severity, StoreError, Table, table_columns,
};
use sessionscope::stores::{Opened, open};

use crate::support::{NOW_MS, database, fixture, opened, options, rows, show, table};

/// A moment two hours before all tests look.
const RECENT_MS: i64 = NOW_MS - 7_200_000;

fn written(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("written");
    (folder, path)
}

fn read(name: &str, bytes: &[u8]) -> Result<Opened, StoreError> {
    let (_folder, path) = written(name, bytes);
    open(&path, &options())
}

fn bytes_of(name: &str) -> Vec<u8> {
    fs::read(fixture("sessions-json").join(name)).expect("a fixture")
}

fn json(text: &str) -> Opened {
    read("sessions.json", text.as_bytes()).unwrap_or_else(|e| panic!("{e}"))
}

fn sessions(opened: &Opened, columns: &[&str]) -> String {
    table(&opened.store, Table::Sessions, columns)
}

fn count(opened: &Opened) -> usize {
    rows(&opened.store, &sessionscope::core::Query::all(Table::Sessions)).len()
}

fn codes(findings: &[Finding]) -> String {
    findings.iter().map(|f| f.code).collect::<Vec<_>>().join(", ")
}

fn finding<'a>(opened: &'a Opened, code: &str) -> &'a Finding {
    let found = opened.store.about().findings.iter().find(|f| f.code == code);
    found.unwrap_or_else(|| panic!("no {code} in {:?}", opened.store.about().findings))
}

#[test]
fn every_file_of_the_fixtures_has_its_outcome() {
    let mut outcomes = String::new();
    let mut names: Vec<String> = fs::read_dir(fixture("sessions-json"))
        .expect("the fixtures")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        // That one is another store's.
        .filter(|name| name.ends_with(".json") && name != "session-document.json")
        .collect();
    names.sort();
    for name in names {
        let outcome = match read(&name, &bytes_of(&name)) {
            Err(StoreError::Damaged { .. }) => "damaged as a whole".to_owned(),
            Err(StoreError::NotRecognised { .. }) => "not recognised".to_owned(),
            Err(error) => panic!("{name}: {error}"),
            Ok(opened) => {
                let about = opened.store.about();
                assert_eq!(about.stores, ["claude-hooks-json"], "{name}");
                assert_eq!(about.keeps, [Table::Sessions, Table::Heartbeats]);
                let beats = rows(&opened.store, &sessionscope::core::Query::all(Table::Heartbeats)).len();
                assert_eq!(beats, count(&opened), "{name}");
                let damaged = if about.damaged { "damaged" } else { "whole" };
                format!("{} rows, {damaged}: {}", count(&opened), codes(&about.findings))
            }
        };
        outcomes.push_str(&format!("{name:32} {}\n", outcome.trim_end_matches(": ")));
    }
    assert_eq!(outcomes, OUTCOMES);
}

const OUTCOMES: &str = "\
bad.all-nul.json                 damaged as a whole
bad.bom.json                     5 rows, damaged: json-bom
bad.deep-nesting.json            1 rows, whole: malformed-entry
bad.duplicate-keys.json          2 rows, whole: duplicate-key, time-unit
bad.empty-file.json              damaged as a whole
bad.huge-ints.json               4 rows, whole: time-unreadable
bad.lone-surrogate.json          2 rows, whole: json-lone-surrogate, legacy-entry
bad.top-level-array.json         5 rows, whole: top-level-array
bad.trailing-garbage.json        5 rows, damaged: json-trailing-bytes
bad.truncated.json               17 rows, damaged: json-truncated
bad.wrong-types.json             10 rows, whole: malformed-entry
sessions.empty-object.json       0 rows, whole
sessions.json                    59 rows, whole
sessions.mixed-legacy.json       58 rows, whole: time-unit, legacy-entry, ambiguous-key, foreman-key
sessions.strings.json            20 rows, whole: legacy-entry
sessions.versioned-wrapper.json  59 rows, whole
";

#[test]
fn a_fault_is_said_with_its_place() {
    let fixture = |name: &str| read(name, &bytes_of(name)).unwrap_or_else(|e| panic!("{e}"));
    let said = |name: &str, code: &str| finding(&fixture(name), code).message.clone();
    assert_eq!(
        said("bad.truncated.json", "json-truncated"),
        "The file breaks off at byte 3013 (line 90, column 20), within the entry gitlab:reviewer:acme/my_app:18"
    );
    assert_eq!(
        said("bad.trailing-garbage.json", "json-trailing-bytes"),
        "The document ends, and something follows it at byte 845 (line 28, column 1)"
    );
    assert_eq!(
        said("bad.duplicate-keys.json", "duplicate-key"),
        "1 entry has a key that another has before: github:coder:grp/sub/deep.repo:1"
    );
    assert_eq!(
        said("bad.wrong-types.json", "malformed-entry"),
        "9 entries name no session: forgejo:a:r/r:1, forgejo:a:r/r:2, forgejo:a:r/r:3, forgejo:a:r/r:4, forgejo:a:r/r:5 and 4 more"
    );
    let healthy = fixture("sessions.json");
    assert!(healthy.store.about().findings.is_empty());
    let invalid = json("{\"a:é/r:1\": \"s\",\n \"a:é/r:2\" oops}");
    assert_eq!(
        finding(&invalid, "json-invalid").message,
        "The file is no JSON from byte 30 (line 2, column 12) on, within the entry a:é/r:2: expected `:`"
    );
}

#[test]
fn numbers_beyond_any_time_are_kept_and_not_judged() {
    let opened = read("huge.json", &bytes_of("bad.huge-ints.json")).unwrap_or_else(|e| panic!("{e}"));
    let shown = sessions(&opened, &["status", "last_active_at", "created_at", "detail"]);
    assert!(shown.lines().all(|line| line.starts_with("unknown | - | ")), "{shown}");
    for kept in [
        "99999999999999999999999999",
        "9223372036854775807",
        "9223372036854775808",
        "1e400",
        "9007199254740993",
    ] {
        assert!(shown.contains(&format!(":{kept}")), "{kept} in {shown}");
    }
    assert!(
        shown.ends_with("| 1777860000000 | {\"session_id\":\"w\",\"last_used_at\":9007199254740993}"),
        "{shown}"
    );
}

#[test]
fn every_generation_of_entries_is_read() {
    let opened = json(&format!(
        r#"{{
            "coder:acme/app:1": "bare",
            "foreman:acme/app:2": {{"id": "two", "last_used_at": {RECENT_MS}}},
            "github:dev:acme/my_app:3": {{"session_id": "three", "last_used_at": {}, "created_at": "2026-11-20T09:00:00Z"}},
            "agent:main:4": {{"sessionId": "four", "updatedAt": {RECENT_MS}, "model": "opus", "deep": {{"a": [1]}}}},
            "gitlab:dev:acme/app:5": {{"id": "five", "last_used_at": 0}},
            "gitlab:dev:acme/app:6": {{"id": "", "last_used_at": {RECENT_MS}}},
            "gitlab:dev:acme/app:7": {{"id": "x", "id": "seven", "last_used_at": "yesterday", "n": 1e400}}
        }}"#,
        (NOW_MS - 90_000_000) / 1000
    ));
    assert_eq!(
        sessions(&opened, &["id", "status", "last_active_at", "created_at", "detail"]),
        format!(
            r#"coder:acme/app:1 | unknown | - | - | {{"session_id":"bare"}}
foreman:acme/app:2 | fresh | {RECENT_MS} | - | {{"session_id":"two"}}
github:dev:acme/my_app:3 | stale | {} | 1795165200000 | {{"session_id":"three"}}
agent:main:4 | fresh | {RECENT_MS} | - | {{"session_id":"four","model":"opus","deep":{{"a": [1]}}}}
gitlab:dev:acme/app:5 | unknown | - | - | {{"session_id":"five"}}
gitlab:dev:acme/app:6 | malformed | - | - | {{"value":{{"id": "", "last_used_at": {RECENT_MS}}}}}
gitlab:dev:acme/app:7 | unknown | - | - | {{"session_id":"seven","last_used_at":"yesterday","n":1e400}}"#,
            NOW_MS - 90_000_000
        )
    );
    assert_eq!(
        codes(&opened.store.about().findings),
        "malformed-entry, time-unreadable, time-unit, legacy-entry, foreman-key"
    );
    let beats = table(
        &opened.store,
        Table::Heartbeats,
        &["session_id", "status", "last_heartbeat_at", "age_seconds", "liveness", "reason"],
    );
    let beats: Vec<&str> = beats.lines().collect();
    assert_eq!(
        beats[1],
        format!(
            "foreman:acme/app:2 | fresh | {RECENT_MS} | 7200 | unknown | last used 2 h ago; claude-hooks resumes it until 24 h have passed"
        )
    );
    assert!(beats[2].ends_with("last used 25 h ago; claude-hooks does not resume it after 24 h"));
    assert!(beats[5].ends_with("malformed | - | - | unknown | the entry names no session"));
}

#[test]
fn the_entries_may_be_wrapped_or_a_list() {
    let wrapped = json(r#"{"version": 2, "sessions": {"a:r/r:1": "s", "b:r/r:2": "t"}}"#);
    assert_eq!(sessions(&wrapped, &["id", "agent"]), "a:r/r:1 | a\nb:r/r:2 | b");
    assert!(wrapped.store.about().facts.contains(&("version".to_owned(), "2".to_owned())));
    let broken = json(r#"{"version": 2, "sessions": {"a:r/r:1": "s", "b:r/r:2": "#);
    assert_eq!(sessions(&broken, &["id"]), "a:r/r:1");
    assert!(finding(&broken, "json-truncated").message.ends_with("within the entry b:r/r:2"));
    let list = json(r#"[{"key": "a:r/r:1", "id": "s", "extra": true}]"#);
    assert_eq!(
        sessions(&list, &["id", "repo", "detail"]),
        r#"a:r/r:1 | r/r | {"session_id":"s","extra":true}"#
    );
    assert!(!list.store.about().damaged);
}

#[test]
fn other_encodings_are_read_and_said() {
    let text = "{\"a:ü/日本:1\": \"s\"} x";
    for big in [false, true] {
        for mark in [&[][..], &[0xfeff]] {
            let units = mark.iter().copied().chain(text.encode_utf16());
            let bytes: Vec<u8> =
                units.flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect();
            let opened = read("sessions.json", &bytes).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(sessions(&opened, &["id", "repo"]), "a:ü/日本:1 | ü/日本");
            assert_eq!(
                codes(&opened.store.about().findings),
                "json-trailing-bytes, json-utf-16, legacy-entry"
            );
            let at = format!("byte {} (", 36 + 2 * mark.len());
            assert!(finding(&opened, "json-trailing-bytes").message.contains(&at));
        }
    }
    let opened = read("sessions.json", b"{\"a:\xff\xfe/r:1\": \"s\"} x").unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(sessions(&opened, &["id"]), "a:\u{fffd}\u{fffd}/r:1");
    assert!(finding(&opened, "json-bad-utf-8").message.starts_with("2 places"));
    assert!(finding(&opened, "json-trailing-bytes").message.contains("byte 18 (line 1, column 19)"));
    let lone = read("bad.lone-surrogate.json", &bytes_of("bad.lone-surrogate.json"));
    let lone = lone.unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(sessions(&lone, &["repo"]), "r/\u{fffd}\nr/😀");
}

#[test]
fn a_file_cut_anywhere_shows_the_entries_before_the_cut() {
    let whole = bytes_of("bad.trailing-garbage.json");
    let whole = &whole[..844];
    let ends: Vec<usize> = (0..whole.len()).filter(|i| whole[..*i].ends_with(b"\n  }")).collect();
    assert_eq!(ends.len(), 5);
    for cut in 1..whole.len() {
        let opened = read("sessions.json", &whole[..cut]).unwrap_or_else(|e| panic!("at {cut}: {e}"));
        assert_eq!(count(&opened), ends.iter().filter(|end| **end <= cut).count(), "at {cut}");
        assert!(opened.store.about().damaged, "at {cut}");
        assert_eq!(codes(&opened.store.about().findings), "json-truncated", "at {cut}");
    }
    // What is no store any more once it is cut must at least end; and so must what has a byte changed.
    for name in ["sessions.versioned-wrapper.json", "bad.lone-surrogate.json", "bad.top-level-array.json"] {
        let whole = bytes_of(name);
        for at in (0..whole.len()).step_by(1 + whole.len() / 70) {
            let _ = read(name, &whole[..at]);
            for byte in [0, b'"', b'}', b'\\', 0xff] {
                let mut changed = whole.clone();
                changed[at] = byte;
                let _ = read(name, &changed);
            }
        }
    }
}

#[test]
fn other_documents_are_left_to_others() {
    for (name, text) in [
        ("package.json", r#"{"name":"x","version":"1.0.0","scripts":{"a:b":"c"},"dependencies":{"d":"^1"}}"#),
        ("tsconfig.json", r#"{"compilerOptions":{"strict":true},"include":["src"]}"#),
        ("wrangler.json", r#"{"name":"w","migrations":[{"tag":"v1","new_sqlite_classes":["A"]}]}"#),
        ("wrangler.jsonc", "// a comment\n{\"name\":\"w\"}"),
        ("deno.json", r#"{"npm:chalk@5":"npm:chalk@5.3.0","jsr:@std/path":"1"}"#),
        ("links.json", r#"{"https://acme.example:443/a:b":"x","http://b.example/c:1":"y"}"#),
        ("users.json", r#"{"ann":{"id":"1","created_at":"2026-01-01"},"bob":{"id":"2"}}"#),
        ("sessions.json", r#"{"sessions":[{"name":"a"}],"a":1}"#),
        ("list.json", r#"[{"key":"a","value":"b"}]"#),
        ("cut.json", r#"{"name": "x", "ver"#),
        ("number.json", "42"),
        ("blank.json", "  \n"),
    ] {
        match read(name, text.as_bytes()) {
            Ok(opened) => assert_eq!(opened.store.about().stores, ["wrangler-config"], "{name}"),
            Err(error) => assert!(matches!(error, StoreError::NotRecognised { .. }), "{name}: {error}"),
        }
    }
}

#[test]
fn resume_keys_are_taken_apart_where_they_are_certain() {
    let parse = |key| {
        ResumeKey::parse(key, KNOWN_FORGES)
            .map(|k| format!("{} {} {} {}", k.forge.unwrap_or("-"), k.agent, k.repo, k.issue))
    };
    for (key, parts) in [
        ("boss:charles/peon:4", "- boss charles/peon 4"),
        ("github:dev:acme/my_app:1", "github dev acme/my_app 1"),
        ("github:dev:acme/my-app:1", "github dev acme/my-app 1"),
        ("gitlab:coder:a%b/100%_sure:3", "gitlab coder a%b/100%_sure 3"),
        ("gitlab:coder:grp/sub/deep.repo:8", "gitlab coder grp/sub/deep.repo 8"),
        ("forgejo:qa:host:3000/acme/app:9", "forgejo qa host:3000/acme/app 9"),
        ("forgejo:architect-default:acme/app:2", "forgejo architect-default acme/app 2"),
        ("github:acme/app:1", "- github acme/app 1"),
        ("foreman:ünï/repo-日本:x", "- foreman ünï/repo-日本 x"),
    ] {
        assert_eq!(parse(key).as_deref(), Some(parts), "{key}");
    }
    for key in [
        "",
        ":",
        "a:b",
        "a::1",
        ":b:1",
        "a:b:",
        "gitea:dev:acme/app:1",
        "GitHub:dev:acme/app:1",
        "github:dev::acme/app:1",
        "github::acme/app:1",
    ] {
        assert_eq!(parse(key), None, "{key}");
    }
    assert!(ResumeKey::parse("gitea:dev:acme/app:1", &["gitea"]).is_some());
}

proptest::proptest! {
    #[test]
    fn a_resume_key_is_its_parts(key in "[a-z/:._é-]{0,12}|(github|forgejo|dev|x):[a-z:]{0,4}:[a-z/:%_]{1,9}:[a-z0-9-]{1,4}") {
        let colons = key.matches(':').count();
        let certain = !key.split(':').any(str::is_empty) && (colons == 2 || (colons > 2 && key.starts_with(['f', 'g'])));
        match ResumeKey::parse(&key, KNOWN_FORGES) {
            None => proptest::prop_assert!(!certain || !KNOWN_FORGES.contains(&key.split(':').next().unwrap_or_default()) && colons > 2),
            Some(k) => {
                let forge = k.forge.map(|f| format!("{f}:")).unwrap_or_default();
                proptest::prop_assert_eq!(&key, &format!("{forge}{}:{}:{}", k.agent, k.repo, k.issue));
                proptest::prop_assert_eq!(k.forge.is_some(), colons > 2);
                proptest::prop_assert!(!k.agent.contains(':') && !k.issue.contains(':'));
            }
        }
    }

    #[test]
    fn a_file_with_any_bytes_changed_is_read_or_refused(
        changes in proptest::collection::vec((0..900_usize, proptest::prelude::any::<u8>()), 1..6), cut in 0..900_usize
    ) {
        for name in ["bad.trailing-garbage.json", "bad.wrong-types.json", "session-document.json", "bad.bom.json"] {
            let mut bytes = bytes_of(name);
            for (at, byte) in &changes {
                let at = at % bytes.len();
                bytes[at] = *byte;
            }
            bytes.truncate(cut.max(1));
            if let Ok(opened) = read(name, &bytes) {
                for kind in Table::CANONICAL {
                    rows(&opened.store, &sessionscope::core::Query::all(kind));
                }
            }
        }
    }
}

fn copy_of_the_database() -> (tempfile::TempDir, PathBuf) {
    written("claude-hooks.db", &bytes_of("claude-hooks.db"))
}

#[test]
fn the_table_holds_what_the_file_held() {
    let (_folder, path) = copy_of_the_database();
    let store = opened(&path).store;
    assert_eq!(store.about().stores, ["claude-hooks-db"]);
    assert!(store.about().findings.iter().all(|f| f.severity == Severity::Info));
    assert_eq!(codes(&store.about().findings), "");
    assert_eq!(store.about().keeps, [Table::Sessions, Table::Heartbeats, Table::Migrations]);
    let file = read("sessions.json", &bytes_of("sessions.json")).unwrap_or_else(|e| panic!("{e}"));
    for which in [Table::Sessions, Table::Heartbeats] {
        let all = table_columns(&which).iter().map(|c| &*c.name);
        // The file has no such time.
        let columns: Vec<&str> = all.filter(|name| *name != "created_at").collect();
        let sorted = |store: &dyn ReadStore| {
            let mut lines: Vec<String> =
                table(store, which.clone(), &columns).lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(&store), sorted(&file.store), "{which:?}");
    }
    let first = &rows(&store, &sessionscope::core::Query::all(Table::Sessions))[0];
    let cells: Vec<String> = first.cells[..9].iter().map(|c| show(&c.value)).collect();
    assert_eq!(
        cells.join(" "),
        "github:coder:grp/sub/deep.repo:1 - stale github coder grp/sub/deep.repo 1 1777828431514 1777856400000"
    );
}

#[test]
fn a_table_that_differs_is_read_and_said() {
    let (_folder, path) = database(
        "hooks.db",
        "CREATE TABLE claude_sdk_sessions (key TEXT PRIMARY KEY, session_id TEXT, last_used_at INTEGER, host TEXT) WITHOUT ROWID;
         INSERT INTO claude_sdk_sessions VALUES ('foreman:acme/app:1', 's', 1795255140, 'h'), ('x', '', NULL, NULL);",
    );
    let store = opened(&path).store;
    assert_eq!(
        table(&store, Table::Sessions, &["id", "status", "agent", "last_active_at", "created_at", "detail"]),
        "foreman:acme/app:1 | fresh | foreman | 1795255140000 | - | {\"session_id\":\"s\",\"host\":\"h\"}\n\
         x | malformed | - | - | - | {\"session_id\":\"\"}"
    );
    let findings = &store.about().findings;
    assert_eq!(codes(findings), "malformed-entry, ambiguous-key, foreman-key, schema-drift");
    assert_eq!(
        findings[3].message,
        "claude_sdk_sessions differs from the known claude-hooks-db schema: it lacks created_at; has also host; \
         declares session_id as TEXT, not as TEXT NOT NULL; declares last_used_at as INTEGER, not as INTEGER NOT NULL; \
         has no rowids (WITHOUT ROWID) instead of rowids"
    );
}
