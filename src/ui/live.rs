//! How a source keeps up with the program that writes it, as far as it is shown.

use egui::{RichText, Sense, Ui, vec2};

use super::Command;
use super::model::SourceView;
use super::theme::{colors_of, space};
use super::widgets;
use crate::core::{Change, Failure, visible};

/// A store counts as live for so long after a change, in milliseconds.
pub const LIVE_MS: i64 = 60_000;

/// How changes of a source's file are noticed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Watched {
    /// Not yet known, or there is nothing to watch.
    #[default]
    No,
    /// The system says when it changes.
    Yes,
    /// It is asked once a second, since the system cannot watch it, for this reason.
    Asked(String),
}

/// Paces what is asked for again and again: no more often than a multiple of the time that it takes.
#[derive(Debug, Default)]
pub struct Pacer {
    stale: bool,
    asked_at: Option<f64>,
    not_before: f64,
}

impl Pacer {
    /// What is asked for again rests so many times as long as it took: longer where it takes long, since several such lists
    /// of a large store would keep a processor busy together.
    const REST: f64 = 5.0;
    const LONG_REST: f64 = 15.0;
    /// What takes longer than this takes long, in seconds.
    const LONG: f64 = 0.25;

    /// What there is is not what it would be now.
    pub fn is_stale(&mut self) {
        self.stale = true;
    }

    /// Whether to ask now, in seconds of the window's clock; then it is taken to be asked for.
    pub fn ask(&mut self, time: f64) -> bool {
        let due = self.stale && self.asked_at.is_none() && time >= self.not_before;
        if due {
            self.stale = false;
            self.asked_at = Some(time);
        }
        due
    }

    /// The answer is there; the next is asked for after so many seconds, or later where this one took long.
    pub fn arrived(&mut self, time: f64, least: f64) {
        if let Some(asked_at) = self.asked_at.take() {
            let took = time - asked_at;
            let rest = if took < Self::LONG { Self::REST } else { Self::LONG_REST };
            self.not_before = time + least.max(took * rest);
        }
    }

    /// What was asked for will not come.
    pub fn forget(&mut self) {
        self.asked_at = None;
    }

    /// When to ask next.
    pub fn due(&self) -> Option<f64> {
        (self.stale && self.asked_at.is_none()).then_some(self.not_before)
    }
}

/// How a source keeps up with the program that writes it.
#[derive(Debug, Default)]
pub struct Live {
    pub watched: Watched,
    /// When another program last changed it, by the clock of the day.
    pub changed_ms: Option<i64>,
    /// What has become of the file, where it is not any more what is shown.
    pub loss: Option<Change>,
    /// Why it cannot be read now.
    pub failure: Option<Failure>,
    /// When to look again, by the window's own clock.
    pub look_at: Option<f64>,
    /// The row in the details is gone.
    pub details_gone: bool,
    pub counts: Pacer,
    pub glance: Pacer,
    pub details: Pacer,
}

impl Live {
    /// Whether another program changed it a moment ago.
    pub fn is_live(&self, now_ms: i64) -> bool {
        self.loss.is_none() && self.changed_ms.is_some_and(|at| now_ms - at < LIVE_MS)
    }
}

/// Says above the rows what has become of a file that is not any more what is shown, with what can be done about it.
pub fn banner(ui: &mut Ui, source: &SourceView) -> Option<Command> {
    let (text, next) = match (source.live.loss, &source.live.failure) {
        (Some(loss), _) => (loss_text(loss, source.size.file_bytes), Some(loss_button(loss))),
        (None, Some(failure)) => (format!("{}. {}", failure.message, failure.hint), None),
        (None, None) => return None,
    };
    let colors = colors_of(ui.ctx());
    let frame =
        egui::Frame::new().fill(colors.raised).inner_margin(egui::Margin::symmetric(space::M as i8, 4));
    let panel = egui::Panel::top("what became of the file").frame(frame).resizable(false);
    let clicked = panel.show(ui, |ui| {
        ui.horizontal_wrapped(|ui| {
            let (place, _) = ui.allocate_exact_size(vec2(8.0, 8.0), Sense::hover());
            widgets::dot(ui, place.center(), colors.warn);
            ui.label(RichText::new(visible(&text)).color(colors.text));
            next.is_some_and(|next| widgets::button(ui, next, "").clicked())
        })
        .inner
    });
    clicked.inner.then_some(Command::LookAgain(source.id))
}

fn loss_text(loss: Change, file_bytes: u64) -> String {
    let text = match loss {
        Change::Replaced => "Another file took this one's place; what shows is the old one, as it was.",
        Change::Truncated if file_bytes == 0 => "The file was emptied (0 bytes); what shows was read before.",
        Change::Truncated => "The file was cut off; what shows was read before.",
        _ => "The file is gone from its place; what shows is the old one, as it was.",
    };
    text.to_owned()
}

fn loss_button(loss: Change) -> &'static str {
    match loss {
        Change::Replaced => "Open the new file",
        Change::Truncated => "Open it again",
        _ => "Look again",
    }
}
