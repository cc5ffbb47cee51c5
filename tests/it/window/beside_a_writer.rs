//! Another program writes a store while the window shows it.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use rusqlite::Connection;
use sessionscope::app::App;

use super::{click, has, until, wait, wait_gone, window, write};
use crate::stores::session_do::SHIP;
use crate::support::database;

type Window = Harness<'static, App>;

/// A store, and another program that has it open.
struct Store {
    path: PathBuf,
    writer: Connection,
    folder: tempfile::TempDir,
}

impl Store {
    fn new(journal: &str, sql: &str) -> Self {
        let (folder, path) =
            database("69f1.sqlite", &format!("PRAGMA journal_mode = {journal}; {SHIP}{sql}"));
        let writer = Connection::open(&path).expect("a writer");
        writer.busy_timeout(Duration::from_secs(5)).expect("a timeout");
        Self { path, writer, folder }
    }

    fn write(&self, sql: &str) {
        self.writer.execute_batch(sql).unwrap_or_else(|e| panic!("the writer was disturbed: {e}: {sql}"));
    }

    /// A message that is the newest; its id is what it says.
    fn say(&self, text: &str, at: i64) {
        self.write(&format!("INSERT INTO messages VALUES ('{text}', 'user', '{text}', NULL, {at})"));
    }

    fn window(&self) -> Window {
        window(&[&self.path])
    }
}

/// Messages `number 1`, `number 2` and so on, ten seconds apart, after those of [`SHIP`].
fn numbers(many: usize) -> String {
    format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {many})
         INSERT INTO messages SELECT 'n' || i, 'user', 'number ' || i, NULL, 1769972640 + i * 10 FROM n;"
    )
}

/// Looks for half a second, while something must stay as it is.
fn meanwhile(window: &mut Window, holds: impl Fn(&Window) -> bool) {
    let end = Instant::now() + Duration::from_millis(500);
    while Instant::now() < end {
        window.step();
        assert!(holds(window), "{:?}", super::names(window));
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn rows_that_come_change_and_go_show_without_asking() {
    for journal in ["WAL", "DELETE", "TRUNCATE", "PERSIST"] {
        let store = Store::new(journal, "");
        let mut window = store.window();
        wait(&mut window, "3 messages");
        click(&mut window, "Messages");
        wait(&mut window, "Because.");
        store.say("A word more", 1769972650);
        wait(&mut window, "A word more");
        wait(&mut window, "4 rows");
        store.write("UPDATE messages SET content = 'For a reason.' WHERE id = 'b'");
        wait(&mut window, "For a reason.");
        wait_gone(&mut window, "Because.");
        store.write("DELETE FROM messages WHERE id = 'b'");
        wait_gone(&mut window, "For a reason.");
        wait(&mut window, "3 rows");
        // A table that did not show is as new when it does.
        store.write("INSERT INTO tasks VALUES ('t2', 'Read it', NULL, 'pending', 'build', 1769972643, NULL)");
        click(&mut window, "Tasks");
        wait(&mut window, "Read it");
        // All of it is counted, also what came soon after the last counting.
        click(&mut window, "Overview");
        wait(&mut window, "3 messages");
        wait(&mut window, "2 tasks");
    }
}

#[test]
fn what_is_chosen_and_where_it_stands_stay_while_rows_come_before_and_behind_it() {
    let store = Store::new("WAL", &numbers(1000));
    let mut window = store.window();
    click(&mut window, "Messages");
    wait(&mut window, "1,003 rows");
    write(&mut window, "Go to row", "503");
    window.key_press(egui::Key::Enter);
    wait(&mut window, "503 of 1,003");
    let place = |w: &Window| w.query_all_by_label("number 495").next().map(|node| node.rect());
    wait(&mut window, "number 495");
    let before = place(&window);
    for (text, at) in [("before all", 1), ("behind all", 1_800_000_000)] {
        store.say(text, at);
    }
    wait(&mut window, "1,005 rows");
    // What is chosen is one further, and stands where it stood.
    wait(&mut window, "504 of 1,005");
    assert_eq!(place(&window), before);
    store.write("DELETE FROM messages WHERE id IN ('n1', 'n2', 'n3')");
    wait(&mut window, "501 of 1,002");
    assert_eq!(place(&window), before);
    // What is chosen changes: its details do.
    store.write("UPDATE messages SET content = 'five hundred' WHERE id = 'n500'");
    until(&mut window, "the row and its details", |w| {
        w.query_all_by_label_contains("five hundred").count() > 1
    });
}

#[test]
fn filters_stay_while_rows_come() {
    let store = Store::new("WAL", &numbers(50));
    let mut window = store.window();
    click(&mut window, "Messages");
    click(&mut window, "Filter the rows");
    write(&mut window, "Filter Text", "needle");
    wait(&mut window, "No row matches the filters.");
    store.say("a needle", 1769973900);
    store.say("some hay", 1769973901);
    wait(&mut window, "a needle");
    wait(&mut window, "1 row of 55");
    assert!(!has(&window, "some hay"));
}

#[test]
fn an_open_conversation_goes_on() {
    let store = Store::new("WAL", "");
    let mut window = store.window();
    click(&mut window, "Messages");
    click(&mut window, "Transcript");
    wait(&mut window, "Message a");
    store.say("One more", 1769972650);
    wait(&mut window, "Message One more");
    store.write("UPDATE messages SET content = 'How so?' WHERE id = 'z'");
    wait(&mut window, "How so?");
    wait_gone(&mut window, "Why?");
}

#[test]
fn a_schema_that_the_program_changes_is_read_anew() {
    let store = Store::new("WAL", "");
    let mut window = store.window();
    click(&mut window, "Tables");
    wait(&mut window, "session_meta");
    store.write(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text); INSERT INTO notes VALUES (1, 'a plain note')",
    );
    click(&mut window, "notes");
    wait(&mut window, "a plain note");
    store.write("ALTER TABLE notes ADD COLUMN mood DEFAULT 'cheerful'");
    wait(&mut window, "cheerful");
}

#[test]
fn a_writer_is_never_kept_waiting_and_can_clear_its_log() {
    let store = Store::new("WAL", &numbers(20_000));
    let mut window = store.window();
    click(&mut window, "Messages");
    wait(&mut window, "20,003 rows");
    let path = store.path.clone();
    let writer = thread::spawn(move || {
        let writer = Connection::open(path).expect("a writer");
        let mut cleared = 0;
        for number in 0..300 {
            // With no patience at all, every commit succeeds.
            writer.busy_timeout(Duration::ZERO).expect("a timeout");
            let sql = format!(
                "INSERT INTO messages VALUES ('w{number}', 'user', 'w', NULL, {})",
                1_800_000_000 + number
            );
            writer.execute_batch(&sql).unwrap_or_else(|e| panic!("commit {number}: {e}"));
            if number % 30 == 29 {
                writer.busy_timeout(Duration::from_secs(5)).expect("a timeout");
                let busy: i64 = writer
                    .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
                    .expect("a checkpoint");
                cleared += i64::from(busy == 0);
            }
            thread::sleep(Duration::from_millis(5));
        }
        cleared
    });
    until(&mut window, "all that is written", |w| has(w, "20,303 rows"));
    assert_eq!(writer.join().expect("the writer"), 10);
}

#[test]
fn a_file_that_was_away_and_is_back_is_followed_as_before() {
    let store = Store::new("DELETE", "");
    let mut window = store.window();
    click(&mut window, "Messages");
    wait(&mut window, "Because.");
    let away = store.path.with_extension("away");
    fs::rename(&store.path, &away).expect("moved");
    wait(&mut window, "is gone");
    fs::rename(&away, &store.path).expect("moved back");
    wait_gone(&mut window, "is gone");
    store.say("Here again", 1769972650);
    wait(&mut window, "Here again");
    // With its folder, too: of another folder of that name the system tells nothing.
    let folder = store.folder.path().join("in");
    let moved = store.folder.path().join("out");
    drop(window);
    fs::create_dir(&folder).expect("a folder");
    let path = folder.join("69f1.sqlite");
    fs::copy(&store.path, &path).expect("a copy");
    let mut window = super::window(&[&path]);
    click(&mut window, "Messages");
    wait(&mut window, "Here again");
    fs::rename(&folder, &moved).expect("moved");
    wait(&mut window, "is gone");
    fs::create_dir(&folder).expect("another folder");
    fs::rename(moved.join("69f1.sqlite"), &path).expect("moved back");
    wait_gone(&mut window, "is gone");
}

#[test]
fn a_session_file_is_followed_through_renames_and_half_written_ones_are_not_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sessions.json");
    let text = |numbers: &[u32]| {
        let line = |n: &u32| {
            format!("  \"github:dev:acme/app:{n}\": {{\"id\": \"{n:036}\", \"last_used_at\": 1795000000000}}")
        };
        format!("{{\n{}\n}}\n", numbers.iter().map(line).collect::<Vec<_>>().join(",\n"))
    };
    let replace = |text: &str| {
        let near = path.with_extension("tmp");
        fs::write(&near, text).expect("written");
        fs::rename(&near, &path).expect("replaced");
    };
    replace(&text(&[1, 22]));
    let mut window = window(&[&path]);
    click(&mut window, "Heartbeats");
    wait(&mut window, "2 rows");
    replace(&text(&[7, 1, 22]));
    wait(&mut window, "3 rows");
    wait(&mut window, "acme/app:7");
    // Written in place, the half of it first.
    let whole = text(&[7, 1, 22, 444]);
    fs::write(&path, &whole[..whole.len() / 2]).expect("written");
    meanwhile(&mut window, |w| has(w, "3 rows") && has(w, "acme/app:22"));
    fs::write(&path, &whole).expect("written");
    wait(&mut window, "4 rows");
    wait(&mut window, "acme/app:444");
}
