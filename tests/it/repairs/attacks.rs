//! What else could lose data: two at once, schemas and files that change under way, logs that vanish.

use std::fs;

use super::refusals::{files, is_refused};
use super::stores::{agent_mcp, hooks, session_file, state};
use super::{Home, lines, mode, rows};

const PRUNE: &[&str] = &["prune", "store.db", "--apply"];

fn pruned(stale: u32) -> Home {
    let home = Home::new();
    home.database("store.db", &hooks(stale, 1));
    home
}

fn keys(home: &Home) -> Vec<String> {
    state(home).into_keys().filter(|k| k.starts_with("store.db")).collect()
}

#[test]
fn two_repairs_of_the_same_rows_do_them_once() {
    for at in ["start", "logged"] {
        let home = pruned(3);
        let before = state(&home);
        let first = home.halted(at, PRUNE).expect("it stands still");
        home.text(PRUNE);
        let ended = first.finish();
        assert_eq!(ended.status, 0, "{at}: {}", ended.err);
        let operations = home.operations();
        let mut told: Vec<String> =
            operations.iter().map(|o| format!("{} {} {}", o["state"], o["done"], o["left"])).collect();
        told.sort();
        assert_eq!(told, ["\"applied\" 3 0", "\"not applied\" 0 3"], "{at}");
        let applied = operations.iter().find(|o| o["done"] == 3).expect("one that did it");
        home.apply(&["undo", applied["operation"].as_str().expect("an id")]);
        assert_eq!(state(&home), before, "{at}");
    }
}

#[test]
fn many_repairs_at_once_lose_nothing() {
    let home = pruned(40);
    home.file("store.json", session_file(10, 2));
    let before = state(&home);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let ended = home.run(PRUNE);
                assert!(ended.status == 0, "{}", ended.err);
                // Of those that exchange a text, one wins; the others say so.
                let ended = home.run(&["prune", "store.json", "--apply"]);
                assert!(
                    ended.status == 0 || ended.err.contains("The file is not the one that was looked at"),
                    "{}",
                    ended.err
                );
            });
        }
    });
    assert_eq!(keys(&home).len(), 1);
    let done: u64 = home.operations().iter().filter_map(|o| o["done"].as_u64()).sum();
    assert_eq!(done, 50);
    assert_eq!(home.leftovers(), [""; 0]);
    for operation in home.operations() {
        if operation["done"] != 0 {
            home.apply(&["undo", operation["operation"].as_str().expect("an id")]);
        }
    }
    assert_eq!(state(&home), before);
}

#[test]
fn an_operation_that_is_applied_by_another_program_is_left_to_it() {
    let home = pruned(2);
    let halted = home.halted("changed", PRUNE).expect("it stands still");
    assert_eq!(home.operations()[0]["state"], "running");
    for command in [&["undo", "1", "--apply"][..], &["forget", "1", "--apply"]] {
        let ended = home.run(command);
        assert_eq!((ended.status, ended.err.contains("being applied right now")), (3, true), "{}", ended.err);
    }
    assert_eq!(halted.finish().status, 0);
    assert_eq!(home.operations()[0]["state"], "applied");
}

#[test]
fn a_clock_that_jumps_back_mixes_nothing_up() {
    let home = pruned(2);
    let before = state(&home);
    for (now, command) in [
        ("2031-01-01T00:00:00Z", &["delete-session", "store.db", "forgejo:coder:acme/app:1", "--apply"][..]),
        ("2020-01-01T00:00:00Z", &["delete-session", "store.db", "forgejo:coder:acme/app:2", "--apply"]),
        ("1960-01-01T00:00:00Z", &["undo", "1", "--apply"]),
        ("2010-01-01T00:00:00Z", &["undo", "2", "--apply"]),
    ] {
        let output = home.command(command).env("SESSIONSCOPE_NOW", now).output().expect("it runs");
        assert!(output.status.success(), "{now}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(state(&home), before);
    let ids: Vec<String> = home.operations().iter().map(|o| o["operation"].to_string()).collect();
    assert_eq!(ids, ["\"4\"", "\"3\"", "\"2\"", "\"1\""]);
}

#[test]
fn a_mark_is_taken_back_though_the_rows_have_other_numbers_now() {
    let home = Home::new();
    home.database("store.db", &agent_mcp(1, 3));
    let id = home.apply(&["prune", "store.db"]);
    home.sql("store.db", "DELETE FROM agent_session_state; DELETE FROM mcp_session_persistence WHERE mcp_session_id = 's2'; VACUUM");
    let undone = home.json(&["undo", &id, "--apply"]);
    assert_eq!(undone["summary"]["update"], 2, "{}", lines(&undone));
    let store = rows(&home.at("store.db"));
    for session in ["s3", "s4"] {
        let row = store.values().find(|r| r.starts_with(&format!("\"{session}\""))).expect("the session");
        assert!(row.contains("\"active\""), "{row}");
    }
}

#[test]
fn a_schema_that_changes_under_way_stops_the_repair() {
    for (change, done) in [
        ("ALTER TABLE claude_sdk_sessions ADD COLUMN extra TEXT DEFAULT 'kept'", 0),
        ("ALTER TABLE claude_sdk_sessions RENAME TO other", 0),
        (
            "CREATE TRIGGER t AFTER DELETE ON claude_sdk_sessions BEGIN INSERT INTO audit VALUES (old.key); END; CREATE TABLE audit (k)",
            0,
        ),
        (
            "CREATE TABLE child (k REFERENCES claude_sdk_sessions ON DELETE CASCADE); INSERT INTO child VALUES ('forgejo:coder:acme/app:1')",
            0,
        ),
        ("CREATE INDEX i ON claude_sdk_sessions (last_used_at)", 2),
    ] {
        for at in ["start", "logged"] {
            let home = pruned(2);
            let halted = home.halted(at, PRUNE).expect("it stands still");
            home.sql("store.db", change);
            let before = state(&home);
            let ended = halted.finish();
            let after = state(&home);
            let gone = before.keys().filter(|k| !after.contains_key(*k)).count();
            assert_eq!(gone, done, "{at}, {change}: {}", ended.err);
            assert!(done == 2 || after == before, "{at}, {change}");
            assert!(done == 2 || !ended.err.is_empty(), "{at}, {change}");
        }
    }
}

#[test]
fn a_log_that_vanishes_under_way_takes_no_row_with_it() {
    for at in ["logged", "locked", "changed"] {
        for what in ["file", "folder"] {
            let home = pruned(2);
            let before = state(&home);
            let halted = home.halted(at, PRUNE).expect("it stands still");
            match what {
                "file" => fs::remove_file(home.data().join("operations/1.sqlite")).expect("removed"),
                _ => fs::remove_dir_all(home.data().join("operations")).expect("removed"),
            }
            let ended = halted.finish();
            assert_ne!(ended.status, 0, "{what} at {at}: {}", ended.out);
            assert_eq!(state(&home), before, "{what} at {at}: {}", ended.err);
        }
    }
}

#[test]
fn a_database_that_another_program_made_is_not_taken_for_ours() {
    let home = Home::new();
    home.file("sessions.json", session_file(2, 1));
    let import = ["import", "sessions.json", "--into", "store.db", "--apply"];
    home.halted("prepared", &import).expect("it stands still").kill();
    // Its own import, say, with the same rows.
    home.database("store.db", &hooks(2, 1));
    let before = files(&home);
    let operation = home.operations().remove(0);
    assert_eq!((&operation["state"], &operation["done"]), (&"not applied".into(), &0.into()), "{operation}");
    assert_eq!(home.leftovers(), [""; 0]);
    let left = files(&home);
    assert!(before.iter().all(|(path, bytes)| left.get(path).is_none_or(|is| is == bytes)));
    assert_eq!(keys(&home).len(), 3);
}

#[test]
fn a_store_that_is_moved_under_way_is_not_written_where_it_went() {
    for journal in ["DELETE", "WAL"] {
        for (first, more) in [("logged", false), ("locked,noted", true)] {
            let home = pruned(3);
            home.sql("store.db", &format!("PRAGMA journal_mode = {journal}"));
            let before = rows(&home.at("store.db"));
            let mut halted = home.halted(first, PRUNE).expect("it stands still");
            if more {
                super::overdue();
                halted.go_on();
                assert!(halted.wait());
            }
            // With its log, as a careful person moves it.
            for suffix in ["", "-wal", "-shm"] {
                let from = home.at(&format!("store.db{suffix}"));
                if from.exists() {
                    fs::rename(from, home.at(&format!("moved.db{suffix}"))).expect("moved");
                }
            }
            home.database("store.db", &hooks(1, 1));
            let theirs = rows(&home.at("store.db"));
            let ended = halted.finish();
            assert_ne!(ended.status, 0, "{journal} at {first}: {}", ended.out);
            assert_eq!(rows(&home.at("store.db")), theirs, "{journal} at {first}");
            let left = rows(&home.at("moved.db"));
            assert_eq!(left.len() + usize::from(more), before.len(), "{journal} at {first}: {}", ended.err);
        }
    }
}

#[test]
fn a_row_that_a_rule_would_replace_stays() {
    let home = Home::new();
    home.database(
        "object.db",
        "CREATE TABLE _cf_KV (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;
         CREATE TABLE users (id TEXT PRIMARY KEY ON CONFLICT REPLACE, name TEXT UNIQUE ON CONFLICT REPLACE);
         INSERT INTO users VALUES ('1', 'ann'), ('2', 'bob'), ('3', 'cy');",
    );
    let id = home.apply(&["delete-session", "object.db", "object"]);
    home.sql("object.db", "INSERT INTO users VALUES ('9', 'ann'), ('2', 'rob')");
    let ended = home.run(&["undo", &id, "--apply"]);
    assert_eq!(ended.status, 0, "{}", ended.err);
    let users: Vec<String> = rows(&home.at("object.db"))
        .into_iter()
        .filter(|(k, _)| k.starts_with("users"))
        .map(|(_, r)| r)
        .collect();
    let mut users = users;
    users.sort();
    assert_eq!(users, ["\"2\" | \"rob\"", "\"3\" | \"cy\"", "\"9\" | \"ann\""], "{}{}", ended.out, ended.err);
}

#[test]
fn keys_that_are_null_are_no_ones() {
    let home = Home::new();
    home.database(
        "object.db",
        "CREATE TABLE _cf_KV (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;
         CREATE TABLE loose (id TEXT PRIMARY KEY, x); INSERT INTO loose VALUES (NULL, 1), (NULL, 1), (NULL, 2), ('a', 3);",
    );
    let before = state(&home);
    let id = home.apply(&["delete-session", "object.db", "object"]);
    home.apply(&["undo", &id]);
    assert_eq!(state(&home), before);
}

#[test]
fn large_and_wide_rows_come_back_whole() {
    let columns: Vec<String> = (0..200).map(|n| format!("\"c {n}\"")).collect();
    let home = Home::new();
    home.database(
        "object.db",
        &format!(
            "CREATE TABLE _cf_KV (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID; CREATE TABLE wide ({});
             INSERT INTO wide (\"c 0\", \"c 199\") VALUES (1, randomblob(20000000)), (2, zeroblob(3));
             INSERT INTO _cf_KV VALUES ('big', randomblob(5000000));",
            columns.join(", ")
        ),
    );
    let before = fs::read(home.at("object.db")).expect("bytes").len();
    let print = |home: &Home| {
        let connection = rusqlite::Connection::open(home.at("object.db")).expect("a database");
        let sql = "SELECT group_concat(length(\"c 199\") || hex(substr(\"c 199\", 1, 99)) || hex(substr(\"c 199\", -99))) FROM wide";
        connection.query_row(sql, [], |r| r.get::<_, Option<String>>(0)).expect("a row")
    };
    let whole = print(&home);
    let id = home.apply(&["delete-session", "object.db", "object"]);
    assert_eq!(print(&home), None);
    assert!(home.operations()[0]["size_bytes"].as_u64() > Some(25_000_000));
    home.apply(&["undo", &id]);
    assert_eq!(print(&home), whole);
    assert!(before > 25_000_000);
}

#[test]
fn a_database_in_utf_16_is_not_written() {
    // SQLite hands its text out as UTF-8, and a half of a pair of surrogates comes back as something else.
    for encoding in ["UTF-16le", "UTF-16be"] {
        let home = Home::new();
        home.database("store.db", &format!("PRAGMA encoding = '{encoding}'; {}", hooks(2, 1)));
        let before = files(&home);
        is_refused(&home, &home.run(PRUNE), &before, "not every value could be put back as it was");
    }
}

#[test]
fn names_of_files_mean_only_themselves() {
    for name in ["a b.db", "a%20b.db", "a?mode=memory.db", "a#b.db", "file:a.db", "Ü'\"\\.db"] {
        let home = Home::new();
        home.database(name, &hooks(1, 1));
        let path = home.at(name);
        let path = path.to_str().expect("UTF-8");
        let before = rows(&home.at(name));
        let id = home.apply(&["prune", path]);
        assert_eq!(rows(&home.at(name)).len() + 1, before.len(), "{name}");
        home.apply(&["undo", &id]);
        assert_eq!(rows(&home.at(name)), before, "{name}");
        home.file("sessions.json", session_file(1, 0));
        home.apply(&["import", "sessions.json", "--into", &format!("{path} new.db")]);
        assert!(home.at(&format!("{name} new.db")).exists(), "{name}");
    }
}

#[test]
fn a_log_that_is_damaged_takes_no_other_with_it() {
    let home = pruned(2);
    let before = state(&home);
    home.apply(&["delete-session", "store.db", "forgejo:coder:acme/app:1"]);
    home.apply(&["delete-session", "store.db", "forgejo:coder:acme/app:2"]);
    let damaged = home.data().join("operations/2.sqlite");
    let mut bytes = fs::read(&damaged).expect("bytes");
    bytes[100..].iter_mut().for_each(|b| *b ^= 0x55);
    fs::write(&damaged, bytes).expect("written");
    let ended = home.run(&["undo", "2", "--apply"]);
    assert_ne!(ended.status, 0, "{}", ended.out);
    assert!(damaged.exists(), "what cannot be read is not thrown away");
    home.apply(&["undo", "1"]);
    assert_eq!(state(&home).len(), before.len() - 1);
    home.apply(&["prune", "store.db"]);
    assert!(home.data().join("operations/4.sqlite").exists(), "no number is given twice");
}

#[test]
fn rows_that_are_only_in_the_write_ahead_log_are_repaired_and_the_log_stays() {
    let home = Home::new();
    home.database("store.db", "PRAGMA journal_mode = WAL");
    let writer = rusqlite::Connection::open(home.at("store.db")).expect("a database");
    writer.execute_batch(&format!("PRAGMA wal_autocheckpoint = 0; {}", hooks(3, 1))).expect("written");
    let file = fs::read(home.at("store.db")).expect("bytes");
    let id = home.apply(&["prune", "store.db"]);
    let count = |sql: &str| writer.query_row(sql, [], |r| r.get::<_, i64>(0)).expect("a number");
    assert_eq!(count("SELECT count(*) FROM claude_sdk_sessions"), 1);
    assert!(fs::read(home.at("store.db")).expect("bytes") == file, "nobody asked for a checkpoint");
    home.apply(&["undo", &id]);
    assert_eq!(count("SELECT count(*) FROM claude_sdk_sessions"), 4);
}

#[test]
fn a_text_keeps_its_permissions_and_every_byte_around_what_goes() {
    let home = Home::new();
    let text = "\t{\r\n\t\"\\u0066orgejo:a:o/r:1\" :\r\n\t\t{ \"id\":\"x\" , \"last_used_at\":5 }\t,\r\n\r\n\t\"forgejo:a:o/r:2\":\"y\"\r\n}\r\n\r\n";
    for (issue, left) in [
        ("1", "\t{\r\n\t\"forgejo:a:o/r:2\":\"y\"\r\n}\r\n\r\n"),
        (
            "2",
            "\t{\r\n\t\"\\u0066orgejo:a:o/r:1\" :\r\n\t\t{ \"id\":\"x\" , \"last_used_at\":5 }\r\n}\r\n\r\n",
        ),
    ] {
        home.file("store.json", text);
        fs::set_permissions(home.at("store.json"), std::os::unix::fs::PermissionsExt::from_mode(0o640))
            .expect("a mode");
        let id = home.apply(&[
            "delete-issue",
            "store.json",
            "--forge",
            "forgejo",
            "--repo",
            "o/r",
            "--issue",
            issue,
        ]);
        assert_eq!(fs::read_to_string(home.at("store.json")).expect("text"), left);
        assert_eq!(mode(&home.at("store.json")), 0o640);
        home.apply(&["undo", &id]);
        assert_eq!(fs::read_to_string(home.at("store.json")).expect("text"), text);
        assert_eq!(mode(&home.at("store.json")), 0o640);
    }
}

#[test]
fn importing_a_database_into_itself_changes_nothing() {
    let home = Home::new();
    home.database("object.db", "CREATE TABLE _cf_KV (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID; INSERT INTO _cf_KV VALUES ('a', x'00')");
    let before = files(&home);
    let plan = home.json(&["import", "object.db", "--into", "object.db", "--apply"]);
    assert_eq!(plan["summary"]["insert"], 0);
    assert!(files(&home) == before);
}

#[test]
fn a_migration_that_cannot_be_taken_back_offers_the_copy() {
    let home = Home::new();
    home.database("store.db", crate::stores::session_do::SHIP);
    let id = home.apply(&["migrate", "store.db"]);
    home.sql("store.db", "INSERT INTO session_events (type, payload, occurred_at) VALUES ('a', '{}', 1)");
    let before = files(&home);
    let ended = home.run(&["undo", &id, "--apply"]);
    assert_eq!(ended.status, 3);
    assert!(ended.err.contains("the table session_events is not empty any more"), "{}", ended.err);
    assert!(ended.err.contains("put it into a new file with `--restore-to FILE`"), "{}", ended.err);
    assert!(files(&home) == before);
    home.sql("store.db", "DELETE FROM session_events");
    home.apply(&["undo", &id]);
    assert!(!rows(&home.at("store.db")).contains_key("schema session_events"));
}
