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
keep claude_sdk_sessions k2: used within 24 h (1 h ago)",
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
keep claude_sdk_sessions k2: used within 24 h (1 h ago)",
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
keep claude_sdk_sessions k2: used within 24 h (1 h ago)",
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
keep claude_sdk_sessions k2: used within 24 h (1 h ago)",
    );
}

#[test]
fn a_trigger_that_changes_more_than_the_plan_is_rolled_back_with_the_numbers() {
    for (trigger, says) in [
        (
            "AFTER DELETE ON claude_sdk_sessions BEGIN INSERT INTO audit VALUES (old.key), ('x'); END",
            "3 rows would have changed where the plan lists 1",
        ),
        (
            "BEFORE DELETE ON claude_sdk_sessions BEGIN SELECT RAISE(IGNORE); END",
            "0 rows would have changed where the plan lists 1",
        ),
    ] {
        let home = store(&format!("CREATE TABLE audit (what); CREATE TRIGGER guard {trigger}"));
        let before = files(&home);
        let ended = home.run(&[PRUNE, &["--apply"]].concat());
        is_refused(&home, &ended, &before, says);
        assert!(ended.out.contains("The database has triggers (guard)"), "{}", ended.out);
    }
}

#[test]
fn a_row_that_a_trigger_holds_on_to_is_left_alone() {
    let home = store(
        "UPDATE claude_sdk_sessions SET last_used_at = 1;
         CREATE TRIGGER guard BEFORE DELETE ON claude_sdk_sessions WHEN old.key = 'k1' BEGIN SELECT RAISE(ABORT, 'not today'); END",
    );
    let ended = home.run(&[PRUNE, &["--apply"]].concat());
    assert!(
        ended.err.contains("Left alone, since a rule of the schema stands against it: not today: k1"),
        "{}",
        ended.err
    );
    let rows: Vec<String> = state(&home).into_keys().filter(|k| k.starts_with("store.db")).collect();
    assert_eq!(rows, ["store.db claude_sdk_sessions 1"]);
}

#[test]
fn a_trigger_that_ends_the_transaction_ends_the_repair() {
    // What came after it would be committed statement by statement.
    let home = store(
        "UPDATE claude_sdk_sessions SET last_used_at = 1;
         CREATE TRIGGER guard BEFORE DELETE ON claude_sdk_sessions WHEN old.key = 'k1' BEGIN SELECT RAISE(ROLLBACK, 'never'); END",
    );
    let before = files(&home);
    let ended = home.run(&[PRUNE, &["--apply"]].concat());
    is_refused(&home, &ended, &before, "a trigger of claude_sdk_sessions rolled the transaction back");
}

#[test]
fn a_trigger_that_changes_more_than_an_undo_shows_is_rolled_back_too() {
    let home = store("CREATE TABLE audit (what)");
    let id = home.apply(PRUNE);
    home.sql("store.db", "CREATE TRIGGER guard AFTER INSERT ON claude_sdk_sessions BEGIN INSERT INTO audit VALUES (new.key); END");
    let before = files(&home);
    let ended = home.run(&["undo", &id, "--apply"]);
    is_refused(&home, &ended, &before, "2 rows would have changed where the plan lists 1");
    home.sql(
        "store.db",
        "DROP TRIGGER guard; CREATE TRIGGER guard BEFORE INSERT ON claude_sdk_sessions BEGIN SELECT RAISE(ABORT, 'closed'); END",
    );
    let ended = home.run(&["undo", &id, "--apply"]);
    assert!(
        ended.err.contains("Left alone, since a rule of the schema stands against it: closed: k1"),
        "{}",
        ended.err
    );
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
    is_done_and_undone(
        &home,
        DELETE,
        "
delete child 1: it belongs to the object object
delete child 2: it belongs to the object object
delete child 3: it belongs to the object object
delete child 4: it belongs to the object object
delete parent 1 · p: it belongs to the object object
delete parent 1 · q: it belongs to the object object
delete tree leaf: it refers to a row that goes, and goes with it by its foreign key
delete tree twig: it refers to a row that goes, and goes with it by its foreign key
delete tree root: it belongs to the object object
delete tree self: it belongs to the object object",
    );
}

#[test]
fn an_object_goes_whose_rows_refer_to_each_other_in_a_circle() {
    let home = object(
        "CREATE TABLE hen (id TEXT PRIMARY KEY, egg TEXT REFERENCES egg(id) ON DELETE SET NULL);
         CREATE TABLE egg (id TEXT PRIMARY KEY, hen TEXT REFERENCES hen(id) ON DELETE CASCADE);
         INSERT INTO hen VALUES ('h', NULL); INSERT INTO egg VALUES ('e', 'h'); UPDATE hen SET egg = 'e';",
    );
    is_done_and_undone(
        &home,
        DELETE,
        "
update hen h: it refers to a row that goes, and is emptied by its foreign key
delete egg e: it belongs to the object object
delete hen h: it belongs to the object object",
    );
}

#[test]
fn rows_that_refer_to_rows_of_a_table_that_comes_before_go_with_them_or_before_them() {
    for clause in
        ["", "ON DELETE RESTRICT", "ON DELETE CASCADE", "ON DELETE SET NULL", "DEFERRABLE INITIALLY DEFERRED"]
    {
        let home = object(&format!(
            "CREATE TABLE a (id TEXT PRIMARY KEY); CREATE TABLE b (id TEXT PRIMARY KEY, a TEXT REFERENCES a(id) {clause});
             CREATE TABLE c (b TEXT REFERENCES b(id) {clause}, a TEXT REFERENCES a(id) {clause});
             INSERT INTO a VALUES ('a1'), ('a2'); INSERT INTO b VALUES ('b1', 'a1'), ('b2', 'a1'), ('b3', NULL);
             INSERT INTO c VALUES ('b1', 'a1'), ('b2', 'a2'), (NULL, 'a1'), ('b3', NULL);"
        ));
        let before = state(&home);
        let plan = home.json(DELETE);
        assert_eq!(plan["summary"]["delete"], 9, "{clause}: {}", lines(&plan));
        home.apply(DELETE);
        let left: Vec<String> = state(&home).into_keys().filter(|k| k.starts_with("object.db")).collect();
        assert_eq!(left, [""; 0], "{clause}");
        home.apply(&["undo", "1"]);
        assert_eq!(state(&home), before, "{clause}");
    }
}

#[test]
fn a_child_that_one_key_empties_and_another_takes_along_goes() {
    for order in [
        "a TEXT REFERENCES claude_sdk_sessions(key) ON DELETE SET NULL, b TEXT REFERENCES claude_sdk_sessions(key) ON DELETE CASCADE",
        "a TEXT REFERENCES claude_sdk_sessions(key) ON DELETE CASCADE, b TEXT REFERENCES claude_sdk_sessions(key) ON DELETE SET NULL",
    ] {
        let home = store(&format!(
            "CREATE TABLE pairs (id TEXT PRIMARY KEY, {order}); INSERT INTO pairs VALUES ('x', 'k1', 'k1'), ('y', 'k1', 'k2');"
        ));
        let before = state(&home);
        home.apply(PRUNE);
        let log = home.operations().remove(0);
        assert_eq!(
            (&log["state"], &log["left"], &log["done"]),
            (&"applied".into(), &0.into(), &log["planned"]),
            "{log}"
        );
        home.apply(&["undo", "1"]);
        assert_eq!(state(&home), before);
    }
}
