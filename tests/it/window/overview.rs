//! A source at a glance.

use egui_kittest::kittest::Queryable as _;

use super::{click, has, sized, wait, wait_gone, window};
use crate::stores::session_do;
use crate::support::database;

fn store() -> (tempfile::TempDir, std::path::PathBuf) {
    let sql = format!(
        "{} DELETE FROM messages; INSERT INTO messages VALUES ('1', 'user', 'a', NULL, 1795000000), ('2', 'assistant', 'b', NULL, 1795003600);",
        session_do::SHIP
    );
    database("glance.db", &sql)
}

#[test]
fn pictures_say_what_they_show_and_lead_there() {
    let (_folder, path) = store();
    let mut harness = window(&[&path]);
    wait(&mut harness, "Messages over time: 2 from");
    wait(&mut harness, "Tables by size: messages");
    let table =
        harness.query_all_by_label_contains("Tables by size: messages").next().map(|node| node.rect());
    assert!(table.is_some());
    let name = super::names(&harness)
        .into_iter()
        .find(|n| n.starts_with("Tables by size: messages"))
        .expect("a bar");
    click(&mut harness, &name);
    wait(&mut harness, "user");
    wait_gone(&mut harness, "Tables by size: messages");
}

#[test]
fn a_low_window_keeps_its_room_for_the_sessions() {
    let (_folder, path) = store();
    let mut harness = sized(&[&path], 1000.0, 500.0);
    wait(&mut harness, "At a glance");
    wait(&mut harness, "2 messages");
    assert!(!has(&harness, "Messages over time"));
    click(&mut harness, "At a glance");
    wait(&mut harness, "Messages over time: 2 from");
}

#[test]
fn a_folder_says_which_stores_are_in_trouble_and_which_are_large() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_folder, path) = store();
    std::fs::copy(path, folder.path().join("large.db")).expect("copied");
    std::fs::write(folder.path().join("broken.json"), [0; 64]).expect("written");
    let mut harness = window(&[folder.path()]);
    wait(&mut harness, "Stores in trouble: not readable 1");
    wait(&mut harness, "Stores by kind: session-do 1");
    click(&mut harness, "Stores by messages: A question 2");
    wait(&mut harness, "assistant");
}
