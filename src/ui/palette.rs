//! The dialogs: the command palette, the keys, a path to type, and where to export to.

use std::path::PathBuf;

use egui::{Context, Id, Key, Modal, RichText, ScrollArea, Ui};

use super::Command;
use super::command::{Entry, entries, key_text};
use super::export_session;
use super::model::{Dialog, Screen};
use super::repair_view::RepairView;
use super::theme::{colors_of, mono_font, sizes_in_use, space, title_font};
use super::widgets;
use crate::core::{Operation, visible};

/// Draws the dialog that is open, if there is one.
pub fn show(ctx: &Context, screen: &mut Screen) -> Vec<Command> {
    let mut commands = Vec::new();
    let Some(mut dialog) = screen.dialog.take() else { return commands };
    let selected =
        screen.current().and_then(|s| s.tables.get(&s.current_table()?)).map_or(0, |v| v.selected.len());
    let frame = egui::Frame::popup(&ctx.global_style())
        .corner_radius(sizes_in_use().dialog_corner)
        .inner_margin(egui::Margin::same(space::L as i8));
    let response = Modal::new(Id::unique("dialog")).frame(frame).show(ctx, |ui| match &mut dialog {
        Dialog::Palette { typed, chosen } => palette(ui, typed, chosen, &mut commands),
        Dialog::Keys => keys(ui),
        Dialog::Forget { operation } => {
            let known = screen.operations.shown().and_then(|all| all.iter().find(|o| o.id == *operation));
            forget(ui, operation, known, &mut commands)
        }
        Dialog::Notice { lines } => notice(ui, lines),
        Dialog::OpenPath { typed, folder, note } => {
            let title = if *folder { "Open a folder" } else { "Open by path" };
            open_path(ui, typed, (title, "Open"), note.as_deref(), &mut commands, Command::Open)
        }
        Dialog::TranscriptFolder { typed, note } => {
            let title = ("A folder with transcripts", "Look there");
            open_path(ui, typed, title, note.as_deref(), &mut commands, Command::LookForTranscripts)
        }
        Dialog::ExportSession { export, typed, fresh } => {
            export_session::show(ui, export, (typed, fresh), &mut commands)
        }
        Dialog::Export { format, selected_only, typed, fresh } => {
            let what = Exported::of(screen.repair.as_ref(), selected);
            export(ui, format, selected_only, (typed, fresh), &what, &mut commands)
        }
    });
    let done = response.inner || response.should_close();
    if !done {
        screen.dialog = Some(dialog);
    }
    commands
}

fn palette(ui: &mut Ui, typed: &mut String, chosen: &mut usize, commands: &mut Vec<Command>) -> bool {
    let colors = colors_of(ui.ctx());
    ui.set_width(480.0);
    let response = widgets::field(ui, typed, "Type what you want to do", "Find a command", 480.0);
    response.request_focus();
    let words: Vec<String> = typed.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let fits = |e: &Entry| words.iter().all(|w| e.label.to_lowercase().contains(w));
    let found: Vec<Entry> =
        entries().into_iter().filter(|e| e.command != Command::Palette && fits(e)).collect();
    let (down, up, enter) =
        ui.input(|i| (i.key_pressed(Key::ArrowDown), i.key_pressed(Key::ArrowUp), i.key_pressed(Key::Enter)));
    if response.changed() {
        *chosen = 0;
    }
    *chosen =
        (*chosen + usize::from(down)).saturating_sub(usize::from(up)).min(found.len().saturating_sub(1));
    let mut done = false;
    ui.add_space(space::S);
    ScrollArea::vertical().max_height(360.0).auto_shrink([false, true]).show(ui, |ui| {
        for (at, entry) in found.into_iter().enumerate() {
            let key = entry.shortcut.as_ref().map(key_text).unwrap_or_default();
            let button = egui::Button::selectable(at == *chosen, entry.label)
                .right_text(RichText::new(key).font(mono_font()).color(colors.faint));
            let response = ui.add_sized([ui.available_width(), sizes_in_use().control], button);
            response
                .widget_info(|| egui::WidgetInfo::labeled(egui::accesskit::Role::Button, true, entry.label));
            if at == *chosen && (down || up) {
                response.scroll_to_me(None);
            }
            if response.clicked() || (enter && at == *chosen) {
                commands.push(entry.command);
                done = true;
            }
        }
    });
    done
}

fn keys(ui: &mut Ui) -> bool {
    let colors = colors_of(ui.ctx());
    ui.set_width(440.0);
    ui.label(RichText::new("Keyboard shortcuts").font(title_font()));
    ui.add_space(space::S);
    let table = [
        ("Next, previous row", "↓  ↑"),
        ("First, last row", "Home  End"),
        ("Choose a range of rows", "Shift ↓  Shift ↑"),
        ("Choose all rows", "Ctrl A"),
        ("Copy the chosen rows", "Ctrl C"),
        ("Open a session", "Enter"),
    ];
    ScrollArea::vertical().max_height(420.0).show(ui, |ui| {
        egui::Grid::new("keys").num_columns(2).spacing([space::L, space::XS]).show(ui, |ui| {
            for (label, key) in table {
                ui.label(label);
                ui.label(RichText::new(key).font(mono_font()).color(colors.muted));
                ui.end_row();
            }
            for entry in entries() {
                if let Some(shortcut) = entry.shortcut {
                    ui.label(entry.label);
                    ui.label(RichText::new(key_text(&shortcut)).font(mono_font()).color(colors.muted));
                    ui.end_row();
                }
            }
        });
    });
    ui.add_space(space::S);
    widgets::button(ui, "Close", "").clicked()
}

fn forget(ui: &mut Ui, operation: &str, known: Option<&Operation>, commands: &mut Vec<Command>) -> bool {
    let colors = colors_of(ui.ctx());
    ui.set_width(480.0);
    ui.label(RichText::new("End an operation's undo").font(title_font()));
    let text = format!(
        "“{}”, {}: it cannot be undone any more then. What the operation log keeps for it is freed.",
        known.map_or_else(|| format!("Operation {operation}"), Operation::title),
        super::format::bytes(known.map_or(0, |o| o.size_bytes))
    );
    ui.label(RichText::new(visible(&text)).color(colors.muted));
    ui.add_space(space::S);
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Min), |ui| {
        let deed = widgets::deed(ui, &format!("Forget operation {operation}"), colors.bad).clicked();
        if deed {
            commands.push(Command::Forget(operation.to_owned()));
        }
        widgets::button(ui, "Cancel", "Nothing is forgotten (Esc)").clicked() || deed
    })
    .inner
}

fn notice(ui: &mut Ui, lines: &[String]) -> bool {
    ui.set_width(620.0);
    ui.label(RichText::new("What you should know").font(title_font()));
    ui.add_space(space::S);
    ScrollArea::vertical().max_height(360.0).show(ui, |ui| {
        for line in lines {
            ui.label(visible(line));
        }
    });
    ui.add_space(space::S);
    widgets::button(ui, "Close", "").clicked()
}

fn open_path(
    ui: &mut Ui,
    typed: &mut String,
    (title, deed): (&str, &str),
    note: Option<&str>,
    commands: &mut Vec<Command>,
    what: fn(PathBuf) -> Command,
) -> bool {
    let colors = colors_of(ui.ctx());
    ui.set_width(560.0);
    ui.label(RichText::new(title).font(title_font()));
    if let Some(note) = note {
        ui.label(RichText::new(note).color(colors.muted));
    }
    ui.add_space(space::S);
    let response = widgets::field(ui, typed, "Path of a file or folder", "Path", 560.0);
    let entered = response.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter));
    if ui.memory(|m| m.focused().is_none()) {
        response.request_focus();
    }
    ui.add_space(space::S);
    let (open, cancel) = ends(ui, deed);
    if (open || entered) && !typed.trim().is_empty() {
        commands.push(what(PathBuf::from(typed.trim())));
        return true;
    }
    cancel
}

/// What is exported.
enum Exported {
    /// The rows of the table that shows, or the selected ones.
    Rows { selected: usize },
    /// The lines of a plan; whether all of them show.
    Plan { narrowed: bool },
}

impl Exported {
    fn of(repair: Option<&RepairView>, selected: usize) -> Self {
        match repair {
            Some(repair) => Exported::Plan { narrowed: repair.is_narrowed() },
            None => Exported::Rows { selected },
        }
    }
}

fn export(
    ui: &mut Ui,
    format: &mut String,
    selected_only: &mut bool,
    (typed, fresh): (&mut String, &mut bool),
    what: &Exported,
    commands: &mut Vec<Command>,
) -> bool {
    ui.set_width(560.0);
    let title = if matches!(what, Exported::Plan { .. }) { "Export the plan" } else { "Export the rows" };
    ui.label(RichText::new(title).font(title_font()));
    ui.add_space(space::S);
    let formats = ["csv", "json", "jsonl", "md"];
    let active = formats.iter().position(|f| f == format).unwrap_or(0);
    if let Some(clicked) = widgets::segments(ui, &["CSV", "JSON", "JSON lines", "Markdown"], active) {
        *typed = with_extension(typed, formats[clicked]);
        *format = formats[clicked].to_owned();
    }
    ui.add_space(space::S);
    let selected = match what {
        Exported::Rows { selected } => *selected,
        Exported::Plan { .. } => 0,
    };
    match what {
        Exported::Rows { .. } => {
            let label = format!("Only the {} selected", super::format::group(selected as u64));
            ui.add_enabled(selected > 0, egui::Checkbox::new(selected_only, label));
        }
        Exported::Plan { narrowed } => {
            let text =
                if *narrowed { "Only the rows that show are written." } else { "All its rows are written." };
            ui.label(RichText::new(text).color(colors_of(ui.ctx()).muted));
        }
    }
    ui.add_space(space::S);
    let field = widgets::field(ui, typed, "Path of the file to write", "File to write", 560.0);
    // What is typed goes to the path, though a dialog below had the keyboard.
    if *fresh && !ui.is_sizing_pass() {
        *fresh = false;
        field.request_focus();
    }
    ui.add_space(space::S);
    let (write, cancel) = ends(ui, "Export");
    if write && !typed.trim().is_empty() {
        commands.push(Command::ExportTo {
            path: PathBuf::from(typed.trim()),
            format: format.clone(),
            selected_only: *selected_only && selected > 0,
        });
        return true;
    }
    cancel
}

pub fn with_extension(path: &str, extension: &str) -> String {
    PathBuf::from(path).with_extension(extension).display().to_string()
}

/// The two buttons at the end of a dialog: the deed, and Cancel.
pub fn ends(ui: &mut Ui, deed: &str) -> (bool, bool) {
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        let deed = widgets::button(ui, deed, "").clicked();
        let cancel = widgets::button(ui, "Cancel", "").clicked();
        (deed, cancel)
    })
    .inner
}
