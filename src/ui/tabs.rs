//! The tabs in the middle, each with its count where it is known.

use std::sync::Arc;

use egui::accesskit::Role;
use egui::{Galley, Rect, Response, Sense, Ui, WidgetInfo, pos2, vec2};

use super::Command;
use super::format;
use super::model::{Layout, Remote, Screen, SourceView, Tab};
use super::table::{self, Look};
use super::theme::{colors_of, sizes_in_use, small_font, space, strong_font, text_font};
use super::transcript::Typeset;
use super::{
    heartbeats, operations_tab, overflow, overview, tables_tab, toolbar, transcript, transcript_file, widgets,
};
use crate::core::{Operation, Severity, Table};

/// Draws the row of tabs.
pub fn bar(ui: &mut Ui, source: &SourceView, operations: &Remote<Vec<Operation>>) -> Vec<Command> {
    let mut commands = Vec::new();
    let labels: Vec<Label> = Tab::ALL.iter().map(|tab| Label::of(ui, source, *tab, operations)).collect();
    let whole = ui.available_width() - space::S;
    let narrowest = |label: &Label| label.width() + 2.0 * LEAST_PADDING;
    let (shown, more) = divide(labels, whole, overflow::menu_width(ui), narrowest);
    let room = if more.is_empty() { whole } else { whole - overflow::menu_width(ui) };
    // The space around a name gives way before a tab does.
    let bare: f32 = shown.iter().map(Label::width).sum();
    let spare = (room - bare) / (2.0 * shown.len() as f32);
    let padding = spare.clamp(LEAST_PADDING, space::S + 1.0);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        ui.add_space(space::S);
        for label in shown {
            let tab = label.tab;
            if label.show(ui, padding).clicked() {
                commands.push(Command::Show(tab));
            }
        }
        if more.is_empty() {
            return;
        }
        overflow::menu(ui, "More tabs", |ui| {
            for label in &more {
                let name = [label.tab.name(), label.number.text()].join(" ");
                let response = ui.button(name.trim());
                response.widget_info(|| WidgetInfo::labeled(Role::MenuItem, true, label.tab.name()));
                if response.clicked() {
                    commands.push(Command::Show(label.tab));
                }
            }
        });
    });
    commands
}

/// The space beside a tab's name is at least so wide.
const LEAST_PADDING: f32 = 3.0;

/// The tabs that there is room for, the active one among them, and those in the menu of the others.
fn divide(
    mut labels: Vec<Label>,
    room: f32,
    menu: f32,
    width: impl Fn(&Label) -> f32,
) -> (Vec<Label>, Vec<Label>) {
    let mut fit = overflow::fit(labels.iter().map(&width), room, menu);
    let Some(active) = labels.iter().position(|label| label.active).filter(|at| *at >= fit) else {
        let more = labels.split_off(fit);
        return (labels, more);
    };
    let active = labels.remove(active);
    let before = labels.iter().take(fit).map(&width);
    fit = overflow::fit(before.chain([f32::INFINITY]), room - width(&active), menu);
    let more = labels.split_off(fit);
    labels.push(active);
    (labels, more)
}

/// A tab's name and count, as they are drawn.
struct Label {
    tab: Tab,
    active: bool,
    name: Arc<Galley>,
    number: Arc<Galley>,
    /// Room for a count that is not known yet, so that the tabs do not move under the pointer.
    waits: bool,
}

impl Label {
    fn of(ui: &Ui, source: &SourceView, tab: Tab, operations: &Remote<Vec<Operation>>) -> Self {
        let colors = colors_of(ui.ctx());
        let active = source.tab == tab;
        let (count, count_color) = match tab {
            Tab::Operations => (operations_of(source, operations), colors.faint),
            tab => count(source, tab, colors),
        };
        let (font, color) = if active { (strong_font(), colors.text) } else { (text_font(), colors.muted) };
        Self {
            tab,
            active,
            waits: count.is_empty() && is_counting(source, tab),
            name: ui.painter().layout_no_wrap(tab.name().to_owned(), font, color),
            number: ui.painter().layout_no_wrap(count, small_font(), count_color),
        }
    }

    fn gap(&self) -> f32 {
        if self.number.is_empty() { 0.0 } else { 5.0 }
    }

    fn width(&self) -> f32 {
        let count = if self.waits { 6.0 + space::L } else { self.gap() + self.number.size().x };
        self.name.size().x + count
    }

    fn show(self, ui: &mut Ui, padding: f32) -> Response {
        let colors = colors_of(ui.ctx());
        let size = vec2(self.width() + 2.0 * padding, sizes_in_use().bar);
        let (rect, response) = ui.allocate_exact_size(size, Sense::click());
        response.widget_info(|| WidgetInfo::selected(Role::Tab, true, self.active, self.tab.name()));
        let y = rect.center().y;
        let x = rect.left() + padding;
        let after = x + self.name.size().x + self.gap();
        let (name, number) = (self.name.size(), self.number.size());
        ui.painter().galley(pos2(x, y - name.y / 2.0), self.name, colors.text);
        ui.painter().galley(pos2(after, y - number.y / 2.0 + 0.5), self.number, colors.faint);
        if self.active {
            let line = Rect::from_min_max(pos2(rect.left(), rect.bottom() - 2.0), rect.max);
            ui.painter().rect_filled(line, 0, colors.accent);
        }
        widgets::focus_ring(ui, &response);
        response
    }
}

/// Whether the tab's count is still to come.
fn is_counting(source: &SourceView, tab: Tab) -> bool {
    let Some(table) = tab.table() else { return false };
    let keeps = source.about.shown().is_some_and(|a| a.keeps.contains(&table));
    keeps && source.counts.get(&table).is_none_or(|c| c.shown().is_none())
}

/// How many operations there were on a source.
fn operations_of(source: &SourceView, operations: &Remote<Vec<Operation>>) -> String {
    let own = |all: &Vec<Operation>| all.iter().filter(|o| o.path == source.path).count();
    match operations.shown().map_or(0, own) {
        0 => String::new(),
        count => count.to_string(),
    }
}

fn count(source: &SourceView, tab: Tab, colors: &super::theme::Colors) -> (String, egui::Color32) {
    let about = source.about.shown();
    if tab == Tab::Findings {
        let findings = about.map_or(&[][..], |a| &a.findings);
        let worst = findings.iter().map(|f| f.severity).max().unwrap_or(Severity::Info);
        let text = if findings.is_empty() { String::new() } else { findings.len().to_string() };
        return (text, widgets::severity_color(colors, worst));
    }
    let count = match tab {
        Tab::Tables => about.map(|a| a.native.len() as u64).filter(|n| *n > 0),
        _ => tab.table().and_then(|t| source.counts.get(&t)).and_then(Remote::shown).copied(),
    };
    (count.map(format::group).unwrap_or_default(), colors.faint)
}

/// Draws what the current tab holds.
pub fn content(ui: &mut Ui, screen: &mut Screen, typeset: &mut Typeset) -> Vec<Command> {
    let mut commands = Vec::new();
    let (zone, now_ms, focus_filter) = (screen.zone, screen.now_ms, std::mem::take(&mut screen.focus_filter));
    let mut layouts = std::mem::take(&mut screen.layouts);
    let operations = std::mem::take(&mut screen.operations);
    let outline = screen.outline;
    if let Some(source) = screen.current_mut() {
        match source.tab {
            Tab::Overview => {
                commands.extend(overview::show(ui, source, &mut layouts, zone, now_ms, focus_filter))
            }
            Tab::Operations => {
                commands.extend(operations_tab::show(ui, source, &operations, zone, now_ms));
            }
            Tab::Tables => {
                commands.extend(tables_tab::show(ui, source, &mut layouts, zone, now_ms, focus_filter))
            }
            tab => {
                if let Some(table) = tab.table() {
                    canonical(
                        ui,
                        source,
                        &table,
                        &mut layouts,
                        zone,
                        now_ms,
                        focus_filter,
                        typeset,
                        outline,
                        &mut commands,
                    );
                }
            }
        }
    }
    screen.layouts = layouts;
    screen.operations = operations;
    commands
}

#[expect(clippy::too_many_arguments, reason = "one tab with all it is drawn with")]
fn canonical(
    ui: &mut Ui,
    source: &mut SourceView,
    table: &Table,
    layouts: &mut std::collections::BTreeMap<String, Layout>,
    zone: format::Zone,
    now_ms: i64,
    focus_filter: bool,
    typeset: &mut Typeset,
    outline: bool,
    commands: &mut Vec<Command>,
) {
    let keeps = source.about.shown().is_none_or(|a| a.keeps.contains(table)) || *table == Table::Findings;
    let named = *table == Table::Messages && source.about.shown().is_some_and(|a| a.names_transcripts);
    if !keeps && !named {
        widgets::quiet(ui, missing(table));
        return;
    }
    commands.extend(toolbar::show(ui, source, table, layouts));
    let heartbeats = *table == Table::Heartbeats;
    if heartbeats {
        commands.extend(heartbeats::beneath(ui, source));
        commands.extend(heartbeats::above(ui, source, zone, now_ms));
    }
    if named && !transcript_file::show(ui, source, zone, now_ms, commands) {
        return;
    }
    let transcript = source.transcript && *table == Table::Messages;
    let layout = layouts.entry(table.name().into_owned()).or_default();
    let about = source.about.shown().filter(|_| *table == Table::Findings).cloned();
    let empty = match source.examined {
        Some(_) if *table == Table::Findings => "Nothing is wrong, as far as the store was looked over.",
        _ => empty(table),
    };
    if transcript && outline {
        commands.extend(transcript::outline::show(ui, source, zone));
    }
    let (source, view) = (Some(source.id), source.table(table));
    if transcript {
        commands.extend(transcript::show(ui, view, zone, now_ms, typeset));
    } else {
        let look = Look { about: about.as_ref(), source, zone, now_ms, empty, focus_filter };
        let out = table::show(ui, view, layout, &look);
        commands.extend(out.commands);
    }
}

/// What to say of a table that the store's format does not have.
fn missing(table: &Table) -> &'static str {
    match table {
        Table::Messages => "This store keeps no messages.",
        Table::Tasks => "This store keeps no tasks.",
        Table::Heartbeats => "This store keeps no sign of life.",
        Table::State => "This store keeps no state.",
        Table::Migrations => "This store keeps no migration history.",
        _ => "This store has no such table.",
    }
}

fn empty(table: &Table) -> &'static str {
    match table {
        Table::Messages => "There are no messages.",
        Table::Tasks => "There are no tasks.",
        Table::Heartbeats => "No session has given a sign of life.",
        Table::State => "There is no state.",
        Table::Migrations => "No migration was recorded.",
        Table::Findings => "Nothing is wrong, as far as the store was looked over.",
        _ => "There are no rows.",
    }
}

/// A line below the tabs.
pub fn line(ui: &Ui, rect: Rect) {
    let colors = colors_of(ui.ctx());
    ui.painter().hline(rect.x_range(), rect.bottom() - 0.5, egui::Stroke::new(1.0, colors.line));
}
