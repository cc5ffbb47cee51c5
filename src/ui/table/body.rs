//! The rows on screen.

use egui::accesskit::Role;
use egui::{Color32, EventFilter, Rect, Sense, Ui, WidgetInfo, pos2, vec2};

use super::columns::Shown;
use super::{Look, Output, choose, keys};
use crate::core::vitals::Liveness;
use crate::core::{Cell, Condition, Filter, Query, Row, RowKey, Table, Value, visible};
use crate::ui::Command;
use crate::ui::details::finding_actions;
use crate::ui::format;
use crate::ui::marks;
use crate::ui::pulse::recovery_of;
use crate::ui::table_view::{Mark, TableView};
use crate::ui::theme::{
    Colors, colors_of, liveness_color, mono_font, role_color, sizes_in_use, space, strong_font, text_font,
};
use crate::ui::widgets;

pub fn show(ui: &mut Ui, rect: Rect, view: &mut TableView, columns: &[Shown], look: &Look, out: &mut Output) {
    let height = sizes_in_use().row;
    let visible = rect.intersect(ui.clip_rect());
    let id = ui.scope_id().with("body");
    let body = ui.interact(visible, id, Sense::click());
    body.widget_info(|| WidgetInfo::labeled(Role::Table, true, "Rows"));
    let wheel = if ui.rect_contains_pointer(visible) { ui.input(|i| i.smooth_scroll_delta().y) } else { 0.0 };
    if wheel != 0.0 {
        view.scroll.by_points(-wheel, height, view.len(), rect.height());
        view.moved_by_hand(wheel > 0.0);
    }
    view.scroll.clamp(height, view.len(), rect.height());
    view.view_rows = (rect.height() / height).floor() as usize;
    if ui.memory(|m| m.has_focus(id)) {
        let filter =
            EventFilter { vertical_arrows: true, horizontal_arrows: false, tab: false, escape: false };
        ui.memory_mut(|m| m.set_focus_lock_filter(id, filter));
        keys(ui, view, rect.height(), out);
    }

    let painter_clip = ui.clip_rect();
    ui.set_clip_rect(visible);
    let first = view.scroll.first;
    let count = ((rect.height() + view.scroll.offset) / height).ceil() as usize;
    for i in 0..count.min(view.len() - first) {
        let at = first + i;
        let top = rect.top() + i as f32 * height - view.scroll.offset;
        let line = Rect::from_min_size(pos2(rect.left(), top), vec2(rect.width(), height));
        let Some(key) = view.key(at) else { break };
        background(ui, line, view, at, &key);
        // Not focusable: the table has the keyboard, its rows are not stations of Tab.
        let response = ui.interact(line.intersect(visible), id.with(at), Sense::CLICK);
        let row = view.row(at).cloned();
        marked(ui, line, view, &key);
        draw(ui, line, at, row.as_ref(), columns, look);
        if response.clicked() || response.secondary_clicked() {
            ui.memory_mut(|m| m.request_focus(id));
            let (toggle, range) = ui.input(|i| (i.modifiers.command, i.modifiers.shift));
            if response.clicked() || !view.selected.contains(&key) {
                choose(view, at, &key, toggle, range);
            }
            out.commands.push(Command::ShowDetails(view.query.table.clone(), key.clone()));
        }
        if response.double_clicked() {
            out.activated.clone_from(&row);
        }
        if let Some(row) = row {
            response.context_menu(|ui| menu(ui, view, &row, columns, look, out));
        }
    }
    ui.set_clip_rect(painter_clip);
}

fn background(ui: &Ui, line: Rect, view: &TableView, at: usize, key: &RowKey) {
    let colors = colors_of(ui.ctx());
    if view.selected.contains(key) {
        ui.painter().rect_filled(line, 0, colors.selection);
    } else if at % 2 == 1 {
        ui.painter().rect_filled(line, 0, colors.stripe);
    }
    let focused = view.focus.as_ref().is_some_and(|(_, k)| k == key);
    if focused && view.selected.len() > 1 {
        let stroke = egui::Stroke::new(1.0, colors.accent);
        ui.painter().rect_stroke(line, 0, stroke, egui::StrokeKind::Inside);
    }
}

/// Marks a row that another program has just written.
fn marked(ui: &Ui, line: Rect, view: &TableView, key: &RowKey) {
    let Some(name) = view.mark(key).map(Mark::name) else { return };
    let bar = Rect::from_min_size(line.min, vec2(3.0, line.height()));
    ui.painter().rect_filled(bar, 0, colors_of(ui.ctx()).accent);
    let response =
        ui.interact(bar.intersect(ui.clip_rect()), ui.scope_id().with(("mark", key)), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, name));
}

fn draw(ui: &mut Ui, line: Rect, at: usize, row: Option<&Row>, columns: &[Shown], look: &Look) {
    let colors = colors_of(ui.ctx());
    for column in columns {
        let cell =
            Rect::from_min_size(pos2(line.left() + column.x, line.top()), vec2(column.width, line.height()));
        if !cell.intersects(ui.clip_rect()) {
            continue;
        }
        let inner = cell.shrink2(vec2(space::S, 0.0));
        let Some(place) = column.place else {
            let number = format::group(at as u64 + 1);
            widgets::text_in(ui, inner, &number, text_font(), colors.faint, true);
            named(ui, cell, at, "#", &number);
            continue;
        };
        let Some(value) = row.and_then(|r| r.cells.get(place)) else { continue };
        // Beside the yes or no stands why.
        let answer = row.filter(|_| column.column.name == "recoverable" && !value.value.is_null());
        let answer = answer.and_then(recovery_of).map(|recovery| visible(&recovery.answer()).into_owned());
        let text = answer.unwrap_or_else(|| format::cell(value, &column.column, look.zone));
        if text.is_empty() {
            continue;
        }
        let (color, strong) = style(colors, &column.column.name, value, &text);
        let font = match (strong, column.mono) {
            (true, _) => strong_font(),
            (false, true) => mono_font(),
            (false, false) => text_font(),
        };
        let mut inner = inner;
        if column.column.name == "liveness" {
            widgets::dot(ui, pos2(inner.left() + 4.0, inner.center().y), color);
            inner.set_left(inner.left() + space::M + 2.0);
        }
        // Of a key both ends tell something.
        let fitting = if column.mono {
            widgets::fit_middle(ui, inner.width(), &text, &font)
        } else {
            text.as_str().into()
        };
        let draw = |ui: &mut Ui| widgets::text_in(ui, inner, &fitting, font, color, column.right);
        let cut = marks::within(ui, draw) || fitting != text;
        let response = named(ui, cell, at, &column.column.name, &text);
        hover(response, cut, value, column, look, &text);
    }
}

/// Gives a cell its name, by which screen readers and tests find it.
fn named(ui: &Ui, cell: Rect, at: usize, column: &str, text: &str) -> egui::Response {
    let response =
        ui.interact(cell.intersect(ui.clip_rect()), ui.scope_id().with(("cell", at, column)), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Cell, true, text));
    response
}

fn hover(response: egui::Response, cut: bool, value: &Cell, column: &Shown, look: &Look, text: &str) {
    if let (Value::Integer(ms), crate::core::ColumnKind::Time) = (&value.value, column.column.kind) {
        response.on_hover_text(format::moment(*ms, look.now_ms));
    } else if cut || value.cut_from_bytes.is_some() {
        let size = value.cut_from_bytes.map(|b| format!("\n\n({} in all)", format::bytes(b)));
        let start: String = text.chars().take(600).collect();
        response.on_hover_text(format!("{start}{}", size.unwrap_or_default()));
    }
}

fn style(colors: &Colors, column: &str, value: &Cell, text: &str) -> (Color32, bool) {
    if matches!(value.value, Value::BadText(_)) || text.contains("‹U+") || text.contains("‹x") {
        return (colors.warn, false);
    }
    match column {
        "role" => (role_color(colors, text), true),
        "severity" => match text {
            "error" => (colors.bad, true),
            "warning" => (colors.warn, true),
            _ => (colors.muted, false),
        },
        "action" => match text {
            "delete" => (colors.bad, true),
            "keep" => (colors.good, true),
            "beside" => (colors.muted, false),
            "insert" | "create" => (colors.accent, true),
            _ => (colors.warn, true),
        },
        "liveness" => (liveness_color(colors, Liveness::parse(text).unwrap_or(Liveness::Unknown)), true),
        "kind" | "id" | "created_at" | "updated_at" | "completed_at" | "last_active_at" | "session_id"
        | "source" => (colors.muted, false),
        _ => (colors.text, false),
    }
}

fn menu(ui: &mut Ui, view: &mut TableView, row: &Row, columns: &[Shown], look: &Look, out: &mut Output) {
    let rows = view.selected.len().max(1);
    let copy =
        if rows == 1 { "Copy row".to_owned() } else { format!("Copy {} rows", format::group(rows as u64)) };
    let message = view.columns.iter().position(|c| c.name == "message");
    let message = message.and_then(|at| row.cells.get(at)?.value.as_str());
    if let (Some(about), Some(message)) = (look.about, message) {
        for (name, _, command) in finding_actions(about, message) {
            if ui.button(name).clicked() {
                out.commands.push(command);
            }
        }
        ui.separator();
    }
    if ui.button(copy).clicked() {
        out.commands.push(Command::CopyRows);
    }
    ui.menu_button("Copy value of", |ui| {
        for column in columns {
            let Some(cell) = column.place.and_then(|p| row.cells.get(p)) else { continue };
            if !cell.value.is_null() && ui.button(&column.heading).clicked() {
                let text = format::value(&cell.value, column.column.kind, look.zone);
                out.commands.push(Command::CopyText(text));
            }
        }
    });
    ui.menu_button("Only rows with the same", |ui| {
        for column in columns {
            let Some(cell) = column.place.and_then(|p| row.cells.get(p)) else { continue };
            let short = matches!(&cell.value, Value::Text(t) if t.len() < 120);
            if short && cell.cut_from_bytes.is_none() && ui.button(&column.heading).clicked() {
                only_same(view, &column.column.name, cell);
            }
        }
    });
    if ui.button("Export…").clicked() {
        out.commands.push(Command::Export);
    }
    if let (Some(source), Some(session)) = (look.source, session_of(view, row))
        && ui.button("Export session…").clicked()
    {
        out.commands.push(Command::ExportSession(Some((source, session.to_owned()))));
    }
}

/// The session that a row is, or belongs to.
fn session_of<'a>(view: &TableView, row: &'a Row) -> Option<&'a str> {
    let name = match view.query.table {
        Table::Sessions => "id",
        Table::Native(_) | Table::Plan => return None,
        _ => "session_id",
    };
    let cell = row.cells.get(view.columns.iter().position(|c| c.name == name)?)?;
    cell.value.as_str().filter(|id| !id.is_empty() && cell.cut_from_bytes.is_none())
}

fn only_same(view: &mut TableView, column: &str, cell: &Cell) {
    let Value::Text(text) = &cell.value else { return };
    let condition = Condition::Is(text.clone());
    view.typed.insert(column.to_owned(), condition.typed());
    let mut query: Query = view.query.clone();
    query.filters.retain(|f| f.column != column);
    query.filters.push(Filter { column: column.to_owned(), condition });
    view.ask(query);
}
