//! The dialog that asks how a session shall be exported.

use std::path::PathBuf;

use egui::{RichText, Ui};

use super::Command;
use super::model::SourceId;
use super::palette::{ends, with_extension};
use super::theme::{colors_of, space, title_font};
use super::widgets;
use crate::core::export::session::{SessionFormat, SessionOptions};
use crate::core::{shorten_middle, visible};

const WIDTH: f32 = 560.0;

/// A session that is to be exported.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionExport {
    pub id: SourceId,
    pub session: String,
    pub options: SessionOptions,
    /// To the clipboard where there is none.
    pub to: Option<PathBuf>,
}

/// Draws the dialog; says whether it is done.
pub fn show(
    ui: &mut Ui,
    export: &mut SessionExport,
    (typed, fresh): (&mut String, &mut bool),
    commands: &mut Vec<Command>,
) -> bool {
    ui.set_width(WIDTH);
    ui.label(RichText::new("Export a session").font(title_font()));
    let name = shorten_middle(&export.session, 70);
    ui.label(RichText::new(visible(&name)).color(colors_of(ui.ctx()).muted));
    ui.add_space(space::S);
    let active = SessionFormat::ALL.iter().position(|f| *f == export.options.format).unwrap_or(0);
    if let Some(clicked) = widgets::segments(ui, &["Markdown", "JSON", "HTML"], active) {
        export.options.format = SessionFormat::ALL[clicked];
        *typed = with_extension(typed, export.options.format.name());
    }
    ui.add_space(space::S);
    ui.checkbox(&mut export.options.thinking, "With what was thought");
    ui.checkbox(&mut export.options.tools, "With tool calls and what they answered");
    ui.add_space(space::S);
    let field = widgets::field(ui, typed, "Path of the file to write", "File to write", WIDTH);
    if *fresh && !ui.is_sizing_pass() {
        *fresh = false;
        field.request_focus();
    }
    ui.add_space(space::S);
    let copied = widgets::button(ui, "Copy to the clipboard", "Copy the document instead").clicked();
    let (write, cancel) = ends(ui, "Export");
    let to = match (copied, write && !typed.trim().is_empty()) {
        (true, _) => None,
        (_, true) => Some(PathBuf::from(typed.trim())),
        _ => return cancel,
    };
    commands.push(Command::ExportSessionTo(SessionExport { to, ..export.clone() }));
    true
}
