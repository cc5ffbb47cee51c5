//! The dialog of every repair: what is asked for, the plan with every row and its reason, and the deed.

use egui::{Context, Frame, Id, Margin, Modal, RichText, Ui, vec2};

use super::Command;
use super::format;
use super::model::{Layout, Screen};
use super::repair_form;
use super::repair_view::{Form, Planned, RepairView, Stage};
use super::table::{self, Look};
use super::theme::{colors_of, sizes_in_use, small_font, space, text_font, title_font};
use super::widgets;
use crate::core::repair::{Action, counted};
use crate::core::{Table, visible};

/// As wide as a plan needs, and no wider than the window.
const WIDTH: f32 = 1120.0;
const HEIGHT: f32 = 740.0;
const KEPT_CARD: &str = "to keep";
/// A form that was not planned yet is small.
const FORM_WIDTH: f32 = 600.0;
/// So much of the dialog its notes may take before they scroll.
const NOTES_SHARE: f32 = 0.3;

/// Draws the repair that is being prepared, if there is one.
pub fn show(ctx: &Context, screen: &mut Screen) -> Vec<Command> {
    let mut commands = Vec::new();
    let (zone, now_ms) = (screen.zone, screen.now_ms);
    let Some(mut repair) = screen.repair.take() else { return commands };
    let mut layout = screen.layouts.remove("plan").unwrap_or_default();
    let area = ctx.content_rect();
    let small = matches!(repair.stage, Stage::Asking | Stage::Planning | Stage::Failed(_));
    let width = if small { FORM_WIDTH } else { WIDTH }.min(area.width() - 2.0 * space::L);
    let frame = Frame::popup(&ctx.global_style())
        .corner_radius(sizes_in_use().dialog_corner)
        .inner_margin(Margin::same(0));
    let response = Modal::new(Id::unique("repair")).frame(frame).show(ctx, |ui| {
        ui.set_width(width);
        ui.spacing_mut().item_spacing.y = space::S;
        head(ui, &mut repair, zone, &mut commands);
        match &repair.stage {
            Stage::Asking => {}
            Stage::Planning => padded(ui, |ui| {
                ui.label(
                    RichText::new("Planning… nothing is changed by it.").color(colors_of(ui.ctx()).muted),
                );
            }),
            Stage::Failed(failure) => {
                let failure = failure.clone();
                let next = if repair.broken_off.is_some() { "Plan the rest" } else { "Try again" };
                if widgets::failure(ui, &failure, Some(next)) {
                    commands.push(Command::PlanRepair);
                }
                ui.add_space(space::M);
            }
            Stage::Ready(planned) | Stage::Applying { planned, .. } => {
                let planned = planned.clone();
                let height = (area.height() - 2.0 * space::L).min(HEIGHT);
                let look = Look {
                    about: None,
                    source: None,
                    zone,
                    now_ms,
                    empty: "The plan has no rows.",
                    focus_filter: false,
                };
                commands.extend(plan(ui, &mut repair, &planned, height, &mut layout, &look));
            }
        }
        foot(ui, &mut repair, &mut commands);
    });
    // Escape and a click outside call it off, except while it is being done.
    if response.should_close() && !repair.is_applying() && screen.dialog.is_none() {
        commands.push(Command::CloseRepair);
    }
    screen.layouts.insert("plan".into(), layout);
    screen.repair = Some(repair);
    commands
}

fn padded<R>(ui: &mut Ui, add: impl FnOnce(&mut Ui) -> R) -> R {
    Frame::new().inner_margin(Margin::symmetric(space::L as i8, 0)).show(ui, add).inner
}

/// The title, what is asked for, and when it was planned.
fn head(ui: &mut Ui, repair: &mut RepairView, zone: format::Zone, commands: &mut Vec<Command>) {
    let colors = colors_of(ui.ctx());
    ui.add_space(space::M);
    padded(ui, |ui| {
        let name = repair.target.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let title = match &repair.form {
            Form::Import { .. } if name.is_empty() => "Import".to_owned(),
            Form::Import { .. } => format!("Import into {name}"),
            Form::Undo { operation } => format!("Undo operation {operation} on {name}"),
            Form::Prune { .. } | Form::Migrate { .. } => format!("{} {name}", repair.form.title()),
            form => format!("{} in {name}", form.title()),
        };
        let title = visible(&title).into_owned();
        ui.add(egui::Label::new(RichText::new(&title).font(title_font()).color(colors.text)).truncate());
        let said = repair_form::what(&repair.form, repair.planned().map_or("", |p| &p.rule));
        let when = repair.planned().map_or(String::new(), |p| {
            format!(" Computed at {} {}.", format::time(p.made_at_ms, zone), zone.name())
        });
        let state = match &repair.stage {
            Stage::Applying { .. } => "",
            Stage::Failed(_) if repair.broken_off.is_some() => "",
            Stage::Failed(_) => " Nothing was changed.",
            _ => " Nothing has changed yet.",
        };
        ui.label(RichText::new(format!("{said}{when}{state}")).color(colors.muted));
        ui.add_enabled_ui(!repair.is_applying(), |ui| {
            if repair_form::show(ui, &mut repair.form, repair.target.as_path(), commands) {
                commands.push(Command::PlanRepair);
            }
        });
        if let Some(wrong) = &repair.wrong {
            ui.label(RichText::new(format!("{wrong}.")).color(colors.bad));
        }
    });
}

/// The cards, the classes of lines, and the lines.
fn plan(
    ui: &mut Ui,
    repair: &mut RepairView,
    planned: &Planned,
    height: f32,
    layout: &mut Layout,
    look: &Look,
) -> Vec<Command> {
    let mut commands = Vec::new();
    padded(ui, |ui| cards(ui, planned));
    widgets::rule(ui);
    padded(ui, |ui| {
        ui.horizontal(|ui| {
            segments(ui, repair, planned);
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if widgets::button(ui, "Export plan…", "Write the lines to a file").clicked() {
                    commands.push(Command::ExportPlan);
                }
                let typed = &mut repair.typed;
                if widgets::field(ui, typed, "Filter rows", "Filter the plan", 150.0).changed() {
                    repair.narrow();
                }
            });
        });
    });
    // What the notes and the buttons below leave.
    let most_notes = NOTES_SHARE * height;
    let notes = notes_height(ui, &planned.warnings).min(most_notes);
    let used = ui.min_rect().height() + notes + 76.0;
    let room = (height - used).max(4.0 * sizes_in_use().row + sizes_in_use().header);
    let rows = planned.classes.iter().map(|(_, n)| *n).sum::<u64>();
    let wanted = sizes_in_use().header + (rows as f32 + 1.0) * sizes_in_use().row;
    ui.allocate_ui(vec2(ui.available_width(), room.min(wanted.max(120.0))), |ui| {
        ui.set_min_size(ui.available_size());
        commands.extend(table::show(ui, repair.lines.table(&Table::Plan), layout, look).commands);
    });
    // A row of a plan has no details of its own, and its filters are the dialog's.
    commands.retain(|c| !matches!(c, Command::ShowDetails(..)));
    if commands.contains(&Command::ClearFilters) {
        commands.retain(|c| *c != Command::ClearFilters);
        (repair.segment, repair.typed) = (None, String::new());
        repair.narrow();
    }
    padded(ui, |ui| warnings(ui, &planned.warnings, most_notes));
    commands
}

fn cards(ui: &mut Ui, planned: &Planned) {
    let colors = colors_of(ui.ctx());
    let count = |actions: &[Action]| planned.of(actions);
    let unjudged = planned.classes.iter().filter(|(class, _)| class == "not judged").map(|(_, n)| n);
    let not_judged = unjudged.sum::<u64>().min(count(&[Action::Keep]));
    ui.horizontal(|ui| {
        for (actions, label, color) in [
            (&[Action::Delete][..], "to delete", colors.bad),
            (&[Action::Insert][..], "to add", colors.accent),
            (&[Action::Update][..], "to change", colors.warn),
            (&[Action::Create][..], "to run", colors.accent),
            (&[Action::Rename][..], "to move aside", colors.warn),
            (&[Action::Keep][..], KEPT_CARD, colors.good),
            (&[Action::Reject][..], "rejected", colors.warn),
            (&[Action::Beside][..], "only in the database", colors.muted),
        ] {
            // What nobody could decide is kept, and has a card of its own.
            let judged = count(actions) - if label == KEPT_CARD { not_judged } else { 0 };
            if judged > 0 {
                let width = if label.len() > 14 { 160.0 } else { 120.0 };
                widgets::card(ui, &format::group(judged), label, color, width);
            }
        }
        if not_judged > 0 {
            widgets::card(ui, &format::group(not_judged), "not judged, kept", colors.text, 120.0);
        }
        if planned.summary.edits == 0 {
            return;
        }
        let undo = match planned.needs_backup {
            true => "for undo, with a copy of the database",
            false => "kept in the log for undo",
        };
        let about = format!("~{}", format::bytes(planned.summary.undo_bytes));
        widgets::card(ui, &about, undo, colors.text, 250.0);
    });
}

/// The classes of lines, to look at one alone.
fn segments(ui: &mut Ui, repair: &mut RepairView, planned: &Planned) {
    let all: u64 = planned.classes.iter().map(|(_, n)| *n).sum();
    let mut names = vec![format!("All {}", format::group(all))];
    names.extend(planned.classes.iter().map(|(class, n)| {
        let mut chars = class.chars();
        let first = chars.next().map(|c| c.to_ascii_uppercase()).into_iter().collect::<String>();
        format!("{first}{} {}", chars.as_str(), format::group(*n))
    }));
    let at = repair.segment.as_ref().and_then(|s| planned.classes.iter().position(|(c, _)| c == s));
    let active = at.map_or(0, |at| at + 1);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    if let Some(clicked) = widgets::segments(ui, &names, active) {
        repair.segment =
            clicked.checked_sub(1).and_then(|at| planned.classes.get(at)).map(|(c, _)| c.clone());
        repair.narrow();
    }
}

/// How high the notes are if nothing limits them.
fn notes_height(ui: &Ui, warnings: &[String]) -> f32 {
    let width = ui.available_width() - 2.0 * (space::L + space::M);
    let text = |warning: &String| {
        let text = visible(warning).into_owned();
        ui.painter().layout(text, text_font(), egui::Color32::PLACEHOLDER, width).size().y
    };
    let each = warnings.iter().map(|w| text(w) + 12.0 + space::S).sum::<f32>();
    if warnings.is_empty() { 0.0 } else { each + space::S }
}

/// What a person should know before.
fn warnings(ui: &mut Ui, warnings: &[String], most: f32) {
    if warnings.is_empty() {
        return;
    }
    let colors = colors_of(ui.ctx());
    egui::ScrollArea::vertical().id_salt("notes").max_height(most).show(ui, |ui| {
        for warning in warnings {
            let frame = Frame::new().fill(colors.stripe).inner_margin(Margin::symmetric(space::M as i8, 6));
            let shown = frame.show(ui, |ui| {
                ui.set_min_width(ui.available_width());
                ui.label(RichText::new(visible(warning)).color(colors.text));
            });
            let edge = shown.response.rect.with_max_x(shown.response.rect.left() + 3.0);
            ui.painter().rect_filled(edge, 0, colors.warn);
        }
    });
}

/// The two buttons: Cancel, which has the keyboard, and the deed.
fn foot(ui: &mut Ui, repair: &mut RepairView, commands: &mut Vec<Command>) {
    let colors = colors_of(ui.ctx());
    widgets::rule(ui);
    padded(ui, |ui| {
        ui.horizontal(|ui| {
            ui.set_min_height(sizes_in_use().control + space::S);
            ui.label(RichText::new(state(repair)).font(small_font()).color(colors.muted));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                deed(ui, repair, commands);
                let nothing = matches!(&repair.stage, Stage::Ready(p) if p.summary.edits == 0);
                let failed = matches!(repair.stage, Stage::Failed(_));
                let name = if nothing || failed { "Close" } else { "Cancel" };
                let cancel = widgets::button(ui, name, "Nothing more is changed (Esc)");
                // Not while the dialog only finds its size: what is not drawn takes no focus.
                if repair.focus_cancel && !ui.is_sizing_pass() && ui.is_enabled() {
                    repair.focus_cancel = false;
                    cancel.request_focus();
                }
                widgets::focus_ring(ui, &cancel);
                if cancel.clicked() {
                    commands.push(Command::CloseRepair);
                }
                if nothing {
                    ui.label(RichText::new("There is nothing to change.").color(colors.muted));
                }
            });
        });
    });
    ui.add_space(space::S);
}

/// What stands beside the buttons.
fn state(repair: &RepairView) -> String {
    match &repair.stage {
        Stage::Applying { planned, done } => {
            format!("{} of {}…", format::group(*done), counted(planned.summary.edits, "change"))
        }
        Stage::Ready(_) if repair.is_stale() => {
            "Other choices than those of the plan: plan again first.".into()
        }
        Stage::Ready(planned) if planned.summary.edits > 0 && repair.is_narrowed() => {
            "Not all rows show; the button is about the whole plan.".into()
        }
        Stage::Ready(planned) if planned.summary.edits > 0 => "Undo stays available in Operations.".into(),
        _ => String::new(),
    }
}

/// The button that does it; after a repair that was broken off, the one that takes back what it did.
fn deed(ui: &mut Ui, repair: &RepairView, commands: &mut Vec<Command>) {
    let colors = colors_of(ui.ctx());
    if let Stage::Ready(planned) = &repair.stage
        && planned.summary.edits > 0
    {
        let color = if planned.destroys { colors.bad } else { colors.accent };
        ui.add_enabled_ui(!repair.is_stale(), |ui| {
            if widgets::deed(ui, &planned.deed, color).clicked() {
                commands.push(Command::ApplyRepair);
            }
        });
    }
    if let (Stage::Failed(_), Some(operation)) = (&repair.stage, &repair.broken_off) {
        let text = format!("Undo {operation}…");
        if widgets::button(ui, &text, "See what would be taken back").clicked() {
            commands.push(Command::UndoOperation(operation.clone()));
        }
    }
}
