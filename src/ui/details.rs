//! The selected row whole.

use egui::{Frame, Margin, RichText, ScrollArea, Ui};

use super::Command;
use super::format::{self, Zone};
use super::heartbeats;
use super::marks;
use super::model::{Details, Remote, Screen, SourceView};
use super::pulse::recovery_of;
use super::table_view::Folds;
use super::theme::{colors_of, mono_font, role_color, space, strong_font, text_font};
use super::transcript::{Typeset, parts};
use super::{transcript_file, widgets};
use crate::core::repair::Offer;
use crate::core::{About, Column, ColumnKind, MASK, Table, Value, visible};

/// So much of a long text is laid out at once.
const MOST_SHOWN_BYTES: usize = 60_000;

/// How wide the names of values are.
const LABEL_WIDTH: f32 = 130.0;

/// Draws the panel on the right.
pub fn show(ui: &mut Ui, screen: &mut Screen, typeset: &mut Typeset) -> Vec<Command> {
    let mut commands = Vec::new();
    let (zone, now) = (screen.zone, screen.now_ms);
    let mut tab = screen.details_tab;
    let Some(source) = screen.current() else {
        widgets::quiet(ui, "Nothing is selected.");
        return commands;
    };
    match (&source.details, source.details.shown()) {
        (Remote::Failed { failure, .. }, None) => {
            widgets::failure(ui, failure, None);
        }
        (_, Some(details)) => {
            if source.live.details_gone {
                let text = "This row is gone from the store: what shows is how it was.";
                ui.label(RichText::new(text).color(colors_of(ui.ctx()).warn));
            }
            row(ui, source, details, &mut tab, zone, now, typeset, &mut commands);
        }
        _ => widgets::quiet(ui, "Select a row to see all of it."),
    }
    screen.details_tab = tab;
    commands
}

#[expect(clippy::too_many_arguments, reason = "a view of one row with its surroundings")]
fn row(
    ui: &mut Ui,
    source: &SourceView,
    details: &Details,
    tab: &mut usize,
    zone: Zone,
    now: i64,
    typeset: &mut Typeset,
    commands: &mut Vec<Command>,
) {
    ui.horizontal(|ui| {
        title(ui, source, details);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if widgets::quiet_button(ui, "Copy", "Copy the row as JSON").clicked() {
                commands.push(Command::CopyText(details.json.clone()));
            }
            if !details.revealed
                && has_secret(details)
                && widgets::quiet_button(ui, "Reveal", "Show this row's secrets").clicked()
            {
                commands.push(Command::Reveal);
            }
        });
    });
    repairs(ui, source, details, commands);
    ui.add_space(space::XS);
    let names: &[&str] =
        if details.parts.is_empty() { &["Values", "Raw"] } else { &["Text", "Values", "Raw"] };
    *tab = (*tab).min(names.len() - 1);
    if !details.parts.is_empty() {
        facts(ui, details, zone, now);
        ui.add_space(space::XS);
    }
    if let Some(clicked) = widgets::segments(ui, names, *tab) {
        *tab = clicked;
    }
    widgets::rule(ui);
    let id = ("details", &details.row.key, names[*tab]);
    ScrollArea::vertical().id_salt(id).auto_shrink(false).show(ui, |ui| match names[*tab] {
        "Text" => {
            ui.set_max_width(ui.available_width());
            let folds = Folds { round: 0, open: true };
            let mut look = parts::Look { typeset, folds, commands };
            parts::show(ui, egui::Id::unique(("details", &details.row.key)), &details.parts, &mut look);
        }
        "Values" => {
            if let (Table::Sessions, Some(id)) = (&details.table, text_of(details, "id")) {
                transcript_file::facts(ui, source, &id, (zone, now), commands);
            }
            values(ui, details, zone, now);
        }
        _ => raw(ui, details),
    });
}

fn title(ui: &mut Ui, source: &SourceView, details: &Details) {
    let colors = colors_of(ui.ctx());
    let text = |name: &str| text_of(details, name);
    let (name, color) = match &details.table {
        Table::Messages => {
            let role = text("role").unwrap_or_else(|| "message".into());
            let color = role_color(colors, &role);
            (role, color)
        }
        Table::Findings => (text("severity").unwrap_or_default(), colors.text),
        Table::Native(name) => (name.clone(), colors.text),
        Table::Migrations => (text("version").unwrap_or_else(|| "migration".into()), colors.text),
        Table::State => (text("key").unwrap_or_else(|| "state entry".into()), colors.text),
        table => (
            text("title")
                .or_else(|| text("id"))
                .or_else(|| text("session_id"))
                .unwrap_or_else(|| table.name().into()),
            colors.text,
        ),
    };
    let name = visible(&name).into_owned();
    // Beside it there is room for its place and for the buttons.
    let room = (ui.available_width() - 150.0).max(60.0);
    ui.scope(|ui| {
        ui.set_max_width(room);
        ui.add(egui::Label::new(RichText::new(&name).font(strong_font()).color(color)).truncate())
            .on_hover_text(&name);
    });
    let view = source.tables.get(&details.table);
    let place =
        view.and_then(|v| Some((v.focus.as_ref().filter(|(_, k)| *k == details.row.key)?.0, v.len())));
    if let Some((at, of)) = place {
        let text = format!("{} of {}", format::group(at as u64 + 1), format::group(of as u64));
        ui.label(RichText::new(text).color(colors.muted));
    }
}

/// The repairs of what is selected: a finding's own, a session's issue, a session.
fn repairs(ui: &mut Ui, source: &SourceView, details: &Details, commands: &mut Vec<Command>) {
    let Some(about) = source.about.shown() else { return };
    let offered = |offer: &Offer| about.offers.contains(offer);
    match details.table {
        Table::Findings => {
            let message = text_of(details, "message").unwrap_or_default();
            ui.horizontal_wrapped(|ui| {
                for (name, hint, command) in finding_actions(about, &message) {
                    if widgets::button(ui, name, hint).clicked() {
                        commands.push(command);
                    }
                }
            });
        }
        Table::Sessions => {
            ui.horizontal_wrapped(|ui| {
                let issue = text_of(details, "issue").is_some_and(|issue| !issue.is_empty());
                if issue && offered(&Offer::DeleteIssue) {
                    let hint = "See every session of this issue, and delete them";
                    if widgets::button(ui, "Delete this issue's sessions…", hint).clicked() {
                        commands.push(Command::Repair(Offer::DeleteIssue));
                    }
                }
                if let Some(id) = text_of(details, "id").filter(|_| offered(&Offer::DeleteSessions)) {
                    let hint = "See all that belongs to this session, and delete it";
                    if widgets::button(ui, "Delete this session…", hint).clicked() {
                        commands.push(Command::DeleteSessions(vec![id]));
                    }
                }
            });
        }
        _ => {}
    }
}

/// What can be done about a finding: its repair, and going to what it is about.
pub fn finding_actions(about: &About, message: &str) -> Vec<(&'static str, &'static str, Command)> {
    let Some(finding) = about.findings.iter().find(|f| f.message.starts_with(message)) else {
        return Vec::new();
    };
    let mut actions = Vec::new();
    if let Some(offer) = finding.repair.filter(|offer| about.offers.contains(offer)) {
        let (name, hint) = fix_words(offer);
        actions.push((name, hint, Command::Fix(offer, finding.key.clone())));
    }
    let native = || about.native.iter().find(|t| t.name == finding.table && t.kind.is_readable());
    let table = Table::parse(&finding.table).filter(|t| match t {
        Table::Native(name) => about.native.iter().any(|n| n.name == *name && n.kind.is_readable()),
        table => about.keeps.contains(table),
    });
    if let Some(table) = table.or_else(|| native().map(|t| Table::Native(t.name.clone()))) {
        let (name, hint) = match finding.key.is_empty() {
            true => ("Show the table", "Go to the table that it is about"),
            false => ("Show the row", "Go to the row that it is about; the first of several"),
        };
        actions.push((name, hint, Command::ShowNamed(table, finding.key.clone())));
    }
    actions
}

fn fix_words(offer: Offer) -> (&'static str, &'static str) {
    match offer {
        Offer::ImportFrom | Offer::ImportInto => {
            ("Import…", "See what an import would bring into a database")
        }
        Offer::Prune => ("Prune…", "See what is past its time, and remove it"),
        Offer::DeleteIssue => ("Delete by issue…", "See every session of one issue, and delete them"),
        Offer::DeleteSessions => ("Delete this session…", "See all that belongs to it, and delete it"),
        Offer::Migrate => ("Migrate…", "See the steps that would mend it"),
    }
}

/// The few things that matter of a message, above what it says.
fn facts(ui: &mut Ui, details: &Details, zone: Zone, now: i64) {
    for (name, label) in [("created_at", "Time"), ("id", "Id"), ("session_id", "Session"), ("kind", "Kind")] {
        let Some(column) = details.columns.iter().position(|c| c.name == name) else { continue };
        let value = &details.row.cells[column].value;
        let text = format::value(value, details.columns[column].kind, zone);
        if text.is_empty() {
            continue;
        }
        let mono = name != "kind";
        let text = match (value, name) {
            (Value::Integer(_), "created_at") => format!("{text} {}", zone.name()),
            _ => text,
        };
        let response = widgets::fact(ui, label, &text, mono, 84.0);
        if let (Value::Integer(ms), "created_at") = (value, name) {
            response.on_hover_text(format::moment(*ms, now));
        }
    }
}

fn values(ui: &mut Ui, details: &Details, zone: Zone, now: i64) {
    let colors = colors_of(ui.ctx());
    ui.set_max_width(ui.available_width());
    for (column, cell) in details.columns.iter().zip(&details.row.cells) {
        let label = match details.table {
            Table::Native(_) => visible(&column.name).into_owned(),
            _ => format::heading(&column.name),
        };
        match (&cell.value, column.kind) {
            (Value::Null, _) => {
                widgets::fact(ui, &label, "—", false, LABEL_WIDTH);
                continue;
            }
            (Value::Integer(ms), ColumnKind::Time) => {
                let text = format!("{} {}", format::time(*ms, zone), zone.name());
                let shown = widgets::fact(ui, &label, &text, true, LABEL_WIDTH);
                shown.on_hover_text(format::moment(*ms, now));
                continue;
            }
            (Value::Blob(bytes), _) => {
                let size = format!("{} of bytes", format::bytes(bytes.len() as u64));
                widgets::fact(ui, &label, &size, false, LABEL_WIDTH);
                code(ui, &format::hex_dump(bytes, 1024));
                continue;
            }
            (Value::Text(json), _) if json.len() <= MOST_SHOWN_BYTES && looks_like_json(json, column) => {
                ui.label(RichText::new(&label).font(text_font()).color(colors.muted));
                code(ui, &shorten(&format::pretty_json(json)));
                continue;
            }
            _ => {}
        }
        let text = match &cell.value {
            Value::Text(text) => shorten(text),
            other => format::value(other, column.kind, zone),
        };
        if text.len() > 60 || text.contains('\n') {
            ui.label(RichText::new(&label).font(text_font()).color(colors.muted));
            let text = RichText::new(&text).font(text_font()).color(colors.text);
            marks::within(ui, |ui| ui.add(egui::Label::new(text).wrap().selectable(true)));
        } else {
            widgets::fact(ui, &label, &text, column.kind != ColumnKind::Flag, LABEL_WIDTH);
        }
    }
    if details.table == Table::Heartbeats
        && let Some(recovery) = recovery_of(&details.row)
    {
        heartbeats::recovery(ui, &recovery);
    }
}

fn raw(ui: &mut Ui, details: &Details) {
    ui.set_max_width(ui.available_width());
    code(ui, &shorten(&details.json));
}

/// Text in the font of code, on its own ground; it can be selected.
pub fn code(ui: &mut Ui, text: &str) {
    let colors = colors_of(ui.ctx());
    Frame::new().fill(colors.stripe).corner_radius(4).inner_margin(Margin::same(space::S as i8)).show(
        ui,
        |ui| {
            ui.set_width(ui.available_width());
            let text = RichText::new(text).font(mono_font()).color(colors.text);
            marks::within(ui, |ui| ui.add(egui::Label::new(text).wrap().selectable(true)));
        },
    );
}

/// The beginning of a text, as much as is laid out at once, hidden characters visible.
fn shorten(text: &str) -> String {
    let end = text.floor_char_boundary(MOST_SHOWN_BYTES);
    let shown = visible(&text[..end]);
    if end == text.len() {
        return shown.into_owned();
    }
    format!("{shown}…\n\n({} more; Copy takes all of it)", format::bytes((text.len() - end) as u64))
}

fn looks_like_json(text: &str, column: &Column) -> bool {
    column.kind == ColumnKind::Json || text.starts_with(['{', '['])
}

fn has_secret(details: &Details) -> bool {
    details.row.cells.iter().any(|c| c.value.as_str() == Some(MASK))
}

fn text_of(details: &Details, name: &str) -> Option<String> {
    let at = details.columns.iter().position(|c| c.name == name)?;
    details.row.cells.get(at)?.value.as_str().filter(|t| !t.is_empty()).map(str::to_owned)
}
