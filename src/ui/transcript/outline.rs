//! The turns of a conversation: what was asked, to go there.

use egui::accesskit::Role;
use egui::{Frame, Panel, Rect, RichText, Sense, Ui, WidgetInfo, pos2, vec2};

use super::Command;
use crate::core::search::Flat;
use crate::core::{RowIndex, RowKey, Value, visible};
use crate::ui::format::{self, Zone};
use crate::ui::model::SourceView;
use crate::ui::scroll;
use crate::ui::table_view::TableView;
use crate::ui::theme::{colors_of, mono_font, sizes_in_use, small_font, space, text_font};
use crate::ui::widgets;

/// In less room than this the conversation needs all of it.
const LEAST_ROOM: f32 = 700.0;
const WIDTH: f32 = 216.0;
/// Among more messages than this, which turn shows is not marked: finding it would hold the window up.
const MOST_PLACED: usize = 200_000;

/// The turns of the conversation that shows, as far as they are read.
#[derive(Debug)]
pub struct Turns {
    pub view: TableView,
    /// The place of each turn among the messages, as both were when it was looked for.
    places: Vec<usize>,
    of: Option<[(u64, usize); 2]>,
}

impl Turns {
    pub fn new(view: TableView) -> Self {
        Self { view, places: Vec::new(), of: None }
    }

    /// Finds the turns among the messages; both are in the order of the conversation.
    fn place(&mut self, messages: &TableView) {
        let (Some(turns), Some(all)) = (&self.view.index, &messages.index) else { return };
        let of = [(self.view.generation, turns.len()), (messages.generation, all.len())];
        if self.of != Some(of) {
            self.of = Some(of);
            self.places = if all.len() > MOST_PLACED { Vec::new() } else { places(turns, all) };
        }
    }

    /// The turn that a message belongs to.
    fn at(&self, message: usize) -> Option<usize> {
        self.places.partition_point(|place| *place <= message).checked_sub(1)
    }
}

/// Where each turn is; behind one that is not there, none is looked for.
fn places(turns: &RowIndex, all: &RowIndex) -> Vec<usize> {
    let mut places = Vec::with_capacity(turns.len());
    let mut next = turns.get(0);
    for at in 0..all.len() {
        if next.is_none() {
            break;
        }
        if all.get(at) == next {
            places.push(at);
            next = turns.get(places.len());
        }
    }
    places
}

/// Draws the turns beside the conversation, where there is room for both.
pub fn show(ui: &mut Ui, source: &mut SourceView, zone: Zone) -> Vec<Command> {
    let mut commands = Vec::new();
    let Some(messages) = source.tables.get(&crate::core::Table::Messages) else { return commands };
    let turns = &mut source.turns;
    if ui.available_width() < LEAST_ROOM || messages.query.sort.is_some() || turns.view.len() < 2 {
        return commands;
    }
    turns.place(messages);
    let current = turns.at(messages.scroll.first);
    let colors = colors_of(ui.ctx());
    let frame = Frame::new().fill(colors.panel);
    Panel::left("outline").resizable(true).default_size(WIDTH).size_range(140.0..=360.0).frame(frame).show(
        ui,
        |ui| {
            head(ui, turns.view.len(), &mut commands);
            list(ui, &mut turns.view, current, zone, &mut commands);
        },
    );
    commands
}

fn head(ui: &mut Ui, turns: usize, commands: &mut Vec<Command>) {
    let colors = colors_of(ui.ctx());
    ui.horizontal(|ui| {
        ui.set_min_height(sizes_in_use().header);
        ui.add_space(space::S);
        let text = format!("{} turns", format::group(turns as u64));
        ui.label(RichText::new(text).font(small_font()).color(colors.muted));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if widgets::icon_button(ui, widgets::icon::CLOSE, "Hide the outline (Ctrl M)").clicked() {
                commands.push(Command::ToggleOutline);
            }
        });
    });
}

fn list(ui: &mut Ui, view: &mut TableView, current: Option<usize>, zone: Zone, commands: &mut Vec<Command>) {
    let height = sizes_in_use().row;
    let outer = ui.available_rect_before_wrap();
    let page = Rect::from_min_max(outer.min, pos2(outer.right() - 10.0, outer.bottom()));
    let wheel = if ui.rect_contains_pointer(page) { ui.input(|i| i.smooth_scroll_delta().y) } else { 0.0 };
    view.scroll.by_points(-wheel, height, view.len(), page.height());
    // The turn that is read stays in view, until somebody looks for another.
    if let Some(current) = current.filter(|at| view.anchor != Some(*at)) {
        view.anchor = Some(current);
        view.scroll.reveal(current, height, page.height());
    }
    view.scroll.clamp(height, view.len(), page.height());
    let (first, offset) = (view.scroll.first, view.scroll.offset);
    let count = ((page.height() + offset) / height).ceil() as usize;
    let clip = ui.clip_rect();
    ui.set_clip_rect(page.intersect(clip));
    for at in first..(first + count).min(view.len()) {
        let top = page.top() + (at - first) as f32 * height - offset;
        let line = Rect::from_min_size(pos2(page.left(), top), vec2(page.width(), height));
        if let Some(key) = turn(ui, view, at, line, current == Some(at), zone) {
            commands.push(Command::GoToMessage(key));
        }
    }
    ui.set_clip_rect(clip);
    let track = Rect::from_min_max(pos2(page.right(), outer.top()), outer.max);
    let shown = f64::from(page.height() / height);
    let id = ui.scope_id().with("turns");
    if let (_, Some(row)) = scroll::bar(ui, id, track, first as f64, shown, view.len()) {
        view.scroll = scroll::RowScroll { first: row as usize, offset: 0.0 };
    }
    ui.advance_cursor_after_rect(outer);
}

/// One turn on one line; gives its message where it was clicked.
fn turn(ui: &Ui, view: &mut TableView, at: usize, line: Rect, current: bool, zone: Zone) -> Option<RowKey> {
    let colors = colors_of(ui.ctx());
    let key = view.key(at)?;
    let column = |name: &str| view.columns.iter().position(|c| c.name == name);
    let (text, time) = (column("text"), column("created_at"));
    let row = view.row(at);
    let cell = |place: Option<usize>| Some(&row?.cells.get(place?)?.value);
    let said = cell(text).and_then(Value::as_str).unwrap_or_default();
    let said = said.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default();
    // As it reads: there is no room for the marks of Markdown.
    let said = String::from_utf8_lossy(Flat::default().of(said.as_bytes())).into_owned();
    let said = visible(&said).into_owned();
    let time = cell(time).and_then(Value::as_i64).map(|ms| format::time(ms, zone));
    let response = ui.interact(line, ui.scope_id().with(("turn", at)), Sense::click());
    response
        .widget_info(|| WidgetInfo::selected(Role::ListBoxOption, true, current, format!("Turn: {said}")));
    if current || response.hovered() {
        ui.painter().rect_filled(line, 0, if current { colors.selection } else { colors.raised });
    }
    widgets::focus_ring(ui, &response);
    let inner = line.shrink2(vec2(space::S, 0.0));
    let clock = time.as_deref().and_then(|time| time.get(11..16)).unwrap_or_default();
    let room = if clock.is_empty() { 0.0 } else { 44.0 };
    widgets::text_in(ui, inner, clock, mono_font(), colors.faint, false);
    let rest = inner.with_min_x(inner.left() + room);
    widgets::text_in(ui, rest, &said, text_font(), if current { colors.text } else { colors.muted }, false);
    let hint = [time.unwrap_or_default(), said].join("\n");
    response.on_hover_text(hint.trim()).clicked().then_some(key)
}
