//! What a repair asks of a person: its fields, and what it does in a sentence.

use std::path::Path;

use egui::{RichText, Sense, Ui, vec2};

use super::Command;
use super::repair_view::{Field, Form};
use super::theme::{colors_of, mono_font, sizes_in_use, text_font};
use super::widgets;
use crate::core::{shorten_middle, visible};

/// What the repair does, in a sentence.
pub fn what(form: &Form, rule: &str) -> String {
    let text = match form {
        Form::Import { .. } => {
            "Brings the sessions of a file into a database. What the database has already wins."
        }
        Form::Prune { .. } if rule.is_empty() => "Removes what is past its time.",
        Form::Prune { .. } => return format!("Removes {rule}."),
        Form::DeleteIssue { .. } => "Deletes the sessions of one issue, compared exactly.",
        Form::DeleteSessions { .. } => "Deletes the chosen sessions with all that belongs to them.",
        Form::Migrate { of_text: true, .. } => "Moves key-value classes to SQLite in the way that deploys.",
        Form::Migrate { .. } => "Brings the schema to the newest version, step by step.",
        Form::Undo { .. } => "Takes back what was done, where nobody changed it since.",
    };
    text.to_owned()
}

/// The fields of a repair; whether a plan shall be made of them.
pub fn show(ui: &mut Ui, form: &mut Form, target: &Path, commands: &mut Vec<Command>) -> bool {
    let entered = std::cell::Cell::new(false);
    let mut plan = false;
    let complete = form.is_complete();
    let field = |ui: &mut Ui, text: &mut String, hint: &str, name: &str, width: f32| {
        let response = widgets::field(ui, text, hint, name, width);
        let enter = response.lost_focus() && ui.input(|i| i.key_pressed(egui::Key::Enter));
        entered.set(entered.get() || enter);
    };
    match form {
        Form::Prune { older_than, include_unknown, transcripts } => {
            ui.horizontal(|ui| {
                field(ui, older_than, "Older than, such as 7d", "Older than, such as 24h or 30d", 160.0);
                ui.checkbox(include_unknown, "Also without a time");
                field(ui, transcripts, "Folder of transcripts, if any", "Transcripts' folder", 210.0);
                if widgets::button(ui, "Choose…", "Choose the folder of transcripts").clicked() {
                    commands.push(Command::ChooseFor(Field::Transcripts));
                }
                plan |= widgets::button(ui, "Plan again", "Make the plan anew with these").clicked();
            });
        }
        Form::DeleteIssue { forge, agent, repo, issue } => {
            ui.horizontal(|ui| {
                field(ui, forge, "Forge (none: without)", "Forge", 130.0);
                field(ui, repo, "Repository", "Repository", 170.0);
                field(ui, issue, "Issue", "Issue", 70.0);
                field(ui, agent, "Any agent", "Agent", 90.0);
            });
            ui.add_enabled_ui(complete, |ui| {
                plan |= widgets::button(ui, "Plan", "See what would go").clicked()
            });
        }
        Form::Import { from, into, forge } => {
            let width = ui.available_width() - 170.0;
            let muted = colors_of(ui.ctx()).muted;
            let mut path = |ui: &mut Ui, text: &mut String, hint: &str, name: &str, which: Field| {
                ui.horizontal(|ui| {
                    let label = if which == Field::From { "From" } else { "Into" };
                    named(ui, label);
                    field(ui, text, hint, name, width);
                    if widgets::button(ui, "Choose…", name).clicked() {
                        commands.push(Command::ChooseFor(which));
                    }
                });
            };
            path(ui, from, "The file to import from", "Import from", Field::From);
            let hint = "The database; it is made where there is none";
            path(ui, into, hint, "Into the database", Field::Into);
            ui.horizontal(|ui| {
                named(ui, "Forge");
                field(ui, forge, "Forge", "Forge of keys that name none", 130.0);
                ui.label(RichText::new("for keys of a sessions.json that name none").color(muted));
            });
            ui.add_enabled_ui(complete, |ui| {
                plan |= widgets::button(ui, "Plan", "Compare both, and see what would come in").clicked()
            });
        }
        Form::Migrate { to, of_text: true } => {
            let choices = [None, Some("delete-unbound")];
            let active = usize::from(to.is_some());
            let names = ["Move bound classes", "Delete unbound classes"];
            if let Some(clicked) = widgets::segments(ui, &names, active) {
                *to = choices[clicked];
                plan = true;
            }
        }
        Form::Migrate { .. } | Form::DeleteSessions { .. } | Form::Undo { .. } => {}
    }
    let path = target.display().to_string();
    // An import says it in its fields.
    if !path.is_empty() && !matches!(form, Form::Import { .. }) {
        let text = RichText::new(visible(&shorten_middle(&path, 90))).font(mono_font());
        ui.label(text.color(colors_of(ui.ctx()).faint)).on_hover_text(visible(&path));
    }
    plan || entered.get()
}

/// What a field is for, in front of it.
fn named(ui: &mut Ui, label: &str) {
    let (rect, _) = ui.allocate_exact_size(vec2(40.0, sizes_in_use().control), Sense::hover());
    widgets::text_in(ui, rect, label, text_font(), colors_of(ui.ctx()).muted, false);
}
