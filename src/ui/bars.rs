//! Small pictures: bars that are a number of something, and bars over time.

use egui::accesskit::Role;
use egui::{Frame, Margin, Rect, RichText, Sense, Ui, Vec2, WidgetInfo, pos2, vec2};
use egui_plot::{Bar, BarChart, Plot};

use super::Command;
use super::format::{self, Zone};
use super::theme::{colors_of, sizes_in_use, small_font, space};
use super::widgets;
use crate::core::glance::{DAY_MS, OverTime};
use crate::core::repair::counted;
use crate::core::span;

/// A panel is at least so wide; the picture of time takes what is left.
pub const PANEL_WIDTH: f32 = 168.0;
pub const TIME_WIDTH: f32 = 260.0;
/// How many bars a panel has.
pub const MOST_BARS: usize = 5;
const BAR_HEIGHT: f32 = 19.0;
const HEIGHT: f32 = BAR_HEIGHT * MOST_BARS as f32 + 26.0;
/// No bar over time is wider than one of so many.
const LEAST_BARS: f64 = 24.0;

/// A titled list of bars: all that there are, or the first of a ranking.
pub struct Panel {
    pub title: &'static str,
    pub lines: Vec<Line>,
}

/// One bar: of what, how many, the same in words, and what a click on it does.
pub struct Line {
    pub name: String,
    pub number: u64,
    pub amount: String,
    pub color: egui::Color32,
    pub command: Option<Command>,
}

/// How long a bar is, of the longest.
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

/// Bars one below the other, each a number of something.
pub fn panel(ui: &mut Ui, panel: &Panel, width: f32, commands: &mut Vec<Command>) {
    let most = panel.lines.iter().map(|line| line.number).max().unwrap_or_default();
    framed(ui, panel.title, width, |ui| {
        let all = panel.lines.len();
        let shown = if all > MOST_BARS { MOST_BARS - 1 } else { all };
        for line in &panel.lines[..shown] {
            bar(ui, panel.title, line, share(line.number, most), commands);
        }
        if shown < all {
            let text = format!("and {} more", all - shown);
            ui.label(RichText::new(text).font(small_font()).color(colors_of(ui.ctx()).faint));
        }
    });
}

/// A name and a number on a bar as long as the number is large.
fn bar(ui: &mut Ui, title: &str, line: &Line, share: f32, commands: &mut Vec<Command>) {
    let colors = colors_of(ui.ctx());
    let sense = if line.command.is_some() { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), BAR_HEIGHT), sense);
    let role = if line.command.is_some() { Role::Button } else { Role::Label };
    response
        .widget_info(|| WidgetInfo::labeled(role, true, format!("{title}: {} {}", line.name, line.amount)));
    let inner = rect.shrink2(vec2(0.0, 1.0));
    let filled = Rect::from_min_size(inner.min, vec2((inner.width() * share).max(2.0), inner.height()));
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
        commands.extend(line.command.clone());
    }
}

/// Rows over time, a bar for each span.
pub fn over_time(ui: &mut Ui, title: &str, noun: &str, rows: &OverTime, width: f32, zone: Zone) {
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
    // Few spans are no reason for bars as wide as walls.
    let share = (rows.counts.len() as f64 / LEAST_BARS).min(1.0);
    BarChart::new("", bars).width(0.86 * share).element_formatter(Box::new(move |bar, _| {
        let begin = format::time(from_ms + step_ms * bar.argument as i64, zone);
        format!("{begin}, {}: {}", span(step_ms), counted(bar.value as u64, &noun))
    }))
}
