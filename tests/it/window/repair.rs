//! Repairs from the window: a preview first, the deed by its button, and the way back.

use std::path::Path;

use egui::Key;
use rusqlite::Connection;

use super::{click, has, names, wait, wait_gone, window, write};
use crate::support::{copied, database};

/// Two sessions that are stale at the tests' time, one that is fresh, one without a time.
const HOOKS: &str = "
CREATE TABLE claude_sdk_sessions (key TEXT PRIMARY KEY, session_id TEXT NOT NULL, last_used_at INTEGER NOT NULL, created_at INTEGER NOT NULL);
INSERT INTO claude_sdk_sessions VALUES
  ('github:dev:acme/my_app:12', 'a', 1795000000000, 1795000000000),
  ('github:dev:acme/my-app:12', 'b', 1795000000000, 1795000000000),
  ('github:qa:acme/my_app:12', 'c', 1795255000000, 1795000000000),
  ('gitlab:dev:grp/sub/deep.repo:3', 'd', 0, 0);
";

fn keys(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).expect("a database");
    let mut select =
        connection.prepare("SELECT key FROM claude_sdk_sessions ORDER BY key").expect("a statement");
    let rows = select.query_map([], |r| r.get(0)).expect("rows");
    rows.collect::<Result<_, _>>().expect("keys")
}

#[test]
fn a_prune_shows_every_row_and_its_reason_and_is_undone_from_its_toast() {
    let (_folder, path) = database("hooks.db", HOOKS);
    let before = keys(&path);
    let mut window = window(&[&path]);
    click(&mut window, "Prune…");
    wait(&mut window, "Delete 2 sessions");
    for text in [
        "Prune hooks.db",
        "Removes sessions not used for longer than 24 h.",
        "Nothing has changed yet.",
        "2 to delete",
        "1 to keep",
        "1 not judged, kept",
        "All 4",
        "Not judged 1",
    ] {
        assert!(has(&window, text), "{text}: {:?}", names(&window));
    }
    wait(&mut window, "not used for 24 h (2 d 22 h ago)");
    wait(&mut window, "used within 24 h (3 min 20 s ago)");
    wait(&mut window, "no time is recorded, so it is not judged");
    assert_eq!(keys(&path), before, "looking at a plan changes nothing");
    click(&mut window, "Delete 2 sessions");
    wait(&mut window, "Deleted 2 sessions");
    assert_eq!(keys(&path), ["github:qa:acme/my_app:12", "gitlab:dev:grp/sub/deep.repo:3"]);
    wait(&mut window, "2 sessions");
    click(&mut window, "Undo…");
    wait(&mut window, "Take back 2 changes");
    click(&mut window, "Take back 2 changes");
    wait(&mut window, "Took back 2 changes");
    assert_eq!(keys(&path), before);
    click(&mut window, "Operations");
    wait(&mut window, "undone by 2");
    wait(&mut window, "Undo of 1");
}

#[test]
fn cancel_has_the_keyboard_so_that_enter_changes_nothing() {
    let (_folder, path) = database("hooks.db", HOOKS);
    let mut window = window(&[&path]);
    click(&mut window, "Prune…");
    wait(&mut window, "Delete 2 sessions");
    window.key_press(Key::Enter);
    wait_gone(&mut window, "Delete 2 sessions");
    assert_eq!(keys(&path).len(), 4);
    click(&mut window, "Operations");
    wait(&mut window, "No operations");
}

#[test]
fn the_plan_is_narrowed_by_class_and_by_text_and_planned_anew_with_another_age() {
    let (_folder, path) = database("hooks.db", HOOKS);
    let mut window = window(&[&path]);
    click(&mut window, "Prune…");
    wait(&mut window, "Delete 2 sessions");
    click(&mut window, "Not judged 1");
    wait_gone(&mut window, "not used for 24 h");
    click(&mut window, "All 4");
    write(&mut window, "Filter the plan", "my-app");
    wait_gone(&mut window, "no time is recorded");
    assert!(has(&window, "github:dev:acme/my-app:12"));
    write(&mut window, "Older than, such as 24h or 30d", "10d");
    click(&mut window, "Plan again");
    wait(&mut window, "There is nothing to change.");
    assert!(!has(&window, "Delete 2 sessions"));
}

#[test]
fn an_age_that_is_none_is_said_beside_the_plan_that_stays() {
    let (_folder, path) = database("hooks.db", HOOKS);
    let mut window = window(&[&path]);
    click(&mut window, "Prune…");
    wait(&mut window, "Delete 2 sessions");
    write(&mut window, "Older than, such as 24h or 30d", "soon");
    click(&mut window, "Plan again");
    wait(&mut window, "An age is a number and s, m, h, d or w");
    assert!(has(&window, "2 to delete"));
}

#[test]
fn a_plan_of_other_choices_is_not_carried_out() {
    let (_folder, path) = database("hooks.db", HOOKS);
    let mut window = window(&[&path]);
    click(&mut window, "Prune…");
    wait(&mut window, "Delete 2 sessions");
    click(&mut window, "Also without a time");
    wait(&mut window, "plan again first");
    click(&mut window, "Delete 2 sessions");
    window.run_steps(5);
    assert_eq!(keys(&path).len(), 4);
    click(&mut window, "Plan again");
    click(&mut window, "Delete 3 sessions");
    wait(&mut window, "Deleted 3 sessions");
    assert_eq!(keys(&path).len(), 1);
}

#[test]
fn a_repair_that_finds_the_database_locked_can_be_tried_again() {
    let (_folder, path) = database("hooks.db", HOOKS);
    let mut window = window(&[&path]);
    click(&mut window, "Prune…");
    wait(&mut window, "Delete 2 sessions");
    let other = Connection::open(&path).expect("a database");
    other.execute_batch("BEGIN EXCLUSIVE").expect("a lock");
    click(&mut window, "Delete 2 sessions");
    wait(&mut window, "Nothing was changed.");
    other.execute_batch("ROLLBACK").expect("no lock");
    assert_eq!(keys(&path).len(), 4);
    click(&mut window, "Try again");
    click(&mut window, "Delete 2 sessions");
    wait(&mut window, "Deleted 2 sessions");
}

#[test]
fn a_session_names_its_issue_for_deletion_and_a_near_miss_is_kept() {
    let (_folder, path) = database("hooks.db", HOOKS);
    let mut window = window(&[&path]);
    click(&mut window, "acme/my_app");
    click(&mut window, "Delete this issue's sessions…");
    wait(&mut window, "Delete 2 sessions");
    wait(&mut window, "its repository is acme/my-app, not acme/my_app");
    click(&mut window, "Delete 2 sessions");
    wait(&mut window, "Deleted 2 sessions");
    assert_eq!(keys(&path), ["github:dev:acme/my-app:12", "gitlab:dev:grp/sub/deep.repo:3"]);
}

#[test]
fn a_selected_session_is_deleted_with_all_that_belongs_to_it() {
    let (_folder, path) = database("hooks.db", HOOKS);
    let mut window = window(&[&path]);
    click(&mut window, "grp/sub/deep.repo");
    click(&mut window, "Delete 1 session…");
    wait(&mut window, "Delete sessions in hooks.db");
    click(&mut window, "Delete 1 session");
    wait(&mut window, "Deleted 1 session");
    assert_eq!(keys(&path).len(), 3);
}

#[test]
fn a_row_that_changes_while_the_plan_is_looked_at_is_left_alone_and_named() {
    let (_folder, path) = database("hooks.db", HOOKS);
    let mut window = window(&[&path]);
    click(&mut window, "Prune…");
    wait(&mut window, "Delete 2 sessions");
    let other = Connection::open(&path).expect("a database");
    let sql = "UPDATE claude_sdk_sessions SET last_used_at = 1795255199000 WHERE session_id = 'a'";
    assert_eq!(other.execute(sql, []).expect("an update"), 1);
    click(&mut window, "Delete 2 sessions");
    wait(&mut window, "left alone");
    wait(&mut window, "github:dev:acme/my_app:12: its last_used_at is another now");
    assert!(keys(&path).contains(&"github:dev:acme/my_app:12".to_owned()));
    assert_eq!(keys(&path).len(), 3);
}

#[test]
fn a_refusal_is_said_where_the_plan_would_be() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, path) = database("hooks.db", HOOKS);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).expect("permissions");
    let mut window = window(&[&path]);
    click(&mut window, "Prune…");
    wait(&mut window, "The file is read only");
    wait(&mut window, "Allow writing it");
    assert!(!has(&window, "Delete 2 sessions"));
}

#[test]
fn a_session_file_is_imported_compared_and_put_back() {
    let (folder, file) = copied("sessions-json");
    let file = file.join("sessions.json");
    let into = folder.path().join("new.db");
    let mut window = window(&[&file]);
    click(&mut window, "Import into a database…");
    write(&mut window, "Into the database", &into.display().to_string());
    click(&mut window, "Plan");
    wait(&mut window, "Only in the file 59");
    click(&mut window, "Import 59 sessions, put aside 1 file");
    wait(&mut window, "Imported 59 sessions");
    assert_eq!(keys(&into).len(), 59);
    assert!(!file.exists());
    click(&mut window, "Compare…");
    wait(&mut window, "Equal 59");
    click(&mut window, "Close");
    click(&mut window, "Operations");
    click(&mut window, "Undo 1…");
    click(&mut window, "Take back 60 changes");
    wait(&mut window, "Took back 60 changes");
    assert!(file.exists());
    assert_eq!(keys(&into).len(), 0);
}

#[test]
fn a_migration_is_tried_on_a_copy_and_run() {
    let (_folder, path) = database("69f1.sqlite", crate::stores::session_do::SHIP);
    let mut window = window(&[&path]);
    click(&mut window, "Migrations");
    click(&mut window, "Migrate…");
    wait(&mut window, "Make 1 change");
    wait(&mut window, "tried on a copy");
    click(&mut window, "Make 1 change");
    wait(&mut window, "Made 1 change");
    wait(&mut window, "applied");
    let connection = Connection::open(&path).expect("a database");
    let turns: i64 = connection.query_row("SELECT count(*) FROM turns", [], |r| r.get(0)).expect("a table");
    assert_eq!(turns, 0);
}

#[test]
fn forgetting_an_operation_asks_first_and_ends_its_undo() {
    let (_folder, path) = database("hooks.db", HOOKS);
    let mut window = window(&[&path]);
    click(&mut window, "Prune…");
    click(&mut window, "Delete 2 sessions");
    wait(&mut window, "Deleted 2 sessions");
    click(&mut window, "Operations");
    click(&mut window, "Forget 1…");
    wait(&mut window, "it cannot be undone any more then.");
    click(&mut window, "Forget operation 1");
    wait(&mut window, "forgotten");
    wait_gone(&mut window, "Undo 1…");
}

#[test]
fn a_plan_is_exported_like_every_table() {
    let (folder, path) = database("hooks.db", HOOKS);
    let mut window = window(&[&path]);
    click(&mut window, "Prune…");
    wait(&mut window, "Delete 2 sessions");
    click(&mut window, "Export plan…");
    let to = folder.path().join("plan.csv");
    wait(&mut window, "File to write");
    super::clear_and_write(&mut window, "File to write", &to.display().to_string());
    click(&mut window, "Export");
    wait(&mut window, "Wrote 4 rows");
    let text = std::fs::read_to_string(&to).expect("the export");
    assert_eq!(text.lines().count(), 5, "{text}");
    assert!(text.contains("delete,github:dev:acme/my_app:12,"), "{text}");
}
