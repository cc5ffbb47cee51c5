//! What a source holds, in pictures.

use egui::{Color32, Ui, vec2};

use super::Command;
use super::bars::{self, Line, MOST_BARS, PANEL_WIDTH, Panel, TIME_WIDTH};
use super::format::{self, Zone};
use super::model::{Folder, SourceView, Tab};
use super::theme::{colors_of, space};
use super::widgets;
use crate::core::glance::{Glance, OverTime};
use crate::core::{About, Severity, shorten_middle, visible};

/// Draws the pictures of a store, as many side by side as there is room for, in so many rows at most.
pub fn show(ui: &mut Ui, source: &SourceView, about: &About, zone: Zone, rows: usize) -> Vec<Command> {
    let empty = Glance::default();
    let glance = source.glance.shown().unwrap_or(&empty);
    let times = [
        ("Messages over time", "message", &glance.messages),
        ("Sessions over time", "session", &glance.sessions),
    ];
    // A single row is no picture.
    let drawn = |rows: &&OverTime| rows.total() > 1;
    let times: Vec<Time<'_>> = times
        .into_iter()
        .filter_map(|(title, noun, rows)| Some((title, noun, rows.as_ref().filter(drawn)?)))
        .collect();
    lay_out(ui, &panels(ui, source, about, glance), &times, zone, rows)
}

/// Draws the pictures of a folder.
pub fn folder(ui: &mut Ui, source: &SourceView, folder: &Folder) -> Vec<Command> {
    let colors = colors_of(ui.ctx());
    let line = |name: &str, number: u64, color: Color32| Line {
        name: visible(name).into_owned(),
        number,
        amount: format::group(number),
        color,
        command: None,
    };
    let mut kinds: Vec<(&str, u64)> = Vec::new();
    for kind in folder.members.iter().flat_map(|m| &m.stores) {
        match kinds.iter_mut().find(|(known, _)| known == kind) {
            Some((_, stores)) => *stores += 1,
            None => kinds.push((kind, 1)),
        }
    }
    kinds.sort_by_key(|(_, stores)| std::cmp::Reverse(*stores));
    let worst = |severity| folder.members.iter().filter(|m| m.worst == Some(severity)).count() as u64;
    let failed = folder.members.iter().filter(|m| m.failure.is_some()).count() as u64;
    let troubled = [
        ("not readable", failed, colors.bad),
        ("with an error", worst(Severity::Error), colors.bad),
        ("with a warning", worst(Severity::Warning), colors.warn),
    ];
    let ranked = |of: fn(&super::model::Member) -> u64, words: fn(u64) -> String| -> Vec<Line> {
        let mut all: Vec<usize> =
            (0..folder.members.len()).filter(|at| of(&folder.members[*at]) > 0).collect();
        all.sort_by_key(|at| std::cmp::Reverse(of(&folder.members[*at])));
        let line = |at: &usize| Line {
            amount: words(of(&folder.members[*at])),
            command: Some(Command::OpenMember(source.id, *at)),
            ..line(&folder.members[*at].name, of(&folder.members[*at]), colors.accent)
        };
        all.iter().take(MOST_BARS).map(line).collect()
    };
    let mut panels = vec![
        Panel {
            title: "Stores in trouble",
            lines: troubled
                .iter()
                .filter(|t| t.1 > 0)
                .map(|(name, n, color)| line(name, *n, *color))
                .collect(),
        },
        Panel {
            title: "Stores by kind",
            lines: kinds.iter().map(|(kind, stores)| line(kind, *stores, colors.accent)).collect(),
        },
        Panel { title: "Stores by messages", lines: ranked(|m| m.messages, format::group) },
        Panel {
            title: "Stores by size",
            lines: ranked(|m| m.size.file_bytes + m.size.wal_bytes, format::bytes),
        },
    ];
    panels.retain(|panel| !panel.lines.is_empty());
    lay_out(ui, &panels, &[], Zone::Utc, 1)
}

/// Title, noun and numbers of a picture over time.
type Time<'a> = (&'static str, &'static str, &'a OverTime);

/// Puts pictures side by side: the first over time takes the width that the panels leave.
fn lay_out(ui: &mut Ui, panels: &[Panel], times: &[Time<'_>], zone: Zone, rows: usize) -> Vec<Command> {
    let mut commands = Vec::new();
    let width = ui.available_width();
    ui.spacing_mut().item_spacing = vec2(space::S, space::S);
    let (mut panels, mut times) = (panels, times);
    for _ in 0..rows {
        let time = times.first().filter(|_| width >= TIME_WIDTH);
        let room = width - time.map_or(0.0, |_| TIME_WIDTH + space::S);
        let fitting = ((room + space::S) / (PANEL_WIDTH + space::S)).floor().max(0.0) as usize;
        let (here, later) = panels.split_at(fitting.min(panels.len()));
        if here.is_empty() && time.is_none() {
            break;
        }
        ui.horizontal(|ui| {
            if let Some((title, noun, rows)) = time {
                let used = here.len() as f32 * (PANEL_WIDTH + space::S);
                bars::over_time(ui, title, noun, rows, width - used, zone);
            }
            let wide = match time {
                Some(_) => PANEL_WIDTH,
                None => ((width + space::S) / here.len().max(1) as f32 - space::S).min(2.0 * PANEL_WIDTH),
            };
            for panel in here {
                bars::panel(ui, panel, wide, &mut commands);
            }
        });
        (panels, times) = (later, times.get(1..).unwrap_or_default());
    }
    commands
}

/// Whether there is anything to draw yet.
pub fn has_something(source: &SourceView, about: &About) -> bool {
    source.glance.shown().is_some() || !about.findings.is_empty()
}

fn panels(ui: &Ui, source: &SourceView, about: &About, glance: &Glance) -> Vec<Panel> {
    let colors = colors_of(ui.ctx());
    let counts = |all: &[(String, u64)]| -> Vec<Line> {
        let line = |(name, n): &(String, u64)| Line {
            name: visible(name).into_owned(),
            number: *n,
            amount: format::group(*n),
            color: colors.accent,
            command: None,
        };
        all.iter().map(line).collect()
    };
    let session = |s: &crate::core::glance::LargeSession| Line {
        name: visible(s.title.as_deref().unwrap_or(&shorten_middle(&s.id, 24))).into_owned(),
        number: s.messages,
        amount: format::group(s.messages),
        color: colors.accent,
        command: Some(Command::SelectSession(source.id, Some(s.id.clone()), s.title.clone())),
    };
    // One session alone is no picture.
    let statuses: u64 = glance.statuses.iter().map(|(_, n)| n).sum();
    let statuses = if statuses > 1 { counts(&glance.statuses) } else { Vec::new() };
    let several = glance.largest_sessions.len() > 1;
    let sessions = glance.largest_sessions.iter().filter(|_| several).take(MOST_BARS).map(session).collect();
    let mut panels = vec![
        Panel { title: "Findings", lines: findings(ui, about) },
        Panel { title: "Sessions by status", lines: statuses },
        Panel { title: "Sessions by messages", lines: sessions },
        Panel { title: "Tables by size", lines: tables(ui, glance) },
    ];
    panels.retain(|panel| !panel.lines.is_empty());
    panels
}

fn tables(ui: &Ui, glance: &Glance) -> Vec<Line> {
    let colors = colors_of(ui.ctx());
    let free = glance.free_bytes.filter(|free| *free > 0).map(|free| Line {
        name: "free".to_owned(),
        number: free,
        amount: format::bytes(free),
        color: colors.faint,
        command: None,
    });
    let table = |t: &crate::core::glance::LargeTable| Line {
        name: visible(&t.name).into_owned(),
        number: t.bytes,
        amount: format!("{}{}", if t.at_least { "> " } else { "" }, format::bytes(t.bytes)),
        color: colors.accent,
        command: Some(Command::ShowTable(t.name.clone())),
    };
    let room = MOST_BARS - usize::from(free.is_some());
    glance.tables.iter().take(room).map(table).chain(free).collect()
}

fn findings(ui: &Ui, about: &About) -> Vec<Line> {
    let colors = colors_of(ui.ctx());
    let of = |severity| about.findings.iter().filter(|f| f.severity == severity).count() as u64;
    [(Severity::Error, "errors"), (Severity::Warning, "warnings"), (Severity::Info, "info")]
        .into_iter()
        .filter(|(severity, _)| of(*severity) > 0)
        .map(|(severity, name)| Line {
            name: name.to_owned(),
            number: of(severity),
            amount: format::group(of(severity)),
            color: widgets::severity_color(colors, severity),
            command: Some(Command::Show(Tab::Findings)),
        })
        .collect()
}
