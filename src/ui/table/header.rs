//! The headings: sort by click, resize by drag, hide by menu, filter below.

use egui::accesskit::Role;
use egui::{CursorIcon, Rect, Sense, Stroke, Ui, UiBuilder, WidgetInfo, pos2, vec2};

use super::columns::{MIN_WIDTH, Shown, is_shown, toggle};
use super::{Output, filters_shown};
use crate::core::{Condition, Filter, Sort};
use crate::ui::Command;
use crate::ui::model::Layout;
use crate::ui::table_view::TableView;
use crate::ui::theme::{colors_of, sizes_in_use, space, strong_font};
use crate::ui::widgets;

/// Where the headings are drawn, and for which columns.
pub struct Head<'a> {
    pub rect: Rect,
    pub columns: &'a [Shown],
    /// The filter that is open takes the keyboard.
    pub focus_filter: bool,
}

/// Draws the headings, and the filters where they are open.
pub fn show(ui: &mut Ui, head: &Head<'_>, view: &mut TableView, layout: &mut Layout, out: &mut Output) {
    let Head { rect, columns, focus_filter } = *head;
    let colors = colors_of(ui.ctx());
    let line = Stroke::new(1.0, colors.line);
    ui.painter().rect_filled(rect, 0, colors.panel);
    ui.painter().hline(rect.x_range(), rect.bottom() - 0.5, line);
    for column in columns {
        let cell = Rect::from_min_size(
            pos2(rect.left() + column.x, rect.top()),
            vec2(column.width, sizes_in_use().header),
        );
        heading(ui, cell, view, layout, column, out);
        if column.place.is_some() {
            resize(ui, cell, column, layout);
        }
    }
    if filters_shown(view) {
        let row = Rect::from_min_max(pos2(rect.left(), rect.top() + sizes_in_use().header), rect.max);
        filters(ui, row, view, columns, focus_filter);
    }
}

fn heading(
    ui: &mut Ui,
    cell: Rect,
    view: &mut TableView,
    layout: &mut Layout,
    column: &Shown,
    out: &mut Output,
) {
    let colors = colors_of(ui.ctx());
    let inner = cell.shrink2(vec2(space::S, 0.0));
    let name = column.column.name.as_ref();
    let sorted = view.query.sort.as_ref().filter(|s| s.column == name);
    let arrow = match sorted {
        Some(sort) if sort.descending => " ▾",
        Some(_) => " ▴",
        None => "",
    };
    let text = format!("{}{arrow}", column.heading);
    let response = ui.interact(cell, ui.scope_id().with(("heading", name)), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::ColumnHeader, true, &column.heading));
    let color = if sorted.is_some() || response.hovered() { colors.text } else { colors.muted };
    widgets::text_in(ui, inner, &text, strong_font(), color, column.right);
    if response.clicked() && column.place.is_some() {
        let next = match sorted {
            None => Some(Sort { column: name.to_owned(), descending: false }),
            Some(sort) if !sort.descending => Some(Sort { column: name.to_owned(), descending: true }),
            Some(_) => None,
        };
        let query = crate::core::Query { sort: next, ..view.query.clone() };
        view.ask(query);
    }
    response.context_menu(|ui| menu(ui, view, layout, column, out));
}

fn menu(ui: &mut Ui, view: &mut TableView, layout: &mut Layout, column: &Shown, out: &mut Output) {
    let name = column.column.name.to_string();
    let sort = |view: &mut TableView, sort| {
        let query = crate::core::Query { sort, ..view.query.clone() };
        view.ask(query);
    };
    if column.place.is_some() {
        if ui.button("Sort ascending").clicked() {
            sort(view, Some(Sort { column: name.clone(), descending: false }));
        }
        if ui.button("Sort descending").clicked() {
            sort(view, Some(Sort { column: name.clone(), descending: true }));
        }
        if ui.button("Filter…").clicked() {
            view.filter_open = Some(name.clone());
            out.commands.push(Command::Filter);
        }
        if ui.button("Hide this column").clicked() {
            toggle(&view.query.table, &column.column, layout);
        }
        ui.separator();
    }
    columns_menu(ui, view, layout);
}

/// A check box for every column of the table.
pub fn columns_menu(ui: &mut Ui, view: &TableView, layout: &mut Layout) {
    for column in &view.columns {
        let mut on = is_shown(&view.query.table, column, layout);
        if ui.checkbox(&mut on, crate::ui::format::heading(&column.name)).clicked() {
            toggle(&view.query.table, column, layout);
        }
    }
    if !layout.widths.is_empty() && ui.button("Reset the widths").clicked() {
        layout.widths.clear();
    }
}

fn resize(ui: &Ui, cell: Rect, column: &Shown, layout: &mut Layout) {
    let name = column.column.name.as_ref();
    let edge = Rect::from_x_y_ranges(cell.right() - 4.0..=cell.right() + 3.0, cell.y_range());
    let response = ui
        .interact(edge, ui.scope_id().with(("resize", name)), Sense::drag())
        .on_hover_and_drag_cursor(CursorIcon::ResizeHorizontal);
    if response.hovered() || response.dragged() {
        let stroke = Stroke::new(1.0, colors_of(ui.ctx()).accent);
        ui.painter().vline(cell.right() - 0.5, cell.y_range().shrink(4.0), stroke);
    }
    if response.dragged() {
        let width = (column.width + response.drag_delta().x).max(MIN_WIDTH);
        layout.widths.insert(name.to_owned(), width);
    }
}

/// A field under every heading; what is typed narrows the rows at once.
fn filters(ui: &mut Ui, row: Rect, view: &mut TableView, columns: &[Shown], focus_filter: bool) {
    let mut changed = false;
    let wanted = view.filter_open.clone();
    for column in columns.iter().filter(|c| c.place.is_some()) {
        let name = column.column.name.to_string();
        let cell =
            Rect::from_min_size(pos2(row.left() + column.x, row.top()), vec2(column.width, row.height()));
        let mut inside =
            ui.new_child(UiBuilder::new().max_rect(cell.shrink2(vec2(3.0, 2.0))).id_salt(("filter", &name)));
        let mut typed = view.typed.get(&name).cloned().unwrap_or_default();
        let label = format!("Filter {}", column.heading);
        let width = cell.width() - 26.0;
        let response = widgets::field(&mut inside, &mut typed, "filter", &label, width);
        let response = response.on_hover_text("text · !text · =exact · >=from · <=to · = (empty)");
        if focus_filter
            && (wanted.as_deref() == Some(name.as_str())
                || (wanted.as_deref() == Some("") && is_main(columns, column)))
        {
            response.request_focus();
        }
        if response.changed() {
            view.typed.insert(name, typed);
            changed = true;
        }
    }
    if changed {
        apply(view);
    }
}

/// The column that a filter without a name means: the one that says most.
fn is_main(columns: &[Shown], column: &Shown) -> bool {
    let main =
        columns.iter().find(|c| matches!(c.column.name.as_ref(), "text" | "message" | "value" | "title"));
    main.or(columns.get(1)).is_some_and(|m| m.place == column.place)
}

/// Makes a query of what is typed in the filters.
fn apply(view: &mut TableView) {
    let filters = view
        .typed
        .iter()
        .filter_map(|(column, typed)| {
            Some(Filter { column: column.clone(), condition: Condition::parse(typed)? })
        })
        .collect();
    let query = crate::core::Query { filters, ..view.query.clone() };
    if query != view.query {
        view.ask(query);
    }
}
