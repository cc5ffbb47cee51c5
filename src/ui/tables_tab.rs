//! The store's own tables, read only.

use std::collections::BTreeMap;

use egui::{Panel, RichText, ScrollArea, Ui};

use super::Command;
use super::format::Zone;
use super::model::{Layout, SourceView};
use super::table::{self, Look};
use super::theme::{colors_of, small_font, space};
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
    let look = Look { zone, now_ms, empty: "This table has no rows.", focus_filter };
    commands.extend(table::show(ui, source.table(&table), layout, &look).commands);
    commands
}

fn entry(ui: &mut Ui, chosen: Option<&str>, table: &NativeTable, commands: &mut Vec<Command>) {
    let colors = colors_of(ui.ctx());
    let name = visible(&table.name).into_owned();
    let on = chosen == Some(table.name.as_str());
    let color = if on { colors.text } else { colors.muted };
    let button = egui::Button::selectable(on, RichText::new(&name).color(color)).truncate();
    let what = match &table.kind {
        NativeKind::Table => "table".to_owned(),
        NativeKind::View => "view, not run".to_owned(),
        NativeKind::Virtual { module, readable: true } => format!("virtual table ({module})"),
        NativeKind::Virtual { module, readable: false } => {
            format!("virtual table; the module {module} is missing")
        }
        NativeKind::Shadow => "kept by a virtual table".to_owned(),
    };
    let response = ui.add_sized([ui.available_width(), 0.0], button);
    if !matches!(table.kind, NativeKind::Table) {
        ui.label(RichText::new(format!("    {what}")).font(small_font()).color(colors.faint));
    }
    if response.on_hover_text(format!("{name}\n{what}")).clicked() {
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
