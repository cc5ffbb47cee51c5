//! What the timeline's shapes mean, as far as there is room to say so.

use egui::accesskit::Role;
use egui::{Rect, Sense, Ui, WidgetInfo, vec2};

use crate::core::vitals::Pace;
use crate::ui::pulse::{Mark, Pulse};
use crate::ui::theme::{Tone, colors_of, small_font, space};
use crate::ui::widgets;

/// A shape: its words, its colour, and whether it is a span of time rather than a moment.
type Entry = (&'static str, Tone, bool);

const BEAT: Entry = ("beat", |c| c.good, false);
const MISSED: Entry = ("missed", |c| c.bad, true);
const GRACE: Entry = ("grace", |c| c.warn, true);
const DISCONNECTED: Entry = ("disconnected", |c| c.warn, false);
const RECOVERED: Entry = ("recovered", |c| c.accent, false);

/// A swatch's size, in points.
const SWATCH: egui::Vec2 = vec2(12.0, 10.0);

/// What of it is drawn at all.
fn entries(pulse: &Pulse, pace: &Pace) -> Vec<Entry> {
    let marks = || pulse.seen.values().flat_map(|seen| &seen.marks);
    let is_there = [
        (BEAT, true),
        (MISSED, pace.rhythm.every_ms.is_some()),
        (GRACE, pace.grace.is_some()),
        (DISCONNECTED, marks().any(|(_, mark)| *mark == Mark::Disconnected)),
        (RECOVERED, marks().any(|(_, mark)| matches!(mark, Mark::Recovered(_)))),
    ];
    is_there.into_iter().filter(|(_, is_there)| *is_there).map(|(entry, _)| entry).collect()
}

/// Draws the legend from right to left; all of it or nothing.
pub fn show(ui: &mut Ui, pulse: &Pulse, pace: &Pace) {
    let entries = entries(pulse, pace);
    let colors = colors_of(ui.ctx());
    let text =
        |words: &str| ui.painter().layout_no_wrap(words.to_owned(), small_font(), colors.muted).size().x;
    let widths: Vec<f32> = entries.iter().map(|(words, ..)| SWATCH.x + space::XS + text(words)).collect();
    let gaps = (space::XS + ui.spacing().item_spacing.x) * entries.len() as f32;
    if widths.iter().sum::<f32>() + gaps > ui.available_width() {
        return;
    }
    for ((words, color, is_span), width) in entries.iter().zip(widths).rev() {
        ui.add_space(space::XS);
        let (rect, response) = ui.allocate_exact_size(vec2(width, SWATCH.y + space::XS), Sense::hover());
        let swatch = Rect::from_min_size(rect.left_center() - vec2(0.0, SWATCH.y / 2.0), SWATCH);
        let color = color(colors);
        match is_span {
            true => ui.painter().rect_filled(swatch, 1, color.gamma_multiply(0.25)),
            false => {
                let tick = Rect::from_center_size(swatch.center(), vec2(2.0, SWATCH.y));
                ui.painter().rect_filled(tick, 0, color)
            }
        };
        let label = rect.with_min_x(swatch.right() + space::XS);
        widgets::text_in(ui, label, words, small_font(), colors.muted, false);
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("Legend: {words}")));
    }
}
