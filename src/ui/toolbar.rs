//! The bar above a table: how it is shown, what it is narrowed to, and what can be done with it.

use std::collections::BTreeMap;

use egui::accesskit::Role;
use egui::containers::menu::MenuButton;
use egui::{Align, Margin, Ui, WidgetInfo};

use super::Command;
use super::format;
use super::model::{Layout, SourceView};
use super::table;
use super::table_view::IndexState;
use super::theme::{colors_of, sizes_in_use, space};
use super::widgets::{self, icon};
use crate::core::repair::{Offer, counted};
use crate::core::{Table, shorten_middle, visible};

/// Draws the bar.
pub fn show(
    ui: &mut Ui,
    source: &mut SourceView,
    table: &Table,
    layouts: &mut BTreeMap<String, Layout>,
) -> Vec<Command> {
    let mut commands = Vec::new();
    let frame = egui::Frame::new().inner_margin(Margin::symmetric(space::M as i8, 5));
    let panel = egui::Panel::top(egui::Id::unique("toolbar"))
        .frame(frame)
        .exact_size(sizes_in_use().bar)
        .resizable(false);
    panel.show(ui, |ui| {
        ui.horizontal_centered(|ui| {
            if *table == Table::Messages {
                let active = usize::from(source.transcript);
                if let Some(clicked) = widgets::segments(ui, &["Table", "Transcript"], active)
                    && clicked != active
                {
                    commands.push(Command::ToggleTranscript);
                }
                ui.add_space(space::S);
                follow(ui, source.table(table).follow, &mut commands);
                ui.add_space(space::S);
            }
            repairs(ui, source, table, &mut commands);
            if *table == Table::Findings {
                examining(ui, source, &mut commands);
            }
            if source.table(table).query.session.is_some() {
                session_chip(ui, source, &mut commands);
            }
            chips(ui, source.table(table));
            ui.with_layout(egui::Layout::right_to_left(Align::Center), |ui| {
                right(ui, source, table, layouts, &mut commands)
            });
        });
    });
    commands
}

/// Whether the newest message is kept in view.
fn follow(ui: &mut Ui, on: bool, commands: &mut Vec<Command>) {
    let colors = colors_of(ui.ctx());
    let text = egui::RichText::new("Follow").color(if on { colors.text } else { colors.muted });
    let button = egui::Button::selectable(on, text).min_size(egui::vec2(0.0, sizes_in_use().control));
    let response = ui.add(button);
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, on, "Follow"));
    let hint = "Keep the newest message in view as messages arrive (Ctrl Shift N); scrolling up ends it";
    if response.on_hover_text(hint).clicked() {
        commands.push(Command::ToggleFollow);
    }
}

/// What the right end of the bar takes, in points.
const RIGHT_END: f32 = 280.0;

/// What a chip takes besides its text, and about what a letter of it takes, in points.
const ROOM_AROUND: f32 = 96.0;
const LETTER: f32 = 7.0;

/// What the button that exports the rows takes of it.
const EXPORT_WIDTH: f32 = 78.0;

/// What the chips of a narrowed table may take before the repairs are in one menu, in points.
const ROOM_FOR_CHIPS: f32 = 220.0;

/// The repairs of what the table shows, where the store has them.
fn repairs(ui: &mut Ui, source: &mut SourceView, table: &Table, commands: &mut Vec<Command>) {
    let offers = source.about.shown().map(|a| a.offers.clone()).unwrap_or_default();
    let view = source.table(table);
    let chosen = view.selected.len() as u64;
    let narrowed = view.query.session.is_some() || !view.query.filters.is_empty();
    let delete = format!("Delete {}…", counted(chosen.max(1), "session"));
    let all: &[(Offer, &str, &str)] = match table {
        Table::Sessions => &[
            (Offer::Prune, "Prune…", "See what is past its time, and remove it"),
            (Offer::ImportFrom, "Import into a database…", "Bring these sessions into a database"),
            (Offer::ImportInto, "Import…", "Bring the sessions of a file into this database"),
            (Offer::DeleteIssue, "Delete by issue…", "See every session of one issue, and delete them"),
            (Offer::DeleteSessions, &delete, "See all that belongs to the selected sessions, and delete it"),
        ],
        Table::Heartbeats => &[(Offer::Prune, "Prune…", "See what is past its time, and remove it")],
        Table::Migrations => &[(Offer::Migrate, "Migrate…", "See the steps that are pending, and run them")],
        _ => &[],
    };
    let there = |offer: &Offer| offers.contains(offer) && (*offer != Offer::DeleteSessions || chosen > 0);
    let shown: Vec<_> = all.iter().filter(|(offer, _, _)| there(offer)).collect();
    let mut each = |ui: &mut Ui| {
        for (offer, text, hint) in &shown {
            if widgets::button(ui, text, hint).clicked() {
                commands.push(Command::Repair(*offer));
            }
        }
    };
    let texts =
        shown.iter().map(|(_, text, _)| widgets::button_width(ui, text) + ui.spacing().item_spacing.x);
    let beside = if narrowed { RIGHT_END + ROOM_FOR_CHIPS } else { RIGHT_END };
    if shown.len() < 2 || ui.available_width() >= texts.sum::<f32>() + beside {
        each(ui);
    } else {
        let button = egui::Button::new("Repair…").min_size(egui::vec2(0.0, sizes_in_use().control));
        MenuButton::from_button(button).ui(ui, |ui| each(ui));
    }
}

/// How far the examination has come, while it goes on.
fn examining(ui: &mut Ui, source: &SourceView, commands: &mut Vec<Command>) {
    let Some((done, of)) = source.examined else { return };
    let text = format!("Looking the store over: {done} of {of}");
    ui.label(egui::RichText::new(text).color(colors_of(ui.ctx()).muted));
    if widgets::quiet_button(ui, "Stop looking", "Leave what was not looked at yet").clicked() {
        commands.push(Command::StopExamining);
    }
}

/// The session to which the rows are narrowed.
fn session_chip(ui: &mut Ui, source: &SourceView, commands: &mut Vec<Command>) {
    let Some(session) = &source.session else { return };
    let shown = source.session_title.as_deref().filter(|t| !t.is_empty()).unwrap_or(session);
    // As long as what is at the right end leaves room for.
    let room = ((ui.available_width() - RIGHT_END - ROOM_AROUND) / LETTER).clamp(6.0, 32.0);
    let text = visible(&shorten_middle(shown, room as usize)).into_owned();
    if widgets::chip(ui, &format!("session: {text}"), Some("Show all sessions")) {
        commands.push(Command::SelectSession(source.id, None, None));
    }
}

/// A chip for every filter.
fn chips(ui: &mut Ui, view: &mut super::table_view::TableView) {
    let mut drop = None;
    for filter in &view.query.filters {
        let text =
            format!("{}: {}", format::heading(&filter.column).to_lowercase(), filter.condition.typed());
        let name = format!("Remove the filter on {}", filter.column);
        if widgets::chip(ui, &shorten_middle(&visible(&text), 36), Some(&name)) {
            drop = Some(filter.column.clone());
        }
    }
    if let Some(column) = drop {
        view.typed.remove(&column);
        let mut query = view.query.clone();
        query.filters.retain(|f| f.column != column);
        view.ask(query);
    }
}

fn right(
    ui: &mut Ui,
    source: &mut SourceView,
    table: &Table,
    layouts: &mut BTreeMap<String, Layout>,
    commands: &mut Vec<Command>,
) {
    if widgets::button(ui, "Export…", "Write the rows to a file, or copy them (Ctrl E)").clicked() {
        commands.push(Command::Export);
    }
    let hint = "Write this session as Markdown, JSON or HTML (Ctrl Shift S)";
    // In a narrow window it is left to its key, the palette and the session's menu.
    if *table == Table::Messages
        && source.table(table).query.session.is_some()
        && ui.available_width() > RIGHT_END + widgets::button_width(ui, "Export session…") - EXPORT_WIDTH
        && widgets::button(ui, "Export session…", hint).clicked()
    {
        commands.push(Command::ExportSession(None));
    }
    let view = source.table(table);
    let button = widgets_menu_button(ui, icon::COLUMNS, "Columns");
    let layout = layouts.entry(table.name().into_owned()).or_default();
    let response = button.0.ui(ui, |ui| table::columns_menu(ui, view, layout)).0;
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, button.1));
    response.on_hover_text(button.1);
    if widgets::icon_button(ui, icon::FILTER, "Filter the rows").clicked() {
        if view.filter_open.is_some() {
            view.filter_open = None;
        } else {
            commands.push(Command::Filter);
        }
    }
    let name = "Go to row";
    let mut typed = view.go_to.clone();
    let response =
        widgets::field(ui, &mut typed, "Row", name, 88.0).on_hover_text("Go to the row of this number");
    if response.lost_focus() && ui.input(|i| i.key_pressed(egui::Key::Enter)) {
        let digits: String = typed.chars().filter(char::is_ascii_digit).collect();
        if let Ok(number) = digits.parse() {
            commands.extend(table::go_to(view, number));
        }
    }
    view.go_to = typed;
    if matches!(view.state, IndexState::Asked | IndexState::Growing) && !view.is_empty() {
        ui.label(egui::RichText::new("reading…").color(colors_of(ui.ctx()).muted));
    }
}

fn widgets_menu_button<'a>(ui: &Ui, icon: &'a str, name: &'static str) -> (MenuButton<'a>, &'static str) {
    let text = egui::RichText::new(icon).font(super::theme::icon_font()).color(colors_of(ui.ctx()).muted);
    let size = sizes_in_use().control;
    let button = egui::Button::new(text).frame_when_inactive(false).min_size(egui::vec2(size, size));
    (MenuButton::from_button(button), name)
}
