use egui_kittest::kittest::Queryable;
use sessionscope::ui::scroll::RowScroll;

use super::{click, has, wait, window, write};
use crate::support::database;

#[test]
fn the_last_of_five_million_rows_is_reached_and_shown_whole() {
    let (height, view, total) = (24.0_f32, 700.0_f32, 5_000_000_usize);
    let mut scroll = RowScroll { first: total, offset: 0.0 };
    scroll.clamp(height, total, view);
    // The last row's lower edge is the view's, to a fraction of a point.
    let bottom = (total - scroll.first) as f32 * height - scroll.offset;
    assert!((bottom - view).abs() < 0.01, "{scroll:?}: {bottom}");
    // One row up and down again, all the way, without drifting.
    scroll.by_points(-height, height, total, view);
    let moved = (total - scroll.first) as f32 * height - scroll.offset;
    assert!((moved - view - height).abs() < 0.01, "{scroll:?}: {moved}");
    for _ in 0..1000 {
        scroll.by_points(7.3, height, total, view);
    }
    let bottom = (total - scroll.first) as f32 * height - scroll.offset;
    assert!((bottom - view).abs() < 0.01, "{scroll:?}: {bottom}");
}

#[test]
fn a_row_is_scrolled_to_so_that_all_of_it_shows() {
    let (height, view) = (24.0, 700.0);
    for row in [0, 1, 28, 29, 30, 2_499_999, 4_999_999] {
        let mut scroll = RowScroll { first: 1_000_000, offset: 11.0 };
        scroll.reveal(row, height, view);
        scroll.clamp(height, 5_000_000, view);
        let top = (row as i64 - scroll.first as i64) as f32 * height - scroll.offset;
        assert!(top >= 0.0 && top + height <= view, "row {row}: {scroll:?}, {top}");
    }
}

#[test]
fn the_window_jumps_to_any_row_of_a_large_table() {
    let sql = "CREATE TABLE numbers (id INTEGER PRIMARY KEY, name TEXT);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)
        INSERT INTO numbers SELECT i, 'number ' || i FROM n";
    let (_folder, path) = database("numbers.db", sql);
    let mut window = window(&[&path]);
    click(&mut window, "Tables");
    wait(&mut window, "300,000 rows");
    write(&mut window, "Go to row", "299999");
    window.key_press(egui::Key::Enter);
    wait(&mut window, "number 299999");
    // The last row is drawn whole, above the status bar.
    wait(&mut window, "number 300000");
    let last = window.get_by_label("number 300000").rect();
    assert!((last.height() - 24.0).abs() < 0.5, "{last:?}");
    assert!(!has(&window, "number 1 "), "the first rows are not drawn");
    write(&mut window, "Go to row", "");
    window.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
    write(&mut window, "Go to row", "150000");
    window.key_press(egui::Key::Enter);
    wait(&mut window, "number 150000");
}

/// Four hundred sessions of one message each.
const SESSIONS: &str =
    "CREATE TABLE messages (id TEXT PRIMARY KEY, session_id TEXT, role TEXT, content TEXT, created_at INTEGER);
    CREATE TABLE session_meta (session_id TEXT, key TEXT, value TEXT, PRIMARY KEY (session_id, key));
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
    INSERT INTO messages SELECT 'm' || i, 's' || i, 'user', 'x', 1769972640 + i FROM n;";

#[test]
fn what_no_session_has_takes_no_column_of_a_long_list_either() {
    let (_folder, path) = database("many.sqlite", SESSIONS);
    let mut window = window(&[&path]);
    wait(&mut window, "400 rows");
    super::wait_gone(&mut window, "Agent");
    super::wait_gone(&mut window, "Status");
    assert!(has(&window, "Last active"));
}

#[test]
fn the_source_that_shows_is_in_view_in_the_list_however_many_sessions_stand_above_it() {
    let (_folder, many) = database("many.sqlite", SESSIONS);
    let (_other, last) = database("last.db", "CREATE TABLE t (a)");
    let mut window = window(&[&many, &last]);
    wait(&mut window, "Expand last.db");
    assert!(!has(&window, "Expand many.sqlite"));
}
