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
/// A band narrower than this has no words, in points.
const WORDS: f64 = 70.0;

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

    /// A band with its words where there is room; says whether any of it shows.
    fn band(
        self,
        plot: &mut PlotUi<'_>,
        span: (f64, f64),
        tall: (f64, f64),
        color: Color32,
        words: &str,
    ) -> bool {
        let (from, to) = (span.0.max(self.from), span.1.min(self.to));
        if from >= to {
            return false;
        }
        let (top, bottom) = (self.y + tall.0, self.y + tall.1);
        let points = PlotPoints::from(vec![[from, top], [to, top], [to, bottom], [from, bottom]]);
        let band = Polygon::new("", points).fill_color(color.gamma_multiply(0.25)).stroke(Stroke::NONE);
        plot.polygon(band.allow_hover(false));
        if (to - from) / self.scale > WORDS && !words.is_empty() {
            let text = RichText::new(words).font(small_font());
            // Beats come in from the left.
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
                last = self.band(plot, (seconds(from), seconds(to)), (-HALF, HALF), colors.bad, &words);
            }
        }
        last
    }

    /// The time in which the session can be taken up again, and its end.
    fn grace(self, plot: &mut PlotUi<'_>, lane: &Lane, colors: &Colors, frame: &Frame<'_>, gap: bool) {
        let Some(end) = lane.grace_ms else { return };
        // Before the end of the latest disconnect, or of its beginning.
        let begins = [lane.cut_ms, lane.since_ms].into_iter().flatten().find(|begin| *begin < end);
        let begin = begins.or(lane.beat_ms).filter(|begin| *begin < end);
        if let Some(begin) = begin {
            let tall = if gap { (HALF - 0.12, HALF) } else { (-HALF, HALF) };
            let words = if gap { String::new() } else { format!("grace {}", crate::core::span(end - begin)) };
            self.band(plot, (seconds(begin), seconds(end)), tall, colors.warn, &words);
        }
        if end <= frame.now_ms && lane.liveness != Liveness::Alive {
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
            let text = RichText::new(words).font(small_font());
            let at = PlotPoint::new(at + 4.0 * self.scale, self.y - HALF);
            plot.text(Text::new("", at, text).color(color).anchor(Align2::LEFT_CENTER));
        }
    }
}
