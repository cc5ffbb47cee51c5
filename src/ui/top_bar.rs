//! The bars at the top and the bottom of the window.

use egui::{Align, Layout, RichText, Sense, Ui, vec2};

use super::Command;
use super::command::{entries, key_text};
use super::format;
use super::live::Watched;
use super::model::{Remote, Screen, SourceView};
use super::search_box;
use super::table_view::IndexState;
use super::theme::{Colors, colors_of, mono_font, sizes_in_use, small_font, space, strong_font};
use super::widgets::{self, icon};
use crate::core::{Change, shorten_middle, visible};

/// A window narrower than this leaves the program's name out, in points.
const ROOM_FOR_NAME: f32 = 860.0;
/// How wide the search is at most, and how narrow it may get.
const WIDEST_BOX: f32 = 420.0;
const NARROWEST_BOX: f32 = 60.0;

/// Draws the bar with what concerns the whole window.
pub fn show(ui: &mut Ui, screen: &mut Screen) -> Vec<Command> {
    let mut commands = Vec::new();
    let bar = ui.max_rect();
    ui.horizontal_centered(|ui| {
        let left = left(ui, screen, bar.width() >= ROOM_FOR_NAME, &mut commands);
        let right =
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| right(ui, screen, &mut commands));
        // The search is in the middle of the window where there is room, else between what is beside it.
        let (from, to) = (left + space::M, right.inner - space::M);
        let width = (to - from).clamp(0.0, WIDEST_BOX);
        let center = bar.center().x.clamp(from + width / 2.0, (to - width / 2.0).max(from + width / 2.0));
        let size = vec2(width, sizes_in_use().control);
        if width > NARROWEST_BOX && !screen.sources.is_empty() {
            let place = egui::Rect::from_center_size(egui::pos2(center, bar.center().y), size);
            commands.extend(search_box::show(ui, place, screen));
        }
    });
    commands
}

/// Draws what is on the left; answers where it ends.
fn left(ui: &mut Ui, screen: &Screen, named: bool, commands: &mut Vec<Command>) -> f32 {
    let colors = colors_of(ui.ctx());
    {
        let (mark, _) = ui.allocate_exact_size(vec2(14.0, 14.0), Sense::hover());
        ui.painter().circle_stroke(mark.center(), 5.0, egui::Stroke::new(3.0, colors.accent));
        if named {
            ui.label(RichText::new("sessionscope").font(strong_font()).color(colors.text));
            ui.add_space(space::S);
        }
        if widgets::button(ui, "Open…", "Open a file (Ctrl O)").clicked() {
            commands.push(Command::OpenFile);
        }
        if widgets::button(ui, "Open folder…", "Open a folder and every store in it (Ctrl Shift O)").clicked()
        {
            commands.push(Command::OpenFolder);
        }
        if let Some(busy) = &screen.busy {
            ui.add_space(space::S);
            ui.label(RichText::new(busy).color(colors.muted));
            if let Some(id) = screen.current
                && widgets::quiet_button(ui, "Cancel", "Stop this; what was found stays").clicked()
            {
                commands.push(Command::CancelWalk(id));
                commands.push(Command::CancelScan);
            }
        }
    }
    ui.min_rect().right()
}

/// Draws what is on the right; answers where it begins.
fn right(ui: &mut Ui, screen: &Screen, commands: &mut Vec<Command>) -> f32 {
    let colors = colors_of(ui.ctx());
    {
        {
            if widgets::icon_button(ui, icon::THEME, "Dark or light theme").clicked() {
                commands.push(Command::ToggleTheme);
            }
            if screen.current.is_some()
                && widgets::icon_button(ui, icon::DETAILS, "Show or hide the details").clicked()
            {
                commands.push(Command::ToggleDetails);
            }
            let key = entries()
                .iter()
                .find(|e| e.command == Command::Palette)
                .and_then(|e| e.shortcut)
                .map(|s| key_text(&s));
            let text = egui::Button::new(RichText::new("Commands").color(colors.muted))
                .frame_when_inactive(false)
                .shortcut_text(RichText::new(key.unwrap_or_default()).font(mono_font()).color(colors.faint))
                .min_size(vec2(0.0, sizes_in_use().control));
            let response = ui.add(text);
            response
                .widget_info(|| egui::WidgetInfo::labeled(egui::accesskit::Role::Button, true, "Commands"));
            if response.clicked() {
                commands.push(Command::Palette);
            }
        }
    }
    ui.min_rect().left()
}

/// Draws the bar that says what is open and how much of it there is.
pub fn status(ui: &mut Ui, screen: &Screen) -> Vec<Command> {
    let mut commands = Vec::new();
    let colors = colors_of(ui.ctx());
    let small = |text: &str| RichText::new(text).font(small_font()).color(colors.muted);
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().interact_size.y = 0.0;
        ui.spacing_mut().item_spacing.x = space::M;
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let zone = ui.add(egui::Label::new(small(screen.zone.name())).sense(Sense::click()));
            if zone.on_hover_text("Times in UTC or in local time (Ctrl Shift U)").clicked() {
                commands.push(Command::ToggleZone);
            }
            let rows = rows_text(screen);
            if !rows.is_empty() {
                ui.label(small(&rows));
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| match screen.current() {
                Some(source) => file(ui, source, screen.now_ms, &mut commands),
                None => {
                    ui.label(small("Open a store to begin."));
                }
            });
        });
    });
    commands
}

/// The most characters of a path that are shown.
const LONGEST_PATH: usize = 56;

/// What is open: its path gives way to what is said of it.
fn file(ui: &mut Ui, source: &SourceView, now_ms: i64, commands: &mut Vec<Command>) {
    let colors = colors_of(ui.ctx());
    let small = |text: &str| RichText::new(text).font(small_font()).color(colors.muted);
    let read = match source.about.shown() {
        Some(about) if about.copied => "Private copy",
        _ => "Read only",
    };
    ui.label(small(read))
        .on_hover_text("Looking changes nothing. A repair shows first what it would change, and asks.");
    let mut sizes = String::new();
    if source.size.file_bytes > 0 {
        sizes.push_str(&format::bytes(source.size.file_bytes));
    }
    if source.size.wal_bytes > 0 {
        sizes.push_str(&format!(" + {} WAL", format::bytes(source.size.wal_bytes)));
    }
    let watched = watched(source, now_ms, colors);
    let width = |text: &str| {
        let text = ui.painter().layout_no_wrap(text.to_owned(), small_font(), colors.muted);
        text.size().x + space::M
    };
    let beside = width(&sizes) + watched.as_ref().map_or(0.0, |(word, ..)| width(word) + 8.0 + space::S);
    let path = source.path.display().to_string();
    let short = widgets::fit_middle(ui, ui.available_width() - beside, &path, &mono_font());
    let text = RichText::new(visible(&shorten_middle(&short, LONGEST_PATH)));
    let response =
        ui.add(egui::Label::new(text.font(mono_font()).color(colors.muted)).sense(Sense::click()).truncate());
    if response.on_hover_text(format!("{}\nClick to copy", visible(&path))).clicked() {
        commands.push(Command::CopyPath);
    }
    if let Some((word, color, hint)) = watched {
        ui.spacing_mut().item_spacing.x = space::S;
        let (place, _) = ui.allocate_exact_size(vec2(8.0, 8.0), Sense::hover());
        widgets::dot(ui, place.center(), color);
        ui.label(small(word)).on_hover_text(hint);
        ui.spacing_mut().item_spacing.x = space::M;
    }
    if !sizes.is_empty() {
        ui.add(egui::Label::new(small(&sizes)).truncate()).on_hover_text(&sizes);
    }
}

/// Whether what shows keeps up with the file.
fn watched(
    source: &SourceView,
    now_ms: i64,
    colors: &Colors,
) -> Option<(&'static str, egui::Color32, String)> {
    let live = &source.live;
    let about = source.about.shown()?;
    if source.folder.is_some() {
        return None;
    }
    let (word, color, hint) = match (&live.loss, &live.failure, &live.watched) {
        (Some(Change::Replaced), ..) => ("Replaced", colors.warn, "Another file took this one's place."),
        (Some(Change::Truncated), ..) => ("Cut off", colors.bad, "The file was cut off."),
        (Some(_), ..) => ("Gone", colors.bad, "The file is gone from its place."),
        (_, Some(failure), _) if failure.passes => ("Locked", colors.warn, failure.message.as_str()),
        (_, Some(failure), _) => ("Not read", colors.bad, failure.message.as_str()),
        _ if about.copied => ("Not watched (a private copy)", colors.faint, "A copy does not change."),
        _ if live.is_live(now_ms) => {
            ("Live", colors.good, "Another program changed it within the last minute; what shows follows.")
        }
        (.., Watched::Yes) => ("Watching", colors.faint, "What shows follows when the file changes."),
        (.., Watched::Asked(why)) => ("Watching", colors.faint, why.as_str()),
        (.., Watched::No) => ("Not watched", colors.faint, "It is not known whether the file changes."),
    };
    let hint = match &live.watched {
        Watched::Asked(why) => format!("It is looked at once a second, since {}.", visible(why)),
        _ => visible(hint).into_owned(),
    };
    Some((word, color, hint))
}

/// How many rows the current table has, and how many are chosen.
fn rows_text(screen: &Screen) -> String {
    let view = screen.current().and_then(|s| s.tables.get(&s.current_table()?));
    let Some(view) = view else { return String::new() };
    let rows = format::group(view.len() as u64);
    let noun = if view.len() == 1 { "row" } else { "rows" };
    let mut text = match view.state {
        IndexState::Wanted | IndexState::Asked => "reading…".to_owned(),
        IndexState::Growing => format!("{rows} {noun} so far…"),
        _ => format!("{rows} {noun}"),
    };
    if view.query.is_filtered() && view.state == IndexState::Complete {
        let total = screen.current().and_then(|s| s.counts.get(&view.query.table)).and_then(Remote::shown);
        if let Some(total) = total {
            text.push_str(&format!(" of {}", format::group(*total)));
        }
    }
    match view.selected.len() {
        0 => text,
        n => format!("{text} · {} selected", format::group(n as u64)),
    }
}
