use std::path::Path;

use egui::{Key, Modifiers};

use super::{click, sized, wait, wait_gone, window, write};
use crate::stores::session_do::SHIP;
use crate::support::database;

#[test]
fn the_start_page_offers_every_way_to_open() {
    let mut window = window(&[]);
    for name in ["Open file…", "Open a folder…", "Open by path…"] {
        wait(&mut window, name);
    }
    click(&mut window, "Open by path…");
    wait(&mut window, "Path");
}

#[test]
fn a_path_can_be_typed() {
    let (_folder, path) = database("69f1.sqlite", SHIP);
    let mut window = window(&[]);
    click(&mut window, "Open by path…");
    write(&mut window, "Path", &path.display().to_string());
    click(&mut window, "Open");
    wait(&mut window, "A question");
}

#[test]
fn every_tab_of_a_session_shows_what_is_in_it() {
    let (_folder, path) = database("69f1.sqlite", SHIP);
    let mut window = window(&[&path]);
    wait(&mut window, "3 messages");
    wait(&mut window, "acme/app");
    click(&mut window, "Messages");
    wait(&mut window, "Because.");
    wait(&mut window, "text + 1 tool");
    wait(&mut window, "2026-02-01 19:04:00");
    click(&mut window, "Tasks");
    wait(&mut window, "Write it");
    click(&mut window, "State");
    wait(&mut window, "branch_name");
    click(&mut window, "Migrations");
    wait(&mut window, "session-do/0001_create_session_tables");
    wait(&mut window, "in place");
    click(&mut window, "Findings");
    wait(&mut window, "same-second");
    click(&mut window, "Tables");
    click(&mut window, "session_meta");
    wait(&mut window, "repoOwner");
    click(&mut window, "Operations");
    wait(&mut window, "No operations");
}

#[test]
fn a_selected_message_is_shown_whole_with_its_tools() {
    let (_folder, path) = database("69f1.sqlite", SHIP);
    let mut window = window(&[&path]);
    click(&mut window, "Messages");
    click(&mut window, "Because.");
    wait(&mut window, "2 of 3");
    wait(&mut window, "bash");
    click(&mut window, "Raw");
    wait(&mut window, "\"kind\": \"text + 1 tool\"");
}

#[test]
fn messages_are_a_table_or_a_transcript() {
    let (_folder, path) = database("69f1.sqlite", SHIP);
    let mut window = window(&[&path]);
    click(&mut window, "Messages");
    click(&mut window, "Transcript");
    wait(&mut window, "Message z");
    wait(&mut window, "Why?");
    wait(&mut window, "Message a");
    click(&mut window, "Table");
    wait(&mut window, "tool result");
}

#[test]
fn a_heading_sorts_and_a_filter_narrows() {
    let (_folder, path) = database("69f1.sqlite", SHIP);
    let mut window = window(&[&path]);
    click(&mut window, "Messages");
    wait(&mut window, "3 rows");
    click(&mut window, "Because.");
    wait(&mut window, "2 of 3");
    click(&mut window, "Role");
    // The row keeps the choice, wherever the new order puts it.
    wait(&mut window, "1 of 3");
    window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::L);
    window.step();
    write(&mut window, "Filter Role", "user");
    wait(&mut window, "1 row of 3");
    wait_gone(&mut window, "tool result");
    wait(&mut window, "Why?");
    click(&mut window, "Remove the filter on role");
    wait(&mut window, "tool result");
}

#[test]
fn a_filter_that_nothing_matches_says_so() {
    let (_folder, path) = database("69f1.sqlite", SHIP);
    let mut window = window(&[&path]);
    click(&mut window, "Messages");
    click(&mut window, "Filter the rows");
    write(&mut window, "Filter Text", "no such words");
    wait(&mut window, "No row matches the filters.");
    click(&mut window, "Clear all filters");
    wait(&mut window, "Because.");
}

#[test]
fn a_folder_lists_its_stores_and_opens_one() {
    let (_folder, root) = crate::support::copied("durable/mcp-agent");
    let mut window = window(&[&root]);
    wait(&mut window, "stores");
    click(&mut window, "streamable-http:625e62fe98da62e87a653f03a476e0cf6b00af325bfbc5f9550eaa59ec6dda84");
    click(&mut window, "State");
    wait(&mut window, "initializeRequest");
}

#[test]
fn two_sources_stand_side_by_side_and_one_can_be_closed() {
    let (_one, first) = database("first.sqlite", SHIP);
    let (_two, second) = database(
        "second.db",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text);
        INSERT INTO notes VALUES (1, 'a plain note')",
    );
    let mut window = window(&[&first, &second]);
    wait(&mut window, "first.sqlite");
    wait(&mut window, "none of the stores that are known");
    click(&mut window, "Tables");
    wait(&mut window, "a plain note");
    click(&mut window, "Migrations");
    wait(&mut window, "This store keeps no migration history.");
    window.key_press_modifiers(Modifiers::COMMAND, Key::W);
    wait(&mut window, "A question");
    wait_gone(&mut window, "second.db");
}

#[test]
fn the_palette_finds_a_command_and_the_details_can_be_hidden() {
    let (_folder, path) = database("69f1.sqlite", SHIP);
    let mut window = window(&[&path]);
    wait(&mut window, "Select a row to see all of it.");
    click(&mut window, "Commands");
    write(&mut window, "Find a command", "details");
    window.key_press(Key::Enter);
    wait_gone(&mut window, "Select a row to see all of it.");
}

#[test]
fn a_small_window_puts_the_details_beneath_the_table() {
    let (_folder, path) = database("69f1.sqlite", SHIP);
    let mut window = sized(&[&path], 800.0, 640.0);
    click(&mut window, "Messages");
    click(&mut window, "Because.");
    wait(&mut window, "2 of 3");
}

#[test]
fn rows_are_exported_to_a_new_file_and_never_over_an_old_one() {
    let (folder, path) = database("69f1.sqlite", SHIP);
    let mut window = window(&[&path]);
    click(&mut window, "Tasks");
    wait(&mut window, "Write it");
    let target = folder.path().join("tasks.csv");
    let export = |window: &mut egui_kittest::Harness<'static, sessionscope::app::App>| {
        click(window, "Export…");
        wait(window, "File to write");
        select_all_and_write(window, &target);
        click(window, "Export");
    };
    export(&mut window);
    wait(&mut window, "Wrote 1 row");
    let text = std::fs::read_to_string(&target).expect("the file");
    assert!(text.starts_with("id,session_id,title,"), "{text}");
    assert!(text.contains("t1,69f1,Write it,complete,plan"), "{text}");
    assert_eq!(text.lines().count(), 2);
    std::fs::write(&target, "mine").expect("written");
    export(&mut window);
    wait(&mut window, "There is a file already");
    assert_eq!(std::fs::read_to_string(&target).expect("the file"), "mine");
}

fn select_all_and_write(window: &mut egui_kittest::Harness<'static, sessionscope::app::App>, path: &Path) {
    write(window, "File to write", "");
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.step();
    write(window, "File to write", &path.display().to_string());
}

#[test]
fn what_belongs_to_no_session_stays_when_one_is_chosen() {
    let (_folder, root) =
        crate::support::copied_from(&Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/samples"));
    let mut window = window(&[&root.join("mcp_state.db")]);
    click(&mut window, "0382506f-b282-472c-991c-4f3f7026fddb");
    click(&mut window, "Heartbeats");
    wait(&mut window, "1 row");
    wait(&mut window, "session: 0382506f");
    // The agents' messages are nobody's session's.
    click(&mut window, "Messages");
    wait(&mut window, "Please take the spreadsheet import");
    click(&mut window, "Heartbeats");
    click(&mut window, "Show all sessions");
    wait(&mut window, "17 rows");
}
