//! The store's own tables, read only.

use std::collections::BTreeMap;

use egui::accesskit::Role;
use egui::{Panel, RichText, ScrollArea, Sense, Ui, WidgetInfo, vec2};

use super::Command;
use super::format::Zone;
use super::model::{Layout, SourceView};
use super::table::{self, Look};
use super::theme::{colors_of, sizes_in_use, small_font, space, text_font};
use super::{details, toolbar, widgets};
use crate::core::{NativeKind, NativeTable, Table, visible};

/// Draws the list of tables and the chosen one.
pub fn show(
    ui: &mut Ui,
    source: &mut SourceView,
    layouts: &mut BTreeMap<String, Layout>,
    zone: Zone,
    now_ms: i64,
    focus_filter: bool,
) -> Vec<Command> {
    let mut commands = Vec::new();
    let native = source.about.shown().map(|a| a.native.clone()).unwrap_or_default();
    if native.is_empty() {
        widgets::quiet(ui, "This store has no tables of its own: it is a document.");
        return commands;
    }
    let frame = egui::Frame::new().inner_margin(egui::Margin::symmetric(space::S as i8, space::S as i8));
    Panel::left("native tables")
        .resizable(true)
        .default_size(190.0)
        .size_range(120.0..=420.0)
        .frame(frame)
        .show(ui, |ui| {
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 1.0;
                for table in &native {
                    entry(ui, source.native.as_deref(), table, &mut commands);
                }
            });
        });
    let chosen = source.native.clone().and_then(|name| native.into_iter().find(|t| t.name == name));
    let Some(chosen) = chosen else {
        widgets::quiet(ui, "Choose a table on the left.");
        return commands;
    };
    if !chosen.kind.is_readable() {
        unreadable(ui, &chosen);
        return commands;
    }
    let table = Table::Native(chosen.name);
    commands.extend(toolbar::show(ui, source, &table, layouts));
    let layout = layouts.entry(table.name().into_owned()).or_default();
    let empty = "This table has no rows.";
    let look = Look { about: None, source: Some(source.id), zone, now_ms, empty, focus_filter };
    commands.extend(table::show(ui, source.table(&table), layout, &look).commands);
    commands
}

fn entry(ui: &mut Ui, chosen: Option<&str>, table: &NativeTable, commands: &mut Vec<Command>) {
    let colors = colors_of(ui.ctx());
    let name = visible(&table.name).into_owned();
    let on = chosen == Some(table.name.as_str());
    let what = match &table.kind {
        NativeKind::Table => "",
        NativeKind::View => "view",
        NativeKind::Virtual { readable: true, .. } => "virtual",
        NativeKind::Virtual { readable: false, .. } => "no module",
        NativeKind::Shadow => "internal",
    };
    let (line, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), sizes_in_use().row), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::ListBoxOption, true, on, &name));
    let fill = if on { colors.selection } else { colors.raised };
    if on || response.hovered() {
        ui.painter().rect_filled(line, sizes_in_use().corner, fill);
    }
    widgets::focus_ring(ui, &response);
    let inner = line.shrink2(vec2(space::S, 0.0));
    let width = ui.painter().layout_no_wrap(what.to_owned(), small_font(), colors.faint).size().x;
    let (left, right) = inner.split_left_right_at_x(inner.right() - width);
    let quiet = table.kind != NativeKind::Table;
    let color = if on || !quiet { colors.text } else { colors.muted };
    widgets::text_in(ui, left.with_max_x(left.right() - space::XS), &name, text_font(), color, false);
    widgets::text_in(ui, right, what, small_font(), colors.faint, true);
    if response.on_hover_text(&name).clicked() {
        commands.push(Command::ShowNative(table.name.clone()));
    }
}

fn unreadable(ui: &mut Ui, table: &NativeTable) {
    let text = match &table.kind {
        NativeKind::View => "A view is a program from the file, so it is not run. This is what it would do:",
        _ => "The module of this virtual table is not built in, so its rows cannot be read. It was made by:",
    };
    ui.add_space(space::M);
    egui::Frame::new().inner_margin(egui::Margin::same(space::M as i8)).show(ui, |ui| {
        ui.label(RichText::new(text).color(colors_of(ui.ctx()).muted));
        ui.add_space(space::S);
        details::code(ui, &visible(&table.sql));
    });
}
