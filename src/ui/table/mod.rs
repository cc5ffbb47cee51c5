//! The table view: any number of rows, of which only those on screen are drawn.

mod body;
mod columns;
mod header;

use egui::{Key, Rect, ScrollArea, Ui, UiBuilder, pos2, vec2};

pub use columns::{Shown, shown_columns};
pub use header::columns_menu;

use super::Command;
use super::format::Zone;
use super::model::{Layout, SourceId};
use super::scroll;
use super::table_view::{IndexState, TableView};
use super::theme::sizes_in_use;
use super::widgets;
use crate::core::{About, Row, RowKey, Table};

/// How much of the view the vertical scroll bar takes.
const BAR_WIDTH: f32 = 10.0;
/// So many rows are chosen at most; an export takes any number.
const MOST_SELECTED: usize = 100_000;

/// What a table is drawn with besides itself.
pub struct Look<'a> {
    /// What the menu of a finding knows its repair by.
    pub about: Option<&'a About>,
    /// What the menu of a row exports a session of; none where its rows are not a store's.
    pub source: Option<SourceId>,
    pub zone: Zone,
    pub now_ms: i64,
    /// What to say where there are no rows.
    pub empty: &'static str,
    pub focus_filter: bool,
}

/// What happened in a table.
#[derive(Default)]
pub struct Output {
    pub commands: Vec<Command>,
    /// The row that was opened, by double click or Enter.
    pub activated: Option<Row>,
}

/// Draws a table into what is left of `ui`.
pub fn show(ui: &mut Ui, view: &mut TableView, layout: &mut Layout, look: &Look) -> Output {
    let mut out = Output::default();
    if let IndexState::Failed(failure) = &view.state
        && !failure.cancelled
    {
        if widgets::failure(ui, &failure.clone(), Some("Try again")) {
            view.state = IndexState::Wanted;
        }
        if view.index.is_none() {
            return out;
        }
    }
    let sizes = sizes_in_use();
    let outer = ui.available_rect_before_wrap();
    let columns = shown_columns(view, layout, outer.width() - BAR_WIDTH);
    let width: f32 = columns.iter().map(|c| c.width).sum();
    let head = sizes.header + if filters_shown(view) { sizes.control + 6.0 } else { 0.0 };
    let inner = Rect::from_min_max(outer.min, pos2(outer.right() - BAR_WIDTH, outer.bottom()));

    let mut area = ui.new_child(UiBuilder::new().max_rect(inner).id_salt("rows"));
    area.set_clip_rect(inner.intersect(ui.clip_rect()));
    ScrollArea::horizontal().id_salt(("table", view.query.table.name())).auto_shrink(false).show(
        &mut area,
        |ui| {
            let (rect, _) =
                ui.allocate_exact_size(vec2(width.max(inner.width()), inner.height()), egui::Sense::hover());
            let header = Rect::from_min_size(rect.min, vec2(rect.width(), head));
            let body = Rect::from_min_max(pos2(rect.left(), rect.top() + head), rect.max);
            let head = header::Head { rect: header, columns: &columns, focus_filter: look.focus_filter };
            header::show(ui, &head, view, layout, &mut out);
            if view.is_empty() {
                let mut inside = ui.new_child(UiBuilder::new().max_rect(body.intersect(ui.clip_rect())));
                empty(&mut inside, view, look, &mut out);
            } else {
                body::show(ui, body, view, &columns, look, &mut out);
            }
        },
    );

    let track = Rect::from_min_max(pos2(inner.right(), outer.top() + head), outer.max);
    let visible = f64::from(track.height() / sizes.row);
    let first = view.scroll.first as f64 + f64::from(view.scroll.offset / sizes.row);
    let (_, wanted) = scroll::bar(ui, ui.scope_id().with("bar"), track, first, visible, view.len());
    if let Some(row) = wanted {
        view.moved_by_hand(row < first);
        view.scroll = scroll::RowScroll { first: row as usize, offset: (row.fract() as f32) * sizes.row };
        view.scroll.clamp(sizes.row, view.len(), track.height());
    }
    ui.advance_cursor_after_rect(outer);
    out
}

/// Whether the row of filters is open.
pub fn filters_shown(view: &TableView) -> bool {
    // Of a plan the dialog shows what it is narrowed to.
    view.filter_open.is_some() || !(view.query.filters.is_empty() || view.query.table == Table::Plan)
}

fn empty(ui: &mut Ui, view: &TableView, look: &Look, out: &mut Output) {
    match view.state {
        IndexState::Wanted | IndexState::Asked => {}
        _ if view.query.is_filtered() => {
            widgets::quiet(ui, "No row matches the filters.");
            ui.vertical_centered(|ui| {
                if widgets::button(ui, "Clear all filters", "").clicked() {
                    out.commands.push(Command::ClearFilters);
                }
            });
        }
        _ => widgets::quiet(ui, look.empty),
    }
}

/// Chooses a row as a click with these keys held does.
fn choose(view: &mut TableView, at: usize, key: &RowKey, toggle: bool, range: bool) {
    let span = view.anchor.filter(|_| range).map(|anchor| anchor.min(at)..=anchor.max(at));
    if let Some(span) = span {
        view.selected = span.filter_map(|i| view.key(i)).take(MOST_SELECTED).collect();
    } else if toggle {
        if !view.selected.remove(key) {
            view.selected.insert(key.clone());
        }
        view.anchor = Some(at);
    } else {
        view.selected = std::iter::once(key.clone()).collect();
        view.anchor = Some(at);
    }
    view.focus = Some((at, key.clone()));
}

/// Carries out the keys that move through the rows; the table has the focus.
fn keys(ui: &Ui, view: &mut TableView, height: f32, out: &mut Output) {
    let total = view.len();
    if total == 0 {
        return;
    }
    let row_height = sizes_in_use().row;
    let page = ((height / row_height).floor() as usize).max(1);
    let at = view.focus.as_ref().map(|(at, _)| *at);
    let (target, range, all, open) = ui.input(|i| {
        let moved = |by: isize| Some(at.map_or(0, |a| a.saturating_add_signed(by).min(total - 1)));
        let page = page as isize;
        let target = if i.key_pressed(Key::ArrowDown) {
            moved(1)
        } else if i.key_pressed(Key::ArrowUp) {
            moved(-1)
        } else if i.key_pressed(Key::PageDown) && !i.modifiers.command {
            moved(page)
        } else if i.key_pressed(Key::PageUp) && !i.modifiers.command {
            moved(-page)
        } else if i.key_pressed(Key::Home) {
            Some(0)
        } else if i.key_pressed(Key::End) {
            Some(total - 1)
        } else {
            None
        };
        (target, i.modifiers.shift, i.modifiers.command && i.key_pressed(Key::A), i.key_pressed(Key::Enter))
    });
    if all {
        view.selected = (0..total.min(MOST_SELECTED)).filter_map(|i| view.key(i)).collect();
    }
    // The keyboard is the table's: Ctrl C means its rows.
    if ui.input(|i| i.events.iter().any(|e| matches!(e, egui::Event::Copy))) {
        out.commands.push(Command::CopyRows);
    }
    if open && let Some(at) = at {
        out.activated = view.row(at).cloned();
    }
    if let Some(target) = target
        && let Some(key) = view.key(target)
    {
        view.moved_by_hand(view.focus.as_ref().is_some_and(|(at, _)| target < *at));
        choose(view, target, &key, false, range);
        view.scroll.reveal(target, row_height, height);
        out.commands.push(Command::ShowDetails(view.query.table.clone(), key));
    }
}

/// Goes to a row by its key, where it is among the rows, and chooses it.
pub fn go_to_key(view: &mut TableView, key: &RowKey) -> Option<Command> {
    let at = view.index.as_ref()?.position(key)?;
    go_to(view, at + 1)
}

/// Goes to a row by its number, counted from one, and chooses it.
pub fn go_to(view: &mut TableView, number: usize) -> Option<Command> {
    let at = number.clamp(1, view.len().max(1)) - 1;
    let key = view.key(at)?;
    choose(view, at, &key, false, false);
    view.follow = false;
    let above = view.view_rows / 2;
    view.scroll = scroll::RowScroll { first: at.saturating_sub(above), offset: 0.0 };
    let table: Table = view.query.table.clone();
    Some(Command::ShowDetails(table, key))
}
