//! The turns of a conversation beside it.

use egui_kittest::kittest::Queryable as _;

use super::{click, has, sized, wait, wait_gone, window};
use crate::stores::session_do::SHIP;
use crate::support::database;

/// A conversation of so many turns, each a question and an answer.
fn conversation(turns: u32) -> (tempfile::TempDir, std::path::PathBuf) {
    let sql = format!(
        "{SHIP} DELETE FROM messages;
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {turns})
         INSERT INTO messages
           SELECT 'q' || i, 'user', 'Question number ' || i || char(10) || 'with more', NULL, 1795000000 + i * 100 FROM n
           UNION ALL SELECT 'a' || i, 'assistant', 'Answer number ' || i, NULL, 1795000050 + i * 100 FROM n;"
    );
    database("talk.db", &sql)
}

#[test]
fn a_click_on_a_turn_goes_there_and_reading_marks_it() {
    let (_folder, path) = conversation(200);
    let mut window = window(&[&path]);
    click(&mut window, "Messages");
    click(&mut window, "Transcript");
    wait(&mut window, "200 turns");
    wait(&mut window, "Turn: Question number 1");
    assert!(!has(&window, "Answer number 20"));
    click(&mut window, "Turn: Question number 20");
    wait(&mut window, "Answer number 20");
    let chosen = |window: &egui_kittest::Harness<'_, sessionscope::app::App>, name: &str| {
        use egui_kittest::kittest::NodeT as _;
        let node = window.query_all_by_label(name).next();
        node.is_some_and(|node| node.accesskit_node().toggled() == Some(egui::accesskit::Toggled::True))
    };
    super::until(&mut window, "the turn is marked", |w| chosen(w, "Turn: Question number 20"));
    // By key to the next, which the outline follows.
    window.key_press(egui::Key::N);
    super::until(&mut window, "the next turn is marked", |w| chosen(w, "Turn: Question number 21"));
}

#[test]
fn the_outline_can_be_hidden_and_makes_room_by_itself() {
    let (_folder, path) = conversation(5);
    let mut window = window(&[&path]);
    click(&mut window, "Messages");
    click(&mut window, "Transcript");
    wait(&mut window, "5 turns");
    click(&mut window, "Hide the outline (Ctrl M)");
    wait_gone(&mut window, "5 turns");
    window.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::M);
    wait(&mut window, "5 turns");
    let mut small = sized(&[&path], 900.0, 640.0);
    click(&mut small, "Messages");
    click(&mut small, "Transcript");
    wait(&mut small, "Answer number 1");
    assert!(!has(&small, "5 turns"));
}
