//! The sessions' signs of life over time: beats, gaps, grace periods, disconnects and recoveries.
//!
//! A store keeps only the last beat. What is drawn beyond it was seen while the store was open; nothing is made up.

mod brush;
mod legend;
mod name;

pub use legend::show as legend;

use egui::accesskit::Role;
use egui::{Color32, Rect, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};
use egui_plot::{GridMark, Line, Plot, PlotPoints, PlotTransform, PlotUi};

use self::brush::Brush;
use self::name::named;
use super::format::{self, Zone};
use super::pulse::{Lane, Pulse, Span};
use super::scroll;
use super::theme::{Colors, colors_of, liveness_color, mono_font, sizes_in_use, small_font, space};
use crate::core::RowKey;
use crate::core::vitals::{Liveness, Pace};

/// Marks of the axis stay so far apart, in points.
const APART: f64 = 90.0;
/// How far marks of the axis may be apart, in seconds.
const STEPS: [f64; 14] = [
    10.0,
    60.0,
    300.0,
    600.0,
    900.0,
    1_800.0,
    3_600.0,
    10_800.0,
    21_600.0,
    43_200.0,
    86_400.0,
    604_800.0,
    2_592_000.0,
    31_536_000.0,
];

/// What a timeline is drawn with besides the signs.
pub struct Frame<'a> {
    pub pace: &'a Pace,
    pub zone: Zone,
    pub now_ms: i64,
    /// The row that is chosen in the table.
    pub chosen: Option<&'a RowKey>,
    /// The session to which the tabs are narrowed.
    pub session: Option<&'a str>,
}

/// The part of time that is shown, in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Range {
    from: i64,
    to: i64,
}

/// The span that shows: the one chosen, else the shortest in which the newest beat is.
pub fn span(pulse: &Pulse, now_ms: i64) -> Span {
    let age = pulse.lanes.iter().filter_map(|lane| lane.beat_ms).max().map(|beat| now_ms - beat);
    pulse.span.unwrap_or(match age {
        Some(age) => Span::ALL.into_iter().find(|s| s.ms().is_none_or(|ms| age < ms)).unwrap_or(Span::All),
        None => Span::All,
    })
}

fn range(pulse: &Pulse, lanes: &[&Lane], now_ms: i64) -> Range {
    if let Some(ms) = span(pulse, now_ms).ms() {
        return Range { from: now_ms - ms, to: now_ms + ms / 12 };
    }
    let firsts = lanes.iter().flat_map(|l| [l.since_ms, l.beat_ms, l.cut_ms]).flatten();
    let lasts = lanes.iter().flat_map(|l| [l.beat_ms, l.cut_ms, l.grace_ms]).flatten();
    let (first, last) = (firsts.min().unwrap_or(now_ms - 60_000), lasts.max().unwrap_or(now_ms));
    let width = (last - first).max(60_000);
    // Where all was over long ago, the present would leave it no room.
    let to = if now_ms - last < width { now_ms.max(last) } else { last };
    let width = (to - first).max(60_000);
    Range { from: first - width / 30, to: to + width / 20 }
}

/// Draws the timeline at most so high; gives the row whose lane was clicked.
pub fn show(ui: &mut Ui, pulse: &mut Pulse, frame: &Frame<'_>, most_height: f32) -> Option<RowKey> {
    let own = |lane: &&Lane| frame.session.is_none_or(|session| session == lane.session);
    let all: Vec<Lane> = pulse.lanes.iter().filter(own).cloned().collect();
    let height = sizes_in_use().row;
    let axis = sizes_in_use().row;
    let fit = (((most_height - axis) / height).floor() as usize).clamp(1, all.len().max(1));
    let chosen = frame.chosen.and_then(|key| all.iter().position(|lane| lane.key == *key));
    if pulse.revealed.as_ref() != frame.chosen {
        pulse.revealed = frame.chosen.cloned();
        if let Some(at) = chosen {
            pulse.scroll.reveal(at, height, fit as f32 * height);
        }
    }
    let (rect, _) =
        ui.allocate_exact_size(vec2(ui.available_width(), fit as f32 * height + axis), Sense::hover());
    summary(ui, rect, pulse, all.len());
    if ui.rect_contains_pointer(rect) {
        let wheel = ui.input(|i| i.smooth_scroll_delta().y);
        pulse.scroll.by_points(-wheel, height, all.len(), fit as f32 * height);
    }
    let first = pulse.scroll.first.min(all.len() - fit.min(all.len()));
    let lanes: Vec<&Lane> = all.iter().skip(first).take(fit).collect();
    let names = names_width(ui, &lanes).min(rect.width() * 0.3);
    let bar = if all.len() > fit { space::M } else { 0.0 };
    let plot = Rect::from_min_max(
        pos2(rect.left() + names, rect.top()),
        pos2(rect.right() - bar - space::S, rect.bottom()),
    );
    if bar > 0.0 {
        let track = Rect::from_min_max(pos2(rect.right() - bar, rect.top()), rect.max);
        let (_, wanted) =
            scroll::bar(ui, ui.scope_id().with("lanes"), track, first as f64, fit as f64, all.len());
        if let Some(row) = wanted {
            pulse.scroll = scroll::RowScroll { first: row as usize, offset: 0.0 };
        }
    }
    let range = range(pulse, &all.iter().collect::<Vec<_>>(), frame.now_ms);
    let place = drawn(ui, plot, pulse, &lanes, frame, range);
    let mut clicked = None;
    for (at, lane) in lanes.iter().enumerate() {
        let middle = pos2((rect.left() + plot.right()) / 2.0, place.position_from_point_y(at as f64));
        let line = Rect::from_center_size(middle, vec2(plot.right() - rect.left(), height));
        let seen = pulse.seen.get(&lane.session);
        if named(ui, (line, names), lane, seen, frame) {
            clicked = Some(lane.key.clone());
        }
    }
    clicked
}

/// What the picture says, for who cannot see it.
fn summary(ui: &Ui, rect: Rect, pulse: &Pulse, shown: usize) {
    let response = ui.interact(rect, ui.scope_id().with("timeline"), Sense::hover());
    let number = |liveness: Liveness| format!("{} {}", pulse.count(liveness), liveness.word());
    let noun = if shown == 1 { "session" } else { "sessions" };
    let words = format!(
        "Timeline: {shown} {noun}, {}, {}, {}",
        number(Liveness::Alive),
        number(Liveness::Unknown),
        number(Liveness::Dead)
    );
    response.widget_info(|| WidgetInfo::labeled(Role::Figure, true, words.as_str()));
}

fn names_width(ui: &Ui, lanes: &[&Lane]) -> f32 {
    let letter = ui.painter().layout_no_wrap("0".to_owned(), mono_font(), Color32::PLACEHOLDER).size().x;
    let longest = lanes.iter().map(|lane| lane.session.chars().count()).max().unwrap_or_default();
    // An id is shortened in its middle to what is needed to tell it from others.
    longest.min(20) as f32 * letter + 2.0 * space::M + space::S
}

fn drawn(
    ui: &mut Ui,
    rect: Rect,
    pulse: &Pulse,
    lanes: &[&Lane],
    frame: &Frame<'_>,
    range: Range,
) -> PlotTransform {
    let colors = colors_of(ui.ctx());
    let mut inside = ui.new_child(egui::UiBuilder::new().max_rect(rect).id_salt("plot"));
    // The axis is written in it.
    inside.style_mut().text_styles.insert(egui::TextStyle::Body, small_font());
    inside.visuals_mut().override_text_color = Some(colors.muted);
    let (from, to) = (seconds(range.from), seconds(range.to));
    let days = to - from > 86_400.0;
    let zone = frame.zone;
    let label = move |mark: GridMark, _: &std::ops::RangeInclusive<f64>| {
        let time = format::time((mark.value * 1000.0) as i64, zone);
        let shown = if days && mark.step_size < 86_400.0 {
            time.get(5..16)
        } else if days {
            time.get(..10)
        } else if mark.step_size < 60.0 {
            time.get(11..)
        } else {
            time.get(11..16)
        };
        shown.unwrap_or_default().to_owned()
    };
    let points = f64::from(rect.width().max(1.0));
    let spacer = move |input: egui_plot::GridInput| {
        let (low, high) = input.bounds;
        let least = (high - low) / points * APART;
        let step = STEPS.into_iter().find(|step| *step >= least).unwrap_or(STEPS[STEPS.len() - 1]);
        // Its words would be cut at the edge.
        let high = high - (high - low) / points * APART / 3.0;
        let start = (low / step).ceil() * step;
        let count = ((high - start) / step).max(0.0) as usize;
        (0..=count.min(200)).map(|i| GridMark { value: start + i as f64 * step, step_size: step }).collect()
    };
    let plot = Plot::new("timeline")
        .min_size(egui::Vec2::splat(1.0))
        .allow_zoom(false)
        .allow_drag(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_axis_zoom_drag(false)
        .allow_double_click_reset(false)
        .show_crosshair(false)
        .show_x(false)
        .show_y(false)
        .show_background(false)
        .show_axes([true, false])
        .show_grid([true, false])
        .grid_color(colors.line)
        .sense(Sense::hover())
        .invert_y(true)
        .set_margin_fraction(egui::Vec2::ZERO)
        .x_axis_formatter(label)
        .x_grid_spacer(spacer);
    let lanes_count = lanes.len().max(1) as f64;
    let shown = plot.show(&mut inside, |plot| {
        plot.set_plot_bounds_x(from..=to);
        plot.set_plot_bounds_y(-0.5..=lanes_count - 0.5);
        let scale = (to - from) / points;
        now(plot, colors, seconds(frame.now_ms), lanes_count);
        for (at, lane) in lanes.iter().enumerate() {
            let brush = Brush { y: at as f64, color: liveness_color(colors, lane.liveness), from, to, scale };
            let seen = pulse.seen.get(&lane.session);
            brush.lane(plot, lane, seen, colors, frame);
        }
    });
    shown.transform
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

/// A line where the present is.
fn now(plot: &mut PlotUi<'_>, colors: &Colors, at: f64, lanes: f64) {
    let line = PlotPoints::from(vec![[at, -0.5], [at, lanes - 0.5]]);
    plot.line(Line::new("now", line).stroke(Stroke::new(1.0, colors.faint)).allow_hover(false));
}
