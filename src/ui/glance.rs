//! What a source holds, in pictures.

use egui::accesskit::Role;
use egui::{Frame, Margin, Rect, RichText, Sense, Ui, Vec2, WidgetInfo, pos2, vec2};
use egui_plot::{Bar, BarChart, Plot};

use super::Command;
use super::format::{self, Zone};
use super::model::{SourceView, Tab};
use super::theme::{colors_of, sizes_in_use, small_font, space};
use super::widgets;
use crate::core::glance::{DAY_MS, Glance, OverTime};
use crate::core::repair::counted;
use crate::core::{About, Severity, shorten_middle, span, visible};

/// A panel is at least so wide; the picture of time takes what is left.
const PANEL_WIDTH: f32 = 168.0;
const TIME_WIDTH: f32 = 260.0;
/// How many bars a panel has.
const MOST_BARS: usize = 5;
const BAR_HEIGHT: f32 = 19.0;
const HEIGHT: f32 = BAR_HEIGHT * MOST_BARS as f32 + 26.0;

/// One line of a panel: what, how much in words, and how much of the largest.
struct Line {
    name: String,
    amount: String,
    share: f32,
    color: egui::Color32,
    command: Option<Command>,
}

/// Draws the pictures, as many side by side as there is room for, in two rows at most.
pub fn show(ui: &mut Ui, source: &SourceView, about: &About, zone: Zone, rows: usize) -> Vec<Command> {
    let mut commands = Vec::new();
    let empty = Glance::default();
    let glance = source.glance.shown().unwrap_or(&empty);
    let time = [
        ("Messages over time", "message", &glance.messages),
        ("Sessions over time", "session", &glance.sessions),
    ];
    // A single row is no picture.
    let drawn = |rows: &&OverTime| rows.total() > 1;
    let times: Vec<_> = time
        .iter()
        .filter_map(|(title, noun, rows)| Some((*title, *noun, rows.as_ref().filter(drawn)?)))
        .collect();
    let panels = panels(ui, source, about, glance);
    let width = ui.available_width();
    let beside = times.first().map_or(0.0, |_| TIME_WIDTH + space::S);
    let fit = |room: f32| ((room + space::S) / (PANEL_WIDTH + space::S)).floor().max(0.0) as usize;
    let in_first = fit(width - beside).min(panels.len());
    let mut rest = panels.into_iter();
    ui.spacing_mut().item_spacing = vec2(space::S, space::S);
    ui.horizontal(|ui| {
        let first: Vec<_> = rest.by_ref().take(in_first).collect();
        let used = first.len() as f32 * (PANEL_WIDTH + space::S);
        if let Some((title, noun, rows)) = times.first() {
            over_time(ui, title, noun, rows, width - used, zone);
        }
        let each = if times.is_empty() {
            (width + space::S) / first.len().max(1) as f32 - space::S
        } else {
            PANEL_WIDTH
        };
        for (title, lines) in first {
            panel(ui, title, lines, each.min(2.0 * PANEL_WIDTH), &mut commands);
        }
    });
    let more: Vec<_> = rest.collect();
    if rows > 1 && !(more.is_empty() && times.len() < 2) {
        ui.horizontal(|ui| {
            let used = more.len().min(fit(width)) as f32 * (PANEL_WIDTH + space::S);
            let more: Vec<_> = more.into_iter().take(fit(width)).collect();
            if let Some((title, noun, rows)) = times.get(1).filter(|_| width - used >= TIME_WIDTH) {
                over_time(ui, title, noun, rows, width - used, zone);
            }
            for (title, lines) in more {
                panel(ui, title, lines, PANEL_WIDTH, &mut commands);
            }
        });
    }
    commands
}

/// Whether there is anything to draw yet.
pub fn has_something(source: &SourceView, about: &About) -> bool {
    source.glance.shown().is_some() || !about.findings.is_empty()
}

fn panels(ui: &Ui, source: &SourceView, about: &About, glance: &Glance) -> Vec<(&'static str, Vec<Line>)> {
    let colors = colors_of(ui.ctx());
    let counts = |all: &[(String, u64)]| -> Vec<Line> {
        let most = all.iter().map(|(_, n)| *n).max().unwrap_or_default();
        let line = |(name, n): &(String, u64)| Line {
            name: visible(name).into_owned(),
            amount: format::group(*n),
            share: share(*n, most),
            color: colors.accent,
            command: None,
        };
        all.iter().map(line).collect()
    };
    let mut panels = vec![
        ("Findings", findings(ui, about)),
        ("Sessions by status", if is_one(glance) { Vec::new() } else { counts(&glance.statuses) }),
    ];
    let most = glance.largest_sessions.first().map_or(0, |s| s.messages);
    let sessions =
        glance.largest_sessions.iter().filter(|_| glance.largest_sessions.len() > 1).map(|s| Line {
            name: visible(s.title.as_deref().unwrap_or(&shorten_middle(&s.id, 24))).into_owned(),
            amount: format::group(s.messages),
            share: share(s.messages, most),
            color: colors.accent,
            command: Some(Command::SelectSession(source.id, Some(s.id.clone()), s.title.clone())),
        });
    panels.push(("Sessions by messages", sessions.collect()));
    let most = glance.tables.first().map_or(0, |t| t.bytes);
    let mut tables: Vec<Line> = glance
        .tables
        .iter()
        .take(if glance.free_bytes.unwrap_or_default() > 0 { MOST_BARS - 1 } else { MOST_BARS })
        .map(|t| Line {
            name: visible(&t.name).into_owned(),
            amount: format!("{}{}", if t.at_least { "> " } else { "" }, format::bytes(t.bytes)),
            share: share(t.bytes, most),
            color: colors.accent,
            command: Some(Command::ShowTable(t.name.clone())),
        })
        .collect();
    if let Some(free) = glance.free_bytes.filter(|free| *free > 0) {
        tables.push(Line {
            name: "free".to_owned(),
            amount: format::bytes(free),
            share: share(free, most),
            color: colors.faint,
            command: None,
        });
    }
    panels.push(("Tables by size", tables));
    panels.push(("Schema", counts(&glance.schema)));
    panels.retain(|(_, lines)| !lines.is_empty());
    panels
}

/// Whether there is one session alone: its status is no picture.
fn is_one(glance: &Glance) -> bool {
    glance.statuses.iter().map(|(_, n)| n).sum::<u64>() < 2
}

fn findings(ui: &Ui, about: &About) -> Vec<Line> {
    let colors = colors_of(ui.ctx());
    let of = |severity| about.findings.iter().filter(|f| f.severity == severity).count() as u64;
    let counted = [(Severity::Error, "errors"), (Severity::Warning, "warnings"), (Severity::Info, "notes")]
        .map(|(severity, name)| (severity, name, of(severity)));
    let most = counted.iter().map(|(.., n)| *n).max().unwrap_or_default();
    let line = |(severity, name, n): &(Severity, &str, u64)| Line {
        name: (*name).to_owned(),
        amount: format::group(*n),
        share: share(*n, most),
        color: widgets::severity_color(colors, *severity),
        command: Some(Command::Show(Tab::Findings)),
    };
    counted.iter().filter(|(.., n)| *n > 0).map(line).collect()
}

fn share(of: u64, most: u64) -> f32 {
    if most == 0 { 0.0 } else { (of as f64 / most as f64) as f32 }
}

fn framed(ui: &mut Ui, title: &str, width: f32, draw: impl FnOnce(&mut Ui)) {
    let colors = colors_of(ui.ctx());
    let margin = Margin::symmetric(space::S as i8, space::XS as i8);
    Frame::new()
        .fill(colors.stripe)
        .stroke(egui::Stroke::new(1.0, colors.line))
        .corner_radius(sizes_in_use().corner)
        .inner_margin(margin)
        .show(ui, |ui| {
            ui.set_width(width - 2.0 * space::S - 2.0);
            ui.set_height(HEIGHT);
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing = Vec2::ZERO;
                ui.label(RichText::new(title).font(small_font()).color(colors.muted));
                ui.add_space(space::XS);
                draw(ui);
            });
        });
}

fn panel(ui: &mut Ui, title: &str, lines: Vec<Line>, width: f32, commands: &mut Vec<Command>) {
    framed(ui, title, width, |ui| {
        for line in lines.into_iter().take(MOST_BARS) {
            bar(ui, title, line, commands);
        }
    });
}

/// A name and a number on a bar as long as the number is large.
fn bar(ui: &mut Ui, title: &str, line: Line, commands: &mut Vec<Command>) {
    let colors = colors_of(ui.ctx());
    let sense = if line.command.is_some() { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), BAR_HEIGHT), sense);
    let role = if line.command.is_some() { Role::Button } else { Role::Label };
    response
        .widget_info(|| WidgetInfo::labeled(role, true, format!("{title}: {} {}", line.name, line.amount)));
    let inner = rect.shrink2(vec2(0.0, 1.0));
    let filled = Rect::from_min_size(inner.min, vec2((inner.width() * line.share).max(2.0), inner.height()));
    let strength = if response.hovered() { 0.45 } else { 0.28 };
    ui.painter().rect_filled(filled, 2, line.color.gamma_multiply(strength));
    widgets::focus_ring(ui, &response);
    let text = inner.shrink2(vec2(space::XS, 0.0));
    let width = ui.painter().layout_no_wrap(line.amount.clone(), small_font(), colors.text).size().x;
    let split = text.right() - width - space::XS;
    let name = Rect::from_min_max(text.min, pos2(split, text.bottom()));
    widgets::text_in(ui, name, &line.name, small_font(), colors.text, false);
    widgets::text_in(ui, text, &line.amount, small_font(), colors.muted, true);
    if response.on_hover_text(format!("{}: {}", line.name, line.amount)).clicked() {
        commands.extend(line.command);
    }
}

fn over_time(ui: &mut Ui, title: &str, noun: &str, rows: &OverTime, width: f32, zone: Zone) {
    let colors = colors_of(ui.ctx());
    let long = format!("{title}, {} a bar", span(rows.step_ms));
    framed(ui, &long, width, |ui| {
        let summary = format!(
            "{title}: {} from {} to {}{}",
            format::group(rows.total()),
            format::time(rows.from_ms, zone),
            format::time(rows.until_ms(), zone),
            if rows.untimed > 0 {
                format!(", {} without a time", format::group(rows.untimed))
            } else {
                String::new()
            },
        );
        let line = ui.text_style_height(&egui::TextStyle::Small);
        let response = Plot::new(("over time", title))
            .height(ui.available_height() - line)
            .allow_zoom(false)
            .allow_drag(false)
            .allow_scroll(false)
            .allow_boxed_zoom(false)
            .allow_double_click_reset(false)
            .show_grid(false)
            .show_axes(false)
            .show_background(false)
            .show_x(false)
            .show_y(false)
            .include_y(0.0)
            .default_x_bounds(0.0, rows.counts.len() as f64)
            .set_margin_fraction(Vec2::ZERO)
            .show(ui, |plot| plot.bar_chart(chart(rows, noun, colors.accent, zone)))
            .response;
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &summary));
        let (ends, _) = ui.allocate_exact_size(vec2(ui.available_width(), line), Sense::hover());
        ui.painter().hline(ends.x_range(), ends.top(), egui::Stroke::new(1.0, colors.line));
        let time = |ms: i64| {
            let text = format::time(ms, zone);
            // A day is named by its date, a shorter span by its time too.
            text.get(..if rows.step_ms >= DAY_MS { 10 } else { 16 }).unwrap_or_default().to_owned()
        };
        widgets::text_in(ui, ends, &time(rows.from_ms), small_font(), colors.faint, false);
        if rows.counts.len() > 1 {
            widgets::text_in(ui, ends, &time(rows.until_ms() - 1), small_font(), colors.faint, true);
        }
    });
}

/// A bar for each span, counted from the first: a time in milliseconds is too large a number for a plot.
fn chart(rows: &OverTime, noun: &str, color: egui::Color32, zone: Zone) -> BarChart {
    let bar = |(at, count): (usize, &u64)| {
        Bar::new(at as f64 + 0.5, *count as f64).fill(color).stroke(egui::Stroke::NONE)
    };
    let bars = rows.counts.iter().enumerate().map(bar).collect();
    let (from_ms, step_ms, noun) = (rows.from_ms, rows.step_ms, noun.to_owned());
    BarChart::new("", bars).width(0.86).element_formatter(Box::new(move |bar, _| {
        let begin = format::time(from_ms + step_ms * bar.argument as i64, zone);
        format!("{begin}, {}: {}", span(step_ms), counted(bar.value as u64, &noun))
    }))
}
