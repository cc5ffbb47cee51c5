//! What stands beside a lane, and what the pointer finds there.

use egui::accesskit::Role;
use egui::{Rect, Sense, Ui, WidgetInfo, pos2};

use super::Frame;
use crate::core::visible;
use crate::core::vitals::Pace;
use crate::ui::format;
use crate::ui::pulse::{Lane, Seen};
use crate::ui::theme::{colors_of, liveness_color, mono_font, space};
use crate::ui::widgets;

/// The name of a lane, with all that is known of it where the pointer is; says whether it was clicked.
pub fn named(
    ui: &Ui,
    (line, width): (Rect, f32),
    lane: &Lane,
    seen: Option<&Seen>,
    frame: &Frame<'_>,
) -> bool {
    let colors = colors_of(ui.ctx());
    let response = ui.interact(line, ui.scope_id().with(("lane", &lane.session)), Sense::CLICK);
    let chosen = frame.chosen == Some(&lane.key);
    let session = visible(&lane.session);
    let beats = seen.map_or(0, |seen| seen.beats.len());
    let words = format!(
        "{session}: {}, {}; {}",
        lane.liveness.word(),
        visible(&lane.reason),
        counted(beats, frame.pace)
    );
    response.widget_info(|| WidgetInfo::selected(Role::ListItem, true, chosen, words.as_str()));
    let color = liveness_color(colors, lane.liveness);
    widgets::dot(ui, pos2(line.left() + space::M, line.center().y), color);
    let text = Rect::from_min_max(
        pos2(line.left() + space::L, line.top()),
        pos2(line.left() + width - space::S, line.bottom()),
    );
    let shown = widgets::fit_middle(ui, text.width(), &session, &mono_font());
    let ink = if chosen || response.hovered() { colors.text } else { colors.muted };
    widgets::text_in(ui, text, &shown, mono_font(), ink, false);
    let clicked = response.clicked();
    response.on_hover_text(hover(lane, seen, frame));
    clicked
}

/// How many beats were seen.
fn counted(beats: usize, pace: &Pace) -> String {
    let noun = pace.rhythm.noun;
    match beats {
        0 => format!("no {noun} seen"),
        1 => format!("1 {noun} seen"),
        n if noun.ends_with('y') => format!("{n} times of {noun} seen"),
        n => format!("{n} {noun}s seen"),
    }
}

fn hover(lane: &Lane, seen: Option<&Seen>, frame: &Frame<'_>) -> String {
    let time = |label: &str, ms: Option<i64>| {
        ms.map(|ms| {
            format!("\n{label}: {} ({})", format::time(ms, frame.zone), format::relative(ms, frame.now_ms))
        })
        .unwrap_or_default()
    };
    let mut text = format!("{}\n{}: {}", visible(&lane.session), lane.liveness.word(), visible(&lane.reason));
    text.push_str(&time("Began", lane.since_ms));
    text.push_str(&time(&format!("Last {}", frame.pace.rhythm.noun), lane.beat_ms));
    text.push_str(&time("Disconnected", lane.cut_ms));
    text.push_str(&time("Grace ends", lane.grace_ms));
    if let Some(recovery) = &lane.recovery {
        text.push_str(&format!("\nRecoverable: {}", visible(&recovery.answer())));
    }
    let beats = seen.map_or(0, |seen| seen.beats.len());
    text.push_str(&format!("\n{} since it was opened", counted(beats, frame.pace)));
    text
}
