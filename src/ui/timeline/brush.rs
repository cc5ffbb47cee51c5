//! One lane of the timeline: its line, bands, beats and marks.

use egui::{Align2, Color32, RichText, Stroke};
use egui_plot::{Bar, BarChart, Line, PlotPoint, PlotPoints, PlotUi, Polygon, Text};

use super::{Frame, seconds};
use crate::core::vitals::Liveness;
use crate::ui::format;
use crate::ui::pulse::{Lane, Mark, Seen};
use crate::ui::theme::{Colors, small_font};

/// How much of a lane a mark takes upwards and downwards, in parts of a lane.
const HALF: f64 = 0.3;
/// A beat is so many points wide, and so many stay between two.
const TICK: f64 = 2.0;
/// Room that words need on both sides, and for a letter, in points.
const AROUND: f64 = 14.0;
const LETTER: f64 = 6.4;

/// What draws one lane.
#[derive(Clone, Copy)]
pub struct Brush {
    pub y: f64,
    pub color: Color32,
    /// What of the time shows, in seconds.
    pub from: f64,
    pub to: f64,
    /// Seconds in a point.
    pub scale: f64,
}

impl Brush {
    /// Draws all that is known of a session.
    pub fn lane(
        self,
        plot: &mut PlotUi<'_>,
        lane: &Lane,
        seen: Option<&Seen>,
        colors: &Colors,
        frame: &Frame<'_>,
    ) {
        self.across(plot, self.from, self.to, colors.line);
        let since = lane.since_ms.map(seconds);
        let beat = lane.beat_ms.map(seconds);
        if let (Some(since), Some(beat)) = (since, beat) {
            // That it beat between them is likely; when is not known.
            self.across(plot, since, beat, self.color.gamma_multiply(0.5));
        }
        let gap = self.missed(plot, lane, seen, colors, frame);
        self.grace(plot, lane, colors, frame, gap);
        let beats = seen.map_or(&[][..], |seen| &seen.beats);
        self.ticks(plot, beats, self.color);
        for (at, mark) in seen.map_or(&[][..], |seen| &seen.marks) {
            let (color, words) = match mark {
                Mark::Disconnected => (colors.warn, String::new()),
                Mark::Recovered(times) => (colors.accent, format!("recovered, attempt {times}")),
            };
            self.mark(plot, seconds(*at), color, &words);
        }
    }

    /// A line in the middle of the lane.
    fn across(self, plot: &mut PlotUi<'_>, from: f64, to: f64, color: Color32) {
        let (from, to) = (from.max(self.from), to.min(self.to));
        if from < to {
            let points = PlotPoints::from(vec![[from, self.y], [to, self.y]]);
            plot.line(Line::new("", points).stroke(Stroke::new(1.0, color)).allow_hover(false));
        }
    }

    /// A band, with its words where there is room behind the time `clear`; says whether any of it shows.
    fn band(
        self,
        plot: &mut PlotUi<'_>,
        span: (f64, f64),
        tall: (f64, f64),
        clear: f64,
        (color, words): (Color32, &str),
    ) -> bool {
        let (from, to) = (span.0.max(self.from), span.1.min(self.to));
        if from >= to {
            return false;
        }
        let (top, bottom) = (self.y + tall.0, self.y + tall.1);
        let points = PlotPoints::from(vec![[from, top], [to, top], [to, bottom], [from, bottom]]);
        let band = Polygon::new("", points).fill_color(color.gamma_multiply(0.25)).stroke(Stroke::NONE);
        plot.polygon(band.allow_hover(false));
        let needed = AROUND + LETTER * words.chars().count() as f64;
        if (to - from.max(clear)) / self.scale > needed && !words.is_empty() {
            let text = RichText::new(words).font(small_font()).color(color);
            let at = PlotPoint::new(to - 6.0 * self.scale, (top + bottom) / 2.0);
            plot.text(Text::new("", at, text).color(color).anchor(Align2::RIGHT_CENTER));
        }
        true
    }

    /// The beats that did not come: between those that were seen, and since the last one.
    fn missed(
        self,
        plot: &mut PlotUi<'_>,
        lane: &Lane,
        seen: Option<&Seen>,
        colors: &Colors,
        frame: &Frame<'_>,
    ) -> bool {
        let rhythm = frame.pace.rhythm;
        let beats = seen.map_or(&[][..], |seen| &seen.beats);
        let pairs = beats.windows(2).map(|pair| (pair[0], pair[1]));
        let since = lane.beat_ms.map(|beat| (beat, frame.now_ms));
        let mut last = false;
        for (from, to) in pairs.chain(since) {
            // The beat that ends a gap is not missed.
            let missed = rhythm.missed(to - from).unwrap_or_default() - i64::from(to != frame.now_ms);
            if to - from >= rhythm.fresh_ms && missed > 0 {
                let words = format!("{} missed", format::group(missed.unsigned_abs()));
                let span = (seconds(from), seconds(to));
                last = self.band(plot, span, (-HALF, HALF), span.0, (colors.bad, &words));
            }
        }
        last
    }

    /// The time in which the session can be taken up again, and its end.
    fn grace(self, plot: &mut PlotUi<'_>, lane: &Lane, colors: &Colors, frame: &Frame<'_>, gap: bool) {
        let (Some(end), Some((lasts_ms, words))) = (lane.grace_ms, frame.pace.grace) else { return };
        let tall = if gap { (HALF - 0.12, HALF) } else { (-HALF, HALF) };
        let words = if gap { "" } else { words };
        let clear = seconds(lane.beat_ms.unwrap_or_default());
        self.band(plot, (seconds(end - lasts_ms), seconds(end)), tall, clear, (colors.warn, words));
        if end < frame.now_ms && lane.liveness != Liveness::Alive {
            self.mark(plot, seconds(end), colors.bad, "");
        }
    }

    /// Beats; of those that would touch, one.
    fn ticks(self, plot: &mut PlotUi<'_>, beats: &[i64], color: Color32) {
        let mut drawn = f64::NEG_INFINITY;
        let mut bars = Vec::new();
        for at in beats.iter().map(|ms| seconds(*ms)).filter(|at| (self.from..=self.to).contains(at)) {
            if at - drawn >= 1.5 * TICK * self.scale {
                drawn = at;
                bars.push(self.bar(at, color, HALF));
            }
        }
        plot.bar_chart(BarChart::new("", bars).allow_hover(false));
    }

    fn bar(self, at: f64, color: Color32, half: f64) -> Bar {
        Bar::new(at, 2.0 * half)
            .base_offset(self.y - half)
            .width(TICK * self.scale)
            .fill(color)
            .stroke(Stroke::NONE)
    }

    fn mark(self, plot: &mut PlotUi<'_>, at: f64, color: Color32, words: &str) {
        if !(self.from..=self.to).contains(&at) {
            return;
        }
        plot.bar_chart(BarChart::new("", vec![self.bar(at, color, HALF + 0.12)]).allow_hover(false));
        if !words.is_empty() {
            let text = RichText::new(words).font(small_font()).color(color);
            let at = PlotPoint::new(at + 4.0 * self.scale, self.y - HALF);
            plot.text(Text::new("", at, text).color(color).anchor(Align2::LEFT_CENTER));
        }
    }
}
