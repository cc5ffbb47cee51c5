//! The bar above a table: how it is shown, what it is narrowed to, and what can be done with it.

use std::collections::BTreeMap;

use egui::accesskit::Role;
use egui::containers::menu::MenuButton;
use egui::{Align, Margin, Ui, WidgetInfo};

use super::Command;
use super::format;
use super::model::{Layout, SourceView};
use super::overflow::{self, Action};
use super::table;
use super::table_view::{IndexState, TableView};
use super::theme::{colors_of, sizes_in_use, space};
use super::widgets::{self, icon};
use crate::core::repair::{Offer, counted};
use crate::core::{Filter, Table, shorten_middle, visible};

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
            let whole = ui.available_width();
            if *table == Table::Messages {
                let active = usize::from(source.transcript);
                if let Some(clicked) = widgets::segments(ui, &["Table", "Transcript"], active)
                    && clicked != active
                {
                    commands.push(Command::ToggleTranscript);
                }
                ui.add_space(space::S);
            }
            let beside = beside(source, table);
            let actions: Vec<Action> = beside.into_iter().chain(exports(source, table)).collect();
            let chips_width = chips_width(source, table);
            let row_width = row_width(ui, whole, chips_width);
            let own_end = end_width(ui, source.table(table), row_width);
            let spare = ui.available_width() - own_end - chips_width;
            let fit = overflow::fit(actions.iter().map(|a| a.width(ui)), spare, overflow::menu_width(ui));
            let (shown, more) = actions.split_at(fit);
            let (at_end, at_start): (Vec<&Action>, Vec<&Action>) =
                shown.iter().partition(|a| is_export(&a.command));
            let mut end = own_end + at_end.iter().map(|a| a.width(ui)).sum::<f32>();
            if !more.is_empty() {
                end += overflow::menu_width(ui);
            }
            at_start.iter().for_each(|action| action.show(ui, &mut commands));
            if *table == Table::Findings {
                examining(ui, source, ui.available_width() - end, &mut commands);
            }
            if source.table(table).query.session.is_some() {
                session_chip(ui, source, end, &mut commands);
            }
            chips(ui, source.table(table), end);
            ui.with_layout(egui::Layout::right_to_left(Align::Center), |ui| {
                if !more.is_empty() {
                    overflow::menu(ui, "More actions", |ui| overflow::lines(ui, more, &mut commands));
                }
                at_end.iter().for_each(|action| action.show(ui, &mut commands));
                right(ui, source, table, layouts, row_width, &mut commands)
            });
        });
    });
    commands
}

/// A bar that is narrower than this has less room for a row's number, in points.
const NARROW: f32 = 560.0;
const ROW_WIDTH: f32 = 80.0;
const ROW_WIDTH_NARROW: f32 = 52.0;

/// A chip has room for at least so many letters, and for no more than so many.
const LEAST_LETTERS: usize = 7;
const MOST_LETTERS: usize = 32;
/// What the shortest chip takes.
const LEAST_CHIP: f32 = 104.0;

/// How wide the field for a row's number is; none where what is beside it has no more room than it needs.
fn row_width(ui: &Ui, whole: f32, chips: f32) -> Option<f32> {
    let others = icons_width(ui) + overflow::menu_width(ui) + chips;
    let width = if whole < NARROW { ROW_WIDTH_NARROW } else { ROW_WIDTH };
    Some(width).filter(|width| ui.available_width() - others > width + ui.spacing().item_spacing.x)
}

/// What the icons at the end of every bar take.
fn icons_width(ui: &Ui) -> f32 {
    2.0 * (sizes_in_use().control + ui.spacing().item_spacing.x)
}

/// What the field and the icons at the end of the bar take.
fn end_width(ui: &Ui, view: &TableView, row_width: Option<f32>) -> f32 {
    let gap = ui.spacing().item_spacing.x;
    let reading = if is_reading(view) { widgets::button_width(ui, READING) + gap } else { 0.0 };
    icons_width(ui) + row_width.map_or(0.0, |width| width + gap) + gap + reading
}

/// What the chips of a narrowed table take at least.
fn chips_width(source: &mut SourceView, table: &Table) -> f32 {
    let query = &source.table(table).query;
    let chips = usize::from(query.session.is_some()) + usize::from(!query.filters.is_empty());
    chips as f32 * LEAST_CHIP
}

/// What can be done with the rows beside exporting them: following them, and the repairs that the store has.
fn beside(source: &mut SourceView, table: &Table) -> Vec<Action> {
    let offers = source.about.shown().map(|a| a.offers.clone()).unwrap_or_default();
    let view = source.table(table);
    let chosen = view.selected.len() as u64;
    let prune = "See what is past its time, and remove it";
    let repair = |offer, text: &str, hint| (offer, Action::new(text, hint, Command::Repair(offer)));
    let all = match table {
        Table::Messages => {
            let hint =
                "Keep the newest message in view as messages arrive (Ctrl Shift N); scrolling up ends it";
            let follow = Action::new("Follow", hint, Command::ToggleFollow);
            return vec![Action { on: Some(view.follow), ..follow }];
        }
        Table::Sessions => {
            let delete = format!("Delete {}…", counted(chosen.max(1), "session"));
            vec![
                repair(Offer::Prune, "Prune…", prune),
                repair(Offer::ImportFrom, "Import into a database…", "Bring these sessions into a database"),
                repair(Offer::ImportInto, "Import…", "Bring the sessions of a file into this database"),
                repair(
                    Offer::DeleteIssue,
                    "Delete by issue…",
                    "See every session of one issue, and delete them",
                ),
                repair(
                    Offer::DeleteSessions,
                    &delete,
                    "See all that belongs to the selected sessions, and delete it",
                ),
            ]
        }
        Table::Heartbeats => vec![repair(Offer::Prune, "Prune…", prune)],
        Table::Migrations => {
            vec![repair(Offer::Migrate, "Migrate…", "See the steps that are pending, and run them")]
        }
        _ => Vec::new(),
    };
    let there = |offer: &Offer| offers.contains(offer) && (*offer != Offer::DeleteSessions || chosen > 0);
    all.into_iter().filter(|(offer, _)| there(offer)).map(|(_, action)| action).collect()
}

/// The ways out of the program for the rows, and for the session that they are narrowed to or that is chosen.
fn exports(source: &mut SourceView, table: &Table) -> Vec<Action> {
    let mut exports =
        vec![Action::new("Export…", "Write the rows to a file, or copy them (Ctrl E)", Command::Export)];
    if *table == Table::Messages && source.table(table).query.session.is_some() {
        let hint = "Write this session as Markdown, JSON or HTML (Ctrl Shift S)";
        exports.push(Action::new("Export session…", hint, Command::ExportSession(None)));
    }
    exports
}

fn is_export(command: &Command) -> bool {
    matches!(command, Command::Export | Command::ExportSession(_))
}

/// How far the examination has come, while it goes on.
fn examining(ui: &mut Ui, source: &SourceView, room: f32, commands: &mut Vec<Command>) {
    let Some((done, of)) = source.examined else { return };
    let text = format!("Looking the store over: {done} of {of}");
    let stop = widgets::button_width(ui, "Stop looking") + 2.0 * ui.spacing().item_spacing.x;
    ui.scope(|ui| {
        ui.set_max_width((room - stop).max(0.0));
        let label = egui::Label::new(egui::RichText::new(&text).color(colors_of(ui.ctx()).muted));
        ui.add(label.truncate()).on_hover_text(&text);
    });
    if widgets::quiet_button(ui, "Stop looking", "Leave what was not looked at yet").clicked() {
        commands.push(Command::StopExamining);
    }
}

/// The session to which the rows are narrowed; what is at the right end of the bar takes `end`.
fn session_chip(ui: &mut Ui, source: &SourceView, end: f32, commands: &mut Vec<Command>) {
    let Some(session) = &source.session else { return };
    let shown = source.session_title.as_deref().filter(|t| !t.is_empty()).unwrap_or(session);
    let room = ui.available_width() - end - ui.spacing().item_spacing.x;
    let short = |most| visible(&shorten_middle(shown, most)).into_owned();
    let fits = |text: &String| widgets::chip_width(ui, text) <= room;
    let shorter = (LEAST_LETTERS..MOST_LETTERS).rev().map(short);
    let text = std::iter::once(format!("session: {}", short(MOST_LETTERS))).chain(shorter).find(fits);
    let text = text.unwrap_or_else(|| short(LEAST_LETTERS));
    if widgets::chip(ui, &text, Some("Show all sessions")) {
        commands.push(Command::SelectSession(source.id, None, None));
    }
}

/// A chip for every filter, or, where there is no room for them, one for all.
fn chips(ui: &mut Ui, view: &mut TableView, end: f32) {
    let text = |filter: &Filter| {
        let text =
            format!("{}: {}", format::heading(&filter.column).to_lowercase(), filter.condition.typed());
        shorten_middle(&visible(&text), 36).into_owned()
    };
    let texts: Vec<String> = view.query.filters.iter().map(text).collect();
    let gap = ui.spacing().item_spacing.x;
    let width = |text: &String| widgets::chip_width(ui, text) + gap;
    if texts.is_empty() {
        return;
    }
    let mut gone: Vec<String> = Vec::new();
    if texts.iter().map(width).sum::<f32>() <= ui.available_width() - end {
        for (filter, text) in view.query.filters.iter().zip(&texts) {
            if widgets::chip(ui, text, Some(&format!("Remove the filter on {}", filter.column))) {
                gone.push(filter.column.clone());
            }
        }
    } else if widgets::chip(ui, &counted(texts.len() as u64, "filter"), Some("Remove the filters")) {
        gone.extend(view.query.filters.iter().map(|f| f.column.clone()));
    }
    if !gone.is_empty() {
        view.typed.retain(|column, _| !gone.contains(column));
        let mut query = view.query.clone();
        query.filters.retain(|f| !gone.contains(&f.column));
        view.ask(query);
    }
}

const READING: &str = "reading…";

/// Whether other rows than those that show are on their way.
fn is_reading(view: &TableView) -> bool {
    matches!(view.state, IndexState::Asked | IndexState::Growing) && !view.is_empty()
}

/// What every table has at the end of its bar.
fn right(
    ui: &mut Ui,
    source: &mut SourceView,
    table: &Table,
    layouts: &mut BTreeMap<String, Layout>,
    row_width: Option<f32>,
    commands: &mut Vec<Command>,
) {
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
    if let Some(width) = row_width {
        commands.extend(row_field(ui, view, width));
    }
    if is_reading(view) {
        ui.label(egui::RichText::new(READING).color(colors_of(ui.ctx()).muted));
    }
}

/// The field into which the number of a row is typed, to go there.
fn row_field(ui: &mut Ui, view: &mut TableView, width: f32) -> Option<Command> {
    let name = "Go to row";
    let mut typed = view.go_to.clone();
    let response =
        widgets::field(ui, &mut typed, "Row", name, width).on_hover_text("Go to the row of this number");
    let mut command = None;
    if response.lost_focus() && ui.input(|i| i.key_pressed(egui::Key::Enter)) {
        let digits: String = typed.chars().filter(char::is_ascii_digit).collect();
        command = digits.parse().ok().and_then(|number| table::go_to(view, number));
    }
    view.go_to = typed;
    command
}

fn widgets_menu_button<'a>(ui: &Ui, icon: &'a str, name: &'static str) -> (MenuButton<'a>, &'static str) {
    let text = egui::RichText::new(icon).font(super::theme::icon_font()).color(colors_of(ui.ctx()).muted);
    let size = sizes_in_use().control;
    let button = egui::Button::new(text).frame_when_inactive(false).min_size(egui::vec2(size, size));
    (MenuButton::from_button(button), name)
}
