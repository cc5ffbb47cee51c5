//! Another program writes the same store all the time.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use sessionscope::core::repair::{PruneOptions, SessionStore};
use sessionscope::stores::Options;
use sessionscope::stores::repair::open_for_repair;

use super::stores::{hooks, session_file, state};
use super::{Home, mode};

/// Runs a prune that stands still at a step while `meanwhile` is run; gives the operation as the log tells it.
fn pruned_with(home: &Home, at: &str, meanwhile: &str) -> serde_json::Value {
    let halted = home.halted(at, &["prune", "store.db", "--apply"]).expect("it stands still");
    home.sql("store.db", meanwhile);
    let ended = halted.finish();
    assert_eq!(ended.status, 0, "{}", ended.err);
    home.operations().remove(0)
}

#[test]
fn a_row_that_is_used_again_before_the_lock_is_never_deleted() {
    let home = Home::new();
    home.database("store.db", &hooks(3, 1));
    let used =
        "UPDATE claude_sdk_sessions SET last_used_at = 1795255200000 WHERE key = 'forgejo:coder:acme/app:2'";
    for at in ["start", "logged"] {
        let operation = pruned_with(&home, at, used);
        assert_eq!((&operation["done"], &operation["left"]), (&2.into(), &1.into()), "{at}");
        let left = state(&home);
        assert!(left.contains_key("store.db claude_sdk_sessions 2"), "{at}: {left:?}");
        assert_eq!(left.keys().filter(|k| k.starts_with("store.db")).count(), 2, "{at}");
        home.text(&["undo", operation["operation"].as_str().expect("an id"), "--apply"]);
        home.sql("store.db", "UPDATE claude_sdk_sessions SET last_used_at = 1 WHERE key LIKE '%:2'");
    }
}

#[test]
fn rows_that_match_only_after_the_plan_wait_for_another_plan() {
    let home = Home::new();
    home.database("store.db", &hooks(1, 1));
    let more = "INSERT INTO claude_sdk_sessions VALUES ('forgejo:coder:acme/app:9', 'x', 5, 5);
                UPDATE claude_sdk_sessions SET last_used_at = 5 WHERE key = 'forgejo:coder:acme/app:2'";
    let operation = pruned_with(&home, "logged", more);
    assert_eq!((&operation["done"], &operation["left"]), (&1.into(), &0.into()));
    let keys: Vec<String> = state(&home).into_keys().filter(|k| k.starts_with("store.db")).collect();
    assert_eq!(keys, ["store.db claude_sdk_sessions 2", "store.db claude_sdk_sessions 3"]);
}

#[test]
fn the_log_is_its_owners_alone() {
    let home = Home::new();
    let path = home.database("store.db", crate::stores::session_do::SHIP);
    home.apply(&["migrate", "store.db"]);
    assert_eq!(home.leftovers(), [""; 0]);
    assert_eq!(mode(&home.data().join("operations")), 0o700);
    for name in ["1.sqlite", "1.backup.sqlite"] {
        assert_eq!(mode(&home.data().join("operations").join(name)), 0o600, "{name}");
    }
    assert!(Connection::open(path).is_ok());
}

#[test]
fn an_operation_that_cannot_be_read_is_said_and_left_where_it_is() {
    let home = Home::new();
    home.database("store.db", crate::stores::session_do::SHIP);
    home.apply(&["migrate", "store.db"]);
    let broken = home.data().join("operations/7.sqlite");
    std::fs::write(&broken, "no database").expect("written");
    let listed = home.run(&["operations"]);
    assert_eq!(listed.status, 3, "{}", listed.err);
    assert!(listed.out.starts_with("1  "), "{}", listed.out);
    assert!(listed.err.contains("7.sqlite") && listed.err.contains("cannot be read"), "{}", listed.err);
    assert!(broken.exists());
}

/// Scans a database in rollback-journal mode slowly while somebody commits to it, and gives the keys that were seen.
fn scanned_beside_a_writer(scan: impl FnOnce(&dyn SessionStore, &mut dyn FnMut(&str))) -> Vec<String> {
    let home = Home::new();
    let path = home.database("store.db", &hooks(30, 0));
    let store = open_for_repair(&path, &Options::default()).expect("a store");
    let (commit, wanted) = mpsc::channel();
    let (committed, seen) = mpsc::channel();
    let writer = thread::spawn(move || {
        let other = Connection::open(path).expect("the database");
        other.busy_timeout(Duration::from_secs(20)).expect("patient");
        wanted.recv().expect("a scan that has begun");
        let changed =
            other.execute("UPDATE claude_sdk_sessions SET created_at = 1 WHERE key LIKE '%:30'", []);
        committed.send(changed).expect("a scan");
    });
    let mut keys = Vec::new();
    let mut between = false;
    scan(store.as_ref(), &mut |key| {
        if keys.is_empty() {
            commit.send(()).expect("a writer");
        }
        keys.push(key.to_owned());
        thread::sleep(Duration::from_millis(15));
        between |= seen.try_recv().is_ok_and(|changed| changed == Ok(1));
    });
    writer.join().expect("it ends");
    assert!(between, "the commit had to wait for the whole scan");
    keys
}

#[test]
fn others_may_commit_while_a_plan_is_made() {
    let mut wanted: Vec<String> = (1..=30).map(|n| format!("forgejo:coder:acme/app:{n}")).collect();
    let pruned = scanned_beside_a_writer(|store, each| {
        let scan = store.prunable(&PruneOptions::default(), &mut |candidate| {
            each(candidate.key);
            Ok(())
        });
        assert!(scan.expect("a scan"));
    });
    assert_eq!(pruned, wanted);
    let named = scanned_beside_a_writer(|store, each| {
        let scan = store.resume_keys(&mut |key, _, _| {
            each(key);
            Ok(())
        });
        assert!(scan.expect("a scan"));
    });
    wanted.sort();
    assert_eq!(named, wanted);
}

/// Kills a prune of a session file at a step, with what its program writes before and after.
fn killed_beside_a_program(
    points: &[&str],
    before: Option<&str>,
    after: Option<&str>,
) -> (String, serde_json::Value) {
    let home = Home::new();
    home.file("store.json", session_file(2, 1));
    let write = |text: &str| {
        home.file("store.json.tmp", text);
        std::fs::rename(home.at("store.json.tmp"), home.at("store.json")).expect("renamed");
    };
    let mut halted =
        home.halted(&points.join(","), &["prune", "store.json", "--apply"]).expect("it stands still");
    if let Some(text) = before {
        write(text);
    }
    for _ in 1..points.len() {
        halted.go_on();
        assert!(halted.wait());
    }
    halted.kill();
    if let Some(text) = after {
        write(text);
    }
    let operation = home.operations().remove(0);
    assert_eq!(home.leftovers(), [""; 0], "{points:?}");
    let text = std::fs::read_to_string(home.at("store.json")).expect("text");
    // Whatever happened, it goes on.
    assert_eq!(home.run(&["prune", "store.json", "--apply"]).status, 0, "{points:?}");
    (text, operation)
}

#[test]
fn what_a_program_writes_around_a_kill_is_never_lost() {
    let theirs = session_file(3, 3);
    for (points, before, after, done) in [
        (&["prepared"][..], None, Some(theirs.as_str()), 0),
        (&["prepared"], Some(theirs.as_str()), None, 0),
        (&["exchanged"], None, Some(theirs.as_str()), 2),
        (&["prepared", "exchanged"], Some(theirs.as_str()), None, 0),
        (&["committed"], None, Some(theirs.as_str()), 2),
    ] {
        // After the exchange their text is without what went, as a program writes that has read it.
        let after = after.map(|text| {
            if done > 0 {
                text.replace("app:1\"", "app:7\"").replace("app:2\"", "app:8\"")
            } else {
                text.to_owned()
            }
        });
        let (text, operation) = killed_beside_a_program(points, before, after.as_deref());
        assert_eq!(Some(text.as_str()), after.as_deref().or(before), "{points:?}");
        assert_eq!(operation["done"], done, "{points:?}: {operation}");
    }
}
