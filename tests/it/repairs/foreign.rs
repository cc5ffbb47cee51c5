//! Foreign keys and triggers that a store has besides its own tables.

use super::refusals::{files, is_refused};
use super::stores::{hooks, state};
use super::{Home, lines};

const PRUNE: &[&str] = &["prune", "store.db"];

/// A database of claude-hooks with one stale session and one that is fresh, and other tables.
fn store(sql: &str) -> Home {
    let home = Home::new();
    home.database("store.db", &format!("{} {sql}", hooks(1, 1).replace("forgejo:coder:acme/app:", "k")));
    home
}

/// A Durable Object with other tables, of which a deletion takes every row.
fn object(sql: &str) -> Home {
    let home = Home::new();
    let kv = "CREATE TABLE _cf_KV (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;";
    home.database("object.db", &format!("{kv} {sql}"));
    home
}

const DELETE: &[&str] = &["delete-session", "object.db", "object"];

/// The plan is all that happens, and undoing it leaves everything as it was.
fn is_done_and_undone(home: &Home, repair: &[&str], expected: &str) {
    let before = state(home);
    let plan = home.json(repair);
    assert_eq!(lines(&plan), expected);
    let operation = home.apply(repair);
    let log = home.operations().remove(0);
    assert_eq!((&log["state"], &log["left"]), (&"applied".into(), &0.into()), "{log}");
    let after = state(home);
    let gone = before.keys().filter(|k| !after.contains_key(*k)).count();
    assert_eq!(plan["summary"]["delete"], gone, "what went is what was shown");
    let again = home.json(&[repair, &["--apply"]].concat());
    assert_eq!((&again["operation"], &again["applied"]), (&serde_json::Value::Null, &false.into()));
    home.apply(&["undo", &operation]);
    assert_eq!(state(home), before);
}

#[test]
fn children_that_go_by_a_cascade_are_shown_and_come_back() {
    let home = store(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, session TEXT REFERENCES claude_sdk_sessions ON DELETE CASCADE, body BLOB);
         CREATE TABLE words (note INTEGER REFERENCES notes(id) ON DELETE CASCADE, word TEXT, PRIMARY KEY (note, word)) WITHOUT ROWID;
         INSERT INTO notes VALUES (1, 'k1', x'00ff'), (2, 'k2', NULL), (3, 'k1', 1.0);
         INSERT INTO words VALUES (1, 'a'), (1, 'b'), (2, 'c'), (3, 'd');",
    );
    is_done_and_undone(
        &home,
        PRUNE,
        "
delete words 1 · a: it refers to a row that goes, and goes with it by its foreign key
delete words 1 · b: it refers to a row that goes, and goes with it by its foreign key
delete notes 1: it refers to a row that goes, and goes with it by its foreign key
delete words 3 · d: it refers to a row that goes, and goes with it by its foreign key
delete notes 3: it refers to a row that goes, and goes with it by its foreign key
delete claude_sdk_sessions k1: not used for 24 h (25 h ago)
keep claude_sdk_sessions k2: used within 24 h (60 min ago)",
    );
}

#[test]
fn what_a_foreign_key_empties_is_shown_and_comes_back() {
    let home = store(
        "CREATE TABLE notes (id TEXT PRIMARY KEY, session TEXT REFERENCES claude_sdk_sessions(key) ON DELETE SET NULL);
         INSERT INTO notes VALUES ('a', 'k1'), ('b', 'k2'), ('c', NULL);",
    );
    is_done_and_undone(
        &home,
        PRUNE,
        "
update notes a: it refers to a row that goes, and is emptied by its foreign key
delete claude_sdk_sessions k1: not used for 24 h (25 h ago)
keep claude_sdk_sessions k2: used within 24 h (60 min ago)",
    );
}

#[test]
fn a_row_that_others_may_not_lose_stays_with_the_reason() {
    for clause in [
        "",
        "ON DELETE RESTRICT",
        "ON DELETE NO ACTION",
        "ON DELETE SET DEFAULT",
        "DEFERRABLE INITIALLY DEFERRED",
    ] {
        let home = store(&format!(
            "CREATE TABLE notes (id TEXT PRIMARY KEY, session TEXT REFERENCES claude_sdk_sessions(key) {clause});
             INSERT INTO notes VALUES ('a', 'k1');"
        ));
        let before = files(&home);
        let plan = home.json(&[PRUNE, &["--apply"]].concat());
        assert_eq!(
            lines(&plan),
            "
keep claude_sdk_sessions k1: rows of notes refer to it, and may not go with it
keep claude_sdk_sessions k2: used within 24 h (60 min ago)",
            "{clause}"
        );
        assert!(files(&home) == before);
    }
}

#[test]
fn a_deferred_cascade_is_done_and_undone_like_any_other() {
    let home = store(
        "CREATE TABLE notes (id TEXT PRIMARY KEY, session TEXT REFERENCES claude_sdk_sessions(key)
           ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED);
         INSERT INTO notes VALUES ('a', 'k1');",
    );
    is_done_and_undone(
        &home,
        PRUNE,
        "
delete notes a: it refers to a row that goes, and goes with it by its foreign key
delete claude_sdk_sessions k1: not used for 24 h (25 h ago)
keep claude_sdk_sessions k2: used within 24 h (60 min ago)",
    );
}

#[test]
fn a_trigger_that_changes_more_than_the_plan_is_rolled_back_with_the_numbers() {
    for (trigger, says) in [
        (
            "AFTER DELETE ON claude_sdk_sessions BEGIN INSERT INTO audit VALUES (old.key), ('x'); END",
            "1 rows were to change, and 3 did",
        ),
        (
            "BEFORE DELETE ON claude_sdk_sessions BEGIN SELECT RAISE(IGNORE); END",
            "1 rows were to change, and 0 did",
        ),
        ("BEFORE DELETE ON claude_sdk_sessions BEGIN SELECT RAISE(ABORT, 'not today'); END", "not today"),
        ("AFTER DELETE ON claude_sdk_sessions BEGIN SELECT RAISE(ROLLBACK, 'never'); END", "never"),
    ] {
        let home = store(&format!("CREATE TABLE audit (what); CREATE TRIGGER guard {trigger}"));
        let before = files(&home);
        let ended = home.run(&[PRUNE, &["--apply"]].concat());
        is_refused(&home, &ended, &before, says);
        assert!(ended.out.contains("The database has triggers (guard)"), "{}", ended.out);
    }
}

#[test]
fn a_trigger_that_changes_more_than_an_undo_shows_is_rolled_back_too() {
    let home = store("CREATE TABLE audit (what)");
    let id = home.apply(PRUNE);
    home.sql("store.db", "CREATE TRIGGER guard AFTER INSERT ON claude_sdk_sessions BEGIN INSERT INTO audit VALUES (new.key); END");
    let before = files(&home);
    let ended = home.run(&["undo", &id, "--apply"]);
    is_refused(&home, &ended, &before, "1 rows were to change, and 2 did");
    home.sql(
        "store.db",
        "DROP TRIGGER guard; CREATE TRIGGER guard BEFORE INSERT ON claude_sdk_sessions BEGIN SELECT RAISE(ABORT, 'closed'); END",
    );
    let ended = home.run(&["undo", &id, "--apply"]);
    assert!(ended.err.contains("Left alone, since it cannot be there now: closed: k1"), "{}", ended.err);
    assert!(files(&home).keys().eq(before.keys()));
}

#[test]
fn a_child_of_two_rows_that_go_is_one_change() {
    let home = Home::new();
    let sql = hooks(2, 0).replace("forgejo:coder:acme/app:", "k");
    home.database(
        "store.db",
        &format!(
            "{sql} CREATE TABLE pairs (id TEXT PRIMARY KEY, a TEXT REFERENCES claude_sdk_sessions(key) ON DELETE CASCADE,
               b TEXT REFERENCES claude_sdk_sessions(key) ON DELETE CASCADE);
             INSERT INTO pairs VALUES ('x', 'k1', 'k2');"
        ),
    );
    is_done_and_undone(
        &home,
        PRUNE,
        "
delete pairs x: it refers to a row that goes, and goes with it by its foreign key
delete claude_sdk_sessions k1: not used for 24 h (25 h ago)
delete claude_sdk_sessions k2: not used for 24 h (25 h ago)",
    );
}

#[test]
fn a_child_that_two_rows_empty_is_emptied_of_both() {
    let home = Home::new();
    let sql = hooks(2, 0).replace("forgejo:coder:acme/app:", "k");
    home.database(
        "store.db",
        &format!(
            "{sql} CREATE TABLE pairs (id TEXT PRIMARY KEY, a TEXT REFERENCES claude_sdk_sessions(key) ON DELETE SET NULL,
               b TEXT REFERENCES claude_sdk_sessions(key) ON DELETE SET NULL);
             INSERT INTO pairs VALUES ('x', 'k1', 'k2');"
        ),
    );
    is_done_and_undone(
        &home,
        PRUNE,
        "
update pairs x: it refers to a row that goes, and is emptied by its foreign key
delete claude_sdk_sessions k1: not used for 24 h (25 h ago)
update pairs x: it refers to a row that goes, and is emptied by its foreign key
delete claude_sdk_sessions k2: not used for 24 h (25 h ago)",
    );
}

#[test]
fn an_object_goes_with_composite_keys_and_rows_that_refer_to_their_like() {
    let home = object(
        "CREATE TABLE parent (a INTEGER, b TEXT, PRIMARY KEY (a, b));
         CREATE TABLE child (id INTEGER PRIMARY KEY, x INTEGER, y TEXT, FOREIGN KEY (x, y) REFERENCES parent (a, b) ON DELETE CASCADE);
         CREATE TABLE tree (id TEXT PRIMARY KEY, above TEXT REFERENCES tree(id) ON DELETE CASCADE);
         INSERT INTO parent VALUES (1, 'p'), (1, 'q');
         INSERT INTO child VALUES (1, 1, 'p'), (2, 1, 'q'), (3, 1, NULL), (4, NULL, NULL);
         INSERT INTO tree VALUES ('root', NULL), ('leaf', 'twig'), ('twig', 'root'), ('self', 'self');",
    );
    is_done_and_undone(&home, DELETE, "");
}

#[test]
fn an_object_goes_whose_rows_refer_to_each_other_in_a_circle() {
    let home = object(
        "CREATE TABLE hen (id TEXT PRIMARY KEY, egg TEXT REFERENCES egg(id) ON DELETE SET NULL);
         CREATE TABLE egg (id TEXT PRIMARY KEY, hen TEXT REFERENCES hen(id) ON DELETE CASCADE);
         INSERT INTO hen VALUES ('h', NULL); INSERT INTO egg VALUES ('e', 'h'); UPDATE hen SET egg = 'e';",
    );
    is_done_and_undone(&home, DELETE, "");
}
