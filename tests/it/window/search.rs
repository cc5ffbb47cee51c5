use std::path::Path;

use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use sessionscope::app::App;

use super::{click, has, names, sized, until, wait, wait_gone, window, write};
use crate::stores::session_do::SHIP;
use crate::support::{copied, database};

const CTRL_SHIFT: Modifiers =
    Modifiers { alt: false, ctrl: true, shift: true, mac_cmd: false, command: true };

/// A thousand messages, of which some have a needle in them.
fn large() -> (tempfile::TempDir, std::path::PathBuf) {
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
      INSERT INTO messages SELECT 'n' || i, 'user', CASE WHEN i % 400 = 0 THEN 'the Needle no. ' || i ELSE 'hay ' || i END, NULL, 1769972700 + i FROM n;";
    database("69f1.sqlite", &format!("{SHIP}{many}"))
}

fn search(window: &mut Harness<'_, App>, text: &str) {
    window.key_press_modifiers(CTRL_SHIFT, Key::F);
    window.step();
    write(window, "Search", text);
}

fn open(paths: &[&Path]) -> Harness<'static, App> {
    let mut window = window(paths);
    wait(&mut window, "Overview");
    window
}

/// Whether a row of the table that shows is the selected one, as the details say it.
fn at(window: &mut Harness<'_, App>, place: &str) {
    wait(window, place);
}

#[test]
fn what_is_typed_is_found_and_a_hit_leads_to_its_row() {
    let (_folder, path) = large();
    let mut window = open(&[&path]);
    search(&mut window, "needle");
    wait(&mut window, "2 matches in 1 source");
    assert!(
        has(&window, "A question · Messages: 2") || has(&window, "69f1.sqlite · Messages: 2"),
        "{:?}",
        names(&window)
    );
    click(&mut window, "Match: the Needle no. 400");
    wait_gone(&mut window, "2 matches in 1 source");
    at(&mut window, "403 of 1,003");
    // The row is on the screen, and what it is narrowed to is said.
    wait(&mut window, "the Needle no. 400");
    wait(&mut window, "session: A question");
    window.key_press(Key::F3);
    at(&mut window, "803 of 1,003");
    wait(&mut window, "the Needle no. 800");
    window.key_press(Key::F3);
    at(&mut window, "403 of 1,003");
    window.key_press_modifiers(Modifiers::SHIFT, Key::F3);
    at(&mut window, "803 of 1,003");
    window.key_press_modifiers(Modifiers::COMMAND, Key::G);
    at(&mut window, "403 of 1,003");
}

#[test]
fn the_keyboard_chooses_goes_there_and_closes() {
    let (_folder, path) = large();
    let mut window = open(&[&path]);
    search(&mut window, "needle");
    wait(&mut window, "2 matches");
    window.key_press(Key::ArrowDown);
    window.key_press(Key::ArrowDown);
    window.key_press(Key::Enter);
    at(&mut window, "803 of 1,003");
    wait_gone(&mut window, "2 matches");
    window.key_press_modifiers(CTRL_SHIFT, Key::F);
    wait(&mut window, "2 matches");
    window.key_press(Key::Escape);
    wait_gone(&mut window, "2 matches");
}

#[test]
fn a_transcript_scrolls_to_the_message() {
    let (_folder, path) = large();
    let mut window = open(&[&path]);
    click(&mut window, "Messages");
    wait(&mut window, "1,003 rows");
    click(&mut window, "Transcript");
    search(&mut window, "needle 800 role:user");
    wait(&mut window, "Nothing matches");
    super::clear_and_write(&mut window, "Search", "no. 800 role:user");
    wait(&mut window, "1 match");
    window.key_press(Key::Enter);
    at(&mut window, "803 of 1,003");
    wait(&mut window, "Message n800");
}

#[test]
fn in_the_tab_only_its_rows_are_found() {
    let (_folder, path) = database("69f1.sqlite", SHIP);
    let mut window = open(&[&path]);
    click(&mut window, "Tasks");
    wait(&mut window, "1 row");
    window.key_press_modifiers(Modifiers::COMMAND, Key::F);
    window.step();
    write(&mut window, "Search", "e");
    wait(&mut window, "1 match");
    assert!(!has(&window, "matches in"), "{:?}", names(&window));
    click(&mut window, "Search everywhere instead");
    wait(&mut window, "in 1 source");
    wait_gone(&mut window, "Cancel search");
    assert!(!has(&window, "1 match in"), "{:?}", names(&window));
}

#[test]
fn files_of_a_folder_are_searched_that_nobody_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, word) in [("one", "alpha"), ("two", "omega")] {
        let sql = SHIP.replace("Why?", &format!("Why {word}?")).replace("A question", name);
        let (_made, path) = database("69f1.sqlite", &sql);
        std::fs::copy(path, folder.path().join(format!("{name}.sqlite"))).expect("a copy");
    }
    let mut window = window(&[folder.path()]);
    wait(&mut window, "2 stores");
    search(&mut window, "why ");
    wait(&mut window, "2 matches in 2 sources");
    click(&mut window, "Match: Why omega?");
    at(&mut window, "1 of 3");
    wait(&mut window, "Why omega?");
    wait(&mut window, "session: two");
}

#[test]
fn case_patterns_and_mistakes_are_said_below_the_box() {
    let (_folder, path) = large();
    let mut window = open(&[&path]);
    search(&mut window, "needle (no|x");
    wait(&mut window, "Nothing matches");
    click(&mut window, "Regular expression");
    wait(&mut window, "The regular expression is broken: unclosed group");
    super::clear_and_write(&mut window, "Search", "needle (no|x)");
    wait(&mut window, "2 matches");
    click(&mut window, "Exact case");
    wait(&mut window, "Nothing matches");
    click(&mut window, "Exact case");
    wait(&mut window, "2 matches");
    super::clear_and_write(&mut window, "Search", "has:nothing");
    wait(&mut window, "write has:tool");
    click(&mut window, "Clear the search");
    window.key_press_modifiers(CTRL_SHIFT, Key::F);
    wait(&mut window, "role:assistant");
    click(&mut window, "has:tool");
    wait(&mut window, "2 matches");
}

#[test]
fn damage_is_said_and_what_can_be_found_is() {
    let (_folder, root) = copied("sessions-json");
    let mut window = open(&[&root.join("bad.truncated.json"), &root.join("sessions.json")]);
    search(&mut window, "reviewer");
    wait(&mut window, "in 2 sources");
    // Nothing opens that way, and the sentence says so.
    let (_other, broken) = database("broken.db", "CREATE TABLE t(a)");
    std::fs::write(&broken, b"SQLite format 3\0 and nothing more").expect("broken");
    let mut window = super::window(&[&broken, &root.join("sessions.json")]);
    wait(&mut window, "sessions.json");
    search(&mut window, "reviewer");
    wait(&mut window, "in 1 source");
    wait(&mut window, "broken.db");
}

#[test]
fn a_filtered_table_shows_the_row_all_the_same() {
    let (_folder, path) = large();
    let mut window = open(&[&path]);
    click(&mut window, "Messages");
    wait(&mut window, "1,003 rows");
    window.key_press_modifiers(CTRL_SHIFT, Key::L);
    window.step();
    write(&mut window, "Filter Role", "assistant");
    wait(&mut window, "2 rows of 1,003");
    search(&mut window, "no. 800");
    wait(&mut window, "1 match");
    window.key_press(Key::Enter);
    at(&mut window, "803 of 1,003");
}

#[test]
fn the_box_has_its_place_also_in_a_small_window() {
    let (_folder, path) = large();
    for (width, height) in [(640.0, 400.0), (1000.0, 640.0)] {
        let mut window = sized(&[&path], width, height);
        wait(&mut window, "Overview");
        window.key_press_modifiers(CTRL_SHIFT, Key::F);
        window.step();
        until(&mut window, "the box", |w| {
            w.query_all_by_label("Search")
                .next()
                .is_some_and(|n| n.rect().width() > 40.0 && n.rect().right() < width)
        });
    }
}

#[test]
fn the_messages_of_a_resume_key_are_searched_in_its_transcript() {
    use super::transcripts::{home, transcript};
    let (folder, store) = home();
    transcript(&folder.path().join("home/.config/claude-hooks/agent-env/dev/projects/-home-ines-tidewatch"));
    let mut window = open(&[&store]);
    click(&mut window, "forgejo:dev:acme/app:7");
    wait(&mut window, "Which of the two Newhavens");
    window.key_press_modifiers(Modifiers::COMMAND, Key::F);
    window.step();
    write(&mut window, "Search", "stations up");
    wait(&mut window, "1 match");
    window.key_press(Key::Enter);
    wait_gone(&mut window, "1 match");
    at(&mut window, "6 of ");
}

/// The texts that stand on a ground for matches, and how wide their grounds are.
fn grounds(window: &Harness<'_, App>) -> Vec<(String, Vec<f32>)> {
    let color = sessionscope::ui::theme::mark_color(&window.ctx);
    let mut found = Vec::new();
    for clipped in &window.output().shapes {
        let egui::Shape::Vec(shapes) = &clipped.shape else { continue };
        let text = shapes.iter().find_map(|shape| match shape {
            egui::Shape::Text(text) => Some(text),
            _ => None,
        });
        let Some(text) = text else { continue };
        let of = |shape: &egui::Shape| match shape {
            egui::Shape::Rect(rect) if rect.fill == color => Some(rect.rect.width()),
            _ => None,
        };
        found.push((text.galley.text().to_owned(), shapes.iter().filter_map(of).collect()));
    }
    found
}

#[test]
fn matches_are_marked_in_tables_and_in_what_is_set_as_markdown() {
    let sql = "INSERT INTO messages VALUES ('md', 'user', 'A **Needle** in hay, needle-sharp `needle.rs`\n\n```sh\nneedle --help\n```', NULL, 1769972900);";
    let (_folder, path) = database("69f1.sqlite", &format!("{SHIP}{sql}"));
    let mut window = open(&[&path]);
    search(&mut window, "needle");
    wait(&mut window, "1 match in 1 source");
    window.key_press(Key::Enter);
    wait(&mut window, "session: A question");
    until(&mut window, "the cell is marked", |w| {
        grounds(w).iter().any(|(text, grounds)| text.starts_with("A **Needle**") && grounds.len() == 4)
    });
    click(&mut window, "Transcript");
    until(&mut window, "each of the message's texts is marked", |w| {
        let grounds = grounds(w);
        let marked = |wanted: &str| grounds.iter().any(|(text, at)| text.trim() == wanted && at.len() == 1);
        marked("Needle") && marked("in hay, needle-sharp") && marked("needle.rs") && marked("needle --help")
    });
    let grounds = grounds(&window);
    let width = |wanted: &str| grounds.iter().find(|(text, _)| text.trim() == wanted).map(|(_, at)| at[0]);
    // The ground is as wide as what is found, not as its text.
    assert!(width("in hay, needle-sharp") < Some(60.0), "{grounds:?}");
}
