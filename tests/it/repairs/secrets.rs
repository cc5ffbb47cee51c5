//! Secrets: whole in the log, which only its owner may read, and shown nowhere.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::stores::{AGENT_MCP, state};
use super::{Home, each_file, mode};
use sessionscope::core::repair::counted;

const SECRET: &str = "sk-live-4f9a77c2e1";

/// Sessions whose rows hold a token in every column that is no key.
fn home() -> Home {
    let home = Home::new();
    let transport = format!("{{\"headers\":{{\"authorization\":\"Bearer {SECRET}\"}}}}");
    home.database(
        "store.db",
        &format!(
            "{AGENT_MCP} INSERT INTO mcp_session_persistence VALUES ('old', '{transport}', '{SECRET}', '{SECRET}', '2026-10-01T09:50:00.000Z',
              '2026-10-01T09:50:00.000Z', NULL, 0, 'expired', '2026-10-01T09:55:00.000Z', '/{SECRET}', '{SECRET}');
             INSERT INTO agent_session_state VALUES ('a', 'old', 'gitToken', '{SECRET}', '2026-10-01T09:50:00.000Z', NULL);"
        ),
    );
    home.database(
        "object.db",
        &format!(
            "CREATE TABLE _cf_KV (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID; INSERT INTO _cf_KV VALUES ('token', '{SECRET}');
             CREATE TABLE other (id INTEGER PRIMARY KEY, token TEXT UNIQUE, must TEXT NOT NULL);
             INSERT INTO other VALUES (1, '{SECRET}', '{SECRET}');"
        ),
    );
    home.file(
        "sessions.json",
        format!("{{\"forgejo:coder:o/r:1\": {{\"id\": \"x\", \"last_used_at\": 5, \"apiKey\": \"{SECRET}\"}}, \"forgejo:coder:o/r:2\": {{\"token\": \"{SECRET}\"}}}}"),
    );
    home
}

fn holds(bytes: &[u8]) -> bool {
    bytes.windows(SECRET.len()).any(|w| w == SECRET.as_bytes())
}

#[test]
fn no_plan_result_or_error_shows_a_secret() {
    let home = home();
    let before = state(&home);
    for repair in [
        &["prune", "store.db"][..],
        &["delete-session", "object.db", "object"],
        &["prune", "sessions.json", "--include-unknown"],
        &["import", "sessions.json", "--into", "new.db"],
    ] {
        for way in [&[][..], &["--json"], &["--apply"]] {
            let ended = home.run(&[repair, way].concat());
            assert_eq!(ended.status, 0, "{repair:?} {way:?}: {}", ended.err);
            assert!(
                !holds(ended.out.as_bytes()) && !holds(ended.err.as_bytes()),
                "{repair:?} {way:?}: {}{}",
                ended.out,
                ended.err
            );
        }
        if repair[0] == "prune" && repair[1] == "sessions.json" {
            home.text(&["undo", "3", "--apply"]);
        }
    }
    // An undo that meets other rows, and a constraint.
    home.sql("store.db", &format!("INSERT INTO mcp_session_persistence (mcp_session_id, transport_state, created_at, last_heartbeat) VALUES ('old', '{SECRET}2', '', '')"));
    home.sql("object.db", &format!("INSERT INTO other VALUES (2, '{SECRET}', 'other')"));
    for id in ["1", "2", "5"] {
        for way in [&[][..], &["--json"], &["--apply"]] {
            let ended = home.run(&[&["undo", id], way].concat());
            assert!(
                !holds(ended.out.as_bytes()) && !holds(ended.err.as_bytes()),
                "{id} {way:?}: {}{}",
                ended.out,
                ended.err
            );
        }
    }
    for way in [&["operations"][..], &["operations", "--json"]] {
        assert!(!holds(home.text(way).as_bytes()));
    }
    assert!(before.len() > 3);
}

#[test]
fn the_log_holds_rows_whole_until_it_is_told_to_forget_them() {
    let home = home();
    home.sql("store.db", "UPDATE mcp_session_persistence SET metadata = hex(zeroblob(20000))");
    let before = state(&home);
    let id = home.apply(&["prune", "store.db"]);
    let log = home.data().join("operations/1.sqlite");
    assert!(holds(&fs::read(&log).expect("the log")));
    let size = |home: &Home| home.operations()[0]["size_bytes"].as_u64().expect("a size");
    assert_eq!(size(&home), fs::metadata(&log).expect("the log").len());
    assert!(home.text(&["operations"]).contains(&counted(size(&home), "byte")));
    let plan = home.text(&["forget", &id]);
    assert!(plan.contains("and ends its undo") && plan.contains("Nothing has changed"), "{plan}");
    assert!(holds(&fs::read(&log).expect("the log")));
    home.apply(&["undo", &id]);
    assert_eq!(state(&home), before);

    home.apply(&["prune", "store.db"]);
    let freed: serde_json::Value =
        serde_json::from_str(&home.text(&["forget", "1", "3", "--apply", "--json"])).expect("JSON");
    assert!(freed["freed_bytes"].as_u64() > Some(0), "{freed}");
    for id in ["1", "3"] {
        let ended = home.run(&["undo", id, "--apply"]);
        assert_eq!(ended.status, 3, "{}", ended.err);
        assert!(ended.err.contains("it was forgotten"), "{}", ended.err);
        let log = home.data().join(format!("operations/{id}.sqlite"));
        assert!(!holds(&fs::read(log).expect("the log")), "operation {id}");
    }
    assert_eq!(home.operations()[0]["state"], "forgotten");
    assert_eq!(home.operations()[0]["done"], 2);
    assert_eq!(home.leftovers(), [""; 0]);
}

#[test]
fn forgetting_a_migration_removes_the_copy_of_the_database() {
    let home = Home::new();
    home.database("store.db", crate::stores::session_do::SHIP);
    home.apply(&["migrate", "store.db"]);
    let copy = home.data().join("operations/1.backup.sqlite");
    assert_eq!(home.operations()[0]["backup"], copy.to_str().expect("UTF-8"));
    assert_eq!(super::rows(&copy).get("messages 1"), super::rows(&home.at("store.db")).get("messages 1"));
    home.text(&["undo", "1", "--restore-to", "restored.db"]);
    assert_eq!(super::rows(&home.at("restored.db")), super::rows(&copy));
    assert_eq!(mode(&home.at("restored.db")), 0o600);
    assert_eq!(home.run(&["undo", "1", "--restore-to", "store.db"]).status, 3, "it writes over nothing");
    home.text(&["forget", "1", "--apply"]);
    assert!(!copy.exists());
    assert_eq!(home.operations()[0]["backup"], serde_json::Value::Null);
    assert_eq!(home.run(&["undo", "1", "--restore-to", "again.db"]).status, 3);
}

#[test]
fn everything_that_holds_rows_is_its_owners_alone() {
    for (store, at) in [("store.db", "start"), ("store.db", "changed"), ("sessions.json", "prepared")] {
        let home = home();
        let arguments = ["prune", store, "--include-unknown", "--apply"];
        let halted = home.halted(at, &arguments).expect("it stands still");
        let top = home.data().parent().expect("the home").to_owned();
        let mut seen = 0;
        each_file(&top, &mut |path| {
            let stores = path.starts_with(home.at(""));
            if stores && !path.to_string_lossy().contains(".sessionscope") {
                return;
            }
            seen += 1;
            // Those above it may be looked into, or not: the nearest folder of its own decides.
            let closed = path
                .ancestors()
                .take_while(|p| *p != top)
                .any(|p| fs::metadata(p).is_ok_and(|m| m.permissions().mode() & 0o077 == 0));
            // What takes a file's place has the permissions that the file has.
            assert!(
                closed || (stores && mode(path) == mode(&home.at(store))),
                "{} is {:o}",
                path.display(),
                mode(path)
            );
        });
        assert!(seen > 0, "{store} at {at}");
        drop(halted);
    }
}

#[test]
fn what_a_killed_program_left_of_a_private_copy_is_removed() {
    let home = Home::new();
    let tmp = home.data().parent().expect("the home").join("tmp");
    let left = tmp.join("sessionscope-scratch-left");
    fs::create_dir(&left).expect("a folder");
    fs::write(left.join("copy.sqlite"), SECRET).expect("written");
    let other = tmp.join("sessionscope-other");
    fs::create_dir(&other).expect("a folder");
    home.operations();
    assert!(!left.exists() && other.exists());
    fs::remove_dir(other).expect("removed");
    // One that is in use is not: the plan of a repair that stands still.
    home.database("store.db", &super::stores::hooks(1, 0));
    let halted = home.halted("start", &["prune", "store.db", "--apply"]).expect("it stands still");
    home.operations();
    let ended = halted.finish();
    assert_eq!(ended.status, 0, "{}", ended.err);
}
