//! What a small window has no room for is in a menu.

use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use sessionscope::app::App;

use super::{click, has, press, sized, wait, wait_gone, window};
use crate::stores::session_do::SHIP;
use crate::support::database;

/// Whether all of it is within the window, and within the middle of it.
fn is_shown(window: &Harness<'_, App>, name: &str) -> bool {
    let whole = window.ctx.content_rect();
    window.query_all_by_label(name).any(|node| whole.contains_rect(node.rect()))
}

#[test]
fn the_session_that_shows_is_exported_by_mouse_in_a_narrow_window() {
    let (_folder, path) = database("ship.db", SHIP);
    let mut window = sized(&[&path], 760.0, 640.0);
    click(&mut window, "Messages");
    click(&mut window, "A question");
    wait(&mut window, "Show all sessions");
    assert!(!has(&window, "Export session…"));
    click(&mut window, "More actions");
    click(&mut window, "Export session…");
    wait(&mut window, "Export a session");
    // Where there is room it is a button of its own, and there is no menu.
    let mut wide = self::window(&[&path]);
    click(&mut wide, "Messages");
    click(&mut wide, "A question");
    wait(&mut wide, "Export session…");
    assert!(!has(&wide, "More actions"));
}

#[test]
fn nothing_of_a_narrow_bar_lies_on_the_rest_of_it() {
    let (_folder, path) = database("ship.db", SHIP);
    let mut window = sized(&[&path], 1000.0, 640.0);
    click(&mut window, "Messages");
    click(&mut window, "A question");
    wait(&mut window, "Show all sessions");
    press(&mut window, egui::Modifiers::COMMAND | egui::Modifiers::SHIFT, egui::Key::L);
    super::write(&mut window, "Filter Role", "user");
    wait(&mut window, "1 row");
    let names =
        ["Transcript", "Show all sessions", "Go to row", "Filter the rows", "Columns", "More actions"];
    for zoom in [1.0, 1.1, 1.25, 1.5] {
        window.ctx.set_zoom_factor(zoom);
        window.step();
        window.step();
        let mut end = 0.0;
        for name in names {
            // The field is left out where there is no room for it.
            let Some(node) = window.query_all_by_label(name).next() else {
                assert_eq!(name, "Go to row");
                continue;
            };
            assert!(node.rect().left() >= end, "{name} is on what is before it, which ends at {end}");
            end = node.rect().right();
        }
    }
}

#[test]
fn a_session_is_exported_from_the_menu_of_its_row() {
    let (_folder, path) = database("ship.db", SHIP);
    let mut window = window(&[&path]);
    wait(&mut window, "acme/app");
    window.query_all_by_label("acme/app").next().expect("the row").click_secondary();
    wait(&mut window, "Copy row");
    click(&mut window, "Export session…");
    wait(&mut window, "Export a session");
}

#[test]
fn a_tab_without_room_is_in_a_menu_and_shows_once_it_is_chosen() {
    let (_folder, path) = database("ship.db", SHIP);
    let mut window = sized(&[&path], 760.0, 640.0);
    wait(&mut window, "acme/app");
    assert!(!has(&window, "Operations"));
    click(&mut window, "More tabs");
    click(&mut window, "Operations");
    wait_gone(&mut window, "acme/app");
    assert!(is_shown(&window, "Operations") && is_shown(&window, "More tabs"));
}

#[test]
fn details_take_room_in_a_small_window_once_there_are_some() {
    let (_folder, path) = database("ship.db", SHIP);
    for width in [800.0, 1000.0, 1440.0] {
        let mut window = sized(&[&path], width, 640.0);
        wait(&mut window, "Overview");
        wait(&mut window, "A question");
        window.run_ok();
        assert_eq!(has(&window, "Select a row to see all of it."), width > 1120.0, "{width}");
        click(&mut window, "Messages");
        click(&mut window, "Because.");
        wait(&mut window, "Values");
    }
}
