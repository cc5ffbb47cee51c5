//! What is found in the background arrives in the tab, and leads to its row.

use crate::stores::session_do::apart;
use crate::support::database;

use super::{click, wait, wait_gone, window};

#[test]
fn what_is_found_in_the_background_arrives_and_leads_to_its_row() {
    let sql = format!(
        "{} INSERT INTO messages VALUES ('broken', 'user', 'Look here', '[{{', 1769972700);",
        apart()
    );
    let (_folder, path) = database("69f1.sqlite", &sql);
    let mut window = window(&[&path]);
    wait(&mut window, "A question");
    click(&mut window, "Findings");
    wait(&mut window, "broken-json");
    click(&mut window, "broken-json");
    wait(&mut window, "Show the row");
    click(&mut window, "Show the row");
    wait(&mut window, "Look here");
}

#[test]
fn a_store_is_looked_over_again_when_another_program_has_written_it() {
    let (_folder, path) = database("69f1.sqlite", &format!("PRAGMA journal_mode = WAL; {}", apart()));
    let mut window = window(&[&path]);
    click(&mut window, "Findings");
    wait(&mut window, "Nothing is wrong");
    wait(&mut window, "Watching");
    let writer = rusqlite::Connection::open(&path).expect("a writer");
    let add = |id: &str, at: u32| {
        let sql = format!("INSERT INTO messages VALUES ('{id}', 'user', 'x', '[{{', {at})");
        writer.execute_batch(&sql).expect("written");
    };
    add("first", 1_769_972_700);
    wait(&mut window, "1 message has in parts what is not valid JSON");
    click(&mut window, "broken-json");
    wait(&mut window, "Show the row");
    add("second", 1_769_972_701);
    wait(&mut window, "2 messages have in parts what is not valid JSON");
    wait_gone(&mut window, "1 message has in parts what is not valid JSON");
    wait(&mut window, "Show the row");
    writer.execute_batch("UPDATE messages SET parts = NULL WHERE parts = '[{'").expect("mended");
    wait(&mut window, "Nothing is wrong");
    wait(&mut window, "This row is gone from the store");
}
