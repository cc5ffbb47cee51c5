//! A source at a glance, and its sessions.

use std::collections::BTreeMap;

use egui::{Frame, Margin, Panel, Rect, RichText, ScrollArea, Sense, Ui, pos2, vec2};

use super::Command;
use super::format::{self, Zone};
use super::model::{Layout, Member, Remote, SourceView, Tab};
use super::table::{self, Look};
use super::theme::{colors_of, small_font, space};
use super::{glance, toolbar, widgets};
use crate::core::{About, Severity, Table, visible};

/// A window this high has room for one row of pictures above the sessions, or for two.
const ROOM_FOR_ONE: f32 = 700.0;
const ROOM_FOR_TWO: f32 = 860.0;

/// Draws the overview of a file or of a folder.
pub fn show(
    ui: &mut Ui,
    source: &mut SourceView,
    layouts: &mut BTreeMap<String, Layout>,
    zone: Zone,
    now_ms: i64,
    focus_filter: bool,
) -> Vec<Command> {
    if source.folder.is_some() {
        return folder(ui, source);
    }
    let mut commands = Vec::new();
    let Some(about) = source.about.shown().cloned() else { return commands };
    let frame = Frame::new().inner_margin(Margin::symmetric(space::M as i8, space::M as i8));
    Panel::top("overview").resizable(false).frame(frame).show(ui, |ui| {
        cards(ui, source, &about);
        ui.add_space(space::S);
        facts(ui, source, &about);
        worst(ui, &about, &mut commands);
        pictures(ui, source, &about, zone, &mut commands);
    });
    if !about.keeps.contains(&Table::Sessions) {
        widgets::quiet(ui, nothing(&about));
        return commands;
    }
    commands.extend(toolbar::show(ui, source, &Table::Sessions, layouts));
    let layout = layouts.entry("sessions".into()).or_default();
    let id = source.id;
    let empty = "There are no sessions.";
    let look = Look { about: None, source: Some(id), zone, now_ms, empty, focus_filter };
    let out = table::show(ui, source.table(&Table::Sessions), layout, &look);
    commands.extend(out.commands);
    if let Some(row) = out.activated {
        let text = |at: usize| row.cells.get(at).and_then(|c| c.value.as_str()).map(str::to_owned);
        commands.push(Command::SelectSession(id, text(0), text(1)));
    }
    commands
}

fn nothing(about: &About) -> &'static str {
    match about.stores.first() {
        Some(&"sqlite") => "This database is none of the stores that are known. Its tables are under Tables.",
        _ => "This store keeps no sessions. What it has is under the other tabs.",
    }
}

/// What there is of what, and how large it is; in a low window on one line. Migrations stand among the facts below.
fn cards(ui: &mut Ui, source: &SourceView, about: &About) {
    let colors = colors_of(ui.ctx());
    let mut cards = vec![(about.stores.join(" + "), "store", 150.0)];
    for (table, one, many) in [
        (Table::Sessions, "session", "sessions"),
        (Table::Messages, "message", "messages"),
        (Table::Tasks, "task", "tasks"),
        (Table::State, "state entry", "state entries"),
    ] {
        if let Some(count) = source.counts.get(&table).and_then(Remote::shown).filter(|n| **n > 0) {
            cards.push((format::group(*count), if *count == 1 { one } else { many }, 104.0));
        }
    }
    cards.push((format::bytes(source.size.file_bytes), "file", 104.0));
    if source.size.wal_bytes > 0 {
        cards.push((format::bytes(source.size.wal_bytes), "write-ahead log", 120.0));
    }
    ui.spacing_mut().item_spacing.y = space::XS;
    ui.horizontal_wrapped(|ui| {
        for (number, label, width) in cards {
            match is_low(ui) {
                true => {
                    let text = if label == "store" { number } else { format!("{number} {label}") };
                    ui.label(RichText::new(text).color(colors.text));
                }
                false => widgets::card(ui, &number, label, colors.text, width),
            }
        }
    });
}

/// Whether the window is so low that the sessions need the room more than what is said of them.
fn is_low(ui: &Ui) -> bool {
    ui.ctx().content_rect().height() < ROOM_FOR_ONE
}

fn facts(ui: &mut Ui, source: &SourceView, about: &About) {
    let colors = colors_of(ui.ctx());
    let is_told = about.facts.iter().any(|(label, _)| label == "Name");
    let name = about.name.iter().filter(|_| !is_told);
    let mut facts: Vec<String> = name.map(|n| format!("Name: {n}")).collect();
    facts.extend(about.facts.iter().map(|(label, text)| format!("{label}: {text}")));
    let steps = source.glance.shown().map(|g| g.schema.as_slice()).unwrap_or_default();
    let steps: Vec<String> =
        steps.iter().map(|(status, n)| format!("{} {status}", format::group(*n))).collect();
    if !steps.is_empty() {
        facts.push(format!("Migrations: {}", steps.join(", ")));
    }
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(space::M, 0.0);
        ui.spacing_mut().interact_size.y = 0.0;
        for fact in facts {
            let fact = visible(&fact).into_owned();
            ui.add(
                egui::Label::new(RichText::new(&fact).font(small_font()).color(colors.muted))
                    .selectable(true),
            )
            .on_hover_text(&fact);
        }
    });
}

/// What it holds in pictures, folded away where there is no room for them above the sessions.
fn pictures(ui: &mut Ui, source: &SourceView, about: &About, zone: Zone, commands: &mut Vec<Command>) {
    if !glance::has_something(source, about) {
        return;
    }
    let room = ui.ctx().content_rect().height();
    let rows = if room >= ROOM_FOR_TWO { 2 } else { 1 };
    let name = RichText::new("At a glance").font(small_font()).color(colors_of(ui.ctx()).muted);
    egui::CollapsingHeader::new(name)
        .id_salt(("at a glance", is_low(ui)))
        .default_open(!is_low(ui))
        .show_unindented(ui, |ui| commands.extend(glance::show(ui, source, about, zone, rows)));
}

/// The findings that matter most, in a sentence each.
fn worst(ui: &mut Ui, about: &About, commands: &mut Vec<Command>) {
    let colors = colors_of(ui.ctx());
    let mut findings: Vec<_> = about.findings.iter().filter(|f| f.severity > Severity::Info).collect();
    findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
    for finding in findings.iter().take(3) {
        ui.horizontal(|ui| {
            let word = RichText::new(finding.severity.as_str()).font(super::theme::strong_font());
            ui.label(word.color(widgets::severity_color(colors, finding.severity)));
            let message = visible(&finding.message).into_owned();
            ui.add(egui::Label::new(RichText::new(&message).color(colors.text)).truncate())
                .on_hover_text(format!("{message}\n\n{}", finding.suggestion));
        });
    }
    if findings.len() > 3
        && widgets::quiet_button(ui, &format!("All {} findings", about.findings.len()), "").clicked()
    {
        commands.push(Command::Show(Tab::Findings));
    }
}

/// The files of a folder.
fn folder(ui: &mut Ui, source: &SourceView) -> Vec<Command> {
    let mut commands = Vec::new();
    let Some(folder) = &source.folder else { return commands };
    let colors = colors_of(ui.ctx());
    Frame::new().inner_margin(Margin::same(space::M as i8)).show(ui, |ui| {
        ui.horizontal_wrapped(|ui| {
            let total = |of: fn(&Member) -> u64| format::group(folder.members.iter().map(of).sum());
            widgets::card(ui, &format::group(folder.members.len() as u64), "stores", colors.text, 104.0);
            widgets::card(ui, &total(|m| m.sessions), "sessions", colors.text, 104.0);
            // Those of transcripts are not counted: there may be thousands of files.
            if folder.members.iter().all(|m| m.counted) {
                widgets::card(ui, &total(|m| m.messages), "messages", colors.text, 104.0);
            }
            let size = folder.members.iter().map(|m| m.size.file_bytes + m.size.wal_bytes).sum();
            widgets::card(ui, &format::bytes(size), "on disk", colors.text, 104.0);
        });
        ui.add_space(space::S);
        if !is_low(ui) {
            commands.extend(glance::folder(ui, source, folder));
            ui.add_space(space::S);
        }
        if folder.members.is_empty() {
            let text = if folder.done { "There is no store in this folder." } else { "Looking…" };
            widgets::quiet(ui, text);
            return;
        }
        members(ui, source, &folder.members, &mut commands);
    });
    commands
}

fn members(ui: &mut Ui, source: &SourceView, members: &[Member], commands: &mut Vec<Command>) {
    let colors = colors_of(ui.ctx());
    let sizes = super::theme::sizes_in_use();
    ui.spacing_mut().item_spacing.y = 0.0;
    let edges = |line: Rect| {
        let inner = line.shrink2(vec2(space::S, 0.0));
        let name = inner.width() * 0.36;
        [inner.left(), inner.left() + name, inner.right() - 190.0, inner.right() - 90.0, inner.right()]
    };
    let cell = |line: Rect, edges: [f32; 5], at: usize| {
        Rect::from_min_max(pos2(edges[at], line.top()), pos2(edges[at + 1] - space::S, line.bottom()))
    };
    let (head, _) = ui.allocate_exact_size(vec2(ui.available_width(), sizes.header), Sense::hover());
    for (at, name) in ["Name", "Store", "Messages", "Size"].into_iter().enumerate() {
        widgets::text_in(
            ui,
            cell(head, edges(head), at),
            name,
            super::theme::strong_font(),
            colors.muted,
            at > 1,
        );
    }
    widgets::rule(ui);
    ScrollArea::vertical().auto_shrink(false).show_rows(ui, sizes.row, members.len(), |ui, range| {
        for at in range {
            let member = &members[at];
            let (line, _) = ui.allocate_exact_size(vec2(ui.available_width(), sizes.row), Sense::hover());
            // By its path, since others may come before it.
            let response = ui.interact(line, ui.scope_id().with(("open", &member.path)), Sense::click());
            let name = visible(&member.name).into_owned();
            response.widget_info(|| {
                egui::WidgetInfo::labeled(egui::accesskit::Role::Row, true, format!("Open {name}"))
            });
            if response.hovered() {
                ui.painter().rect_filled(line, 0, colors.raised);
            } else if at % 2 == 1 {
                ui.painter().rect_filled(line, 0, colors.stripe);
            }
            widgets::focus_ring(ui, &response);
            let edges = edges(line);
            let (word, color) = state(member, colors);
            let messages = if member.messages == 0 { String::new() } else { format::group(member.messages) };
            let size = format::bytes(member.size.file_bytes + member.size.wal_bytes);
            let font = super::theme::text_font;
            widgets::text_in(ui, cell(line, edges, 0), &name, font(), colors.text, false);
            widgets::text_in(ui, cell(line, edges, 1), &word, font(), color, false);
            widgets::text_in(ui, cell(line, edges, 2), &messages, font(), colors.text, true);
            widgets::text_in(ui, cell(line, edges, 3), &size, font(), colors.muted, true);
            if response.clicked() {
                commands.push(Command::OpenMember(source.id, at));
            }
            response.on_hover_text(format!("{}\n{word}", visible(&member.path.display().to_string())));
        }
    });
}

fn state(member: &Member, colors: &super::theme::Colors) -> (String, egui::Color32) {
    if let Some(failure) = &member.failure {
        return (failure.message.clone(), colors.bad);
    }
    let stores = member.stores.join(" + ");
    match member.worst {
        Some(Severity::Error) => (format!("{stores} · error"), colors.bad),
        Some(Severity::Warning) => (format!("{stores} · warning"), colors.warn),
        _ => (stores, colors.muted),
    }
}
