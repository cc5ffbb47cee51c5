//! The dialog of every repair: what is asked for, the plan with every row and its reason, and the deed.

use egui::{Context, Frame, Id, Margin, Modal, RichText, Stroke, Ui, vec2};

use super::Command;
use super::format;
use super::model::{Layout, Screen};
use super::repair_view::{Field, Form, Planned, RepairView, Stage};
use super::table::{self, Look};
use super::theme::{colors_of, mono_font, sizes_in_use, small_font, space, strong_font, title_font};
use super::widgets;
use crate::core::repair::{Action, counted};
use crate::core::{Table, shorten_middle, visible};

/// As wide as a plan needs, and no wider than the window.
const WIDTH: f32 = 1000.0;
const HEIGHT: f32 = 740.0;
/// A form that was not planned yet is small.
const FORM_WIDTH: f32 = 600.0;
/// So much of the notes shows before they scroll.
const NOTES_HEIGHT: f32 = 96.0;

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
                widgets::failure(ui, &failure, None);
                ui.add_space(space::M);
            }
            Stage::Ready(planned) | Stage::Applying { planned, .. } => {
                let planned = planned.clone();
                let height = (area.height() - 2.0 * space::L).min(HEIGHT);
                let look = Look { zone, now_ms, empty: "The plan has no rows.", focus_filter: false };
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
            Form::Import { .. } => "Import".to_owned(),
            Form::Undo { operation } => format!("Undo operation {operation} on {name}"),
            Form::Prune { .. } | Form::Migrate { .. } => format!("{} {name}", repair.form.title()),
            form => format!("{} in {name}", form.title()),
        };
        let title = visible(&title).into_owned();
        ui.add(egui::Label::new(RichText::new(&title).font(title_font()).color(colors.text)).truncate());
        let said = what(&repair.form);
        let when = repair.planned().map_or(String::new(), |p| {
            format!(" Computed at {} {}.", format::time(p.made_at_ms, zone), zone.name())
        });
        let state = if repair.is_applying() { "" } else { " Nothing has changed yet." };
        ui.label(RichText::new(format!("{said}{when}{state}")).color(colors.muted));
        ui.add_enabled_ui(!repair.is_applying(), |ui| {
            if form(ui, &mut repair.form, repair.target.as_path(), commands) {
                commands.push(Command::PlanRepair);
            }
        });
    });
}

/// What the repair does, in a sentence.
fn what(form: &Form) -> &'static str {
    match form {
        Form::Import { .. } => {
            "Brings the sessions of a file into a database. What the database has already wins."
        }
        Form::Prune { .. } => "Removes what is past its time, by the store's own rule.",
        Form::DeleteIssue { .. } => "Deletes the sessions of one issue, compared exactly.",
        Form::DeleteSessions { .. } => "Deletes the chosen sessions with all that belongs to them.",
        Form::Migrate { of_text: true, .. } => "Moves key-value classes to SQLite in the way that deploys.",
        Form::Migrate { .. } => "Brings the schema to the newest version, step by step.",
        Form::Undo { .. } => "Takes back what was done, where nobody changed it since.",
    }
}

/// The fields of a repair; whether a plan shall be made of them.
fn form(ui: &mut Ui, form: &mut Form, target: &std::path::Path, commands: &mut Vec<Command>) -> bool {
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
                field(ui, older_than, "the store's own age", "Older than, such as 24h or 30d", 150.0);
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
            let width = ui.available_width() - 120.0;
            let mut path = |ui: &mut Ui, text: &mut String, hint: &str, name: &str, which: Field| {
                ui.horizontal(|ui| {
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
                field(ui, forge, "Forge", "Forge of keys that name none", 130.0);
                ui.label(RichText::new("for keys that name no forge").color(colors_of(ui.ctx()).muted));
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
    if !path.is_empty() {
        let text = RichText::new(visible(&shorten_middle(&path, 90))).font(mono_font());
        ui.label(text.color(colors_of(ui.ctx()).faint)).on_hover_text(visible(&path));
    }
    plan || entered.get()
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
    let notes = if planned.warnings.is_empty() { 0.0 } else { NOTES_HEIGHT + space::M };
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
    padded(ui, |ui| warnings(ui, &planned.warnings));
    commands
}

fn cards(ui: &mut Ui, planned: &Planned) {
    let colors = colors_of(ui.ctx());
    let count = |actions: &[Action]| planned.of(actions);
    ui.horizontal(|ui| {
        for (actions, label, color) in [
            (&[Action::Delete][..], "to delete", colors.bad),
            (&[Action::Insert][..], "to add", colors.accent),
            (&[Action::Update][..], "to change", colors.warn),
            (&[Action::Create][..], "steps to run", colors.accent),
            (&[Action::Rename][..], "files to move", colors.warn),
            (&[Action::Keep][..], "to keep", colors.good),
            (&[Action::Reject][..], "rejected", colors.warn),
            (&[Action::Beside][..], "only in the database", colors.muted),
        ] {
            if count(actions) > 0 {
                widgets::card(ui, &format::group(count(actions)), label, color, 120.0);
            }
        }
        if planned.summary.edits == 0 {
            return;
        }
        let undo = match planned.needs_backup {
            true => "in the log, and a copy of the whole".to_owned(),
            false => "kept in the log for undo".to_owned(),
        };
        widgets::card(ui, &format::bytes(planned.summary.undo_bytes), &undo, colors.text, 170.0);
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

/// What a person should know before.
fn warnings(ui: &mut Ui, warnings: &[String]) {
    if warnings.is_empty() {
        return;
    }
    let colors = colors_of(ui.ctx());
    egui::ScrollArea::vertical().id_salt("notes").max_height(NOTES_HEIGHT).show(ui, |ui| {
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
            let said = match &repair.stage {
                Stage::Applying { done, .. } => format!("{} so far…", counted(*done, "change")),
                Stage::Ready(planned) if planned.summary.edits > 0 => {
                    "Undo stays available in Operations.".into()
                }
                _ => String::new(),
            };
            ui.label(RichText::new(said).font(small_font()).color(colors.muted));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if let Stage::Ready(planned) = &repair.stage
                    && planned.summary.edits > 0
                {
                    let color = if planned.destroys { colors.bad } else { colors.accent };
                    // Outlined, never filled: nothing invites to it.
                    let button =
                        egui::Button::new(RichText::new(&planned.deed).font(strong_font()).color(color))
                            .stroke(Stroke::new(1.0, color))
                            .min_size(vec2(0.0, sizes_in_use().control));
                    if ui.add(button).clicked() {
                        commands.push(Command::ApplyRepair);
                    }
                }
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
