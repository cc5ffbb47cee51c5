use std::fs;
use std::path::Path;

use egui_kittest::kittest::Queryable;
use rusqlite::Connection;
use sessionscope::core::{KeyId, Query, RowIndex, RowKey, Sort, Table};
use sessionscope::ui::scroll::RowScroll;
use sessionscope::ui::table_view::{Mark, TableView};

use super::{click, has, names, until, wait, wait_gone, window};
use crate::stores::session_do::{SHIP, apart};
use crate::support::database;

const MANY: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
  INSERT INTO messages SELECT 'n' || i, 'user', 'filler ' || i, NULL, 1780000000 + i FROM n;";

fn store(mode: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    database("69f1.sqlite", &format!("PRAGMA journal_mode = {mode}; {SHIP}"))
}

fn write(path: &Path, sql: &str) {
    let writer = Connection::open(path).expect("a writer");
    writer.busy_timeout(std::time::Duration::from_secs(5)).expect("set");
    writer.execute_batch(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
}

fn add(path: &Path, id: &str, text: &str, at: i64) {
    write(path, &format!("INSERT INTO messages VALUES ('{id}', 'user', '{text}', NULL, {at})"));
}

#[test]
fn what_another_program_writes_shows_by_itself_and_is_marked_for_a_moment() {
    for mode in ["WAL", "DELETE"] {
        let (_folder, path) = store(mode);
        let mut window = window(&[&path]);
        click(&mut window, "Messages");
        wait(&mut window, "Because.");
        wait(&mut window, "Watching");
        add(&path, "new", "Written meanwhile", 1_790_000_000);
        wait(&mut window, "Written meanwhile");
        wait(&mut window, "New row");
        wait(&mut window, "Live");
        assert_eq!(window.query_all_by_label("New row").count(), 1, "one row is new: {mode}");
        write(&path, "UPDATE messages SET content = 'Written over' WHERE id = 'new'");
        wait(&mut window, "Written over");
        wait_gone(&mut window, "Written meanwhile");
        wait_gone(&mut window, "New row");
        wait_gone(&mut window, "Changed row");
        write(&path, "DELETE FROM messages WHERE id = 'new'");
        wait_gone(&mut window, "Written over");
        wait(&mut window, "3 rows");
    }
}

#[test]
fn the_chosen_row_its_details_and_the_place_stay_when_rows_come_before_them() {
    let (_folder, path) = database("69f1.sqlite", &format!("PRAGMA journal_mode = WAL; {SHIP}{MANY}"));
    let mut window = window(&[&path]);
    click(&mut window, "Messages");
    wait(&mut window, "2,003 rows");
    super::write(&mut window, "Go to row", "1000");
    window.key_press(egui::Key::Enter);
    wait(&mut window, "filler 997");
    wait(&mut window, "1 selected");
    let place = |w: &super::Harness<'_, super::App>| {
        w.query_all_by_label("filler 996").next().map(|node| node.rect())
    };
    let before = place(&window);
    assert!(before.is_some());
    click(&mut window, "Values");
    // Before all others, by their time.
    add(&path, "early1", "Early bird", 1);
    add(&path, "early2", "Early bird", 2);
    wait(&mut window, "2,005 rows");
    wait(&mut window, "1,002");
    assert_eq!(place(&window), before, "it stands where it stood");
    assert!(has(&window, "1 selected"));
    write(&path, "UPDATE messages SET content = 'filler 997 and more' WHERE content = 'filler 997'");
    wait(&mut window, "Changed row");
    until(&mut window, "the row and its details", |w| {
        w.query_all_by_label_contains("filler 997 and more").count() >= 2
    });
    write(&path, "DELETE FROM messages WHERE content = 'filler 997 and more'");
    wait(&mut window, "This row is gone from the store");
    wait(&mut window, "2,004 rows");
    wait(&mut window, "filler 998");
}

#[test]
fn following_keeps_the_newest_message_in_view_until_one_scrolls_up() {
    for transcript in [false, true] {
        let (_folder, path) = database("69f1.sqlite", &format!("PRAGMA journal_mode = WAL; {SHIP}{MANY}"));
        let mut window = window(&[&path]);
        click(&mut window, "Messages");
        if transcript {
            click(&mut window, "Transcript");
        }
        wait(&mut window, "2,003 rows");
        click(&mut window, "Follow");
        wait(&mut window, "filler 2000");
        for n in 0..3 {
            add(&path, &format!("m{n}"), &format!("Newest {n}"), 1_790_000_000 + n);
            wait(&mut window, &format!("Newest {n}"));
        }
        wait(&mut window, "Newest 0");
        let middle = window.query_all_by_label("Newest 2").next().expect("it shows").rect().center();
        window.hover_at(middle);
        window.step();
        let up = egui::Event::MouseWheel {
            unit: egui::MouseWheelUnit::Point,
            delta: egui::vec2(0.0, 2000.0),
            phase: egui::TouchPhase::Move,
            source: egui::MouseWheelSource::Unknown,
            modifiers: egui::Modifiers::NONE,
        };
        window.event(up);
        wait_gone(&mut window, "Newest 2");
        add(&path, "last", "Newest of all", 1_790_000_100);
        wait(&mut window, "2,007 rows");
        for _ in 0..20 {
            window.step();
        }
        assert!(!has(&window, "Newest of all"), "scrolling up ends it: {:?}", names(&window));
    }
}

#[test]
fn a_file_that_another_takes_the_place_of_is_said_and_the_new_one_opened_when_asked() {
    let (folder, path) = store("DELETE");
    let mut window = window(&[&path]);
    click(&mut window, "Messages");
    wait(&mut window, "Because.");
    wait(&mut window, "Watching");
    let other = folder.path().join("other.sqlite");
    fs::copy(&path, &other).expect("copied");
    add(&other, "other", "Of the other file", 1_790_000_000);
    fs::rename(&other, &path).expect("replaced");
    wait(&mut window, "Another file took this one's place");
    wait(&mut window, "Because.");
    assert!(!has(&window, "Of the other file"));
    click(&mut window, "Open the new file");
    wait(&mut window, "Of the other file");
    wait_gone(&mut window, "Another file took");
    add(&path, "more", "And followed", 1_790_000_001);
    wait(&mut window, "And followed");
}

#[test]
fn a_file_that_is_deleted_is_said_and_so_is_another_one_made_in_its_place() {
    let (_folder, path) = store("DELETE");
    let mut window = window(&[&path]);
    click(&mut window, "Messages");
    wait(&mut window, "Watching");
    let bytes = fs::read(&path).expect("readable");
    fs::remove_file(&path).expect("removed");
    wait(&mut window, "The file is gone from its place");
    wait(&mut window, "Because.");
    fs::write(&path, bytes).expect("made anew");
    wait(&mut window, "Another file took this one's place");
    click(&mut window, "Open the new file");
    wait_gone(&mut window, "Another file took");
    wait(&mut window, "Because.");
}

#[test]
fn a_file_that_is_emptied_is_said() {
    let (_folder, path) = store("DELETE");
    let mut window = window(&[&path]);
    click(&mut window, "Messages");
    wait(&mut window, "Watching");
    // What was not read before cannot be read while that lasts.
    wait(&mut window, "Because.");
    fs::OpenOptions::new().write(true).open(&path).and_then(|f| f.set_len(0)).expect("emptied");
    wait(&mut window, "The file was emptied");
    wait(&mut window, "Because.");
}

#[test]
fn a_document_that_is_written_anew_shows_what_is_in_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sessions.json");
    let text = fs::read_to_string("assets/samples/sessions.json").expect("the sample");
    fs::write(&path, &text).expect("written");
    let mut window = window(&[&path]);
    wait(&mut window, "Watching");
    let repo = "saltmarsh/website".to_owned();
    wait(&mut window, &repo);
    let new = folder.path().join("sessions.json.tmp");
    fs::write(&new, &text[..text.len() / 2]).expect("half of it");
    fs::rename(&new, &path).expect("renamed");
    fs::write(&new, text.replace(&repo, "else/where")).expect("written");
    fs::rename(&new, &path).expect("renamed");
    wait(&mut window, "else/where");
    wait_gone(&mut window, &repo);
}

#[test]
fn a_lock_is_said_while_it_lasts_and_what_it_kept_shows_afterwards() {
    let (_folder, path) = store("DELETE");
    let mut window = window(&[&path]);
    click(&mut window, "Messages");
    wait(&mut window, "Watching");
    // What was not read before cannot be read while that lasts.
    wait(&mut window, "Because.");
    let writer = Connection::open(&path).expect("a writer");
    writer
        .execute_batch(
            "BEGIN EXCLUSIVE; INSERT INTO messages VALUES ('l', 'user', 'Kept back', NULL, 1790000000)",
        )
        .expect("locked");
    wait(&mut window, "Because.");
    wait(&mut window, "Locked");
    writer.execute_batch("COMMIT").expect("let go");
    wait(&mut window, "Kept back");
    wait_gone(&mut window, "Locked");
}

#[test]
fn a_table_that_another_program_makes_is_listed() {
    let (_folder, path) = store("WAL");
    let mut window = window(&[&path]);
    click(&mut window, "Tables");
    wait(&mut window, "session_meta");
    wait(&mut window, "Watching");
    write(&path, "CREATE TABLE made_meanwhile (n)");
    wait(&mut window, "made_meanwhile");
}

#[test]
fn following_changes_nothing_of_the_store() {
    let (_folder, path) = store("WAL");
    let writer = Connection::open(&path).expect("a writer");
    writer.execute_batch("PRAGMA wal_autocheckpoint = 0").expect("set");
    let mut window = window(&[&path]);
    click(&mut window, "Messages");
    wait(&mut window, "Watching");
    writer
        .execute_batch("INSERT INTO messages VALUES ('l', 'user', 'In the log', NULL, 1790000000)")
        .expect("written");
    let bytes = |suffix| fs::read(format!("{}{suffix}", path.display())).expect("readable");
    let before = (bytes(""), bytes("-wal"));
    wait(&mut window, "In the log");
    wait(&mut window, "Live");
    assert!(before == (bytes(""), bytes("-wal")));
}

#[test]
fn a_store_that_comes_into_an_open_folder_is_listed() {
    let (_home, path) = database("store.db", SHIP);
    let folder = tempfile::tempdir().expect("a folder");
    fs::copy(&path, folder.path().join("first.db")).expect("copied");
    let mut window = window(&[folder.path()]);
    wait(&mut window, "Stores by kind: session-do 1");
    fs::copy(&path, folder.path().join("second.db")).expect("copied");
    wait(&mut window, "Stores by kind: session-do 2");
    fs::remove_file(folder.path().join("second.db")).expect("removed");
    wait(&mut window, "Stores by kind: session-do 1");
}

#[test]
fn the_stores_of_a_folder_are_looked_over_too() {
    let broken = "INSERT INTO messages VALUES ('broken', 'user', 'x', '[{', 1769972700);";
    let (home, _path) = database("broken.db", &format!("{} {broken}", apart()));
    let (_other, sound) = database("sound.db", &apart());
    fs::copy(&sound, home.path().join("sound.db")).expect("copied");
    let mut window = window(&[home.path()]);
    wait(&mut window, "Stores by kind: session-do 2");
    wait(&mut window, "with a warning 1");
}

#[test]
fn what_is_added_to_a_large_table_shows_before_all_of_it_is_read_again() {
    for descending in [false, true] {
        let mut query = Query::all(Table::Messages);
        query.sort = descending.then(|| Sort { column: "created_at".to_owned(), descending });
        let mut view = TableView::new(Table::Messages);
        view.ask(query);
        let mut all: Vec<i64> = (1..=50_000).collect();
        let mut more = vec![50_001, 50_002];
        if descending {
            all.reverse();
            more.reverse();
        }
        let key = |id| RowKey { part: 0, id: KeyId::Row(id) };
        view.index_arrived(RowIndex::Rowids(all.clone()), true, true);
        // All of it was read a moment ago, and that took a second.
        view.is_stale();
        let asked = view.ask_again(1.0).expect("it is due");
        view.refresh_arrived(Ok(RowIndex::Rowids(all.clone())), Vec::new(), true, 2.0);
        assert_eq!(view.generation, asked);
        let middle = 25_000;
        let chosen = view.key(middle).expect("a row");
        view.scroll = RowScroll { first: middle, offset: 3.0 };
        view.focus = Some((middle, chosen.clone()));
        view.selected.insert(chosen.clone());
        view.is_stale();
        assert_eq!(view.ask_again(2.5), None, "it is not read again so soon");
        assert_eq!(view.due_again().map(|at| at < 2.5), Some(true));
        assert_eq!(view.ask_ahead(2.5), Some(key(50_000)));
        assert_eq!(view.ask_ahead(2.5), None, "once");
        let before = view.generation;
        assert!(view.ahead_arrived(before, Some(RowIndex::Rowids(more.clone())), 2.6));
        let moved = if descending { 2 } else { 0 };
        assert_eq!(view.len(), 50_002);
        assert_eq!(view.key(if descending { 0 } else { 50_001 }), Some(key(50_002)));
        assert_eq!(view.key(view.scroll.first), Some(chosen.clone()), "it stays in its place");
        assert_eq!(view.focus, Some((middle + moved, chosen)));
        assert_eq!(view.mark(&key(50_001)), Some(Mark::New));
        assert_eq!(view.mark(&key(50_000)), None);
        assert!(
            !view.ahead_arrived(before, Some(RowIndex::Rowids(more)), 2.7),
            "an answer for the index before"
        );
        view.is_stale();
        let asked = view.ask_again(17.1).expect("all of it is read in its time");
        assert_eq!(view.ask_ahead(17.2), Some(key(50_002)), "and what is added meanwhile is not waited with");
        let generation = view.generation;
        assert!(view.ahead_arrived(generation, Some(RowIndex::Rowids(vec![50_003])), 17.3));
        // It was begun before that one was added, and lacks a row that was deleted.
        all.extend([50_001, 50_002]);
        all.retain(|id| *id != 7);
        all.sort_by_key(|id| if descending { -id } else { *id });
        view.refresh_arrived(Ok(RowIndex::Rowids(all)), Vec::new(), true, 18.0);
        assert_eq!(view.generation, asked);
        let newest = if descending { 0 } else { view.len() - 1 };
        assert_eq!((view.len(), view.key(newest)), (50_002, Some(key(50_003))));
    }
}
