//! The file in which a session's messages are, where its store only names it.

use egui::accesskit::Role;
use egui::containers::menu::MenuButton;
use egui::{Align, Layout, Margin, RichText, Ui, WidgetInfo};

use super::Command;
use super::format::{self, Zone};
use super::model::{Remote, SourceView};
use super::theme::{colors_of, mono_font, sizes_in_use, small_font, space, text_font};
use super::widgets;
use crate::core::{TranscriptFile, Transcripts, visible};

/// Draws above a session's messages which file they are of; in their place, why there are none.
///
/// False where there is nothing to draw below it.
pub fn show(ui: &mut Ui, source: &SourceView, zone: Zone, now_ms: i64, commands: &mut Vec<Command>) -> bool {
    let sessions = source.counts.get(&crate::core::Table::Sessions).and_then(Remote::shown);
    let Some(session) = &source.session else {
        if sessions == Some(&0) {
            widgets::quiet(ui, "This store has no sessions, and so no messages.");
            return false;
        }
        widgets::quiet(ui, "Choose a session on the left: its messages are in the transcript that it names.");
        return false;
    };
    match source.transcripts.get(session) {
        None => commands.push(Command::FindTranscripts(session.clone())),
        Some(Remote::Failed { failure, .. }) => {
            if widgets::failure(ui, failure, Some("Try again")) {
                commands.push(Command::FindTranscripts(session.clone()));
            }
            return false;
        }
        Some(found) => {
            if let Some(found) = found.shown() {
                let Some((first, others)) = found.files.split_first() else {
                    nothing(ui, found, commands);
                    return false;
                };
                line(ui, first, others, &found.of_agents, (zone, now_ms), commands);
            }
        }
    }
    true
}

/// What the details of a session say of its transcript.
pub fn facts(
    ui: &mut Ui,
    source: &SourceView,
    session: &str,
    (zone, now_ms): (Zone, i64),
    commands: &mut Vec<Command>,
) {
    if !source.about.shown().is_some_and(|a| a.names_transcripts) {
        return;
    }
    let Some(found) = source.transcripts.get(session) else {
        commands.push(Command::FindTranscripts(session.to_owned()));
        return;
    };
    let Some(found) = found.shown() else { return };
    const WIDTH: f32 = 130.0;
    for (at, file) in found.files.iter().enumerate() {
        let label = if at == 0 { "Transcript" } else { "Older one" };
        widgets::fact(ui, label, &shown_path(file), true, WIDTH);
        widgets::fact(ui, "Size", &format::bytes(file.bytes), false, WIDTH);
        if let Some(ms) = file.last_line_ms {
            let text = format!("{} · {}", format::time(ms, zone), format::relative(ms, now_ms));
            widgets::fact(ui, "Last line", &text, true, WIDTH);
        }
    }
    match found.files.first() {
        Some(first) => {
            if widgets::quiet_button(ui, "Copy the transcript's path", "").clicked() {
                commands.push(Command::CopyText(first.path.display().to_string()));
            }
        }
        None => {
            let text = if found.name.is_some() { "not found" } else { "none is named" };
            widgets::fact(ui, "Transcript", text, false, WIDTH);
        }
    }
    widgets::rule(ui);
}

/// The file, and what can be done with it.
fn line(
    ui: &mut Ui,
    file: &TranscriptFile,
    older: &[TranscriptFile],
    agents: &[TranscriptFile],
    (zone, now_ms): (Zone, i64),
    commands: &mut Vec<Command>,
) {
    let colors = colors_of(ui.ctx());
    let frame = egui::Frame::new().inner_margin(Margin::symmetric(space::M as i8, 2)).fill(colors.stripe);
    let panel = egui::Panel::top(egui::Id::unique("transcript file"))
        .frame(frame)
        .exact_size(sizes_in_use().bar)
        .resizable(false);
    panel.show(ui, |ui| {
        let narrow = ui.available_width() < NARROW;
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if widgets::quiet_button(ui, "Open on its own", "Open the transcript as a source").clicked() {
                commands.push(Command::Open(file.path.clone()));
            }
            if widgets::quiet_button(ui, "Copy path", "").clicked() {
                commands.push(Command::CopyText(file.path.display().to_string()));
            }
            others(ui, older, agents, commands);
            let ago = file.last_line_ms.filter(|_| !narrow);
            let ago = ago.map(|ms| format!(" · last line {}", format::relative(ms, now_ms)));
            let text = format!("{}{}", format::bytes(file.bytes), ago.unwrap_or_default());
            let said = ui.label(RichText::new(text).font(small_font()).color(colors.muted));
            if let Some(ms) = file.last_line_ms {
                said.on_hover_text(format!("Last line: {} {}", format::time(ms, zone), zone.name()));
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                if !narrow {
                    ui.label(RichText::new("File").font(text_font()).color(colors.muted));
                }
                let path = shown_path(file);
                let short = widgets::fit_middle(ui, ui.available_width(), &path, &mono_font()).into_owned();
                let text = RichText::new(short).font(mono_font()).color(colors.text);
                let shown = ui.add(egui::Label::new(text).truncate()).on_hover_text(&path);
                shown.widget_info(|| WidgetInfo::labeled(Role::Label, true, &path));
            });
        });
    });
}

/// Other files of the session, to be opened.
fn others(ui: &mut Ui, older: &[TranscriptFile], agents: &[TranscriptFile], commands: &mut Vec<Command>) {
    let files = || older.iter().map(|f| ("older", f)).chain(agents.iter().map(|f| ("sub-agent", f)));
    let count = files().count();
    if count == 0 {
        return;
    }
    let text = if count == 1 { "1 more file".to_owned() } else { format!("{count} more files") };
    MenuButton::new(text).ui(ui, |ui| {
        egui::ScrollArea::vertical().max_height(320.0).show(ui, |ui| {
            for (what, file) in files() {
                let name = format!("{what}: {} ({})", shown_path(file), format::bytes(file.bytes));
                if ui.button(name).clicked() {
                    commands.push(Command::Open(file.path.clone()));
                }
            }
        });
    });
}

/// Why there is nothing to read, and what to do.
fn nothing(ui: &mut Ui, found: &Transcripts, commands: &mut Vec<Command>) {
    let Some(name) = &found.name else {
        widgets::quiet(ui, "This session names no transcript.");
        return;
    };
    widgets::quiet(ui, &format!("There is no transcript {}.jsonl.", visible(name)));
    let colors = colors_of(ui.ctx());
    ui.add_space(space::S);
    ui.vertical_centered(|ui| {
        let seen = format::group(found.seen);
        let looked = match found.looked_in.len() {
            0 => "None of the folders in which Claude keeps them is on this machine.".to_owned(),
            1 => format!("One folder was looked through, with {seen} transcripts:"),
            folders => format!("{folders} folders were looked through, with {seen} transcripts:"),
        };
        ui.label(RichText::new(looked).color(colors.muted));
        for folder in found.looked_in.iter().take(MOST_FOLDERS) {
            let path = visible(&folder.to_string_lossy()).into_owned();
            ui.label(RichText::new(path).font(mono_font()).color(colors.muted));
        }
        if found.looked_in.len() > MOST_FOLDERS {
            ui.label(RichText::new("…").color(colors.muted));
        }
        ui.add_space(space::M);
        let hint = "Look for transcripts in another folder too, from now on";
        if widgets::button(ui, "Choose a folder…", hint).clicked() {
            commands.push(Command::ChooseTranscripts);
        }
    });
}

/// Below this width only what matters most is beside the path, in points.
const NARROW: f32 = 600.0;

/// So many of the folders are named.
const MOST_FOLDERS: usize = 8;

fn shown_path(file: &TranscriptFile) -> String {
    visible(&file.path.to_string_lossy()).into_owned()
}
