//! What was changed of a store from here, and how it is taken back.

use egui::{RichText, ScrollArea, Ui};

use super::Command;
use super::format::{self, Zone};
use super::model::{Remote, SourceView};
use super::theme::{colors_of, mono_font, sizes_in_use, small_font, space, strong_font};
use super::widgets;
use crate::core::repair::counted;
use crate::core::{Operation, OperationState};

/// Draws the operations on a source.
pub fn show(
    ui: &mut Ui,
    source: &SourceView,
    operations: &Remote<Vec<Operation>>,
    zone: Zone,
    now_ms: i64,
) -> Vec<Command> {
    let mut commands = Vec::new();
    if let Some(failure) = operations.failure() {
        widgets::failure(ui, failure, None);
    }
    let Some(all) = operations.shown() else { return commands };
    let own: Vec<&Operation> = all.iter().filter(|o| o.path == source.path).collect();
    if own.is_empty() {
        widgets::quiet(ui, "No operations: nothing of this store was ever changed from here.");
        return commands;
    }
    let frame = egui::Frame::new().inner_margin(egui::Margin::symmetric(space::M as i8, space::S as i8));
    egui::Panel::bottom("log size").resizable(false).frame(frame).show(ui, |ui| {
        let size = |operations: &mut dyn Iterator<Item = &Operation>| -> String {
            format::bytes(operations.map(|o| o.size_bytes).sum())
        };
        let text = format!(
            "{} of this store: {} kept for undo, {} in the whole log. Forget an operation to free its space.",
            counted(own.len() as u64, "operation"),
            size(&mut own.iter().copied()),
            size(&mut all.iter()),
        );
        ui.label(RichText::new(text).font(small_font()).color(colors_of(ui.ctx()).muted));
    });
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        for operation in own {
            entry(ui, operation, zone, now_ms, &mut commands);
            widgets::rule(ui);
        }
    });
    commands
}

fn entry(ui: &mut Ui, operation: &Operation, zone: Zone, now_ms: i64, commands: &mut Vec<Command>) {
    let colors = colors_of(ui.ctx());
    let frame = egui::Frame::new().inner_margin(egui::Margin::symmetric(space::M as i8, space::S as i8));
    frame.show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.set_min_height(sizes_in_use().control);
            ui.label(RichText::new(&operation.id).font(mono_font()).color(colors.faint));
            ui.label(RichText::new(operation.title()).font(strong_font()).color(colors.text));
            let (state, color) = state(operation, colors);
            ui.label(RichText::new(state).color(color));
            let time = operation.started_at.0;
            ui.label(RichText::new(format::time(time, zone)).font(mono_font()).color(colors.muted))
                .on_hover_text(format::relative(time, now_ms));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                let id = operation.id.clone();
                let settled = !matches!(operation.state, OperationState::Running | OperationState::Pending);
                if settled && operation.state != OperationState::Forgotten {
                    let hint = "End its undo, and free its space";
                    if widgets::button(ui, &format!("Forget {id}…"), hint).clicked() {
                        commands.push(Command::AskForget(id.clone()));
                    }
                }
                let unfinished = matches!(operation.state, OperationState::Partly);
                if unfinished && operation.undone_by.is_none() {
                    let hint = "Plan what is left of it";
                    if widgets::button(ui, &format!("Finish {id}…"), hint).clicked() {
                        commands.push(Command::FinishOperation(id.clone()));
                    }
                }
                if operation.can_be_undone()
                    && widgets::button(ui, &format!("Undo {id}…"), "See what would be taken back").clicked()
                {
                    commands.push(Command::UndoOperation(id));
                }
            });
        });
        let mut facts = vec![format!(
            "{} of {} made",
            format::group(operation.done),
            counted(operation.planned, "change")
        )];
        if operation.left > 0 {
            facts.push(format!(
                "{} left alone, since others had changed them",
                counted(operation.left, "row")
            ));
        }
        facts.push(format!("{} in the log", format::bytes(operation.size_bytes)));
        if let Some(us) = operation.longest_lock_us {
            facts.push(format!("lock held for {:.1} ms at most", us as f64 / 1000.0));
        }
        if operation.backup.is_some() {
            facts.push("a copy of the whole database is kept".to_owned());
        }
        ui.label(RichText::new(facts.join(" · ")).font(small_font()).color(colors.muted));
    });
}

fn state(operation: &Operation, colors: &super::theme::Colors) -> (String, egui::Color32) {
    let text = operation.state.as_str().to_owned();
    match operation.state {
        _ if operation.undone_by.is_some() => {
            (format!("undone by {}", operation.undone_by.clone().unwrap_or_default()), colors.muted)
        }
        OperationState::Applied => (text, colors.good),
        OperationState::Partly | OperationState::Pending => (text, colors.warn),
        _ => (text, colors.muted),
    }
}
