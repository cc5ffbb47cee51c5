//! The window, driven by accessible names as a screen reader sees it.

mod beside_a_writer;
mod browse;
mod failures;
mod findings;
mod heartbeats;
mod large;
mod live;
mod narrow;
mod outline;
mod overview;
mod repair;
mod search;
mod transcript;
mod transcripts;
mod untouched;

use std::path::Path;
use std::time::{Duration, Instant};

use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use sessionscope::app::App;
use sessionscope::stores::sqlite::Clock;

use crate::support::NOW_MS;

/// What takes longer than this does not happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// A window of a usual size on these paths.
pub fn window(paths: &[&Path]) -> Harness<'static, App> {
    sized(paths, 1440.0, 900.0)
}

pub fn sized(paths: &[&Path], width: f32, height: f32) -> Harness<'static, App> {
    let paths = paths.iter().map(|p| p.to_path_buf()).collect();
    Harness::builder()
        .with_size(egui::vec2(width, height))
        .allow_missing_glyphs()
        .build_eframe(move |cc| App::for_tests(&cc.egui_ctx, paths, Clock::fixed(NOW_MS)))
}

/// Whether something of that name, or with it as a part, is on the screen.
pub fn has(harness: &Harness<'_, App>, name: &str) -> bool {
    harness.query_all_by_label_contains(name).next().is_some()
}

/// Waits until something of that name is on the screen.
pub fn wait(harness: &mut Harness<'_, App>, name: &str) {
    until(harness, name, |h| has(h, name));
}

pub fn wait_gone(harness: &mut Harness<'_, App>, name: &str) {
    until(harness, &format!("anything but {name}"), |h| !has(h, name));
}

fn until(harness: &mut Harness<'_, App>, what: &str, done: impl Fn(&Harness<'_, App>) -> bool) {
    let end = Instant::now() + PATIENCE;
    loop {
        harness.step();
        if done(harness) {
            // Once more, so that what is there has also been drawn in its place.
            return harness.step();
        }
        assert!(Instant::now() < end, "not on the screen: {what}; there is: {:?}", names(harness));
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// All names on the screen.
pub fn names(harness: &Harness<'_, App>) -> Vec<String> {
    harness.root().children_recursive().filter_map(|n| n.accesskit_node().label()).collect()
}

/// Waits for something of exactly that name to stand still, and clicks it.
pub fn click(harness: &mut Harness<'_, App>, name: &str) {
    let mut before = None;
    let end = Instant::now() + PATIENCE;
    loop {
        harness.step();
        let place = harness.query_all_by_label(name).next().map(|node| node.rect());
        if place.is_some() && place == before {
            break;
        }
        assert!(Instant::now() < end, "nothing to click: {name}; there is: {:?}", names(harness));
        before = place;
        std::thread::sleep(Duration::from_millis(5));
    }
    harness.query_all_by_label(name).next().expect("it was there").click();
    harness.step();
    harness.step();
}

/// Types into the field of that name.
pub fn write(harness: &mut Harness<'_, App>, name: &str, text: &str) {
    until(harness, name, |h| h.query_all_by_label(name).next().is_some());
    let node = harness.query_all_by_label(name).next().expect("it was there");
    node.focus();
    harness.step();
    harness.query_all_by_label(name).next().expect("it was there").type_text(text);
    harness.step();
    harness.step();
}

/// Types into the field of that name, in the place of what is in it.
pub fn clear_and_write(harness: &mut Harness<'_, App>, name: &str, text: &str) {
    until(harness, name, |h| h.query_all_by_label(name).next().is_some());
    harness.query_all_by_label(name).next().expect("it was there").focus();
    harness.step();
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
    harness.step();
    harness.query_all_by_label(name).next().expect("it was there").type_text(text);
    harness.step();
    harness.step();
}

/// Presses a key, with others held.
pub fn press(harness: &mut Harness<'_, App>, modifiers: egui::Modifiers, key: egui::Key) {
    harness.key_press_modifiers(modifiers, key);
    harness.step();
    harness.step();
}
